"""What has been kept for its time goes by itself, once a day."""

from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.messages import Watch
from activities.retaining import PURGE_EXPIRED, Retaining
from activities.watching import Watching
from domain.clock import ScaledClock
from storage import dead_letters
from storage.audiences import PgAudiences
from storage.ledger import PgLedger
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks
from storage.retention import PgRetention
from tests.activities.conftest import START, Bench


async def test_a_round_that_is_due_is_outstanding_until_it_has_been_made(bench: Bench):
    database = bench.database
    await dead_letters.add(database, "batch", "has no name", {"a": 1}, START - timedelta(days=3650))
    await database.pool.execute("update retention_pass set finished_real_at = now() - interval '2 days'")
    retention = PgRetention(database)
    watching = Watching(
        PgLists(database), PgLedger(database, PgPlaybooks(database)), retention, PgAudiences(database, [])
    )

    assert await ActivityEnvironment().run(watching.outstanding, Watch(every=0.05)) == [PURGE_EXPIRED]
    clock = ScaledClock(scale=1, real_anchor=START, virtual_anchor=START + timedelta(days=36500))
    assert await ActivityEnvironment().run(Retaining(retention, clock).purge_expired) == 1
    assert await ActivityEnvironment().run(watching.outstanding, Watch(every=0.05)) == []
