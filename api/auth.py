"""Who may do what. Keys have scopes: ``read`` sees, ``write`` adds leads and behaviour, ``operate`` commands journeys,
``track`` is for pages that everybody can read: behaviour, and claims of who somebody is; ``decode`` reads what is
encrypted in Temporal.

A key travels as ``Authorization: Bearer <key>``. Routes that Segment's libraries call take it as Basic user name as
well, and as ``writeKey`` of the body, because that is how those libraries send it. Scopes do not imply each other, but
for ``write``, which may all that ``track`` may.
"""

from ipaddress import ip_address
from typing import Annotated, Literal

from fastapi import Depends, Request
from fastapi.security import HTTPBasic, HTTPBasicCredentials, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from api.context import ApiContext, Context
from api.problems import Problem
from storage.keys import KeyInfo

Scope = Literal["read", "write", "operate", "track", "decode"]
_LOCAL_NAMES = {"127.0.0.1", "localhost", "[::1]", "::1"}

_bearer = HTTPBearer(auto_error=False, scheme_name="Key", description="A key made by `tendril keys create`.")
_basic = HTTPBasic(auto_error=False, scheme_name="KeyAsUserName", description="The key as user name, no password.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
Basic = Annotated[HTTPBasicCredentials | None, Depends(_basic)]


class BearerKey:
    """Dependency: a Bearer key with ``scope``. Raises a 401 or 403 ``Problem``."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, context: Context, bearer: Bearer) -> KeyInfo:
        return await allowed(context, bearer.credentials if bearer else "", self.scope)


class TrackingKey:
    """Dependency: a key with ``scope``, as Bearer, Basic user name or ``writeKey``. Raises a 401 or 403 ``Problem``."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request, context: Context, bearer: Bearer, basic: Basic) -> KeyInfo:
        key = bearer.credentials if bearer else basic.username if basic else await _write_key(request)
        return await allowed(context, key, self.scope)


async def _write_key(request: Request) -> str:
    """``writeKey`` of the body, or "". The request keeps the body as FastAPI has read it: nothing is parsed twice."""
    try:
        body = await request.json()
    except ValueError:
        return ""
    key = body.get("writeKey") if isinstance(body, dict) else None
    return key if isinstance(key, str) else ""


async def allowed(context: ApiContext, key: str, scope: Scope) -> KeyInfo:
    """The key's owner, when the key is good and has the scope. Raises a 401 or 403 ``Problem``."""
    if not key:
        raise unauthorised("No key was sent.", scope)
    info = await context.keys.verify(key)
    if info is None:
        raise unauthorised("The key is unknown, expired or revoked.", scope)
    if scope not in info.scopes and not (scope == "track" and "write" in info.scopes):
        raise Problem(
            403,
            "scope-missing",
            f"The key {info.name!r} may {' and '.join(sorted(info.scopes)) or 'do nothing'}; this needs {scope}.",
            f"Use a key with that scope: tendril keys create NAME --scope {scope}",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )
    return info


def from_this_machine(request: Request) -> bool:
    """From this machine and addressed as this machine: another site's name that points here is not enough."""
    client = request.client
    try:
        return bool(client and ip_address(client.host).is_loopback and request.url.hostname in _LOCAL_NAMES)
    except ValueError:
        return False


def unauthorised(detail: str, scope: Scope, challenge: str = "Bearer") -> Problem:
    return Problem(
        401,
        "key-required",
        detail,
        f"Send Authorization: Bearer KEY, with a key made by: tendril keys create NAME --scope {scope}",
        headers={"WWW-Authenticate": f'{challenge} realm="tendril"'},
    )


Reader = Annotated[KeyInfo, Depends(BearerKey("read"))]
Writer = Annotated[KeyInfo, Depends(BearerKey("write"))]
Operator = Annotated[KeyInfo, Depends(BearerKey("operate"))]
Tracker = Annotated[KeyInfo, Depends(TrackingKey("track"))]
