"""Mail by Amazon SES, API version 2: the finished message as it is, at the rate that the account has.

Read in the API reference and botocore's model of ``sesv2`` (1.44), and in the developer guide (docs.aws.amazon.com/ses,
November 2026):

- ``SendEmail`` has nothing that would make a repeated request harmless, and SES finds a mail by its own id only: after
  a lost answer nobody can tell. SES puts a Message-ID of its own in the place of ours.
- ``GetAccount`` says how many mails a second the account may send. Beyond that SES drops them with an error; a client
  should then wait, up to ten minutes. Actions other than sending may be called once a second.
- ``ConfigurationOverrides`` turns SES's own tracking off for a message; ours is in it already.
"""

import base64
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.credentials import ReadOnlyCredentials
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from adapters.budget import Budget
from adapters.email.carrier import Mail, Sought, Suppressed, reference
from adapters.email.ses_client import VENDOR_NAME, SesClient, json_object
from adapters.email.ses_pace import Pace
from adapters.email.ses_webhook import TOUCH, SesInbound
from adapters.email.sigv4 import SigV4
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.errors import CannotTell, OurFault, TransientFault, VendorFault

_REASONS = {"BOUNCE": "hard_bounced", "COMPLAINT": "complained"}
_PAGE = 100
#: What a journey has to hear of. ``SUBSCRIPTION`` is only for those who use SES's own lists.
_HEARD = frozenset({"DELIVERY", "DELIVERY_DELAY", "BOUNCE", "COMPLAINT", "REJECT"})


class SesSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_SES_")

    region: str = Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-\d$", description="Amazon's region, such as `eu-west-1`.")
    access_key_id: str = Field("", description="Access key; empty: found as Amazon's tools find it, also by role.")
    secret_access_key: SecretStr = Field(SecretStr(""), validate_default=True, description="The access key's secret.")
    session_token: SecretStr = Field(SecretStr(""), description="Session token, where the access key is temporary.")
    configuration_set: str = Field("", description="Configuration set: it publishes what becomes of mail.")
    topic_arn: str = Field("", description="SNS topic it publishes to; empty: webhooks are not heard.")
    send_rate: float | None = Field(
        None, gt=0, description="Most mails a second of one process; empty: all that `GetAccount` says."
    )
    base_url: str = Field("", description="SES's API; empty: `https://email.REGION.amazonaws.com`.")
    sns_url: str = Field(
        "", description="Where SNS's certificates and confirmations are fetched instead, for a stand-in."
    )
    timeout: float = Field(10.0, gt=0, description="Seconds SES may take to connect, and to answer.")

    @field_validator("secret_access_key", mode="after")
    @classmethod
    def _key_is_whole(cls, secret: SecretStr, others: ValidationInfo) -> SecretStr:
        if bool(others.data.get("access_key_id")) != bool(secret.get_secret_value()):
            raise ValueError("TENDRIL_SES_ACCESS_KEY_ID and its secret need each other")
        return secret

    def credentials(self) -> ReadOnlyCredentials | None:
        if not self.access_key_id:
            return None
        token = self.session_token.get_secret_value() or None
        return ReadOnlyCredentials(self.access_key_id, self.secret_access_key.get_secret_value(), token)


