"""A lead whose address changes, or goes, while nobody knows whether a mail left: asked about is where it left for.

Brevo finds mail by its address only.
"""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from activities.messages import SendTouch, TouchResult
from adapters.email.brevo import VENDOR
from adapters.email.channel import EmailChannel
from adapters.email.links import QuestionLinks, UnsubscribeLinks
from authoring.render import PlaybookRenderer
from domain.errors import LeadFault
from sandbox.mailers import Mailer
from storage import erasure
from storage.playbooks import PgPlaybooks
from tests.activities.conftest import START, Bench
from tests.activities.test_settling import Unhelpful, settle
from tests.adapters.running import Sandbox
from tests.adapters.standing import standing_sandbox

QUESTIONS = QuestionLinks("https://nurture.example", ["secret"])


@pytest.fixture(scope="module")
def standing() -> Iterator[Sandbox]:
    with standing_sandbox() as sandbox:
        yield sandbox


@pytest_asyncio.fixture
async def brevo(bench: Bench, standing: Sandbox) -> AsyncIterator[EmailChannel]:
    standing.app.state.store.of("brevo", Mailer).mails.clear()
    carrier = VENDOR.adapter(VENDOR.settings(base_url=f"{standing.url}/brevo", api_key="sandbox"))
    books, links = PgPlaybooks(bench.database), UnsubscribeLinks("https://nurture.example", ["secret"])
    channel = EmailChannel(carrier, PlaybookRenderer(books, QUESTIONS.url), books, links)
    yield channel
    await channel.close()


def received(standing: Sandbox) -> list[str]:
    return [mail.to for mail in standing.app.state.store.of("brevo", Mailer).mails]


async def lost(bench: Bench, standing: Sandbox, channel: EmailChannel, *, taken: bool) -> SendTouch:
    """A touch whose attempt never reported, twenty minutes ago; ``taken``: Brevo has the mail."""
    touch = await bench.planned()
    standing.fail("brevo", "reset", path="/smtp/email", after=taken)
    with pytest.raises(ApplicationError):
        await bench.send(touch, channel=channel)
    assert received(standing) == (["ada@acme.example"] if taken else [])
    await bench.database.pool.execute("update touch set leased_until = now() - interval '20 minutes'")
    return touch


async def move(bench: Bench) -> None:
    await bench.database.pool.execute("update lead set email = 'ada@elsewhere.example'")


async def erase(bench: Bench, touch: SendTouch) -> None:
    [lead] = await bench.database.pool.fetch("select id from lead")
    await erasure.erase(bench.database, lead["id"], "test", START)
    assert await bench.status(touch) == "claimed"


async def test_mail_that_left_for_the_old_address_is_found_there(bench: Bench, standing: Sandbox, brevo: EmailChannel):
    touch = await lost(bench, standing, brevo, taken=True)
    await move(bench)
    assert (await bench.send(touch, channel=brevo, attempt=2)).result is TouchResult.SENT
    assert received(standing) == ["ada@acme.example"]
    assert await bench.database.pool.fetchval("select attempted_to from touch") == "", "nobody needs it any more"


async def test_mail_that_never_left_goes_to_the_new_address(bench: Bench, standing: Sandbox, brevo: EmailChannel):
    touch = await lost(bench, standing, brevo, taken=False)
    await move(bench)
    assert (await bench.send(touch, channel=brevo, attempt=2)).result is TouchResult.SENT
    assert received(standing) == ["ada@elsewhere.example"]


async def test_of_a_claim_that_remembers_no_address_nobody_can_tell(
    bench: Bench, standing: Sandbox, brevo: EmailChannel
):
    """As one that is open when the build that remembers it is installed."""
    touch = await lost(bench, standing, brevo, taken=True)
    await bench.database.pool.execute("update touch set attempted_to = ''")
    assert (await bench.send(touch, channel=brevo, attempt=2)).result is TouchResult.UNKNOWN
    assert received(standing) == ["ada@acme.example"]


async def test_a_ledger_from_a_backup_does_not_know_which_address_to_ask_about(
    bench: Bench, standing: Sandbox, brevo: EmailChannel
):
    touch = await lost(bench, standing, brevo, taken=True)
    await bench.database.pool.execute(
        "update touch set status = 'planned', claim_id = '', attempts = 0, leased_until = null, attempted_to = ''"
    )
    await move(bench)
    assert (await bench.send(touch, channel=brevo, attempt=2, told=[1])).result is TouchResult.UNKNOWN
    assert received(standing) == ["ada@acme.example"]


@pytest.mark.parametrize("by", ["its journey", "the reconciler"])
async def test_the_touch_of_somebody_erased_is_asked_about_once_and_parked(
    bench: Bench, standing: Sandbox, brevo: EmailChannel, by: str
):
    touch = await lost(bench, standing, brevo, taken=True)
    await erase(bench, touch)
    if by == "its journey":
        assert (await bench.send(touch, channel=brevo, attempt=2)).result is TouchResult.UNKNOWN
    else:
        assert await settle(bench, brevo) == 1
    assert await bench.status(touch) == "unknown"


async def test_an_address_that_a_vendor_cant_be_asked_about_is_not_asked_about_for_ever(bench: Bench):
    unasked = Unhelpful(LeadFault("the address is not valid", vendor="esp", code="invalid_address"))
    touch = await bench.planned()
    await bench.crash_after_claiming(touch)
    assert (await bench.send(touch, channel=unasked, attempt=2)).result is TouchResult.UNKNOWN
    await bench.database.pool.execute("update touch set leased_until = now() - interval '1 hour', status = 'claimed'")
    assert await settle(bench, unasked) == 1
    assert await bench.status(touch) == "unknown"
