"""The codec server of Temporal's UI and CLI: shows people with a ``decode`` key what is encrypted in Temporal.

The protocol is Temporal's (temporalio/samples-go, ``codec-server/protocol.md``): both POST payloads as protobuf's JSON
to ``…/decode`` and ``…/encode`` and name the namespace in ``X-Namespace``. The CLI sends ``--codec-auth`` as
``Authorization``. The UI can send the token of its own sign-in there, or the browser's cookies ("include cross-origin
credentials"), but no key that somebody typed; so a page here takes the key once and leaves it in a cookie that goes to
these routes alone. A request with the cookie is answered only where it comes from the UI's own origin.

Whether the UI sends cookies is its server's setting (`TEMPORAL_CODEC_INCLUDE_CREDENTIALS`), which `temporal server
start-dev` has no option for (1.9.1), or each browser's own, which counts only beside an endpoint of that browser's own
(temporalio/ui, `src/lib/utilities/get-codec.ts`): the page says so to who has signed in.
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Form, Header, Request
from fastapi.responses import HTMLResponse
from temporalio.api.common.v1 import Payload

from api.auth import Bearer, allowed, from_this_machine, unauthorised
from api.codec import HERE, CodecServer, ui_beside
from api.context import Context
from api.pages import page
from api.problems import Problem, invalid
from api.schemas.codec import PayloadsBody
from api.specification import pages, problems
from runtime.settings import Settings
from storage.keys import KeyInfo

router = APIRouter(prefix="/codec", tags=["codec"])
COOKIE = "tendril_codec"
_SHIFT = 12 * 3600  # seconds that a browser stays signed in
_log = structlog.get_logger("tendril.codec")
Namespace = Annotated[str, Header(alias="X-Namespace", description="Temporal's namespace; noted in the log.")]


async def _reader(request: Request, context: Context, bearer: Bearer) -> KeyInfo | None:
    """Whose key it is; None for this machine itself in a demo. Raises a 401 or 403 ``Problem``."""
    if bearer:
        return await allowed(context, bearer.credentials, "decode")
    if context.settings.demo and from_this_machine(request):
        return None
    kept = request.cookies.get(COOKIE, "")
    from_ui = request.headers.get("origin") in _server(request).origins
    if from_ui and not kept:
        raise _not_signed_in(request, context.settings)
    if kept and not from_ui:
        raise Problem(
            403,
            "foreign-origin",
            "This request comes from a page that is not Temporal's UI.",
            "Set TENDRIL_TEMPORAL_UI_URL to the address at which the UI is opened.",
        )
    return await allowed(context, kept, "decode")


Reader = Annotated[KeyInfo | None, Depends(_reader)]


@router.post("/decode", summary="Decrypt Temporal's payloads", responses=problems(429))
async def decode(body: PayloadsBody, request: Request, key: Reader, namespace: Namespace = "") -> PayloadsBody:
    """What is not encrypted comes back as it is. Every request is noted in the log, with whose key it was."""
    payloads = _taken(body, request, key)
    decoded = await _server(request).codec.decode(payloads)
    _note("payloads decoded", key, namespace, len(payloads))
    return PayloadsBody.of(decoded)


@router.post("/encode", summary="Encrypt payloads for Temporal", responses=problems(429))
async def encode(body: PayloadsBody, request: Request, key: Reader, namespace: Namespace = "") -> PayloadsBody:
    """For those who start or signal by Temporal's own tools. Without payload keys, all comes back as it is."""
    payloads = _taken(body, request, key)
    encoded = await _server(request).codec.encode(payloads)
    _note("payloads encoded", key, namespace, len(payloads))
    return PayloadsBody.of(encoded)


def _not_signed_in(request: Request, settings: Settings) -> Problem:
    refused = unauthorised("Temporal's UI sent no key for this browser.", "decode")
    refused.remedy = (
        f"Open {_address(request, settings)}/sign-in in this browser, and have the UI include cross-origin credentials."
    )
    return refused


@router.get("/sign-in", response_class=HTMLResponse, summary="Ask for a key that may decode")
async def ask() -> HTMLResponse:
    """The page to open before Temporal's UI can show what is encrypted."""
    return page("codec.html", state="ask")


@router.post(
    "/sign-in", response_class=HTMLResponse, summary="Let this browser's Temporal UI decode", responses=pages(403)
)
async def sign_in(request: Request, context: Context, key: Annotated[str, Form(max_length=200)] = "") -> HTMLResponse:
    """Keeps the key in a cookie that no script can read and that goes to ``/codec`` alone, for twelve hours."""
    try:
        await allowed(context, key.strip(), "decode")
    except Problem:
        return page("codec.html", 403, state="refused")
    here, settings = _address(request, context.settings), context.settings
    answer = page("codec.html", state="done", endpoint=here, ui=ui_beside(settings, request.url.hostname))
    secure = here.startswith("https:")
    answer.set_cookie(
        COOKIE, key.strip(), max_age=_SHIFT, path="/codec", secure=secure, httponly=True, samesite="strict"
    )
    return answer


def _address(request: Request, settings: Settings) -> str:
    """These routes as the browser reached them. A proxy may hide its https; on this machine http is as safe."""
    hidden = settings.public_url.startswith("https:") and request.url.hostname not in HERE
    return f"{'https' if hidden else request.url.scheme}://{request.url.netloc}/codec"


def _server(request: Request) -> CodecServer:
    server: CodecServer = request.app.state.codec
    return server


def _taken(body: PayloadsBody, request: Request, key: KeyInfo | None) -> list[Payload]:
    """The payloads, counted against the key's rate. Raises a 422 or 429 ``Problem``."""
    try:
        payloads = body.messages()
    except ValueError:
        raise invalid([{"loc": ("body", "payloads"), "msg": "bytes must be in base64"}]) from None
    if key is not None:
        _server(request).rates.spend(key, len(payloads))
    return payloads


def _note(what: str, key: KeyInfo | None, namespace: str, number: int) -> None:
    who = {"key": key.id, "name": key.name} if key else {"key": "", "name": "this machine, in a demo"}
    _log.info(what, **who, payloads=number, namespace=namespace[:200])
