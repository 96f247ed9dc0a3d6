"""Mail by SendGrid's API (v3 Mail Send), as its OpenAPI documents of January 2026 say (github.com/twilio/sendgrid-oai).

What SendGrid has no means for, and what is done instead:

- It takes a repeated request for another mail: there is no idempotency key. After a crash it is asked by its Email
  Logs (``POST /v3/logs``, for every account since November 2025, kept for 30 days): mail to that address since then,
  and of each the ``custom_args``, which hold the touch's reference.
- It publishes no numbers for its limits; each answer says how many requests are left, and when more may come
  (``X-RateLimit-Reset``, a Unix time; docs, "Rate Limits"). ``per_second`` is our own measure.
- A mail to somebody on its suppression lists is taken with 202 and dropped later: the webhook tells.
- In sandbox mode ("Sandbox Mode", twilio.com/docs/sendgrid) it checks a mail whole, answers 200 instead of 202, and
  neither delivers nor tells of it; no log has it either.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.budget import Budget
from adapters.email.absence import not_taken, written_to
from adapters.email.carrier import Mail, Sought, Suppressed, reference
from adapters.email.sendgrid_webhook import TOUCH, SendGridInbound
from adapters.http import VendorClient, vendor_code
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.errors import CannotTell, LeadFault, OurFault, VendorFault

NAME = "sendgrid"
#: Most entries of a page of a suppression list (OpenAPI, ``PaginationCommonLimit``).
PAGE = 500
#: Most mails to one lead whose logs are opened to find one.
_MOST_OPENED = 20
#: "Near real-time" is all that SendGrid says of its Email Logs: this is our own measure.
_LAG = timedelta(minutes=10)
_KEPT = timedelta(days=30)
#: Lists of people it does not write to → why. Blocks are about the sender, and are not kept from the next mail.
_LISTS = {
    "bounces": "hard_bounced",
    "invalid_emails": "hard_bounced",
    "spam_reports": "complained",
    "unsubscribes": "opted_out",
}
_RECIPIENT = "personalizations.0.to.0"
_SENDING = "mail.send"


class SendGridSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_SENDGRID_")

    base_url: str = Field(
        "https://api.sendgrid.com", description="SendGrid's API; `https://api.eu.sendgrid.com` for EU subusers."
    )
    api_key: SecretStr = Field(
        description="API key that may send mail and, to be asked after a crash, read Email Logs and suppressions."
    )
    webhook_public_key: str = Field("", description="Verification key of the signed Event Webhook (base64).")
    sandbox_mode: bool = Field(
        False, description="SendGrid checks each mail and delivers none: for trying out an account."
    )
    tracking: bool = Field(False, description="Let SendGrid rewrite links and add a picture too. Tendril does both.")
    per_second: int = Field(100, ge=1, description="Most requests a second.")
    timeout: float = Field(10.0, gt=0, description="Seconds for each step of a request.")


class SendGridClient(VendorClient):
    """Knows SendGrid's errors: ``{"errors": [{"message", "field", "help"}]}``."""

    def code(self, response: httpx.Response) -> str:
        return _field(response) or vendor_code(response)

    def wait(self, response: httpx.Response) -> float | None:
        reset = response.headers.get("x-ratelimit-reset", "")
        if "retry-after" in response.headers or not reset.isdigit():
            return super().wait(response)
        return max(1.0, float(reset) - datetime.now(UTC).timestamp())

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        if response.status_code == httpx.codes.BAD_REQUEST and _field(response).startswith(_RECIPIENT):
            message = "sendgrid can't write to this address"
            return LeadFault(message, vendor=NAME, status=400, code="invalid_address")
        return super().fault(response, path, harmless_to_repeat=harmless_to_repeat)


