"""Logging in to Salesforce: an access token by JWT, refresh token or client credentials, and where the org lives.

Read in Salesforce Help: "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration" (claims iss, sub, aud, exp;
RS256), "OAuth 2.0 Refresh Token Flow" and "OAuth 2.0 Client Credentials Flow" (which wants the org's own My Domain
address). All post to ``/services/oauth2/token`` and are answered with ``access_token`` and ``instance_url``: requests
go there.

A token lives as long as the org's session timeout says, and nobody says when it ends: the first request after it is
answered 401 with ``INVALID_SESSION_ID``. Then a new one is fetched, and the request made once more.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping

import httpx
import jwt

from adapters.http import vendor_code
from domain.errors import OurFault, TransientFault

TOKEN = "/services/oauth2/token"  # noqa: S105 - a path
_EXPIRED = "INVALID_SESSION_ID"
#: Seconds that an assertion holds; Salesforce takes none that ends more than three minutes from now.
_HOLDS = 180
Grant = Callable[[], Mapping[str, str]]


def jwt_bearer(client_id: str, username: str, key: str, audience: str) -> Grant:
    """As this user, signed with the private key (PEM) whose certificate the app has."""

    def grant() -> Mapping[str, str]:
        claims = {"iss": client_id, "sub": username, "aud": audience, "exp": int(time.time()) + _HOLDS}
        try:
            assertion = jwt.encode(claims, key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise OurFault(
                "TENDRIL_SALESFORCE_PRIVATE_KEY is no RSA key as PEM", vendor="salesforce", code="private_key"
            ) from None
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}

    return grant


def refresh_token(client_id: str, client_secret: str, token: str) -> Grant:
    own = {"client_id": client_id} | ({"client_secret": client_secret} if client_secret else {})
    return lambda: {"grant_type": "refresh_token", "refresh_token": token} | own


def client_credentials(client_id: str, client_secret: str) -> Grant:
    """As the app's run-as user."""
    return lambda: {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}


class SalesforceAuth(httpx.Auth):
    """Sends requests meant for ``login_url`` to the org's instance, with a token. One a process."""

    def __init__(self, login_url: str, grant: Grant) -> None:
        self._login = httpx.URL(login_url)
        self._grant = grant
        self._instance: httpx.URL | None = None
        self._token = ""
        self._lock = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        meant = request.url
        used = self._token
        if not used:
            async with self._lock:
                if not self._token:
                    await self._learn((yield self._asking()))
            used = self._token
        response = yield self._sent(request, meant)
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        await response.aread()
        if vendor_code_of(response) != _EXPIRED:
            return
        async with self._lock:
            if self._token == used:  # nobody else has fetched one meanwhile
                await self._learn((yield self._asking()))
        yield self._sent(request, meant)

    def _asking(self) -> httpx.Request:
        return httpx.Request("POST", str(self._login).rstrip("/") + TOKEN, data=dict(self._grant()))

    def _sent(self, request: httpx.Request, meant: httpx.URL) -> httpx.Request:
        instance = self._instance or self._login
        own = meant.raw_path[len(self._login.raw_path.rstrip(b"/")) :]
        request.url = instance.copy_with(raw_path=instance.raw_path.rstrip(b"/") + own)
        request.headers["host"] = request.url.netloc.decode("ascii")
        request.headers["authorization"] = f"Bearer {self._token}"
        return request

    async def _learn(self, response: httpx.Response) -> None:
        """Raises a ``VendorFault``, which tells Salesforce's word for the error and nothing that was sent."""
        await response.aread()
        if not response.is_success:
            status, code = response.status_code, vendor_code(response)
            message = f"salesforce answered {status} to {TOKEN} ({code}): check the TENDRIL_SALESFORCE_ credentials"
            if response.is_server_error or status == httpx.codes.TOO_MANY_REQUESTS:
                raise TransientFault(message, vendor="salesforce", status=status, code=code)
            raise OurFault(message, vendor="salesforce", status=status, code=code)
        try:
            body = response.json()
            token, instance = str(body["access_token"]), httpx.URL(str(body.get("instance_url") or self._login))
        except (ValueError, KeyError, TypeError, httpx.InvalidURL):
            message = "salesforce's login answered without a token: check TENDRIL_SALESFORCE_BASE_URL"
            raise OurFault(message, vendor="salesforce", code="login") from None
        if instance.scheme != self._login.scheme:
            message = "salesforce's login named an instance without TLS"
            raise OurFault(message, vendor="salesforce", code="instance")
        self._token, self._instance = token, instance


def vendor_code_of(response: httpx.Response) -> str:
    """Salesforce's word for an error of its REST API: a list of objects with ``errorCode``."""
    try:
        body = response.json()
    except ValueError:
        return ""
    first = body[0] if isinstance(body, list) and body else body
    found = first.get("errorCode", "") if isinstance(first, dict) else ""
    return found if isinstance(found, str) and found.isidentifier() and len(found) <= 60 else ""  # noqa: PLR2004 - a word
