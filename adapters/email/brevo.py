"""Mail by Brevo's API (developers.brevo.com, read in November 2026; names and limits also from its own brevo-python).

- It takes a repeated request for another mail: its idempotency key lasts 15 minutes, and what it answers to a
  repetition is not documented, so it is not built on. After a crash the list of transactional emails is asked for the
  tag that holds the reference (``getTransacEmailsList``: 30 days by default, a month at most). It wants the address.
- Rates ("Rate limits"): 1,000 requests a second to send, 2 to ask for mails; 429 says in ``x-sib-ratelimit-reset`` how
  many seconds to wait. Most plans allow less in a day.
- An address that is none is refused as ``invalid_parameter``, "… in to". Somebody on the blocklist is accepted, and
  told as blocked by webhook.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.budget import Budget
from adapters.email.absence import not_taken, written_to
from adapters.email.brevo_webhook import BrevoInbound
from adapters.email.carrier import Mail, Sought, Suppressed, reference
from adapters.http import VendorClient, retry_after, said
from adapters.inbound_json import instant
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.errors import LeadFault, VendorFault

NAME = "brevo"
#: Brevo names no delay of its list: this is our own measure.
_LAG = timedelta(minutes=10)
_KEPT = timedelta(days=29)
_MOST_MAILS, PAGE = 500, 100
_REASONS = {"hardBounce": "hard_bounced", "contactFlaggedAsSpam": "complained"}


class BrevoSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_BREVO_")

    base_url: str = Field("https://api.brevo.com/v3", description="Brevo's API.")
    api_key: SecretStr = Field(description="API key (`xkeysib-…`).")
    webhook_username: str = Field("tendril", description="User name of the webhook's basic authentication.")
    webhook_password: SecretStr = Field(
        SecretStr(""), description="Password of it: Brevo signs nothing. Empty: no webhook is taken."
    )
    per_second: int = Field(100, ge=1, description="Most requests a second.")
    timeout: float = Field(10.0, gt=0, description="Seconds for each step of a request.")


class BrevoClient(VendorClient):
    """Knows Brevo's errors, ``{"code", "message"}``, and its own word for when to come again."""

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        code, message = self.code(response), str(said(response).get("message", ""))
        if response.is_client_error and code == "invalid_parameter" and message.endswith(" in to"):
            told = "brevo does not take this address (invalid_parameter)"
            return LeadFault(told, vendor=NAME, status=response.status_code, code=code)
        return super().fault(response, path, harmless_to_repeat=harmless_to_repeat)

    def wait(self, response: httpx.Response) -> float | None:
        reset = response.headers.get("x-sib-ratelimit-reset", "")
        return float(reset) if reset.isdigit() else retry_after(response)


class Brevo:
    """``adapters.email.carrier.MailCarrier``, and ``Suppressing``."""

    vendor = NAME

    def __init__(self, settings: BrevoSettings) -> None:
        self._client = BrevoClient(
            NAME,
            settings.base_url,
            headers={"api-key": settings.api_key.get_secret_value(), "accept": "application/json"},
            timeout=settings.timeout,
            budget=Budget(NAME, settings.per_second, 1),
        )

    async def carry(self, mail: Mail) -> str:
        """Hand the mail over; Brevo's message id. Raises a ``VendorFault``."""
        answer = await self._client.request("POST", "/smtp/email", json=_body(mail), harmless_to_repeat=False)
        return _bare(self._client.answered(answer, "messageId")["messageId"])

    async def carried(self, sought: Sought) -> str | None:
        """Look through the mails to that address. Raises ``CannotTell``, or a ``VendorFault``."""
        today, address = datetime.now(UTC), written_to("Brevo", sought)
        params = _days(today - _KEPT, today) | {"email": address, "limit": _MOST_MAILS}
        for one in await self._listed("/smtp/emails", "transactionalEmails", params):
            if reference(sought.key) in (one.get("tags") or ()):
                return _bare(one["messageId"])
        not_taken("Brevo", sought, lag=_LAG, kept=_KEPT)
        return None

    async def suppressed(self, since: datetime | None) -> AsyncIterator[Suppressed]:
        """The blocked contacts, page by page. Raises a ``VendorFault``."""
        # It filters by whole days.
        days = {} if since is None else _days(since - timedelta(days=1), datetime.now(UTC))
        offset = 0
        page: list[Any] = [None]
        while page:
            page = await self._listed("/smtp/blockedContacts", "contacts", days | {"limit": PAGE, "offset": offset})
            for one in page:
                at = instant(one, "blockedAt")
                if since is None or at >= since:
                    yield Suppressed(one["email"], _REASONS.get(one["reason"]["code"], "opted_out"), at)
            offset += PAGE

    async def account(self) -> None:
        """Raises a ``VendorFault`` when the key is not accepted."""
        answer = await self._client.request("GET", "/account", harmless_to_repeat=True)
        self._client.answered(answer, "email")

    async def close(self) -> None:
        await self._client.close()

    async def _listed(self, path: str, name: str, params: Mapping[str, Any]) -> list[Any]:
        """Brevo leaves the list out where nothing fits."""
        answer = await self._client.request("GET", path, params=dict(params), harmless_to_repeat=True)
        found = self._client.answered(answer, "count").get(name) if answer.content.strip() != b"{}" else []
        return found if isinstance(found, list) else []


def _body(mail: Mail) -> dict[str, Any]:
    body: dict[str, Any] = {
        "sender": {"name": mail.sender.name, "email": mail.sender.email},
        "to": [{"email": mail.to}],
        "subject": " ".join(mail.rendered.subject.split()),
        "htmlContent": mail.rendered.html,
        "textContent": mail.rendered.text,
        "headers": dict(mail.headers),
        "tags": [reference(mail.key)],
    }
    return body | ({"replyTo": {"email": mail.reply_to}} if mail.reply_to else {})


def _days(first: datetime, last: datetime) -> dict[str, Any]:
    return {"startDate": f"{first:%Y-%m-%d}", "endDate": f"{last:%Y-%m-%d}"}


def _bare(message_id: Any) -> str:
    return str(message_id).strip("<>")


async def check(carrier: Brevo) -> list[Finding]:
    """Whether the key is right."""
    what = "Brevo accepts the API key"
    try:
        await carrier.account()
    except VendorFault as fault:
        return [Finding(what, False, f"Check TENDRIL_BREVO_API_KEY and _BASE_URL: {fault}")]
    return [Finding(what, True)]


def _inbound(settings: BrevoSettings) -> BrevoInbound | None:
    password = settings.webhook_password.get_secret_value()
    return BrevoInbound(settings.webhook_username, password) if password else None


VENDOR = Vendor(
    name=NAME,
    title="Brevo",
    settings=BrevoSettings,
    adapter=Brevo,
    check=check,
    inbound=_inbound,
    carries=("mail to leads", "delivery events by webhook", "suppressions, read from Brevo"),
)
