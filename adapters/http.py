"""Talking to a vendor over HTTP: one shared client a vendor, and every answer mapped to a fault of ``domain.errors``.

A client may have a ``Budget``: then requests keep to the vendor's published rate, and to what its 429 says.

==========================  ==============  ====================================================
what happened               fault           ``certainly_not_sent``
==========================  ==============  ====================================================
no connection               TransientFault  true
connection lost, timeout    TransientFault  only when repeating the request is harmless
429                         TransientFault  true, with ``retry_after`` where the vendor gives one
408, 423, 5xx               TransientFault  only when repeating the request is harmless
400, 413, 422 and others    OurFault        true: the vendor refused the request as it stands
401, 403                    OurFault        true
==========================  ==============  ====================================================

Nothing is retried here: Temporal retries, guided by the fault. Messages name the vendor, the path, its code for the
error and its request id; never a body, a query or a header, since those carry addresses and keys.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from adapters import calls
from adapters.budget import Budget
from domain.errors import OurFault, TransientFault, VendorFault

_BUSY = frozenset({408, 423, 425})
_NO_ACCESS = frozenset({401, 403})
_CODE_KEYS = ("category", "errorType", "code", "serviceErrorCode", "error")
_REQUEST_ID_HEADERS = ("x-hubspot-correlation-id", "x-li-uuid", "x-amzn-requestid", "x-request-id")
#: Connections are dropped after 4 idle seconds, before servers do (5 s is common): a request that meets a connection
#: just being closed gets no answer, and then nobody knows whether it was carried out.
_LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=4)
_NEVER_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class VendorClient:
    """One vendor's pooled connection. ``timeout`` is seconds for each phase of a request (connect, write, read).

    ``auth`` is httpx's: for signed requests (``adapters`` that need it say how) and for tokens that are fetched.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
        budget: Budget | None = None,
        auth: httpx.Auth | None = None,
    ) -> None:
        self.vendor = vendor
        self._budget = budget
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers=dict(headers or {}),
            timeout=httpx.Timeout(timeout),
            limits=_LIMITS,
            transport=transport,
            auth=auth,
            # A proxy from the environment would see addresses that only the vendor may see.
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()
        if self._budget is not None:
            self._budget.close()

    async def request(self, method: str, path: str, *, harmless_to_repeat: bool, **options: Any) -> httpx.Response:
        """The vendor's answer when it is below 400. Raises a ``VendorFault`` otherwise.

        ``harmless_to_repeat``: carrying out the same request twice has the effect of once (reads, upserts by key).
        ``options`` are httpx's (``json``, ``content``, ``params``, ``headers``).
        """
        if self._budget is not None:
            await self._budget.turn()
        with calls.call(self.vendor, method):
            return await self._answer(method, path, harmless_to_repeat=harmless_to_repeat, **options)

    async def _answer(self, method: str, path: str, *, harmless_to_repeat: bool, **options: Any) -> httpx.Response:
        try:
            response = await self._client.request(method, path, **options)
        except _NEVER_CONNECTED as error:
            raise self._unreachable(error, path) from None
        except httpx.HTTPError as error:
            raise self._lost(error, path, harmless_to_repeat=harmless_to_repeat) from None
        if response.is_success:
            return response
        fault = self.fault(response, path, harmless_to_repeat=harmless_to_repeat)
        if self._budget is not None and fault.status == httpx.codes.TOO_MANY_REQUESTS and fault.retry_after:
            self._budget.closed(fault.retry_after)
        raise fault

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        """The fault that an answer of 300 or more means."""
        status, code, wait = response.status_code, self.code(response), self.wait(response)
        message = f"{self.vendor} answered {status} to {path}{_particulars(code, response)}"
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return TransientFault(message, vendor=self.vendor, status=status, code=code, retry_after=wait)
        if status in _BUSY or response.is_server_error:
            return TransientFault(
                message,
                vendor=self.vendor,
                status=status,
                code=code,
                retry_after=wait,
                certainly_not_sent=harmless_to_repeat,
            )
        if status in _NO_ACCESS:
            message += ": check the token and its scopes"
        return OurFault(message, vendor=self.vendor, status=status, code=code)

    def answered(self, response: httpx.Response, *names: str) -> Mapping[str, Any]:
        """The JSON object of a success, which has these names. Raises ``OurFault`` when it is none of this vendor's.

        Such as a page of somebody's proxy: then nobody knows what was done.
        """
        found = said(response)
        if all(name in found for name in names):
            return found
        status = response.status_code
        message = f"{self.vendor} answered {status} without “{'”, “'.join(names)}”: is the base URL the vendor's?"
        raise OurFault(message, vendor=self.vendor, status=status, code="answer", certainly_not_sent=False)

    def code(self, response: httpx.Response) -> str:
        """The vendor's own word for an error; a client whose vendor says it in another shape overrides this."""
        return vendor_code(response)

    def wait(self, response: httpx.Response) -> float | None:
        """Seconds that the vendor wants to be left alone; None when it does not say."""
        return retry_after(response)

    def _unreachable(self, error: Exception, path: str) -> TransientFault:
        return TransientFault(
            f"{self.vendor} could not be reached for {path} ({type(error).__name__})",
            vendor=self.vendor,
            code="connect",
        )

    def _lost(self, error: Exception, path: str, *, harmless_to_repeat: bool) -> TransientFault:
        return TransientFault(
            f"{self.vendor} gave no answer to {path} ({type(error).__name__})",
            vendor=self.vendor,
            code="no_answer",
            certainly_not_sent=harmless_to_repeat,
        )


def said(response: httpx.Response) -> Mapping[str, Any]:
    """The JSON object of an answer; an empty one when it is none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def vendor_code(response: httpx.Response) -> str:
    """The vendor's own word for an error, from a JSON body; "" when there is none."""
    body = said(response)
    found = next((body[key] for key in _CODE_KEYS if isinstance(body.get(key), str | int)), "")
    # A code is a word or a number. Anything longer is prose, which could quote an address.
    text = str(found)
    return text if len(text) <= 60 and "@" not in text and " " not in text else ""  # noqa: PLR2004 - a word's length


def retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait, from ``Retry-After`` as seconds or as an HTTP date (RFC 9110, 10.2.3); None when absent."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    # RFC 9110 dates are in GMT; parsedate gives a naive one for "-0000".
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _particulars(code: str, response: httpx.Response) -> str:
    request_id = next((response.headers[name] for name in _REQUEST_ID_HEADERS if name in response.headers), "")
    said = [part for part in (code, f"request {request_id}" if request_id else "") if part]
    return f" ({', '.join(said)})" if said else ""
