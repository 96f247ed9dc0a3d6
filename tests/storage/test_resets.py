"""What is foretold of a reset."""

import pytest

from domain.state import JourneyState
from domain.versions import Policy
from storage import resets
from storage.database import Database
from storage.playbook_changes import Asked, put_in_force
from tests.storage.recorded import record
from tests.storage.samples import NOW, playbook


@pytest.mark.parametrize(("policy", "goes_on"), [(Policy.FOLLOW, True), (Policy.PIN, False)])
async def test_a_reset_decides_by_what_its_version_is_followed_by_or_by_its_own(
    database: Database, begun: JourneyState, policy: Policy, goes_on: bool
):
    await record(database, await record(database, begun))
    newer = playbook(length_limit="90d")
    await put_in_force(database, newer, Asked(by="ann", policy=policy), NOW)
    decides = newer.content_hash() if goes_on else begun.playbook
    for number in (1, 2):
        assert (await resets.consequences(database, begun.lead, 1, number)).version == decides
    (standing,) = (await resets.standings(database, [begun.lead]))[begun.lead]
    assert standing.active == newer.content_hash()
