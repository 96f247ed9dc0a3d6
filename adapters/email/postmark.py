"""Mail by Postmark's API, as its developer documentation says (postmarkapp.com/developer, read in November 2026).

What Postmark has no means for, and what is done instead:

- It takes a repeated request for another mail. After a crash it is asked by its message search, which finds metadata,
  whoever the mail went to ("Messages API", where the recipient is optional; kept for 45 days by default, at least 7).
- Metadata has at most 80 characters a value ("Custom metadata FAQ"): a longer reference goes into several fields.
- It publishes no number for its rate limit ("API error codes", 429): ``per_second`` is our own measure.
- In broadcast streams it puts its own unsubscribe link into every mail, unless its support lets the owner handle
  unsubscribing ("Managing your own unsubscribe process"): ``check`` looks.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from email.headerregistry import Address
from typing import Any

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.budget import Budget
from adapters.email.absence import not_taken
from adapters.email.carrier import Mail, Sought, Suppressed, reference
from adapters.email.postmark_webhook import TOUCH, PostmarkInbound, joined
from adapters.http import VendorClient, said
from adapters.inbound_json import instant
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.errors import LeadFault, OurFault, VendorFault

NAME = "postmark"
#: Most characters of a metadata value.
_LONGEST = 80
#: Postmark names no delay of its search: this is our own measure.
_LAG = timedelta(minutes=10)
_KEPT = timedelta(days=7)
_REASONS = {"HardBounce": "hard_bounced", "SpamComplaint": "complained", "ManualSuppression": "opted_out"}
_INVALID, _INACTIVE = "300", "406"
_NOT_OURS = ("Custom", "None")


class PostmarkSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_POSTMARK_")

    base_url: str = Field("https://api.postmarkapp.com", description="Postmark's API.")
    server_token: SecretStr = Field(description="Server API token.")
    message_stream: str = Field("broadcast", description="Id of the message stream; nurturing is a broadcast.")
    webhook_username: str = Field("tendril", description="User name in the address of the webhook.")
    webhook_password: SecretStr = Field(
        SecretStr(""),
        description="Password in the address of the webhook: Postmark signs nothing. Empty: none is taken.",
    )
    tracking: bool = Field(False, description="Let Postmark rewrite links and add a picture too. Tendril does both.")
    per_second: int = Field(50, ge=1, description="Most requests a second.")
    timeout: float = Field(10.0, gt=0, description="Seconds for each step of a request.")


class PostmarkClient(VendorClient):
    """Knows Postmark's errors: ``{"ErrorCode", "Message"}``. Messages quote addresses and are only looked at."""

    def code(self, response: httpx.Response) -> str:
        return str(said(response).get("ErrorCode", ""))

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        code = self.code(response)
        if response.is_client_error and (code == _INACTIVE or (code == _INVALID and _about_recipient(response))):
            message = f"postmark does not write to this address ({code})"
            return LeadFault(message, vendor=NAME, status=response.status_code, code=code)
        return super().fault(response, path, harmless_to_repeat=harmless_to_repeat)


class Postmark:
    """``adapters.email.carrier.MailCarrier``, and ``Suppressing``."""

    vendor = NAME

    def __init__(self, settings: PostmarkSettings) -> None:
        self.stream = settings.message_stream
        self._tracking = settings.tracking
        self._client = PostmarkClient(
            NAME,
            settings.base_url,
            headers={
                "x-postmark-server-token": settings.server_token.get_secret_value(),
                "accept": "application/json",
            },
            timeout=settings.timeout,
            budget=Budget(NAME, settings.per_second, 1),
        )

    async def carry(self, mail: Mail) -> str:
        """Hand the mail over; Postmark's MessageID. Raises a ``VendorFault``."""
        body = _body(mail, self.stream, tracking=self._tracking)
        answer = await self._client.request("POST", "/email", json=body, harmless_to_repeat=False)
        return str(self._client.answered(answer, "MessageID")["MessageID"])

    async def carried(self, sought: Sought) -> str | None:
        """Search by the reference. Raises ``CannotTell``, or a ``VendorFault``."""
        wanted = metadata(sought.key)
        params = {
            "count": 50,
            "offset": 0,
            "messagestream": self.stream,
            # Only one field can be searched by; the rest is compared below.
            f"metadata_{TOUCH}": wanted[TOUCH],
        }
        answer = await self._client.request("GET", "/messages/outbound", params=params, harmless_to_repeat=True)
        for message in self._client.answered(answer, "Messages")["Messages"]:
            if joined(message.get("Metadata")) == reference(sought.key):
                return str(message["MessageID"])
        not_taken("Postmark", sought, lag=_LAG, kept=_KEPT)
        return None

    async def suppressed(self, since: datetime | None) -> AsyncIterator[Suppressed]:
        """The stream's suppression list, which Postmark gives whole. Raises a ``VendorFault``."""
        path = f"/message-streams/{self.stream}/suppressions/dump"
        # It filters by whole days, in its own time zone.
        params = {} if since is None else {"fromdate": f"{since - timedelta(days=1):%Y-%m-%d}"}
        answer = await self._client.request("GET", path, params=params, harmless_to_repeat=True)
        for entry in self._client.answered(answer, "Suppressions")["Suppressions"]:
            at = instant(entry, "CreatedAt")
            if since is None or at >= since:
                yield Suppressed(entry["EmailAddress"], _REASONS.get(entry["SuppressionReason"], "opted_out"), at)

    async def server(self) -> Mapping[str, Any]:
        """What the token belongs to. Raises a ``VendorFault``."""
        return await self._object("/server", "DeliveryType")

    async def stream_settings(self) -> Mapping[str, Any]:
        """Raises a ``VendorFault``; ``OurFault`` when there is no such stream."""
        return await self._object(f"/message-streams/{self.stream}", "ID")

    async def close(self) -> None:
        await self._client.close()

    async def _object(self, path: str, name: str) -> Mapping[str, Any]:
        return self._client.answered(await self._client.request("GET", path, harmless_to_repeat=True), name)


