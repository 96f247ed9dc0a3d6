"""The page behind every mail's unsubscribe link. Looking changes nothing: scanners look at every link (RFC 8058)."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse

from adapters.email.links import UnsubscribeLinks, UnsubscribeToken
from api.about import note_lead
from api.context import ApiContext, Context
from api.pages import spoken
from api.problems import DATABASE_AWAY, DATABASE_RETRY_SECONDS
from api.services import opt_out
from api.specification import pages
from api.texts import Accepted, Texts, texts_for
from domain.errors import Refused

router = APIRouter(prefix="/u", tags=["unsubscribe"])
_ONE_CLICK = "One-Click"


@router.get("/{token}", response_class=HTMLResponse, summary="Ask before unsubscribing", responses=pages(404))
async def ask(token: str, context: Context, accepted: Accepted) -> HTMLResponse:
    """A page with one button, and a way to the preference centre. Changes nothing."""
    say = texts_for("", accepted)
    if owner_of(context, token) is None:
        return spoken("unsubscribe.html", say, 404, state="damaged", token="")
    return spoken("unsubscribe.html", say, state="ask", token=token)


@router.post(
    "/{token}", response_class=HTMLResponse, summary="Unsubscribe with one click", responses=pages(400, 404, 503)
)
async def unsubscribe(
    token: str,
    context: Context,
    accepted: Accepted,
    one_click: Annotated[str, Form(alias="List-Unsubscribe", description="Must be One-Click.")] = "",
) -> HTMLResponse:
    """Opts the lead out for good (RFC 8058). From the page's button or from a mail program; twice is once."""
    owner, say = owner_of(context, token), texts_for("", accepted)
    if owner is None:
        return spoken("unsubscribe.html", say, 404, state="damaged", token="")
    if one_click != _ONE_CLICK:
        return spoken("unsubscribe.html", say, 400, state="ask", token=token)
    try:
        await opt_out.by_link(context.database, owner, context.now())
    except DATABASE_AWAY:
        return _later(say)
    return spoken("unsubscribe.html", say, state="done", token="")


def _later(say: Texts) -> HTMLResponse:
    """Nothing was stored: mail programs come again after ``Retry-After``, people are told to."""
    answer = spoken("unsubscribe.html", say, 503, state="later", token="")
    answer.headers["Retry-After"] = str(DATABASE_RETRY_SECONDS)
    return answer


def owner_of(context: ApiContext, token: str) -> UnsubscribeToken | None:
    """Whose link it is; None when we did not sign it."""
    links = UnsubscribeLinks(context.settings.public_url, context.settings.link_secrets)
    try:
        owner = links.verify(token)
    except Refused:
        return None
    note_lead(owner.lead)
    return owner
