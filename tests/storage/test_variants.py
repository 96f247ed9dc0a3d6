"""The variant a touch is goes with it: into the ledger, to the adapter, and back into the facts."""

from domain.state import JourneyState
from storage.database import Database
from storage.journeys import PgJourneys
from storage.ledger import PgLedger
from tests.storage.recorded import record, send
from tests.storage.samples import NOW


async def test_a_touchs_variant_reaches_its_adapter_and_is_gathered(
    database: Database, ledger: PgLedger, begun: JourneyState
):
    touch = send(begun).model_copy(update={"variant": "subject-line:question"})
    await record(database, begun, send=(touch, send(begun, "plain")))
    variants = {known.step: known.variant for known in (await PgJourneys(database).gather(begun, NOW)).touches}
    assert variants == {"hello": "subject-line:question", "plain": ""}
    claim = await ledger.claim(touch.key, "a", NOW, 30)
    assert claim.touch is not None
    assert claim.touch.variant == "subject-line:question"


async def test_a_touch_planned_again_is_the_variant_it_was_planned_as_last(database: Database, begun: JourneyState):
    await record(database, begun, send=(send(begun).model_copy(update={"variant": "subject-line:question"}),))
    await record(database, begun, send=(send(begun),))
    facts = await PgJourneys(database).gather(begun, NOW)
    assert [touch.variant for touch in facts.touches] == [""]