def metadata(key: str) -> dict[str, str]:
    """The touch's reference in as many fields as it takes: ``touch``, ``touch2`` and so on."""
    whole = reference(key)
    pieces = [whole[start : start + _LONGEST] for start in range(0, len(whole), _LONGEST)]
    return {TOUCH if number == 1 else f"{TOUCH}{number}": piece for number, piece in enumerate(pieces, start=1)}


async def check(carrier: Postmark) -> list[Finding]:
    """Whether the token is right, the server delivers, and the stream leaves unsubscribing to us."""
    try:
        server = await carrier.server()
    except VendorFault as fault:
        remedy = f"Check TENDRIL_POSTMARK_SERVER_TOKEN and _BASE_URL: {fault}"
        return [Finding("Postmark accepts the server token", False, remedy)]
    live = server.get("DeliveryType") == "Live"
    return [
        Finding("Postmark accepts the server token", True),
        Finding("the server delivers mail", live, "It is a sandbox server: use the token of a live one."),
        *await _of_stream(carrier),
    ]


async def _of_stream(carrier: Postmark) -> list[Finding]:
    exists = f"there is a message stream “{carrier.stream}”"
    try:
        stream = await carrier.stream_settings()
    except OurFault:
        return [Finding(exists, False, "Set TENDRIL_POSTMARK_MESSAGE_STREAM to the id of one.")]
    except VendorFault as fault:
        return [Finding(exists, False, str(fault))]
    handling = (stream.get("SubscriptionManagementConfiguration") or {}).get("UnsubscribeHandlingType")
    ours = Finding(
        "the stream leaves unsubscribing to Tendril",
        handling in _NOT_OURS,
        "Postmark adds a link of its own: ask its support to let you manage unsubscribes, then set it in the stream.",
    )
    return [Finding(exists, True), ours]


def _body(mail: Mail, stream: str, *, tracking: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "From": str(Address(display_name=mail.sender.name, addr_spec=mail.sender.email)),
        "To": mail.to,
        "Subject": " ".join(mail.rendered.subject.split()),
        "HtmlBody": mail.rendered.html,
        "TextBody": mail.rendered.text,
        "Headers": [{"Name": name, "Value": value} for name, value in mail.headers.items()],
        "Metadata": metadata(mail.key),
        "MessageStream": stream,
        "TrackOpens": tracking,
        "TrackLinks": "HtmlAndText" if tracking else "None",
    }
    return body | ({"ReplyTo": mail.reply_to} if mail.reply_to else {})


def _about_recipient(response: httpx.Response) -> bool:
    """Code 300 is said of any address of the request; its message names the field in quotes."""
    return "'To'" in str(said(response).get("Message", ""))


def _inbound(settings: PostmarkSettings) -> PostmarkInbound | None:
    password = settings.webhook_password.get_secret_value()
    return PostmarkInbound(settings.webhook_username, password) if password else None


VENDOR = Vendor(
    name=NAME,
    title="Postmark",
    settings=PostmarkSettings,
    adapter=Postmark,
    check=check,
    inbound=_inbound,
    carries=("mail to leads", "delivery events by webhook", "suppressions, read from Postmark"),
)
