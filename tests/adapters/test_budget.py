"""A vendor's rate limit is kept before it is hit, and after."""

import asyncio
import time

import pytest

from adapters.budget import Budget
from adapters.http import VendorClient
from domain.errors import TransientFault
from tests.adapters.running import Sandbox


@pytest.fixture
def budget():
    made = Budget("hubspot", 5, 0.5)
    yield made
    made.close()


async def test_no_more_requests_leave_within_the_window_than_the_vendor_takes(budget: Budget):
    left: list[float] = []

    async def leave() -> None:
        await budget.turn()
        left.append(time.monotonic())

    await asyncio.gather(*(leave() for _ in range(12)))
    assert max(sum(first <= other < first + 0.5 for other in left) for first in left) == 5


async def test_nobody_asks_before_the_vendor_said(budget: Budget):
    budget.closed(60)
    with pytest.raises(TransientFault) as caught:
        await budget.turn()
    assert caught.value.certainly_not_sent
    assert 59 < (caught.value.retry_after or 0) <= 60


async def test_a_busy_answer_keeps_the_next_request_from_leaving(sandbox: Sandbox, budget: Budget):
    sandbox.fail("hubspot", "429", seconds=30)
    async with VendorClient("hubspot", f"{sandbox.url}/hubspot", budget=budget) as client:
        codes = []
        for _ in range(2):
            with pytest.raises(TransientFault) as caught:
                await client.request("GET", "/crm/v3/properties/contacts", harmless_to_repeat=True)
            codes.append(caught.value.code)
    assert codes == ["RATE_LIMITS", "budget"]
