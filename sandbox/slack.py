"""Slack's stand-in: messages by bot and by incoming webhook, a channel's history, and sellers who answer.

``POST /slack/_webhook`` says where interactions go, ``POST /slack/_tell`` lets a seller press Accept or choose a reason
to reject; the request is signed as Slack signs, and the message changes as the app wishes.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict

from sandbox.answers import VendorError
from sandbox.stand_in import Section, StandIn, bearer
from sandbox.state import Store

#: Public, like the sandbox.
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105 - says so itself
CHANNEL, BOT, SELLER = "C0SANDBOX", "B0SANDBOX", "U0SELLER"
_ERRORS = {401: "invalid_auth", 400: "invalid_arguments", 403: "missing_scope"}
_ON_PAGE = 50
#: Block Kit: most characters of a block's text by its type, blocks a message, characters of a block's name.
_LONGEST = {"header": 150, "section": 3000}
_MOST_BLOCKS, _LONGEST_ID, _LONGEST_LABEL = 50, 255, 75


class Posted(BaseModel):
    """A message. ``actions`` counts answers to it, ``changed`` how often the app changed it."""

    ts: str
    channel: str = CHANNEL
    text: str
    blocks: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}
    changed: int = 0


class Workspace(BaseModel):
    messages: list[Posted] = []
    webhook: str = ""
    #: Address of the stand-in itself, for ``response_url``.
    here: str = ""


class Where(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str


class Wish(BaseModel):
    """What a seller does: with the message of ``touch`` ("" for the latest). ``times`` sends the same request again."""

    model_config = ConfigDict(extra="forbid")
    outcome: Literal["accepted", "rejected"]
    reason: str = ""
    touch: str = ""
    times: int = 1


def error(failure: VendorError) -> Response:
    """Slack says no with 200, and only of limits and breakdowns with a status."""
    body = {"ok": False, "error": failure.code or _ERRORS.get(failure.status, "internal_error")}
    too_many, broken = 429, 500
    status = failure.status if failure.status == too_many or failure.status >= broken else 200
    return JSONResponse(body, status)


def admitted(request: Request, token: str) -> bool:
    """Incoming webhooks and response addresses are secrets themselves."""
    open_to_all = ("/_", "/services/", "/actions/")
    return any(part in request.url.path for part in open_to_all) or bearer(request, token)


def signature(body: bytes, at: datetime, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """The headers of an interaction."""
    timestamp = str(int(at.timestamp()))
    made = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": f"v0={made}",
    }


def interaction(posted: Posted, wish: Wish, here: str) -> bytes:
    """The body of an interaction: a seller pressed or chose something."""
    block = next((one for one in posted.blocks if one["type"] == "actions"), None)
    if block is None:
        raise VendorError(409, "The message has nothing to press.", code="no_actions")
    accept, reject = block["elements"]
    action: dict[str, Any] = {"block_id": block["block_id"], "action_ts": f"{time.time():.6f}"}
    if wish.outcome == "accepted":
        action |= {"type": "button", "action_id": accept["action_id"], "text": accept["text"], "value": accept["value"]}
    else:
        chosen = next((one for one in reject["options"] if one["value"] == wish.reason), reject["options"][0])
        action |= {"type": "static_select", "action_id": reject["action_id"], "selected_option": chosen}
    payload = {
        "type": "block_actions",
        "user": {"id": SELLER, "username": "seller", "name": "seller", "team_id": "T0SANDBOX"},
        "api_app_id": "A0SANDBOX",
        "token": "deprecated",
        "container": {"type": "message", "message_ts": posted.ts, "channel_id": posted.channel, "is_ephemeral": False},
        "trigger_id": "1.2.3",
        "team": {"id": "T0SANDBOX", "domain": "sandbox"},
        "channel": {"id": posted.channel, "name": "handoffs"},
        "message": {"type": "message", "ts": posted.ts, "text": posted.text, "blocks": posted.blocks, "bot_id": BOT},
        "state": {"values": {}},
        "response_url": f"{here}/slack/actions/T0SANDBOX/{posted.ts}",
        "actions": [action],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def router(store: Store) -> APIRouter:
    routes, held = APIRouter(), store.of("slack", Workspace)
    _methods(routes, store, held)
    _hooks(routes, store, held)
    _sellers(routes, store, held)
    return routes


def _methods(routes: APIRouter, store: Store, held: Workspace) -> None:
    @routes.api_route("/auth.test", methods=["GET", "POST"])
    async def who() -> dict[str, Any]:
        return {"ok": True, "url": "https://sandbox.slack.com/", "team": "Sandbox", "user_id": "U0BOT", "bot_id": BOT}

    @routes.post("/chat.postMessage")
    async def post(body: dict[str, Any]) -> dict[str, Any]:
        _in_channel(body.get("channel"))
        posted = _keep(store, held, body)
        return {"ok": True, "channel": posted.channel, "ts": posted.ts, "message": _shown(posted, metadata=True)}

    @routes.get("/conversations.history")
    async def history(request: Request) -> dict[str, Any]:
        asked = request.query_params
        _in_channel(asked.get("channel"))
        oldest, limit = float(str(asked.get("oldest", 0))), int(str(asked.get("limit", 100)))
        start = int(str(asked.get("cursor", "0")))
        found = [one for one in reversed(held.messages) if float(one.ts) > oldest]
        more = len(found) > start + limit
        page = [_shown(one, metadata="include_all_metadata" in asked) for one in found[start : start + min(limit, 999)]]
        cursor = {"response_metadata": {"next_cursor": str(start + limit)}} if more else {}
        return {"ok": True, "messages": page, "has_more": more, **cursor}


def _hooks(routes: APIRouter, store: Store, held: Workspace) -> None:
    @routes.post("/services/{team}/{app}/{secret}")
    async def incoming(team: str, app: str, secret: str, body: dict[str, Any]) -> Response:  # noqa: ARG001 - the address
        if secret != "sandbox":  # noqa: S105 - the sandbox's public one
            return PlainTextResponse("invalid_token", 403)
        try:
            _keep(store, held, body)
        except VendorError as failure:
            return PlainTextResponse(failure.code, failure.status)
        return PlainTextResponse("ok")

    @routes.post("/actions/{team}/{ts}")
    async def change(team: str, ts: str, body: dict[str, Any]) -> Response:  # noqa: ARG001 - the address
        posted = next((one for one in held.messages if one.ts == ts), None)
        if posted is None or body.get("replace_original") is not True:
            return PlainTextResponse("invalid_payload", 400)
        _check(body)
        posted.text, posted.blocks, posted.changed = body["text"], body["blocks"], posted.changed + 1
        store.changed()
        return PlainTextResponse("ok")


def _sellers(routes: APIRouter, store: Store, held: Workspace) -> None:
    @routes.post("/_webhook", status_code=204)
    async def configure(where: Where) -> None:
        held.webhook = where.url
        store.changed()

    @routes.post("/_tell")
    async def tell(wish: Wish, request: Request) -> list[int]:
        """The statuses that the requests were answered with."""
        posted = next(
            (one for one in reversed(held.messages) if wish.touch in ("", _touch(one))),
            None,
        )
        if posted is None or not held.webhook:
            raise VendorError(404, "No such message, or no _webhook.", code="message_not_found")
        body = interaction(posted, wish, str(request.base_url).rstrip("/"))
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            headers = signature(body, datetime.now(UTC))
            return [
                (await client.post(held.webhook, content=body, headers=headers)).status_code for _ in range(wish.times)
            ]


def _keep(store: Store, held: Workspace, body: Mapping[str, Any]) -> Posted:
    _check(body)
    last = float(held.messages[-1].ts) if held.messages else 0.0
    ts = f"{max(time.time(), last + 0.000002):.6f}"
    posted = Posted(ts=ts, text=body["text"], blocks=body["blocks"], metadata=body.get("metadata", {}))
    held.messages.append(posted)
    store.changed()
    return posted


def _in_channel(channel: Any) -> None:
    if channel != CHANNEL:
        raise VendorError(400, "No such channel.", code="channel_not_found")


def _check(body: Mapping[str, Any]) -> None:
    """Raises ``VendorError`` for blocks that Slack would refuse."""
    blocks = body.get("blocks", [])
    named = [block["block_id"] for block in blocks if "block_id" in block]
    elements = [element for block in blocks for element in block.get("elements", [])]
    labels = [
        option["text"]["text"]
        for element in elements
        for option in (element, *element.get("options", []))
        if isinstance(option.get("text"), dict)
    ]
    fine = (
        body.get("text")
        and len(blocks) <= _MOST_BLOCKS
        and all(0 < len(block["text"]["text"]) <= _LONGEST[block["type"]] for block in blocks if "text" in block)
        and len(set(named)) == len(named)
        and all(len(name) <= _LONGEST_ID for name in named)
        and all(len(label) <= _LONGEST_LABEL for label in labels)
    )
    if not fine:
        raise VendorError(400, "The blocks are not valid.", code="invalid_blocks")


def _touch(posted: Posted) -> str:
    return str(posted.metadata.get("event_payload", {}).get("touch", ""))


def _shown(posted: Posted, *, metadata: bool) -> dict[str, Any]:
    """The message as the API gives it; its metadata only where they are asked for."""
    extra = {"metadata": posted.metadata} if metadata and posted.metadata else {}
    return {"type": "message", "ts": posted.ts, "text": posted.text, "blocks": posted.blocks, "bot_id": BOT, **extra}


def _sections(store: Store) -> list[Section]:
    held = store.of("slack", Workspace)
    rows = [
        (
            datetime.fromtimestamp(float(one.ts), UTC).isoformat()[:19],
            one.text,
            _touch(one),
            "yes" if one.changed else "",
        )
        for one in reversed(held.messages[-_ON_PAGE:])
    ]
    return [Section("Messages", ("at", "text", "touch", "answered"), rows, len(held.messages))]


STAND_IN = StandIn(vendor="slack", router=router, error=error, admitted=admitted, shown=_sections)
