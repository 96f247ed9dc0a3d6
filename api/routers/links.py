"""Links of mails: noted, and on to where the playbook says. And the picture that tells of opened mails.

No query chooses where a link leads, and nothing is set in anyone's browser.
"""

import base64

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from adapters.email.links import LinkToken, OpenLinks, TrackedLinks
from api.context import ApiContext, Context
from api.pages import page
from api.services import links
from api.specification import pages
from domain.errors import Refused
from domain.trust import HIDDEN
from storage.trust import Sight

router = APIRouter(tags=["links"])
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
#: One transparent dot.
_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


class Picture(Response):
    media_type = "image/gif"


@router.get(
    "/c/{token}",
    summary="Follow a link of a mail",
    response_class=Response,
    status_code=302,
    responses=pages(200, 404),
)
async def follow(token: str, request: Request, context: Context) -> Response:
    """On to where the link leads. Counts once a day for each link, and only where a person is likely to have asked."""
    link = _link(context, token)
    if link is not None:
        await links.note(context, request, Sight(link.touch, link.link, link.of, link.url))
    return _on(link)


@router.head("/c/{token}", include_in_schema=False)
async def look(token: str, context: Context) -> Response:
    """Where it leads. Nobody reads what HEAD gives: it never counts."""
    return _on(_link(context, token))


@router.get("/o/{token}.gif", summary="The picture of a mail", response_class=Picture)
async def opened(token: str, request: Request, context: Context) -> Response:
    """One transparent dot, also for a damaged address: a mail must not look broken."""
    touch = _touch(context, token)
    if touch is not None:
        await links.note(context, request, Sight(touch))
    return Picture(_GIF, headers=_HEADERS)


def _on(link: LinkToken | None) -> Response:
    if link is None:
        return page("link.html", 404, state="damaged")
    if link.link == HIDDEN:
        return page("link.html", state="hidden")
    return RedirectResponse(link.url, 302, _HEADERS)


def _link(context: ApiContext, token: str) -> LinkToken | None:
    try:
        return TrackedLinks(context.settings.public_url, context.settings.link_secrets).verify(token)
    except Refused:
        return None


def _touch(context: ApiContext, token: str) -> str | None:
    try:
        return OpenLinks(context.settings.public_url, context.settings.link_secrets).verify(token)
    except Refused:
        return None
