"""How each vendor words its errors: the same shapes, codes and headers as the real ones."""

import math
import uuid
from typing import Any

from fastapi.responses import JSONResponse

_HUBSPOT = {
    400: "VALIDATION_ERROR",
    401: "INVALID_AUTHENTICATION",
    404: "OBJECT_NOT_FOUND",
    409: "CONFLICT",
    429: "RATE_LIMITS",
    500: "INTERNAL_ERROR",
}
_LINKEDIN = {
    400: "ILLEGAL_ARGUMENT",
    401: "INVALID_ACCESS_TOKEN",
    404: "NOT_FOUND",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
}


class VendorError(Exception):
    """An answer of 400 or more, in the vendor's words."""

    def __init__(
        self, status: int, message: str, *, code: str = "", details: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.details = details


def error(vendor: str, failure: VendorError, *, retry_after: float = 0.0) -> JSONResponse:
    """The answer for a failure, as this vendor gives it."""
    bodies = {"hubspot": _hubspot, "linkedin": _linkedin}
    content = bodies.get(vendor, _plain)(failure)
    headers = {"retry-after": str(math.ceil(retry_after))} if retry_after else {}
    if vendor == "hubspot":
        headers["x-hubspot-correlation-id"] = content["correlationId"]
    if vendor == "linkedin":
        headers["x-li-uuid"] = str(uuid.uuid4())
    return JSONResponse(content, failure.status, headers)


def _hubspot(failure: VendorError) -> dict[str, Any]:
    body: dict[str, Any] = {
        "status": "error",
        "message": failure.message,
        "correlationId": str(uuid.uuid4()),
        "category": failure.code or _HUBSPOT.get(failure.status, "ERROR"),
    }
    return body | ({"errors": failure.details} if failure.details else {})


def _linkedin(failure: VendorError) -> dict[str, Any]:
    code = failure.code or _LINKEDIN.get(failure.status, "ERROR")
    return {"status": failure.status, "code": code, "message": failure.message}


def _plain(failure: VendorError) -> dict[str, Any]:
    return {"code": failure.code or "error", "message": failure.message}
