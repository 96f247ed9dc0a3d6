"""Errors as problem documents (RFC 9457): what happened, where, and what to do about it.

Every error the API gives has the media type ``application/problem+json`` and the members ``type``, ``title``,
``status``, ``detail``, ``instance`` and ``remedy``; a 422 adds ``errors``, one entry per bad field. ``docs/api.md``
lists the types. No answer carries a stack trace or an address of a person.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api import segment
from api.declared import AS_DECLARED
from api.metrics import route_of
from domain.errors import NotFound, Refused
from runtime.encryption import CannotDecrypt

MEDIA_TYPE = "application/problem+json"
DATABASE_RETRY_SECONDS = 2
#: What asyncpg and the operating system raise when the server is away, starting, stopping or at its limits.
DATABASE_AWAY: tuple[type[Exception], ...] = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,
)
#: What PostgreSQL and its driver raise for text that can't be compared or stored, such as U+0000 in a path.
UNSTORABLE: tuple[type[Exception], ...] = (
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
    UnicodeError,
)

_REMEDIES = {
    401: "Send Authorization: Bearer KEY, with a key made by: tendril keys create NAME",
    404: "Check the path against docs/api.md or /docs.",
    405: "Use one of the methods named in the Allow header.",
    413: "Send a smaller body.",
}
_log = structlog.get_logger("tendril.api")


class Problem(HTTPException):
    """An error in words for the caller. ``kind`` names the type; ``remedy`` says what to do."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        remedy: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(status, detail, headers)
        self.kind = kind
        self.remedy = remedy
        self.members = members


def unknown_lead(lead_id: str) -> Problem:
    return Problem(
        404,
        "unknown-lead",
        f"There is no lead {lead_id!r}.",
        "Use the id that POST /v1/leads returned, or find the lead with GET /v1/leads?external_id=… or ?email=….",
    )


def temporal_away(detail: str = "Temporal can't be reached.") -> Problem:
    return Problem(
        503,
        "temporal-unavailable",
        detail,
        "Nothing was changed. Send the same request again, with the same Idempotency-Key, after Retry-After seconds; "
        "GET /readyz shows when Temporal is back.",
        headers={"Retry-After": "5"},
    )


def render(request: Request, problem: Problem) -> JSONResponse:
    """The document of a problem, as an answer."""
    status = problem.status_code
    body = {
        "type": f"urn:tendril:problem:{problem.kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": problem.detail,
        "instance": request.url.path,
        "remedy": problem.remedy,
        **problem.members,
    }
    if request.url.path in segment.ROUTES:  # its libraries read these two, and some retry for ever without them
        body |= {"code": problem.kind, "message": problem.detail}
    # Here as well as by the middleware: a fault that nothing foresaw is answered outside of it.
    headers = {**(problem.headers or {}), **AS_DECLARED}
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document."""
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(NotFound, _on_not_found)
    app.add_exception_handler(Refused, _on_refused)
    app.add_exception_handler(CannotDecrypt, _on_locked)
    for fault in DATABASE_AWAY:
        app.add_exception_handler(fault, _on_database_away)
    for fault in UNSTORABLE:
        app.add_exception_handler(fault, _on_unstorable)
    app.add_exception_handler(asyncpg.UndefinedTableError, _on_no_tables)
    app.add_exception_handler(asyncpg.UndefinedColumnError, _on_no_tables)
    app.add_exception_handler(Exception, _on_unexpected)


async def answer(request: Request, fault: Exception) -> Response:
    """The answer to a fault, for whoever serves a request outside of FastAPI's own layers."""
    handlers = request.app.exception_handlers
    handler = next(handlers[kind] for kind in type(fault).__mro__ if kind in handlers)
    rendered: Response = await handler(request, fault)
    return rendered


async def _on_http(request: Request, fault: Exception) -> JSONResponse:
    if isinstance(fault, Problem):
        return render(request, fault)
    assert isinstance(fault, HTTPException)  # noqa: S101 - registered for this class alone
    status = fault.status_code
    if status == HTTPStatus.BAD_REQUEST and _media(request).endswith("json"):
        return render(request, _malformed("it is not UTF-8, or nested too deeply"))
    kind = HTTPStatus(status).phrase.lower().replace(" ", "-")
    detail = fault.detail if status < HTTPStatus.INTERNAL_SERVER_ERROR else "The request could not be served."
    remedy = _REMEDIES.get(status, "Correct the request and send it again.")
    return render(request, Problem(status, kind, detail, remedy, headers=fault.headers))


