"""Google's stand-in: access tokens, and the Data Manager API's user lists and their members."""

import re
import uuid
from typing import Annotated, Any

import jwt
from fastapi import APIRouter, Body, Form, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from sandbox.answers import VendorError
from sandbox.limits import Rate
from sandbox.stand_in import Section, StandIn, bearer
from sandbox.state import Store

_HASH = re.compile(r"[0-9a-f]{64}")
_MOST, _MOST_DAYS, _DAY = 10_000, 540, 86_400
_CONDITION = re.compile(r'(\S+) (=|:) "([^"]*)"')
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
}


class UserList(BaseModel):
    """A list; ``shown`` is what its owner said of it."""

    id: str
    account: str
    shown: dict[str, Any]
    members: set[str] = set()


class Google(BaseModel):
    """What Google knows. ``requests`` → what became of each, which a test may change."""

    next_id: int = 1000
    lists: dict[str, UserList] = {}
    requests: dict[str, dict[str, Any]] = {}
    tokens: int = 0


def error(failure: VendorError) -> JSONResponse:
    """Google's (google.rpc.Status)."""
    status = failure.code or _STATUS.get(failure.status, "UNKNOWN")
    return JSONResponse(
        {"error": {"code": failure.status, "message": failure.message, "status": status}}, failure.status
    )


def router(store: Store) -> APIRouter:
    """``/token`` and ``/v1``."""
    routes = APIRouter()

    @routes.post("/token")
    async def token(request: Request, grant_type: Annotated[str, Form()]) -> Any:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not _granted(grant_type, form):
            return JSONResponse({"error": "invalid_grant", "error_description": "Bad Request"}, 400)
        _of(store).tokens += 1
        return {"access_token": request.app.token, "expires_in": 3599, "token_type": "Bearer"}

    @routes.get("/v1/accountTypes/GOOGLE_ADS/accounts/{account}/userLists")
    async def find(account: str, condition: Annotated[str, Query(alias="filter")] = "") -> dict[str, Any]:
        return {"userLists": [_shown(one) for one in _of(store).lists.values() if _meets(one, account, condition)]}

    @routes.post("/v1/accountTypes/GOOGLE_ADS/accounts/{account}/userLists")
    async def create(account: str, body: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        made = _made(_of(store), account, body)
        store.changed()
        return _shown(made)

    @routes.post("/v1/audienceMembers:ingest")
    async def ingest(body: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        return _told(store, body, joining=True)

    @routes.post("/v1/audienceMembers:remove")
    async def remove(body: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        return _told(store, body, joining=False)

    @routes.get("/v1/requestStatus:retrieve")
    async def status(request: Annotated[str, Query(alias="requestId")]) -> dict[str, Any]:
        known = _of(store).requests.get(request)
        if known is None:
            raise VendorError(404, "Requested entity was not found.")
        return {"requestStatusPerDestination": [known]}

    return routes


def _of(store: Store) -> Google:
    return store.of("google", Google)


def _granted(grant_type: str, form: dict[str, str]) -> bool:
    """A refresh token that is not ``expired``, or an assertion with the claims that Google wants."""
    if grant_type == "refresh_token":
        return bool(form.get("client_id") and form.get("client_secret")) and form.get("refresh_token") != "expired"
    try:
        claims = jwt.decode(form.get("assertion", ""), options={"verify_signature": False, "verify_aud": False})
    except jwt.InvalidTokenError:
        return False
    wanted = {"iss", "scope", "aud", "iat", "exp"} <= claims.keys() and "datamanager" in claims["scope"]
    return wanted and claims["exp"] - claims["iat"] <= 3600  # noqa: PLR2004 - an hour


def _meets(one: UserList, account: str, condition: str) -> bool:
    if one.account != account:
        return False
    match = _CONDITION.fullmatch(condition)
    if condition and match is None:
        raise VendorError(400, "Invalid filter.")
    if match is None:
        return True
    value: Any = one.shown
    for part in match[1].split("."):
        value = (value or {}).get(part)
    return match[3] in value if match[2] == ":" and value else value == match[3]


def _made(google: Google, account: str, body: dict[str, Any]) -> UserList:
    if not body.get("displayName") or not (body.get("ingestedUserListInfo") or {}).get("uploadKeyTypes"):
        raise VendorError(400, "displayName and ingestedUserListInfo.uploadKeyTypes are required.")
    if any(one.shown["displayName"] == body["displayName"] for one in google.lists.values()):
        raise VendorError(409, "A list of this display name exists.")
    lasts = int(str(body.get("membershipDuration", f"{_MOST_DAYS * _DAY}s")).rstrip("s"))
    if lasts % _DAY or not 0 < lasts <= _MOST_DAYS * _DAY:
        raise VendorError(400, "membershipDuration is in whole days, 540 at most.")
    google.next_id += 1
    made = UserList(id=str(google.next_id), account=account, shown=body)
    google.lists[made.id] = made
    return made


def _told(store: Store, body: dict[str, Any], *, joining: bool) -> dict[str, Any]:
    """All of a batch is checked before any of it is taken."""
    google, members = _of(store), body["audienceMembers"]
    if body.get("encoding") != "HEX" or not 0 < len(members) <= _MOST:
        raise VendorError(400, f"encoding HEX and 1 to {_MOST} audienceMembers are required.")
    keys = [one["emailAddress"] for member in members for one in member["userData"]["userIdentifiers"]]
    if not all(_HASH.fullmatch(key) for key in keys):
        raise VendorError(400, "audienceMembers: emailAddress is not a SHA-256 hash in hex.")
    for destination in body["destinations"]:
        account = destination["operatingAccount"]["accountId"]
        one = google.lists.get(str(destination["productDestinationId"]))
        if one is None or one.account != account:
            raise VendorError(404, "Requested entity was not found.")
        one.members = one.members | set(keys) if joining else one.members - set(keys)
    request = uuid.uuid4().hex
    google.requests[request] = {"destination": body["destinations"][0], "requestStatus": "SUCCESS"}
    store.changed()
    return {"requestId": request}


def _shown(one: UserList) -> dict[str, Any]:
    """Everybody is found at once, on every network, where Google takes up to 48 hours. Numbers are text (proto3)."""
    size = str(len(one.members))
    return {
        "name": f"accountTypes/GOOGLE_ADS/accounts/{one.account}/userLists/{one.id}",
        "id": one.id,
        "membershipStatus": "OPEN",
        "accessReason": "OWNED",
        "sizeInfo": {"displayNetworkMembersCount": size, "searchNetworkMembersCount": size},
        **one.shown,
    }


def _sections(store: Store) -> list[Section]:
    lists = _of(store).lists.values()
    rows = [(one.shown["displayName"], one.id, len(one.members)) for one in lists]
    return [Section("Customer Match lists", ("List", "Id", "Members"), rows, len(rows))] if rows else []


#: 300 requests in a minute. Who asks for a token has none yet.
STAND_IN = StandIn(
    vendor="google",
    router=router,
    error=error,
    admitted=lambda request, token: request.url.path.endswith("/token") or bearer(request, token),
    rate=lambda: Rate(300, 60),
    shown=_sections,
)
