"""Meta's stand-in: custom audiences of an ad account, as the Graph API has them."""

import hashlib
import hmac
import json
import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from sandbox.answers import VendorError
from sandbox.stand_in import Section, StandIn
from sandbox.state import Store

_HASH = re.compile(r"[0-9a-f]{64}")
_MOST = 10_000
#: Meta tells no size below this.
_TOLD_FROM = 100
#: Of apps that prove themselves.
APP_SECRET = "sandbox-app"  # noqa: S105 - the sandbox's public one
_CODES = {400: 100, 401: 190, 403: 200, 404: 100, 429: 80_003, 500: 2}
_SUBCODES = {404: 33}
Form = dict[str, Any]


class CustomAudience(BaseModel):
    """A list. ``operation`` is its status: 200, normal."""

    id: str
    account: str
    name: str
    description: str = ""
    source: str
    operation: int = 200
    limited: set[str] = set()
    members: set[str] = set()


class Meta(BaseModel):
    """What Meta knows. ``usage`` is the percentage of the limit that answers tell."""

    next_id: int = 120_000_000_000
    audiences: dict[str, CustomAudience] = {}
    usage: int = 0
    sessions: set[str] = set()


def error(failure: VendorError) -> Response:
    """Meta's. A limit is 400 with a number of its own, and the minutes until it is lifted are in a header."""
    code = int(failure.code or _CODES.get(failure.status, 1))
    told: dict[str, Any] = {
        "message": failure.message,
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "AbCdEf123",
        "is_transient": code in (1, 2),
    }
    if subcode := _SUBCODES.get(failure.status):
        told["error_subcode"] = subcode
    status = 400 if failure.status in (404, 429) else failure.status
    headers = _usage(100) if code == _CODES[429] else {}
    return JSONResponse({"error": told}, status, headers)


def router(store: Store) -> APIRouter:
    """``/v26.0/…``, of any version."""
    routes = APIRouter(prefix="/v{version}")

    @routes.get("/me/permissions")
    async def permissions(request: Request) -> Response:
        await _asked(request)
        return _answer(store, {"data": [{"permission": "ads_management", "status": "granted"}]})

    @routes.get("/act_{account}/customaudiences")
    async def find(request: Request, account: str) -> Response:
        form = await _asked(request)
        found = [one for one in _of(store).audiences.values() if one.account == account]
        begin, most = int(form.get("after") or 0), int(form.get("limit") or 25)
        end = begin + most
        paging: dict[str, Any] = {"cursors": {"before": str(begin), "after": str(end)}}
        if end < len(found):
            paging["next"] = f"{request.url}&after={end}"
        return _answer(store, {"data": [_shown(one) for one in found[begin:end]], "paging": paging})

    @routes.post("/act_{account}/customaudiences")
    async def create(request: Request, account: str) -> Response:
        made = _made(_of(store), account, await _asked(request))
        store.changed()
        return _answer(store, {"id": made.id})

    @routes.get("/{audience}")
    async def read(request: Request, audience: str) -> Response:
        await _asked(request)
        return _answer(store, _shown(_known(store, audience)))

    @routes.post("/{audience}/users")
    @routes.delete("/{audience}/users")
    async def users(request: Request, audience: str) -> Response:
        told = _told(_of(store), _known(store, audience), await _asked(request), joining=request.method == "POST")
        store.changed()
        return _answer(store, told)

    return routes


def _of(store: Store) -> Meta:
    return store.of("meta", Meta)


async def _asked(request: Request) -> Form:
    """What was asked for, in the query or as a form, if the token and its proof are in order."""
    form: Form = dict(request.query_params) | {name: str(value) for name, value in (await request.form()).items()}
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    token = str(form.get("access_token") or bearer)
    if token != request.app.token:
        raise VendorError(401, "Error validating access token: the session has expired.")
    proof = hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
    if form.get("appsecret_proof", proof) != proof:
        raise VendorError(400, "Invalid appsecret_proof provided in the API argument.")
    return form


def _known(store: Store, audience: str) -> CustomAudience:
    found = _of(store).audiences.get(audience)
    if found is None:
        raise VendorError(404, f"Unsupported request. Object with ID '{audience}' does not exist.")
    return found


def _made(meta: Meta, account: str, form: Form) -> CustomAudience:
    if not form.get("name") or form.get("subtype") != "CUSTOM" or not form.get("customer_file_source"):
        raise VendorError(400, "Invalid parameter: name, subtype and customer_file_source are required.")
    meta.next_id += 1
    made = CustomAudience(
        id=str(meta.next_id),
        account=account,
        name=form["name"],
        description=form.get("description", ""),
        source=form["customer_file_source"],
    )
    meta.audiences[made.id] = made
    return made


def _told(meta: Meta, audience: CustomAudience, form: Form, *, joining: bool) -> dict[str, Any]:
    """Entries that are no hash are counted, and some of them named."""
    payload, session = json.loads(form["payload"]), json.loads(form.get("session") or "{}")
    rows = [row if isinstance(row, list) else [row] for row in payload["data"]]
    if len(rows) > _MOST:
        raise VendorError(400, "Too many users in one request.")
    if payload["schema"] not in ("EMAIL_SHA256", ["EMAIL"], ["EMAIL", "DATA_PROCESSING_OPTIONS"]):
        raise VendorError(400, "Invalid schema.")
    good = {str(row[0]) for row in rows if _HASH.fullmatch(str(row[0]))}
    bad = [str(row[0]) for row in rows if str(row[0]) not in good]
    limited = {str(row[0]) for row in rows if ["LDU"] in row[1:]} & good
    audience.members = audience.members | good if joining else audience.members - good
    audience.limited = audience.limited | limited if joining else audience.limited - good
    meta.sessions.add(str(session.get("session_id", "")))
    return {
        "audience_id": audience.id,
        "session_id": str(session.get("session_id", "")),
        "num_received": len(rows),
        "num_invalid_entries": len(bad),
        "invalid_entry_samples": dict(enumerate(bad[:3])) if bad else [],
    }


def _shown(one: CustomAudience) -> dict[str, Any]:
    """Everybody is found at once, where Meta takes up to 24 hours."""
    size = len(one.members) if len(one.members) >= _TOLD_FROM else -1
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "approximate_count_lower_bound": size,
        "approximate_count_upper_bound": size,
        "operation_status": {"code": one.operation, "description": "Normal" if one.operation == 200 else "Flagged"},  # noqa: PLR2004
        "delivery_status": {"code": 200 if size > 0 else 300, "description": ""},
    }


def _answer(store: Store, body: Any) -> Response:
    usage = _of(store).usage
    return JSONResponse(body, headers=_usage(usage) if usage else {})


def _usage(percent: int) -> dict[str, str]:
    minutes = 1 if percent >= 100 else 0  # noqa: PLR2004 - all of it
    told = {
        "type": "custom_audience",
        "call_count": percent,
        "total_cputime": 1,
        "total_time": 1,
        "estimated_time_to_regain_access": minutes,
        "ads_api_access_tier": "standard_access",
    }
    return {"x-business-use-case-usage": json.dumps({"1": [told]})}


def _sections(store: Store) -> list[Section]:
    rows = [(one.name, one.id, len(one.members)) for one in _of(store).audiences.values()]
    return [Section("Custom audiences", ("Audience", "Id", "Members"), rows, len(rows))] if rows else []


#: Tokens come in a header, the query or the form; limits are told by percentages.
STAND_IN = StandIn(vendor="meta", router=router, error=error, admitted=None, shown=_sections)
