"""Mail by Mailgun's HTTP API: the finished message as MIME, looked for afterwards in its log.

Read in Mailgun's reference and its OpenAPI document, version 3.0.0 (documentation.mailgun.com, November 2026):

- ``POST /v3/{domain}/messages.mime`` keeps the Message-ID that is in the message. There is nothing that would make a
  repeated request harmless.
- ``POST /v1/analytics/logs`` (the Events API is deprecated in its favour) finds a mail by its Message-ID for as many of
  the last 30 days as the plan allows. The log is eventually consistent: what it does not show may still have been sent.
- Rate limits are told only when they are hit: 429, the seconds to wait in words.
- With ``o:testmode`` ("Sending in Test Mode") a message is taken, logged and charged, and not delivered.
- Lists of people who are not written to are paged by ``paging.next``, a whole URL, until a page is empty.
"""

import math
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.budget import Budget
from adapters.email.carrier import Mail, Sought, Suppressed, reference
from adapters.email.mailgun_webhook import TOUCH, MailgunInbound
from adapters.http import VendorClient
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.errors import CannotTell, LeadFault, OurFault, VendorFault

_VENDOR = "mailgun"
#: The longest that Mailgun keeps its log (user manual, Events).
_LOGGED = timedelta(days=30)
#: Events that say that a mail was taken; ``rejected`` says the contrary.
_TAKEN = ("accepted", "delivered", "failed")
_PAGE = 1000
_LISTS = (("bounces", "hard_bounced"), ("complaints", "complained"), ("unsubscribes", "opted_out"))
_TRY_AGAIN = re.compile(r"try again after (\d+) seconds")


class MailgunSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_MAILGUN_")

    api_key: SecretStr = Field(description="Mailgun API key; one that may read logs, so that mail can be looked for.")
    domain: str = Field(min_length=1, description="Sending domain, as Mailgun knows it.")
    base_url: str = Field(
        "https://api.mailgun.net", description="Mailgun's API; `https://api.eu.mailgun.net` for domains in the EU."
    )
    signing_key: SecretStr = Field(
        SecretStr(""), description="HTTP webhook signing key; empty: webhooks are not heard."
    )
    test_mode: bool = Field(
        False, description="Mailgun takes each mail and delivers none (it charges for them): for trying out an account."
    )
    requests_per_second: int = Field(
        50, ge=1, description="Most requests a second of one process; Mailgun publishes no number."
    )
    timeout: float = Field(10.0, gt=0, description="Seconds Mailgun may take to connect, and to answer.")


class MailgunClient(VendorClient):
    """Mailgun's connection: knows the refusal that is about the lead, and the wait that is told in words."""

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        status = response.status_code
        if status == httpx.codes.BAD_REQUEST and _said(response).startswith("to parameter is not a valid address"):
            message = "mailgun refuses the lead's address: it is not valid"
            return LeadFault(message, vendor=_VENDOR, status=status, code="invalid_address")
        return super().fault(response, path, harmless_to_repeat=harmless_to_repeat)

    def wait(self, response: httpx.Response) -> float | None:
        told = _TRY_AGAIN.search(_said(response))
        return float(told[1]) if told else super().wait(response)


class MailgunCarrier:
    """``adapters.email.carrier.MailCarrier`` and ``Suppressing`` for one sending domain."""

    vendor = _VENDOR

    def __init__(self, settings: MailgunSettings) -> None:
        self.domain = settings.domain
        self._base = httpx.URL(settings.base_url)
        self._options = {"o:testmode": "yes"} if settings.test_mode else {}
        self._client = MailgunClient(
            _VENDOR,
            settings.base_url,
            timeout=settings.timeout,
            budget=Budget(_VENDOR, settings.requests_per_second, 1),
            auth=httpx.BasicAuth("api", settings.api_key.get_secret_value()),
        )

    async def carry(self, mail: Mail) -> str:
        """Hand the message over; returns its Message-ID, without brackets as in webhooks. Raises a ``VendorFault``."""
        answer = await self._client.request(
            "POST",
            f"/v3/{self.domain}/messages.mime",
            data={
                "to": mail.to,
                f"v:{TOUCH}": reference(mail.key),
                "o:tracking": "no",  # links and the picture are our own already
                "o:suppress-headers": "X-Mailgun-Variables",  # the reference is nothing for readers
                **self._options,
            },
            files={"message": ("message.mime", mail.message.as_bytes(), "message/rfc822")},
            harmless_to_repeat=False,
        )
        return str(self._client.answered(answer, "id")["id"]).strip("<>")

    async def carried(self, sought: Sought) -> str | None:
        """Its Message-ID when the log has it. Raises ``CannotTell`` when it has not, or may not be read."""
        wanted = sought.message_id.strip("<>")
        try:
            items = await self.logged(wanted, sought.since)
        except OurFault:
            raise CannotTell("Mailgun's log can't be read with this key") from None
        if not any(_message_id(item) == wanted for item in items):
            raise CannotTell("Mailgun's log does not show the mail, which it may yet do")
        return wanted

    async def logged(self, message_id: str, since: datetime | None = None) -> list[Any]:
        """What the log has of a message. Raises a ``VendorFault``."""
        now = datetime.now(UTC)
        hours = math.ceil((_LOGGED if since is None else now - since) / timedelta(hours=1))
        body = {
            "end": format_datetime(now + timedelta(hours=1)),
            "duration": f"{hours + 2}h",
            "events": _TAKEN,
            "filter": {"AND": [_equal("domain", self.domain), _equal("message_id", message_id)]},
            "include_subaccounts": False,
            "pagination": {"sort": "timestamp:asc", "limit": 10},
        }
        answer = await self._client.request("POST", "/v1/analytics/logs", json=body, harmless_to_repeat=True)
        return list(_object(answer).get("items") or [])

    async def suppressed(self, since: datetime | None) -> AsyncIterator[Suppressed]:
        """Bounces, complaints and opt-outs of the domain. Raises a ``VendorFault``."""
        for name, reason in _LISTS:
            async for item in self._listed(name):
                at = parsedate_to_datetime(item["created_at"])
                # Who left the mail that has one tag has left that mail, which is somebody else's: ours has no tags.
                if (since is None or at >= since) and "*" in (item.get("tags") or ["*"]):
                    yield Suppressed(email=item["address"], reason=reason, at=at)

    async def known(self) -> dict[str, Any]:
        """The sending domain as Mailgun has it: ``domain`` and its DNS records. Raises a ``VendorFault``."""
        return _object(await self._client.request("GET", f"/v4/domains/{self.domain}", harmless_to_repeat=True))

    async def close(self) -> None:
        await self._client.close()

    async def _listed(self, name: str) -> AsyncIterator[dict[str, Any]]:
        url = f"/v3/{self.domain}/{name}?limit={_PAGE}"
        while True:
            page = _object(await self._client.request("GET", url, harmless_to_repeat=True))
            if not page.get("items"):
                return
            for item in page["items"]:
                yield item
            url = self._next(page)

    def _next(self, page: dict[str, Any]) -> str:
        """The next page, which is asked for with our key: only where the first one was."""
        url = httpx.URL(str((page.get("paging") or {}).get("next", "")))
        if (url.scheme, url.netloc) != (self._base.scheme, self._base.netloc):
            raise OurFault("mailgun's next page is at another address", vendor=_VENDOR, code="paging")
        return str(url)


