"""Lines of logs say whom they are about."""

import io
import json
import logging
import sys
from typing import Any

import pytest
import structlog
from temporalio import activity
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.messages import SendTouch, TouchOutcome, TouchResult
from domain.trace import TRACE
from domain.words import Channel
from runtime.logs import configure_logging
from runtime.settings import Settings
from runtime.watched_activities import Counting

_TOUCH = SendTouch(key="ld_1/2/0/hello", channel=Channel.EMAIL, step="hello", asset="hello")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is logged where nobody looks at a terminal."""
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers, root.level
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging(Settings())
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = before
    structlog.reset_defaults()


class Sends(ActivityInboundInterceptor):
    def __init__(self) -> None:
        """There is nothing behind it."""

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        logging.getLogger("tendril.touches").error("touch held", extra={"vendor": "acme"})
        return TouchOutcome(key=input.args[0].key, result=TouchResult.SENT)


async def test_a_line_written_by_an_activity_names_lead_journey_and_trace(lines: Any):
    chain = Counting().intercept_activity(Sends())
    trace = TRACE.set("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    @activity.defn
    async def attempt() -> None:
        given = ExecuteActivityInput(fn=attempt, args=[_TOUCH], executor=None, headers={})
        await chain.execute_activity(given)

    await ActivityEnvironment().run(attempt)
    TRACE.reset(trace)
    (line,) = lines()
    wanted = {"lead": "ld_1", "journey": "ld_1/2", "touch": _TOUCH.key, "vendor": "acme", "event": "touch held"}
    assert wanted.items() <= line.items()
    assert line["trace"] == "0af7651916cd43dd8448eb211c80319c"