async def _on_not_found(request: Request, fault: Exception) -> JSONResponse:
    return render(request, Problem(404, "not-found", str(fault), getattr(fault, "remedy", "") or _REMEDIES[404]))


async def _on_refused(request: Request, fault: Exception) -> JSONResponse:
    remedy = getattr(fault, "remedy", "") or "Look at the lead's journey, then decide what to ask instead."
    return render(request, Problem(409, "refused", str(fault), remedy))


async def _on_locked(request: Request, fault: Exception) -> JSONResponse:
    return render(request, Problem(503, "payload-key-missing", str(fault), getattr(fault, "remedy", "")))


async def _on_database_away(request: Request, fault: Exception) -> JSONResponse:
    _log.warning("database_unavailable", route=route_of(request.scope), fault=type(fault).__name__)
    return render(
        request,
        Problem(
            503,
            "database-unavailable",
            "The database can't be reached, so nothing was stored.",
            "Send the same request again after Retry-After seconds; GET /readyz shows when the database is back.",
            headers={"Retry-After": str(DATABASE_RETRY_SECONDS)},
        ),
    )


async def _on_unstorable(request: Request, _fault: Exception) -> JSONResponse:
    detail = "The address holds text that nothing can be called, such as U+0000 or half a surrogate pair."
    return render(request, Problem(422, "invalid-request", detail, "Correct the path and parameters.", errors=[]))


async def _on_no_tables(request: Request, _fault: Exception) -> JSONResponse:
    detail, remedy = "The database's tables are not this version's.", "Run tendril migrate, then send it again."
    return render(request, Problem(503, "database-not-migrated", detail, remedy, headers={"Retry-After": "30"}))


async def _on_unexpected(request: Request, fault: Exception) -> JSONResponse:
    _log.error("request_failed", route=route_of(request.scope), method=request.method, exc_info=fault)
    remedy = "Send it again; if it fails again, look for request_failed in the API's log."
    return render(request, Problem(500, "internal-error", "The request failed inside Tendril.", remedy))


async def _on_invalid(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, RequestValidationError)  # noqa: S101 - registered for this class alone
    errors = fault.errors()
    first = errors[0]
    if first["type"] == "json_invalid":
        return render(request, _malformed(f"{first['ctx']['error']} at character {first['loc'][-1]}"))
    if _is_other_media(request, errors):
        return render(
            request,
            Problem(415, "not-json", "The body is not declared as JSON.", "Send Content-Type: application/json."),
        )
    return render(request, invalid(errors))


def _malformed(why: str) -> Problem:
    return Problem(
        400,
        "malformed-json",
        f"The body is not JSON: {why}.",
        "Send one JSON object, encoded as UTF-8.",
    )


def _is_other_media(request: Request, errors: Sequence[Mapping[str, Any]]) -> bool:
    return (
        tuple(errors[0]["loc"]) == ("body",) and not _media(request).endswith("json") and errors[0]["type"] != "missing"
    )


def _media(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def invalid(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """A 422 naming every bad field: a JSON pointer for the body, the parameter's name for the rest."""
    fields = [_field(error) for error in errors]
    names = ", ".join(field.get("pointer") or field.get("parameter") or "body" for field in fields)
    return Problem(
        422,
        "invalid-request",
        f"{len(fields)} field{'s are' if len(fields) > 1 else ' is'} not as required: {names}.",
        "Correct the fields named in errors and send the request again.",
        errors=fields,
    )


def _field(error: Mapping[str, Any]) -> dict[str, str]:
    where, *path = error["loc"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if where == "body":
        return {"in": "body", "pointer": "".join(f"/{_escaped(part)}" for part in path), "message": message}
    return {"in": str(where), "parameter": ".".join(str(part) for part in path), "message": message}


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