async def check(carrier: MailgunCarrier) -> list[Finding]:
    """Whether the domain may send, its DNS is right, and the log can be read."""
    try:
        known = await carrier.known()
    except VendorFault as fault:
        return [
            Finding(f"Mailgun does not show the domain {carrier.domain}: {fault}", well=False, remedy=_remedy(fault))
        ]
    found = [_state(carrier.domain, known), *_records(known)]
    try:
        await carrier.logged("none@mailgun.invalid")
    except VendorFault as fault:
        what = f"Mailgun's log can't be read: {fault}"
        remedy = "Use a key that may read logs; without, a mail whose answer got lost waits for a person."
        return [*found, Finding(what, well=False, remedy=remedy)]
    return [*found, Finding("Mailgun's log can be read: a mail whose answer got lost can be looked for", well=True)]


def _remedy(fault: VendorFault) -> str:
    if fault.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return "Set TENDRIL_MAILGUN_API_KEY to an API key of this account."
    if fault.status == httpx.codes.NOT_FOUND:
        return "See TENDRIL_MAILGUN_DOMAIN; domains in the EU need TENDRIL_MAILGUN_BASE_URL=https://api.eu.mailgun.net."
    return "See that TENDRIL_MAILGUN_BASE_URL can be reached from here."


def _state(domain: str, known: dict[str, Any]) -> Finding:
    state = (known.get("domain") or {}).get("state", "unknown")
    remedy = "" if state == "active" else "Verify the domain in Mailgun's control panel."
    return Finding(f"Mailgun sends for {domain}: the domain is {state}", well=state == "active", remedy=remedy)


def _records(known: dict[str, Any]) -> list[Finding]:
    """SPF and DKIM as Mailgun sees them in the DNS."""
    wrong = [record for record in known.get("sending_dns_records") or [] if record.get("valid") not in ("valid", None)]
    return [
        Finding(
            f"The DNS record {record.get('name')} ({record.get('record_type')}) is not what Mailgun needs",
            well=False,
            remedy=f"Set it to {record.get('value')}",
        )
        for record in wrong
    ]


def _equal(attribute: str, value: str) -> dict[str, Any]:
    return {"attribute": attribute, "comparator": "=", "values": [{"label": value, "value": value}]}


def _object(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object. Raises ``OurFault`` when it is none: then this is not Mailgun."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise OurFault("mailgun's answer is no JSON object: see its base URL", vendor=_VENDOR, code="answer")
    return body


def _message_id(item: Any) -> str:
    headers = (item.get("message") or {}).get("headers") or {}
    return str(headers.get("message-id", ""))


def _said(response: httpx.Response) -> str:
    """The message of an error, in lower case: only looked at, never quoted."""
    try:
        body = response.json()
    except ValueError:
        return ""
    return str(body.get("message", "")).lower() if isinstance(body, dict) else ""


def _inbound(settings: MailgunSettings) -> MailgunInbound | None:
    key = settings.signing_key.get_secret_value()
    return MailgunInbound(key) if key else None


VENDOR = Vendor(
    name=_VENDOR,
    title="Mailgun",
    settings=MailgunSettings,
    adapter=MailgunCarrier,
    check=check,
    inbound=_inbound,
    carries=("e-mail", "bounces, complaints and opt-outs"),
)
