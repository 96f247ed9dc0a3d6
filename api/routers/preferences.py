"""The preference centre: a page behind the token of the mail's unsubscribe link. Looking changes nothing."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse

from adapters.email.links import UnsubscribeToken
from api.context import ApiContext, Context
from api.pages import page
from api.problems import DATABASE_AWAY
from api.routers.unsubscribe import owner_of
from api.services import opt_out
from api.services.preferences import NotAChoice, channels, in_words, paces, read
from api.specification import pages
from storage import preferences
from storage.preferences import Preferences

router = APIRouter(prefix="/u", tags=["unsubscribe"], responses=pages(404, 410, 422, 503))


@router.get("/{token}/preferences", response_class=HTMLResponse, summary="Show a lead its choices")
async def show(token: str, context: Context) -> HTMLResponse:
    """How often, on which channels, or not at all; one form, no script. Changes nothing."""
    owner = owner_of(context, token)
    if owner is None:
        return _plain("damaged", 404)
    try:
        return _form(context, await preferences.read(context.database, owner.lead, context.now()))
    except DATABASE_AWAY:
        return _plain("later", 503)


@router.post("/{token}/preferences", response_class=HTMLResponse, summary="Take a lead's choices")
async def choose(
    token: str,
    context: Context,
    offered: Annotated[list[str], Form(default_factory=list, description="Channels that were shown.")],
    channel: Annotated[list[str], Form(default_factory=list, description="Those of them that are wanted.")],
    often: Annotated[
        str, Form(description="0, 14 or 30: least days between two touches; pause: 90 days of none.")
    ] = "",
    stop: Annotated[str, Form(description="Not empty: unsubscribe instead.")] = "",
) -> HTMLResponse:
    """Holds from the moment of the answer: what would go against it is refused in the ledger, and the journey decides
    anew. Twice is once.
    """
    owner = owner_of(context, token)
    if owner is None:
        return _plain("damaged", 404)
    try:
        if stop:
            return await _stop(context, owner)
        held = await preferences.read(context.database, owner.lead, context.now())
        if held is None or held.forbidden:
            return _form(context, held)
        try:
            wanted = read(held, often, offered, channel)
        except NotAChoice as wrong:
            return _form(context, held, 422, str(wrong))
        await preferences.save(context.database, owner.lead, wanted, context.now())
        return await _saved(context, owner)
    except DATABASE_AWAY:
        return _plain("later", 503)


async def _stop(context: ApiContext, owner: UnsubscribeToken) -> HTMLResponse:
    await opt_out.by_link(context.database, owner, context.now())
    return page("unsubscribe.html", state="done", token="")


async def _saved(context: ApiContext, owner: UnsubscribeToken) -> HTMLResponse:
    held = await preferences.read(context.database, owner.lead, context.now())
    if held is None or held.forbidden:
        return _form(context, held)
    return page("preferences.html", state="saved", held=held, words=in_words(held))


def _form(context: ApiContext, held: Preferences | None, status: int = 200, error: str = "") -> HTMLResponse:
    if held is None:
        return _plain("closed", 410)
    if held.forbidden:
        return page("preferences.html", state="off", held=held)
    choices = {"paces": paces(held, context.now()), "channels": channels(held)}
    return page("preferences.html", status, state="ask", held=held, error=error, **choices)


def _plain(state: str, status: int) -> HTMLResponse:
    return page("preferences.html", status, state=state, held=None)