class SesCarrier:
    """``adapters.email.carrier.MailCarrier`` and ``Suppressing`` for one account in one region."""

    vendor = VENDOR_NAME

    def __init__(self, settings: SesSettings) -> None:
        self.settings = settings
        self._client = SesClient(
            VENDOR_NAME,
            settings.base_url or f"https://email.{settings.region}.amazonaws.com",
            timeout=settings.timeout,
            auth=SigV4(VENDOR_NAME, settings.region, settings.credentials()),
        )
        self._pace = Pace(VENDOR_NAME, self._rate)
        self._listing = Budget(VENDOR_NAME, 1, 1)

    async def carry(self, mail: Mail) -> str:
        """Hand the message over at the account's rate; returns SES's id of it. Raises a ``VendorFault``."""
        await self._pace.turn()
        try:
            answer = await self._client.request(
                "POST", "/v2/email/outbound-emails", json=self._email(mail), harmless_to_repeat=False
            )
        except TransientFault as fault:
            if fault.retry_after and fault.certainly_not_sent:
                self._pace.closed(fault.retry_after)
            raise
        return str(self._client.answered(answer, "MessageId")["MessageId"])

    async def carried(self, sought: Sought) -> str | None:  # noqa: ARG002 - the protocol's
        """Raises ``CannotTell``."""
        raise CannotTell("SES can't be asked whether it took a mail: it knows mail by its own ids only")

    async def suppressed(self, since: datetime | None) -> AsyncIterator[Suppressed]:
        """The account's suppression list: bounces and complaints. Raises a ``VendorFault``."""
        query: dict[str, Any] = {"PageSize": _PAGE}
        query |= {"StartDate": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")} if since else {}
        more: str | None = ""
        while more is not None:
            await self._listing.turn()
            page = await self.read("/v2/email/suppression/addresses", **query, **({"NextToken": more} if more else {}))
            for item in page.get("SuppressedDestinationSummaries") or []:
                at = datetime.fromtimestamp(item["LastUpdateTime"], UTC)
                yield Suppressed(email=item["EmailAddress"], reason=_REASONS[item["Reason"]], at=at)
            more = page.get("NextToken") or None

    async def read(self, path: str, **query: Any) -> dict[str, Any]:
        """What SES answers to a question. Raises a ``VendorFault``."""
        answer = json_object(await self._client.request("GET", path, params=query, harmless_to_repeat=True))
        if not answer:
            raise OurFault("ses answered with no JSON object: see its base URL", vendor=VENDOR_NAME, code="answer")
        return answer

    async def account(self) -> dict[str, Any]:
        """``GetAccount``: quota, and whether SES sends for it. Raises a ``VendorFault``."""
        return await self.read("/v2/email/account")

    async def close(self) -> None:
        await self._client.close()
        self._pace.close()
        self._listing.close()

    async def _rate(self) -> float:
        """Mails a second. An account whose quota may not be read needs the setting."""
        if self.settings.send_rate is not None:
            return self.settings.send_rate
        return float((await self.account()).get("SendQuota", {}).get("MaxSendRate") or 1)

    def _email(self, mail: Mail) -> dict[str, Any]:
        """``SendEmailRequest``. The sender is in the message; the recipient is this one, whatever its headers say."""
        data = base64.b64encode(mail.message.as_bytes()).decode()
        off = {"OpenTrackingEnabled": "DISABLED", "ClickTrackingEnabled": "DISABLED"}
        body: dict[str, Any] = {
            "FromEmailAddress": mail.sender.email,
            "Destination": {"ToAddresses": [mail.to]},
            "Content": {"Raw": {"Data": data}},
            "EmailTags": [{"Name": TOUCH, "Value": reference(mail.key)}],
            "ConfigurationOverrides": {"Tracking": off},
        }
        named = self.settings.configuration_set
        return body | ({"ConfigurationSetName": named} if named else {})


async def check(carrier: SesCarrier) -> list[Finding]:
    """Whether the account may send, how much, and whether what becomes of mail is told."""
    try:
        account = await carrier.account()
    except VendorFault as fault:
        return [Finding(f"SES does not show the account: {fault}", well=False, remedy=_remedy(carrier, fault))]
    return [*_account(account), *await _telling(carrier)]


def _remedy(carrier: SesCarrier, fault: VendorFault) -> str:
    if fault.status in (401, 403):
        return "Allow ses:GetAccount and ses:SendEmail to the access key, and see that its secret is right."
    if fault.code == "credentials":
        return "Set TENDRIL_SES_ACCESS_KEY_ID and TENDRIL_SES_SECRET_ACCESS_KEY, or run with a role."
    return f"See that SES can be reached from here, and that {carrier.settings.region} is the region."


def _account(account: dict[str, Any]) -> Iterator[Finding]:
    quota = account.get("SendQuota") or {}
    a_day = quota.get("Max24HourSend", 0)
    within = "with no limit a day" if a_day < 0 else f"{a_day:,.0f} in 24 hours"
    sent = quota.get("SentLast24Hours", 0)
    yield Finding(
        f"SES sends {quota.get('MaxSendRate', 0):g} mails a second, {within}; {sent:,.0f} were sent", well=True
    )
    if not account.get("SendingEnabled"):
        yield Finding("Sending is paused for this account", well=False, remedy="See the account's dashboard in SES.")
    if not account.get("ProductionAccessEnabled"):
        what = "The account is in the SES sandbox: it writes to verified addresses only"
        yield Finding(what, well=False, remedy="Request production access in SES, in this region.")
    status = account.get("EnforcementStatus", "HEALTHY")
    if status != "HEALTHY":
        what = f"Amazon reviews the account's sending: {status}"
        yield Finding(what, well=False, remedy="Bounces or complaints are too many: see the case in SES.")


async def _telling(carrier: SesCarrier) -> list[Finding]:
    """Whether bounces and complaints will reach us, with the touch they are about."""
    named, topic = carrier.settings.configuration_set, carrier.settings.topic_arn
    if not (named and topic):
        what = "What becomes of mail is not told: bounces and complaints go unheard"
        remedy = "Set TENDRIL_SES_CONFIGURATION_SET and TENDRIL_SES_TOPIC_ARN (docs/channels.md, Amazon SES)."
        return [Finding(what, well=False, remedy=remedy)]
    try:
        answer = await carrier.read(f"/v2/email/configuration-sets/{named}/event-destinations")
    except VendorFault as fault:
        what = f"SES does not show the configuration set {named}: {fault}"
        return [Finding(what, well=False, remedy="Make it in this region, and allow ses:GetConfigurationSet….")]
    return [_told(named, topic, answer.get("EventDestinations") or [])]


def _told(named: str, topic: str, destinations: list[dict[str, Any]]) -> Finding:
    ours = [
        one for one in destinations if one.get("Enabled") and (one.get("SnsDestination") or {}).get("TopicArn") == topic
    ]
    heard = {event for one in ours for event in one.get("MatchingEventTypes", [])}
    if missing := sorted(_HEARD - heard):
        what = f"The configuration set {named} does not publish {', '.join(missing)} to {topic}"
        return Finding(what, well=False, remedy="Add them to its event destination for that topic.")
    return Finding(f"The configuration set {named} publishes what becomes of mail to {topic}", well=True)


def _inbound(settings: SesSettings) -> SesInbound | None:
    return SesInbound(settings.topic_arn, settings.sns_url) if settings.topic_arn else None


VENDOR = Vendor(
    name=VENDOR_NAME,
    title="Amazon SES",
    settings=SesSettings,
    adapter=SesCarrier,
    check=check,
    inbound=_inbound,
    carries=("e-mail", "bounces and complaints"),
)
