"""What stands before every stand-in: faults on demand, bearer tokens, rate limits."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.answers import VendorError
from sandbox.faults import Fault, Faults
from sandbox.limits import Rate
from sandbox.stand_in import StandIn, StandIns, plain

_FOR_EVER = 3600.0


class Gated(FastAPI):
    """An app whose requests may be made to fail before or after they are carried out.

    This happens outside of every middleware, where the connection itself is in reach.
    """

    faults: Faults
    token: str
    rates: Mapping[str, Rate]
    stand_ins: StandIns
    #: Vendors whose routes are made. The routes of all of them would take an app a tenth of a second.
    asked: set[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stand_in = self.stand_ins.get(_first_of(scope["path"])) if scope["type"] == "http" else None
        if stand_in is None:
            await super().__call__(scope, receive, send)
            return
        self._make_routes(stand_in)
        fault = self.faults.take(stand_in.vendor, scope["path"])
        if fault and fault.after:
            await super().__call__(scope, receive, _discard)
        if fault and not await _go_wrong(stand_in, fault, scope, receive, send):
            return
        refusal = self._refusal(stand_in, Request(scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def _make_routes(self, stand_in: StandIn) -> None:
        """A vendor has them from its first request on."""
        if stand_in.vendor not in self.asked:
            self.asked.add(stand_in.vendor)
            self.include_router(stand_in.router(self.state.store), prefix=f"/{stand_in.vendor}")

    def _refusal(self, stand_in: StandIn, request: Request) -> Response | None:
        if stand_in.admitted and not stand_in.admitted(request, self.token):
            return stand_in.error(VendorError(401, stand_in.unauthorized))
        rate = self.rates.get(stand_in.vendor)
        if rate and (wait := rate.admit()):
            return _later(stand_in, VendorError(429, "You have reached your rate limit."), wait)
        return None


def answer_in_the_vendors_words(app: FastAPI) -> None:
    """Turn ``VendorError`` and bodies of the wrong shape into the vendor's own errors."""

    @app.exception_handler(VendorError)
    async def refused(request: Request, failure: VendorError) -> Response:
        return _worded(request, failure)

    @app.exception_handler(RequestValidationError)
    async def misshapen(request: Request, failure: RequestValidationError) -> Response:
        where = ", ".join(".".join(map(str, problem["loc"])) for problem in failure.errors())
        return _worded(request, VendorError(400, f"Invalid input: {where}"))

    @app.exception_handler(KeyError)
    async def incomplete(request: Request, failure: KeyError) -> Response:
        return _worded(request, VendorError(400, f"Invalid input: {failure} is required"))


async def _go_wrong(stand_in: StandIn, fault: Fault, scope: Scope, receive: Receive, send: Send) -> bool:
    """Carry the fault out. Whether the request may go on after it."""
    if fault.kind == "latency":
        await asyncio.sleep(fault.seconds)
        return not fault.after
    if fault.kind == "timeout":
        await _until_given_up(receive)
    elif fault.kind == "reset":
        _abort(send)
    else:
        status = int(fault.kind)
        wait = fault.seconds if status == 429 else 0.0  # noqa: PLR2004 - HTTP's number
        await _later(stand_in, VendorError(status, "Made to fail."), wait)(scope, receive, send)
    return False


def _abort(send: Send) -> None:
    """Close the connection under the request. uvicorn's ``send`` is a method of the object that holds it."""
    transport: Any = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


async def _until_given_up(receive: Receive) -> None:
    """Wait until the client has had enough."""
    try:
        async with asyncio.timeout(_FOR_EVER):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _discard(_message: Any) -> None:
    return


def _later(stand_in: StandIn, failure: VendorError, wait: float) -> Response:
    answer = stand_in.error(failure)
    if wait:
        answer.headers["retry-after"] = str(math.ceil(wait))
    return answer


def _worded(request: Request, failure: VendorError) -> Response:
    stand_ins: StandIns = request.app.stand_ins
    stand_in = stand_ins.get(_first_of(request.url.path))
    return (stand_in.error if stand_in else plain)(failure)


def _first_of(path: str) -> str:
    return path.split("/")[1:2][0]
