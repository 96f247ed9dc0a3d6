"""How each vendor words its errors: the same shapes, codes and headers as the real ones."""

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


def hubspot(failure: VendorError) -> JSONResponse:
    """HubSpot's: a category, and an id to quote to its support."""
    body: dict[str, Any] = {
        "status": "error",
        "message": failure.message,
        "correlationId": str(uuid.uuid4()),
        "category": failure.code or _HUBSPOT.get(failure.status, "ERROR"),
    }
    body |= {"errors": failure.details} if failure.details else {}
    return JSONResponse(body, failure.status, {"x-hubspot-correlation-id": body["correlationId"]})


def linkedin(failure: VendorError) -> JSONResponse:
    """LinkedIn's."""
    code = failure.code or _LINKEDIN.get(failure.status, "ERROR")
    body = {"status": failure.status, "code": code, "message": failure.message}
    return JSONResponse(body, failure.status, {"x-li-uuid": str(uuid.uuid4())})
