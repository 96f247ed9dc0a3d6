"""What one vendor's stand-in is made of. Another one is a module with ``STAND_IN``, and its line in ``vendors.py``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from sandbox.answers import VendorError
from sandbox.limits import Rate
from sandbox.state import Store


def bearer(request: Request, token: str) -> bool:
    """Whether the request carries the token the way most vendors want it."""
    return request.headers.get("authorization") == f"Bearer {token}"


def plain(failure: VendorError) -> Response:
    """An error body for those who have no shape of their own."""
    return JSONResponse({"code": failure.code or "error", "message": failure.message}, failure.status)


@dataclass(frozen=True, slots=True)
class StandIn:
    """One vendor, as the sandbox plays it, below ``/{vendor}``.

    ``router`` makes its paths over the store (keep what it knows with ``store.of``); ``error`` words a failure as the
    vendor does; ``admitted`` says whether a request may come in, None where the vendor checks it itself (signed
    requests); ``rate`` makes its published limit anew; ``shown`` gives the sections of its part of ``/vendors``.
    """

    vendor: str
    router: Callable[[Store], APIRouter]
    error: Callable[[VendorError], Response] = plain
    admitted: Callable[[Request, str], bool] | None = bearer
    rate: Callable[[], Rate] | None = None
    unauthorized: str = "Authentication credentials not found or not valid."
    shown: Callable[[Store], "list[Section]"] = field(default=lambda _store: [])


@dataclass(frozen=True, slots=True)
class Section:
    """A table on ``/vendors``: ``rows`` have a cell for each of ``columns``; ``count`` is how many there are in all."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    count: int


StandIns = Mapping[str, StandIn]
