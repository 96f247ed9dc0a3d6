"""Access tokens for Google's APIs: fetched when first needed, kept, and fetched anew before they run out.

Two ways, both OAuth 2.0: a service account's key signs an assertion (RFC 7523,
developers.google.com/identity/protocols/oauth2/service-account), or a refresh token that somebody granted is exchanged
(developers.google.com/identity/protocols/oauth2/web-server#offline). Google's own library does both with blocking
requests of its own; here they leave through the adapter's connection, with its timeouts.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Protocol

import httpx
import jwt

from domain.errors import OurFault, TransientFault, VendorFault

SCOPE = "https://www.googleapis.com/auth/datamanager"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: Seconds: how long an assertion is valid (Google takes an hour at most), and how long before its end a token is old.
_ASSERTED, _EARLY = 3600, 300
#: Of a token that does not say how long it lasts.
_LASTS = 3600


class Grant(Protocol):
    """What a token is asked for with: the form that goes to the token endpoint."""

    def form(self, token_url: str) -> Mapping[str, str]: ...


class ServiceAccount:
    """``key`` is the JSON key file of a service account, as Google gives it out."""

    def __init__(self, key: Mapping[str, Any]) -> None:
        self._key = key

    def form(self, token_url: str) -> Mapping[str, str]:
        now = int(time.time())
        claims = {
            "iss": self._key["client_email"],
            "scope": SCOPE,
            "aud": token_url,
            "iat": now,
            "exp": now + _ASSERTED,
        }
        headers = {"kid": self._key.get("private_key_id", "")}
        assertion = jwt.encode(claims, self._key["private_key"], algorithm="RS256", headers=headers)
        return {"grant_type": _JWT_BEARER, "assertion": assertion}


class RefreshToken:
    """What an OAuth client was granted for good, until it is revoked."""

    def __init__(self, client_id: str, client_secret: str, token: str) -> None:
        self._form = {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": token,
        }

    def form(self, token_url: str) -> Mapping[str, str]:  # noqa: ARG002 the protocol has it
        return self._form


class GoogleAuth(httpx.Auth):
    """Puts a token on every request. One that Google no longer takes is replaced once.

    Raises a ``VendorFault`` when there is no token to be had.
    """

    def __init__(self, grant: Grant, token_url: str) -> None:
        self._grant = grant
        self._token_url = token_url
        self._token, self._until = "", 0.0
        self._turn = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        for last in (False, True):
            # Of many requests that find it old one fetches it.
            async with self._turn:
                if time.monotonic() >= self._until:
                    answer = yield self._question()
                    await answer.aread()
                    self._keep(answer)
            used = self._token
            request.headers["authorization"] = f"Bearer {used}"
            answer = yield request
            if last or answer.status_code != httpx.codes.UNAUTHORIZED:
                return
            if used == self._token:
                self._until = 0.0

    def _question(self) -> httpx.Request:
        return httpx.Request("POST", self._token_url, data=dict(self._grant.form(self._token_url)))

    def _keep(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            raise _refusal(answer)
        said = answer.json()
        self._token = str(said["access_token"])
        lasts = float(said.get("expires_in") or _LASTS)
        self._until = time.monotonic() + max(lasts - _EARLY, lasts / 2)


def _refusal(answer: httpx.Response) -> VendorFault:
    """RFC 6749, 5.2: ``error`` is a word."""
    status = answer.status_code
    try:
        code = str(answer.json().get("error", ""))
    except ValueError:
        code = ""
    code = code if code.replace("_", "").isalpha() else ""
    message = f"google gave no access token: {status} {code}".strip()
    if answer.is_server_error or status == httpx.codes.TOO_MANY_REQUESTS:
        return TransientFault(message, vendor="google", status=status, code=code, retry_after=5.0)
    message += ": check the token: the service account's key, or the OAuth client and its refresh token"
    return OurFault(message, vendor="google", status=httpx.codes.UNAUTHORIZED, code=code)
