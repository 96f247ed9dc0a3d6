"""Mail by Resend's API, as its OpenAPI document 1.5.0 and its documentation say (resend.com/docs, November 2026).

- ``Idempotency-Key``: for 24 hours the same request with the same key is the same mail ("Idempotency keys"). That is
  never relied on for longer, nor alone: what a lost answer left open is asked about first.
- There is no search by tag, and what is read back of a mail has no tags. So each mail ends with a comment that holds
  its mark, and after a crash the latest mails to that address are read until the mark is found. The list reaches back
  as far as the plan keeps data: a day at least, which is as long as a repeated request is harmless too.
- 5 requests a second and team ("Usage limits"). Exhausted quotas come as 429 as well, and waiting does not help.
- Opens and clicks are tracked by domain, not by mail: ``check`` looks whether they are.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from email.headerregistry import Address
from typing import Any

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.budget import Budget
from adapters.email.absence import not_taken, written_to
from adapters.email.carrier import Mail, Sought, Suppressed, reference
from adapters.email.resend_webhook import TOUCH, ResendInbound
from adapters.http import VendorClient, said
from adapters.inbound_json import instant
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.errors import CannotTell, LeadFault, OurFault, TransientFault, VendorFault

NAME = "resend"
#: Most entries of a page of any list (OpenAPI, ``PaginationLimit``).
PAGE = 100
#: Most pages of mails that are looked through for one, and most mails to one address that are opened: at 5 requests a
#: second, six seconds.
_MOST_PAGES = 10
_MOST_OPENED = 20
#: The list is the record itself, yet a mail may still be on its way into it.
_LAG = timedelta(minutes=1)
_KEPT = timedelta(hours=24)
_REASONS = {"bounce": "hard_bounced", "complaint": "complained", "manual": "opted_out"}
_QUOTAS = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})
#: The key was used before: by a request that is still being carried out, or that had other content.
_USED = frozenset({"concurrent_idempotent_requests", "invalid_idempotent_request"})
_MARK_LENGTH = 32


class ResendSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_RESEND_")

    base_url: str = Field("https://api.resend.com", description="Resend's API.")
    api_key: SecretStr = Field(
        description="API key. With full access it can be asked after a crash what was sent; for sending only it can't."
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Signing secret of the webhook (`whsec_…`). Empty: none is taken."
    )
    per_second: int = Field(5, ge=1, description="Most requests a second; Resend raises it on request.")
    timeout: float = Field(10.0, gt=0, description="Seconds for each step of a request.")


class ResendClient(VendorClient):
    """Knows Resend's errors: ``{"statusCode", "name", "message"}``. Messages are only looked at."""

    def code(self, response: httpx.Response) -> str:
        name = said(response).get("name")
        return name if isinstance(name, str) and name.replace("_", "").isalnum() else ""

    def wait(self, response: httpx.Response) -> float | None:
        reset = response.headers.get("ratelimit-reset", "")
        return super().wait(response) or (float(reset) if reset.isdigit() else None)

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        status, code = response.status_code, self.code(response)
        if code in _USED:
            message = f"resend has had a request with this key ({code})"
            return TransientFault(message, vendor=NAME, status=status, code=code, certainly_not_sent=False)
        if code in _QUOTAS:
            return OurFault(f"resend sends no more mail for this team ({code})", vendor=NAME, status=status, code=code)
        if code == "validation_error" and _about_recipient(response):
            return LeadFault("resend can't write to this address", vendor=NAME, status=status, code="invalid_address")
        return super().fault(response, path, harmless_to_repeat=harmless_to_repeat)


