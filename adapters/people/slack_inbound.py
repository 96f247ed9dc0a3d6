"""What sellers answer in Slack: interactions of the app, signed by Slack.

Sources (docs.slack.dev, read in November 2026): "Verifying requests from Slack" for the signature, ``v0=`` and
HMAC-SHA256 over ``v0:timestamp:body``, which counts for five minutes; "Handling user interaction" for requests, a form
whose ``payload`` is JSON and that wants its answer within three seconds; "block_actions payload" for its fields. The
message is changed through the request's own ``response_url``, which works for half an hour.
"""

import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from adapters.inbound import About, Answer, Forged, InboundRequest, Reply, Told, Unreadable
from adapters.inbound_json import parsed_object, part, text, text_or
from adapters.people.slack_message import ACCEPT, ANSWERS, REJECT, answered
from domain.words import RejectReason

SIGNATURE, TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"
TOLERANCE = timedelta(minutes=5)
#: Where ``response_url`` leads, and nowhere else: it comes from outside, signed or not.
HOOKS = "https://hooks.slack.com"
#: Slack shows an error to whoever pressed when the request takes three.
_PATIENCE = 2.0
_log = logging.getLogger("tendril.slack")


class SlackInbound:
    """``adapters.inbound.Inbound`` for an app's signing secret. ``hooks`` is where messages are changed."""

    vendor = "slack"

    def __init__(self, signing_secret: str, hooks: str = HOOKS) -> None:
        self._secret = signing_secret.encode()
        self._hooks = urlsplit(hooks)

    def verify(self, request: InboundRequest) -> None:
        signature, timestamp = request.headers.get(SIGNATURE, ""), request.headers.get(TIMESTAMP, "")
        if not (signature and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004
            raise Forged("it has no signature with a timestamp")
        right = signed(self._secret, request.body, timestamp)
        if not hmac.compare_digest(right.encode(), signature.encode(errors="replace")):
            raise Forged("its signature is not that of this app's signing secret")
        if abs(request.at.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
            raise Forged("its timestamp is more than five minutes from now")

    def read(self, request: InboundRequest) -> list[Told]:
        """An answer, or nothing: other interactions of the same app are none of ours."""
        payload = _payload(request)
        if payload.get("type") != "block_actions":
            return []
        actions = [one for one in _list(payload.get("actions")) if isinstance(one, dict)]
        try:
            return [told for one in actions if (told := _answer(request, one)) is not None]
        except ValueError as problem:
            return [Unreadable({"type": "block_actions"}, f"an answer in Slack: {problem}")]

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:
        """The handshake's word; once a seller has answered, the message says so. That it can't is no reason to fail."""
        payload = _payload(request)
        if payload.get("type") == "url_verification":
            return Reply(text_or(payload, "challenge").encode(), "text/plain")
        for answer in told:
            if isinstance(answer, Answer):
                await self._changed(payload, answer)
        return Reply()

    async def _changed(self, payload: Mapping[str, Any], answer: Answer) -> None:
        url = text_or(payload, "response_url")
        if not self._ours(url):
            return
        blocks = answered(_list(part(payload, "message").get("blocks")), _said(payload, answer))
        body = {"replace_original": True, "text": f"Handoff {answer.outcome}", "blocks": blocks}
        try:
            async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False) as client:
                (await client.post(url, json=body)).raise_for_status()
        except httpx.HTTPError as problem:
            _log.info("a message in Slack could not be changed", extra={"why": type(problem).__name__})

    def _ours(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return (parts.scheme, parts.netloc) == (self._hooks.scheme, self._hooks.netloc)


def signed(secret: bytes, body: bytes, timestamp: str) -> str:
    """The signature header of a body."""
    return "v0=" + hmac.new(secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def _payload(request: InboundRequest) -> Mapping[str, Any]:
    """A form's payload, or the body itself. Raises ``ValueError``."""
    if request.body.lstrip()[:1] == b"{":
        return parsed_object(request.body)
    fields = parse_qs(request.body.decode("utf-8"), max_num_fields=100)
    if "payload" not in fields:
        # "ssl_check", which Slack sends now and then to see whether a certificate is good.
        return {}
    return parsed_object(fields["payload"][0].encode())


def _answer(request: InboundRequest, action: Mapping[str, Any]) -> Answer | None:
    what = action.get("action_id")
    if what not in (ACCEPT, REJECT):
        return None
    key = text(action, "block_id").removeprefix(ANSWERS)
    if what == ACCEPT:
        return Answer(f"{key}:accepted", About(touch=key), "accepted", request.at)
    reason = text_or(part(action, "selected_option"), "value")
    if reason not in set(RejectReason):
        raise ValueError("the reason is none of ours")
    return Answer(f"{key}:rejected", About(touch=key), "rejected", request.at, reason=reason)


def _said(payload: Mapping[str, Any], answer: Answer) -> str:
    user = text_or(part(payload, "user"), "id")
    by = f" by <@{user}>" if user.isalnum() else ""
    why = f": {answer.reason.replace('_', ' ')}" if answer.reason else ""
    return f"*{answer.outcome.capitalize()}*{by}{why}"


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
