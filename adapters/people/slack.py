"""Handoffs and alerts in Slack, by an app's bot or by an incoming webhook.

Sources (docs.slack.dev, read in November 2026): ``chat.postMessage``, ``conversations.history``, ``auth.test``,
"Message metadata", "Sending messages using incoming webhooks", "Rate limits": about a message a second in a channel,
with short bursts, and 429 with ``Retry-After`` after that. To what it refuses Slack answers 200 with
``{"ok": false, "error": …}``.

Slack takes a repeated message for another one. After a lost answer the channel's history is asked for the metadata that
hold the touch's key (scopes ``channels:history`` or ``groups:history``, and ``metadata.message:read``); an incoming
webhook can't be asked.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.budget import Budget
from adapters.http import VendorClient
from adapters.people.slack_inbound import HOOKS, SlackInbound
from adapters.people.slack_message import EVENT, message
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.errors import CannotTell, OurFault, TransientFault, VendorFault
from domain.mail import name_of
from domain.ports import OutboundTouch, Receipt

NAME = "slack"
#: Error words after which it may work later. After the first ones it is certain that nothing was posted.
_BUSY = frozenset({"ratelimited", "rate_limited", "service_unavailable"})
_BROKEN = frozenset({"internal_error", "fatal_error", "request_timeout"})
_NO_ACCESS = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"}
)
#: Messages a page (the most is 999, Slack advises no more than 200), and pages looked through.
_PAGE, _MOST_PAGES = 200, 10
#: Slack names no delay between posting and history: this is our own measure.
_LAG = timedelta(minutes=1)
#: Clocks differ; a message may seem older than its attempt.
_BEFORE = timedelta(minutes=10)


class SlackSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_SLACK_")

    base_url: str = Field("https://slack.com/api", description="Slack's API.")
    bot_token: SecretStr = Field(
        SecretStr(""), description="Bot token (`xoxb-…`) of the app; with it, `TENDRIL_SLACK_CHANNEL`."
    )
    channel: str = Field("", description="Id of the channel that handoffs and alerts go to; the bot must be in it.")
    webhook_url: SecretStr = Field(
        SecretStr(""), description="Incoming webhook, in the place of a bot: it can't be asked after a crash."
    )
    signing_secret: SecretStr = Field(
        SecretStr(""), description="Signing secret of the app, for Accept and Reject; empty: no answer is taken."
    )
    hooks_url: str = Field(HOOKS, description="Where answered messages are changed (`response_url`).")
    lead_url: str = Field(
        "", description="Link to the lead, such as your CRM's; `{lead}` and `{crm_id}` stand for the ids."
    )
    per_minute: int = Field(60, ge=1, description="Most requests a minute.")
    timeout: float = Field(10.0, gt=0, description="Seconds for each step of a request.")


class SlackClient(VendorClient):
    """Knows that Slack says no with 200."""

    async def call(self, method: str, *, harmless_to_repeat: bool, **options: Any) -> Mapping[str, Any]:
        """What a method of the API answers. Raises a ``VendorFault``."""
        path, verb = f"/{method}", "GET" if "params" in options else "POST"
        response = await self.request(verb, path, harmless_to_repeat=harmless_to_repeat, **options)
        answer = _object(response)
        if answer.get("ok") is True:
            return answer
        raise self._refused(str(answer.get("error", ""))[:60], path, harmless_to_repeat=harmless_to_repeat)

    def _refused(self, code: str, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        message = f"slack refused {path} ({code})"
        if code in _BUSY:
            return TransientFault(message, vendor=NAME, status=200, code=code)
        if code in _BROKEN or not code:
            return TransientFault(message, vendor=NAME, status=200, code=code, certainly_not_sent=harmless_to_repeat)
        if code in _NO_ACCESS:
            message += ": check the token and its scopes"
        return OurFault(message, vendor=NAME, status=200, code=code)


class Slack:
    """``domain.ports.TouchChannel`` for handoffs and alerts."""

    def __init__(self, settings: SlackSettings) -> None:
        self.channel, self._lead_url = settings.channel, settings.lead_url
        self.bot = bool(settings.bot_token.get_secret_value())
        self.hook = settings.webhook_url.get_secret_value()
        headers = {"authorization": f"Bearer {settings.bot_token.get_secret_value()}"} if self.bot else {}
        self.client = SlackClient(
            NAME,
            settings.base_url,
            headers=headers,
            timeout=settings.timeout,
            budget=Budget(NAME, settings.per_minute, 60),
        )

    async def send(self, touch: OutboundTouch) -> Receipt:
        """Post the touch. Raises a ``VendorFault``."""
        body = message(touch, self._lead_url)
        if self.bot:
            said = {"channel": self.channel} | body
            answer = await self.client.call("chat.postMessage", json=said, harmless_to_repeat=False)
            return _receipt(str(answer.get("channel", self.channel)), answer)
        if not self.hook:
            raise OurFault("slack has neither a bot token nor an incoming webhook", vendor=NAME, code="settings")
        del body["metadata"]  # of messages by the API only
        await self._hooked(body)
        return Receipt(vendor=NAME, vendor_id=name_of(touch.key))

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        """The message with this key. Raises ``CannotTell`` where the history can't be read far enough back."""
        if not self.bot:
            raise CannotTell("an incoming webhook of slack can't be asked what it took")
        try:
            async for one in self._history(touch.attempted_at):
                if _key_of(one) == touch.key:
                    return _receipt(self.channel, one)
        except OurFault as fault:
            raise CannotTell(f"slack does not show the channel's history ({fault.code})") from None
        if touch.attempted_at and (age := datetime.now(UTC) - touch.attempted_at) < _LAG:
            wait = (_LAG - age).total_seconds()
            raise TransientFault("slack may not show the message yet", vendor=NAME, code="too_early", retry_after=wait)
        return None

    async def close(self) -> None:
        await self.client.close()

    async def _history(self, since: datetime | None) -> AsyncIterator[Mapping[str, Any]]:
        asked: dict[str, Any] = {"channel": self.channel, "limit": _PAGE, "include_all_metadata": "true"}
        if since is not None:
            asked["oldest"] = f"{(since - _BEFORE).timestamp():.6f}"
        for _ in range(_MOST_PAGES):
            answer = await self.client.call("conversations.history", params=asked, harmless_to_repeat=True)
            for one in answer.get("messages", []):
                yield one
            cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                return
            asked["cursor"] = cursor
        raise CannotTell("slack's channel has more messages since then than are looked through")

    async def _hooked(self, body: Mapping[str, Any]) -> None:
        """The address is a secret: faults name the vendor, never it."""
        try:
            await self.client.request("POST", self.hook, json=body, harmless_to_repeat=False)
        except TransientFault as fault:
            raise TransientFault(
                f"slack's incoming webhook did not take it ({fault.status or fault.code})",
                vendor=NAME,
                status=fault.status,
                code=fault.code,
                retry_after=fault.retry_after,
                certainly_not_sent=fault.certainly_not_sent,
            ) from None
        except OurFault as fault:
            raise OurFault(
                f"slack's incoming webhook refused it ({fault.status}): make a new one, or look for its channel",
                vendor=NAME,
                status=fault.status,
                code=fault.code,
            ) from None