class Resend:
    """``adapters.email.carrier.MailCarrier``, and ``Suppressing``."""

    vendor = NAME

    def __init__(self, settings: ResendSettings) -> None:
        self._client = ResendClient(
            NAME,
            settings.base_url,
            headers={"authorization": f"Bearer {settings.api_key.get_secret_value()}"},
            timeout=settings.timeout,
            budget=Budget(NAME, settings.per_second, 1),
        )

    async def carry(self, mail: Mail) -> str:
        """Hand the mail over; Resend's id of it. Raises a ``VendorFault``."""
        headers = {"idempotency-key": mark(mail.key)}
        answer = await self._client.request(
            "POST", "/emails", json=_body(mail), headers=headers, harmless_to_repeat=False
        )
        return str(self._client.answered(answer, "id")["id"])

    async def carried(self, sought: Sought) -> str | None:
        """Look through the latest mails. Raises ``CannotTell``, or a ``VendorFault``."""
        try:
            async for identity in self._sent_to(sought):
                if await self._marked(identity, mark(sought.key)):
                    return identity
        except OurFault:
            raise CannotTell("Resend's list of mails can't be read: the key may be for sending only") from None
        not_taken("Resend", sought, lag=_LAG, kept=_KEPT)
        return None

    async def suppressed(self, since: datetime | None) -> AsyncIterator[Suppressed]:
        """The team's suppression list. Its order is not documented: it is read whole. Raises a ``VendorFault``."""
        async for page in self._pages("/suppressions"):
            for entry in page:
                at = instant(entry, "created_at")
                if since is None or at >= since:
                    yield Suppressed(entry["email"], _REASONS.get(entry["origin"], "opted_out"), at)

    async def domains(self) -> list[Mapping[str, Any]]:
        """The team's sending domains. Raises a ``VendorFault``."""
        return [domain async for page in self._pages("/domains") for domain in page]

    async def close(self) -> None:
        await self._client.close()

    async def _sent_to(self, sought: Sought) -> AsyncIterator[str]:
        """Ids of mails to that address, newest first, back to the first attempt."""
        pages, opened, to = 0, 0, written_to("Resend", sought).lower()
        async for page in self._pages("/emails"):
            for email in page:
                if sought.since is not None and instant(email, "created_at") < sought.since:
                    return
                if to in (address.lower() for address in email["to"]):
                    opened += 1
                    yield email["id"]
            pages += 1
            if pages >= _MOST_PAGES or opened >= _MOST_OPENED:
                raise CannotTell("Resend has sent more mail since then than is looked through")

    async def _marked(self, identity: str, wanted: str) -> bool:
        answer = await self._client.request("GET", f"/emails/{identity}", harmless_to_repeat=True)
        html = self._client.answered(answer, "id").get("html")
        if not html:
            raise CannotTell("Resend does not keep the content of mails for this team")
        return wanted in html

    async def _pages(self, path: str) -> AsyncIterator[list[dict[str, Any]]]:
        after: dict[str, str] = {}
        while True:
            answer = await self._client.request("GET", path, params={"limit": PAGE, **after}, harmless_to_repeat=True)
            body = self._client.answered(answer, "data")
            yield body["data"]
            if not (body.get("has_more") and body["data"]):
                return
            after = {"after": body["data"][-1]["id"]}


def mark(key: str) -> str:
    """What tells a mail from all others, in its content and as its idempotency key: opaque, and the same for ever."""
    return hashlib.sha256(key.encode()).hexdigest()[:_MARK_LENGTH]


def comment(key: str) -> str:
    """The mark as it stands in the HTML."""
    return f"<!-- {mark(key)} -->"


async def check(carrier: Resend) -> list[Finding]:
    """Whether the key is right, may ask, and a domain is verified that leaves tracking to us."""
    accepted, asked = "Resend accepts the API key", "Resend can be asked after a crash what it took"
    try:
        domains = await carrier.domains()
    except OurFault as fault:
        if fault.code == "restricted_api_key":
            remedy = "Use a key with full access; without it such touches wait for a person."
            return [Finding(accepted, True), Finding(asked, False, remedy)]
        return [Finding(accepted, False, f"Check TENDRIL_RESEND_API_KEY: {fault}")]
    except VendorFault as fault:
        return [Finding(accepted, False, f"Check TENDRIL_RESEND_BASE_URL: {fault}")]
    verified = [domain for domain in domains if domain.get("status") == "verified"]
    tracking = [domain["name"] for domain in verified if domain.get("open_tracking") or domain.get("click_tracking")]
    off = f"Turn off open and click tracking of {', '.join(tracking)}: links would be rewritten twice."
    return [
        Finding(accepted, True),
        Finding(asked, True),
        Finding(
            "a sending domain is verified", bool(verified), "Add one at resend.com/domains and set its DNS records."
        ),
        Finding("Resend leaves tracking to Tendril", not tracking, off),
    ]


def _body(mail: Mail) -> dict[str, Any]:
    body: dict[str, Any] = {
        "from": str(Address(display_name=mail.sender.name, addr_spec=mail.sender.email)),
        "to": [mail.to],
        "subject": " ".join(mail.rendered.subject.split()),
        "html": mail.rendered.html + comment(mail.key),
        "text": mail.rendered.text,
        "headers": dict(mail.headers),
        "tags": [{"name": TOUCH, "value": reference(mail.key)}],
    }
    return body | ({"reply_to": [mail.reply_to]} if mail.reply_to else {})


def _about_recipient(response: httpx.Response) -> bool:
    """The message names the field in back quotes."""
    return "`to`" in str(said(response).get("message", ""))


def _inbound(settings: ResendSettings) -> ResendInbound | None:
    secret = settings.webhook_secret.get_secret_value()
    return ResendInbound(secret) if secret else None


VENDOR = Vendor(
    name=NAME,
    title="Resend",
    settings=ResendSettings,
    adapter=Resend,
    check=check,
    inbound=_inbound,
    carries=("mail to leads", "delivery events by webhook", "suppressions, read from Resend"),
)
