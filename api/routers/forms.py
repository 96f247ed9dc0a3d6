"""Where plain HTML forms are sent. People see the answer, so it is a page, or the page that the form asks for."""

from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from api.auth import allowed
from api.context import ApiContext, Context
from api.pages import page
from api.problems import DATABASE_AWAY, DATABASE_RETRY_SECONDS, Problem
from api.schemas.text import storable
from api.services import forms
from api.services.events import Arrival
from api.services.forms import NotAForm, Submission
from api.specification import Answers, pages

router = APIRouter(prefix="/f", tags=["tracking"])
_MEDIA = ("application/x-www-form-urlencoded", "multipart/form-data")
_MOST_FIELDS = 100
_LONGEST_NAME = 64
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "object", "properties": {"writeKey": {"type": "string"}}}} for media in _MEDIA
        },
    }
}
_ELSEWHERE: Answers = {303: {"description": "On to the form's `redirect`."}}
_ANSWERS = _ELSEWHERE | pages(400, 401, 403, 413, 415, 422, 429, 503)
_log = structlog.get_logger("tendril.api")


@router.post(
    "/{form}",
    summary="A plain HTML form that was sent",
    response_class=HTMLResponse,
    responses=_ANSWERS,
    openapi_extra=_BODY,
)
async def submit(form: str, request: Request, context: Context) -> Response:
    """Needs the hidden field `writeKey`, a key with the scope `track`. At most 64 KB and 100 fields, no files.

    Creates or updates the lead of the field `email` and records “Form Submitted”. Enrols where `TENDRIL_ENROL_ON` says
    so. Sent twice within a minute it counts once. Answers 303 to the field `redirect` where that is allowed, or a page.
    """
    try:
        sent = Submission(form, await _fields(form, request))
        return await _take(context, sent)
    except NotAForm as problem:
        return page("form.html", 422, state="refused", detail=str(problem))
    except HTTPException as problem:
        answer = page("form.html", problem.status_code, state="refused", detail=str(problem.detail))
        answer.headers.update(problem.headers or {})
        return answer
    except DATABASE_AWAY:
        _log.warning("database_unavailable", route="/f/{form}")
        answer = page("form.html", 503, state="away", detail="")
        answer.headers["Retry-After"] = str(DATABASE_RETRY_SECONDS)
        return answer


async def _take(context: ApiContext, sent: Submission) -> Response:
    key = await allowed(context, sent.text("writeKey"), "track")
    settings, arrival = context.settings, Arrival.at(context.clock, datetime.now(UTC))
    async with context.rates.turn(key, 1):
        enrol = settings.enrols("form", sent.form)
        await forms.take(context.database, sent, settings.form_honeypot, arrival, enrol=enrol, claims=key.claims)
    target = forms.allowed_redirect(sent.text("redirect"), context.settings.form_hosts)
    if target:
        return RedirectResponse(target, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    if sent.text("redirect"):
        _log.warning("redirect_not_allowed", form=sent.form, setting="TENDRIL_FORM_REDIRECT_HOSTS")
    return page("form.html", state="done", detail="")


async def _fields(form: str, request: Request) -> dict[str, str | list[str]]:
    """Name → text, or texts where it came several times. Raises ``NotAForm``, or a 400 or 415."""
    if len(form) > _LONGEST_NAME or not form.replace("-", "").replace("_", "").isalnum() or not form.isascii():
        raise NotAForm("A form's name is letters, digits, - and _, at most 64.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _MEDIA:
        raise Problem(415, "not-a-form", "The body is not that of an HTML form.", f"Send {' or '.join(_MEDIA)}.")
    return _texts(await request.form(max_files=0, max_fields=_MOST_FIELDS))


def _texts(data: FormData) -> dict[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {}
    for name in data:
        values = [value for value in data.getlist(name) if isinstance(value, str)]
        try:
            storable([name, *values])
        except ValueError:
            raise NotAForm("Some of what was filled in is not text.") from None
        fields[name] = values[0] if len(values) == 1 else values
    return fields