def _receipt(channel: str, one: Mapping[str, Any]) -> Receipt:
    return Receipt(vendor=NAME, vendor_id=f"{channel}:{one.get('ts', '')}")


def _key_of(one: Mapping[str, Any]) -> str:
    metadata = one.get("metadata") or {}
    return str((metadata.get("event_payload") or {}).get("touch", "")) if metadata.get("event_type") == EVENT else ""


def _object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def check(slack: Slack) -> list[Finding]:
    """Who the bot is, and whether it sees its channel. An incoming webhook can only be tried by posting."""
    if not slack.bot:
        hooked = Finding("messages go by an incoming webhook, which can't be asked whether it works", well=True)
        lacking = Finding(
            "there is no way to post", well=False, remedy="Set TENDRIL_SLACK_BOT_TOKEN or TENDRIL_SLACK_WEBHOOK_URL."
        )
        return [hooked if slack.hook else lacking]
    if not slack.channel:
        return [Finding("no channel is set", well=False, remedy="Set TENDRIL_SLACK_CHANNEL to the channel's id.")]
    return [
        await _asked(slack, "the token is a bot's", "auth.test", "Copy the bot token of the app once more.", {}),
        await _asked(
            slack,
            "the channel's history can be read, so that after a crash nothing is posted twice",
            "conversations.history",
            "Invite the bot into the channel, and give it channels:history (groups:history) and metadata.message:read.",
            {"channel": slack.channel, "limit": 1, "include_all_metadata": "true"},
        ),
    ]


async def _asked(slack: Slack, what: str, method: str, remedy: str, params: Mapping[str, Any]) -> Finding:
    try:
        await slack.client.call(method, params=params, harmless_to_repeat=True)
    except VendorFault as fault:
        return Finding(f"{what}: {fault}", well=False, remedy=remedy)
    return Finding(what, well=True)


def _inbound(settings: SlackSettings) -> SlackInbound | None:
    secret = settings.signing_secret.get_secret_value()
    return SlackInbound(secret, settings.hooks_url) if secret else None


VENDOR = Vendor(
    name=NAME,
    title="Slack",
    settings=SlackSettings,
    adapter=Slack,
    check=check,
    inbound=_inbound,
    carries=("alerts and handoffs with their brief", "sellers' answers, by Accept and Reject"),
)
