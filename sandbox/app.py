"""The stand-in vendors and the local inbox as one app: what a newcomer's deployment talks to, and what tests talk to.

=====================  ===================================================================
``/``                  the inbox, when there is one; else what the vendors hold
``/vendors``           contacts, tasks, audiences and webhooks as a page
``/{vendor}``          a vendor's API, such as ``/hubspot`` (``sandbox.vendors`` has them all)
``/webhooks/{name}``   a receiver of signed webhooks; ``/webhooks?id=`` says what it took
``/api/messages``      the inbox as JSON
``/sellers/tasks``     what a seller answers to a handoff
``/_faults``           make the vendors fail
=====================  ===================================================================
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from domain.words import RejectReason
from sandbox import inbox, pages, webhooks
from sandbox.answers import VendorError
from sandbox.faults import Fault, Faults
from sandbox.gate import Gated, answer_in_the_vendors_words
from sandbox.hubspot import HubSpot
from sandbox.limits import Rate
from sandbox.mail import MailStore
from sandbox.state import Store
from sandbox.vendors import STAND_INS


def create_app(
    state_path: Path | None = None,
    *,
    mail: MailStore | None = None,
    faults: Faults | None = None,
    token: str = "sandbox",  # noqa: S107 - the sandbox's public one
    secret: str = webhooks.SECRET,
    rates: Mapping[str, Rate] | None = None,
) -> FastAPI:
    """The app. ``state_path`` is the file that keeps the vendors' contents; None keeps nothing over a restart.

    ``rates`` are the vendors' rate limits, by default the published ones.
    """
    store = Store(state_path)
    app = Gated(title="Tendril sandbox", lifespan=_kept(store), docs_url=None, redoc_url=None)
    app.state.store = store
    stand_ins = (*STAND_INS, webhooks.stand_in(secret))
    app.faults, app.token = faults or Faults(), token
    app.rates = {one.vendor: one.rate() for one in stand_ins if one.rate} if rates is None else rates
    app.stand_ins, app.asked = {one.vendor: one for one in stand_ins}, set()
    answer_in_the_vendors_words(app)
    if mail is not None:
        app.include_router(inbox.router(mail))
    app.include_router(pages.router(store, stand_ins, with_inbox=mail is not None))
    _sellers(app, HubSpot(store))
    _fault_requests(app, app.faults)
    return app


def _kept(store: Store) -> Any:
    """A lifespan that writes the state now and then, and at the end."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        writing = asyncio.create_task(store.keep_writing())
        yield
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        store.write()

    return lifespan


def _sellers(app: FastAPI, account: HubSpot) -> None:
    @app.post("/sellers/tasks/{task}")
    async def answer(
        task: str, request: Request, outcome: Annotated[str, Form()], reason: Annotated[str, Form()] = ""
    ) -> Response:
        """A seller accepts or rejects: form fields ``outcome`` (accepted, rejected) and ``reason``."""
        if outcome not in ("accepted", "rejected"):
            raise VendorError(400, "outcome is accepted or rejected")
        if outcome == "rejected" and reason not in set(RejectReason):
            raise VendorError(400, f"reason is one of {', '.join(RejectReason)}")
        account.answer_task(task, outcome, reason if outcome == "rejected" else "")
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/vendors#tasks", 303)
        return Response(status_code=204)


def _fault_requests(app: FastAPI, faults: Faults) -> None:
    @app.post("/_faults", status_code=201)
    async def add(fault: Fault) -> Fault:
        faults.add(fault)
        return fault

    @app.get("/_faults")
    async def waiting() -> list[Fault]:
        return list(faults.waiting)

    @app.delete("/_faults", status_code=204)
    async def clear() -> None:
        faults.clear()