class SendGrid:
    """``adapters.email.carrier.MailCarrier``, and ``Suppressing``."""

    vendor = NAME

    def __init__(self, settings: SendGridSettings) -> None:
        self._tracking = settings.tracking
        self._sandbox_mode = settings.sandbox_mode
        self._client = SendGridClient(
            NAME,
            settings.base_url,
            headers={"authorization": f"Bearer {settings.api_key.get_secret_value()}"},
            timeout=settings.timeout,
            budget=Budget(NAME, settings.per_second, 1),
        )

    async def carry(self, mail: Mail) -> str:
        """Hand the mail over; SendGrid's ``X-Message-Id``. Raises a ``VendorFault``."""
        body = _body(mail, tracking=self._tracking)
        if self._sandbox_mode:
            body["mail_settings"] = {"sandbox_mode": {"enable": True}}
        right = httpx.codes.OK if self._sandbox_mode else httpx.codes.ACCEPTED
        answer = await self._client.request("POST", "/v3/mail/send", json=body, harmless_to_repeat=False)
        if answer.status_code != right:
            message = (
                f"sendgrid answered {answer.status_code} to a mail, and not {right:d}: is the base URL SendGrid's?"
            )
            raise OurFault(message, vendor=NAME, status=answer.status_code, code="answer", certainly_not_sent=False)
        return str(answer.headers.get("x-message-id", "")) or reference(mail.key)

    async def carried(self, sought: Sought) -> str | None:
        """Ask the Email Logs. Raises ``CannotTell``, or a ``VendorFault``."""
        try:
            found = await self._logged(sought)
        except OurFault:
            raise CannotTell("SendGrid's Email Logs can't be read: the key may lack the scope for them") from None
        if found is None:
            not_taken("SendGrid", sought, lag=_LAG, kept=_KEPT)
        return found

    async def suppressed(self, since: datetime | None) -> AsyncIterator[Suppressed]:
        """Bounces, invalid addresses, spam reports and global unsubscribes. Raises a ``VendorFault``."""
        for name, reason in _LISTS.items():
            async for entry in self._entries(name, since):
                yield Suppressed(entry["email"], reason, datetime.fromtimestamp(entry["created"], UTC))

    async def scopes(self) -> frozenset[str]:
        """What the key may do. Raises a ``VendorFault``."""
        answer = await self._client.request("GET", "/v3/scopes", harmless_to_repeat=True)
        return frozenset(self._client.answered(answer, "scopes")["scopes"])

    async def has_logs(self) -> bool:
        """Whether the key may read Email Logs; SendGrid documents no scope for them, so they are asked."""
        try:
            await self._logs('to_email = "nobody@example.com"', 1)
        except VendorFault:
            return False
        return True

    async def close(self) -> None:
        await self._client.close()

    async def _logs(self, query: str, most: int) -> list[str]:
        """Ids of mails."""
        request = {"query": query, "limit": most}
        answer = await self._client.request("POST", "/v3/logs", json=request, harmless_to_repeat=True)
        return [str(message["sg_message_id"]) for message in self._client.answered(answer, "messages")["messages"]]

    async def _logged(self, sought: Sought) -> str | None:
        address = written_to("SendGrid", sought)
        if '"' in address:
            raise CannotTell("SendGrid's Email Logs can't be asked for an address with quotation marks")
        query = f'to_email = "{address}"'
        if sought.since is not None:
            query += f' AND sg_message_id_created_at >= TIMESTAMP "{sought.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"'
        messages = await self._logs(query, _MOST_OPENED)
        references = await asyncio.gather(*map(self._reference, messages))
        found = dict(zip(references, messages, strict=True)).get(reference(sought.key))
        if found is None and len(messages) == _MOST_OPENED:
            raise CannotTell("SendGrid has taken more mail to this address than is looked through")
        return found and message_id(found)

    async def _reference(self, message: str) -> str:
        answer = await self._client.request("GET", f"/v3/logs/{message}", harmless_to_repeat=True)
        return str((self._client.answered(answer).get("custom_args") or {}).get(TOUCH, ""))

    async def _entries(self, name: str, since: datetime | None) -> AsyncIterator[dict[str, Any]]:
        """A list whole, page by page. An entry added meanwhile may be told twice, which harms nobody."""
        start = {} if since is None else {"start_time": int(since.timestamp())}
        for offset in count(step=PAGE):
            params = {"limit": PAGE, "offset": offset, **start}
            answer = await self._client.request(
                "GET", f"/v3/suppression/{name}", params=params, harmless_to_repeat=True
            )
            page = answer.json()
            for entry in page:
                yield entry
            if len(page) < PAGE:
                return


def message_id(sg_message_id: str) -> str:
    """``X-Message-Id`` of a request: what stands before the first dot of a mail's ``sg_message_id``."""
    return sg_message_id.partition(".")[0]


async def check(carrier: SendGrid) -> list[Finding]:
    """Whether the key may send, and whether SendGrid can be asked what it took."""
    try:
        scopes = await carrier.scopes()
    except VendorFault as fault:
        return [
            Finding("SendGrid accepts the API key", False, f"Check TENDRIL_SENDGRID_API_KEY and _BASE_URL: {fault}")
        ]
    return [
        Finding("SendGrid accepts the API key", True),
        Finding("the key may send mail", _SENDING in scopes, f"Give it the scope {_SENDING}."),
        Finding(
            "SendGrid can be asked after a crash what it took",
            await carrier.has_logs(),
            "Give the key access to Email Logs; without it such touches wait for a person.",
        ),
    ]


def _body(mail: Mail, *, tracking: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "personalizations": [{"to": [{"email": mail.to}], "custom_args": {TOUCH: reference(mail.key)}}],
        "from": {"email": mail.sender.email, "name": mail.sender.name},
        "subject": " ".join(mail.rendered.subject.split()),
        "content": [
            {"type": "text/plain", "value": mail.rendered.text},
            {"type": "text/html", "value": mail.rendered.html},
        ],
        "headers": dict(mail.headers),
        "tracking_settings": {
            "click_tracking": {"enable": tracking, "enable_text": tracking},
            "open_tracking": {"enable": tracking},
            # It would add a way out of its own, which we would hear of only by its webhook.
            "subscription_tracking": {"enable": False},
        },
    }
    return body | ({"reply_to": {"email": mail.reply_to}} if mail.reply_to else {})


def _field(response: httpx.Response) -> str:
    """The field that the first error is about; "" when it is about none, or the answer has another shape."""
    try:
        field = response.json()["errors"][0]["field"]
    except (ValueError, LookupError, TypeError):
        return ""
    return field if isinstance(field, str) else ""


VENDOR = Vendor(
    name=NAME,
    title="SendGrid",
    settings=SendGridSettings,
    adapter=SendGrid,
    check=check,
    inbound=lambda settings: SendGridInbound(settings.webhook_public_key) if settings.webhook_public_key else None,
    carries=("mail to leads", "delivery events by webhook", "suppressions, read from SendGrid"),
)
