"""A sandbox that stands for a whole class of tests, in a thread of its own; each test finds it empty.

Starting one and taking it down costs more than most tests of a vendor take.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from pydantic import BaseModel

from sandbox.app import create_app
from sandbox.faults import Faults
from sandbox.mail import MailStore
from tests.adapters.running import Sandbox


@contextmanager
def standing_sandbox() -> Iterator[Sandbox]:
    """Without a receiver of SMTP."""
    mail, faults = MailStore(), Faults()
    app = create_app(mail=mail, faults=faults)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started and time.monotonic() < until:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Sandbox(app, f"http://127.0.0.1:{port}", 0, mail, faults)
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def emptied(sandbox: Sandbox) -> Sandbox:
    """As if it had just been started: nothing held, no faults waiting, every rate unused."""
    sandbox.faults.clear()
    for held in sandbox.app.state.store._held.values():
        _empty(held)
    gate = sandbox.app
    gate.rates = {one.vendor: one.rate() for one in gate.stand_ins.values() if one.rate}  # type: ignore[attr-defined]
    return sandbox


def _empty(held: BaseModel) -> None:
    """In place: the stand-in keeps hold of it."""
    new = type(held)()
    for name in type(held).model_fields:
        setattr(held, name, getattr(new, name))
