"""The preference centre: a page behind the token of the mail's unsubscribe link. Looking changes nothing."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse

from adapters.email.links import UnsubscribeToken
from api.context import ApiContext, Context
from api.pages import spoken
from api.problems import DATABASE_AWAY
from api.routers.unsubscribe import owner_of
from api.services import opt_out
from api.services.preferences import Filled, NotAChoice, channels, in_words, paces, read, topics
from api.specification import pages
from api.texts import Accepted, texts_for
from storage import preferences
from storage.preferences import Preferences

router = APIRouter(prefix="/u", tags=["unsubscribe"], responses=pages(404, 410, 422, 503))


@router.get("/{token}/preferences", response_class=HTMLResponse, summary="Show a lead its choices")
async def show(token: str, context: Context, accepted: Accepted) -> HTMLResponse:
    """How often, what about, on which channels, or not at all; one form, no script. Changes nothing."""
    owner = owner_of(context, token)
    if owner is None:
        return _plain("damaged", 404, accepted)
    try:
        return _form(context, await preferences.read(context.database, owner.lead, context.now()), accepted)
    except DATABASE_AWAY:
        return _plain("later", 503, accepted)


@router.post("/{token}/preferences", response_class=HTMLResponse, summary="Take a lead's choices")
async def choose(token: str, context: Context, accepted: Accepted, form: Annotated[Filled, Form()]) -> HTMLResponse:
    """Holds from the moment of the answer: what would go against it is refused in the ledger, and the journey decides
    anew. Twice is once.
    """
    owner = owner_of(context, token)
    if owner is None:
        return _plain("damaged", 404, accepted)
    try:
        held = await preferences.read(context.database, owner.lead, context.now())
        if form.stop:
            await opt_out.by_link(context.database, owner, context.now())
            say = texts_for(held.language if held else "", accepted)
            return spoken("unsubscribe.html", say, state="done", token="")
        if held is None or held.forbidden:
            return _form(context, held, accepted)
        return await _save(context, owner, held, accepted, form)
    except DATABASE_AWAY:
        return _plain("later", 503, accepted)


async def _save(
    context: ApiContext,
    owner: UnsubscribeToken,
    held: Preferences,
    accepted: str,
    form: Filled,
) -> HTMLResponse:
    say = texts_for(held.language, accepted)
    try:
        wanted = read(held, form, say)
    except NotAChoice as wrong:
        return _form(context, held, accepted, 422, str(wrong))
    await preferences.save(context.database, owner.lead, wanted, context.now())
    after = await preferences.read(context.database, owner.lead, context.now())
    if after is None or after.forbidden:
        return _form(context, after, accepted)
    return spoken("preferences.html", say, state="saved", held=after, words=in_words(after, say))


def _form(
    context: ApiContext, held: Preferences | None, accepted: str, status: int = 200, error: str = ""
) -> HTMLResponse:
    if held is None:
        return _plain("closed", 410, accepted)
    say = texts_for(held.language, accepted)
    if held.forbidden:
        return spoken("preferences.html", say, state="off", held=held)
    choices = {"paces": paces(held, context.now(), say), "channels": channels(held, say), "topics": topics(held)}
    return spoken("preferences.html", say, status, state="ask", held=held, error=error, **choices)


def _plain(state: str, status: int, accepted: str) -> HTMLResponse:
    return spoken("preferences.html", texts_for("", accepted), status, state=state, held=None)
