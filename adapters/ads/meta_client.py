"""Talking to Meta's Graph API: its errors by their numbers, and its limits by what each answer says of them.

Numbers of errors: developers.facebook.com/docs/graph-api/guides/error-handling and /docs/graph-api/overview/
rate-limiting. Meta answers 400 or 403 where others answer 429; only the number tells them apart.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import httpx

from adapters.budget import Budget
from adapters.http import VendorClient
from domain.errors import OurFault, TransientFault, VendorFault

#: The app's, the user's, the page's, a custom one, and that of custom audiences (others of 80000 to 80014).
_LIMITS = frozenset({4, 17, 32, 613, *range(80_000, 80_015)})
_PASSING = frozenset({1, 2})
#: The token has run out, or is not the app's; permissions lack.
_NO_ACCESS = frozenset({3, 10, 102, 104, 190, *range(200, 300)})
#: Percent of a limit at which nobody asks any more, and for how many seconds where Meta does not say.
_NEARLY, _PAUSE = 95, 60.0
_METERS = ("call_count", "total_cputime", "total_time")


def proof(app_secret: str, token: str) -> str:
    """``appsecret_proof``: that whoever has the token has the app's secret, too
    (developers.facebook.com/docs/graph-api/guides/secure-requests).
    """
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


class MetaClient(VendorClient):
    """``budget`` is closed before a limit is hit: as soon as Meta says that it nearly is."""

    def __init__(self, vendor: str, base_url: str, *, budget: Budget, **options: Any) -> None:
        super().__init__(vendor, base_url, budget=budget, **options)
        self._limits = budget

    async def request(self, method: str, path: str, *, harmless_to_repeat: bool, **options: Any) -> httpx.Response:
        response = await super().request(method, path, harmless_to_repeat=harmless_to_repeat, **options)
        if pause := _nearly_used_up(response):
            self._limits.closed(pause)
        return response

    def code(self, response: httpx.Response) -> str:
        number, subcode = _numbers(response)
        return f"{number}/{subcode}" if subcode else str(number or "")

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        number, _ = _numbers(response)
        place: dict[str, Any] = {"vendor": self.vendor, "status": response.status_code, "code": self.code(response)}
        message = f"{self.vendor} answered {response.status_code} ({place['code']}) to {path}{_trace(response)}"
        if number in _LIMITS or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            wait = self.wait(response) or _nearly_used_up(response) or _PAUSE
            self._limits.closed(wait)
            return TransientFault(message, retry_after=wait, **place)
        if number in _PASSING or _error(response).get("is_transient") is True:
            return TransientFault(message, certainly_not_sent=harmless_to_repeat, **place)
        if number in _NO_ACCESS:
            message += ": check the token and its permissions (ads_management, and the audience terms of the account)"
            return OurFault(message, vendor=self.vendor, status=httpx.codes.FORBIDDEN, code=place["code"])
        return super().fault(response, path, harmless_to_repeat=harmless_to_repeat)


def _error(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _numbers(response: httpx.Response) -> tuple[int, int]:
    """``code`` and ``error_subcode``; 0 where there is none."""
    error = _error(response)
    code, subcode = error.get("code"), error.get("error_subcode")
    return (code if isinstance(code, int) else 0), (subcode if isinstance(subcode, int) else 0)


def _trace(response: httpx.Response) -> str:
    """What Meta's support asks for."""
    trace = str(_error(response).get("fbtrace_id", ""))
    return f", request {trace}" if trace and trace.replace("-", "").replace("_", "").isalnum() else ""


def _nearly_used_up(response: httpx.Response) -> float:
    """Seconds to pause, from ``X-Business-Use-Case-Usage`` and ``X-App-Usage``; 0 while there is plenty."""
    return max((_pause(usage) for usage in _usages(response)), default=0.0)


def _usages(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for header in ("x-business-use-case-usage", "x-app-usage"):
        try:
            told = json.loads(response.headers.get(header, "null"))
        except ValueError:
            continue
        if header == "x-app-usage":
            told = {"app": [told]}
        for usages in (told or {}).values():
            yield from (usage for usage in usages if isinstance(usage, dict))


def _pause(usage: dict[str, Any]) -> float:
    """``estimated_time_to_regain_access`` is in minutes."""
    if max(float(usage.get(meter) or 0) for meter in _METERS) < _NEARLY:
        return 0.0
    return float(usage.get("estimated_time_to_regain_access") or 0) * 60 or _PAUSE
