"""The inbox goes wrong over SMTP as it was told to, whichever event loop it runs on."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import aiosmtplib
import pytest
import uvloop

from sandbox.faults import Fault, Faults
from sandbox.mail import MailStore
from sandbox.receiver import listen


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_reset_after_the_message_was_kept_leaves_the_sender_without_an_answer(
    run: Callable[[Coroutine[Any, Any, MailStore]], MailStore],
):
    """A refusal after it was kept would be a lie, and whoever believes it would rightly send again."""
    assert len(run(_kept_and_reset()).list()) == 1


async def _kept_and_reset() -> MailStore:
    store, faults = MailStore(), Faults()
    faults.add(Fault(vendor="smtp", kind="reset", after=True, path="data"))
    server = await listen(store, faults, "127.0.0.1", 0)
    async with server, aiosmtplib.SMTP(hostname="127.0.0.1", port=server.sockets[0].getsockname()[1]) as client:
        await client.mail("from@example.com")
        await client.rcpt("to@example.com")
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await client.data(b"Subject: kept\r\n\r\nKept.\r\n")
    return store
