"""A lead with a touch that is planned: where tests of activities begin."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio
from temporalio.activity import Info
from temporalio.testing import ActivityEnvironment

from activities.deciding import Deciding
from activities.door import Door
from activities.messages import DecideInput, DecideResult, SendTouch, TouchOutcome
from activities.room import Room
from activities.touches import Touching
from domain.clock import ScaledClock
from domain.playbook.models import Playbook
from domain.ports import TouchChannel
from domain.state import JourneyState
from domain.words import Channel
from storage import leads, playbooks
from storage.database import Database
from storage.inbox import PgInbox
from storage.journeys import PgJourneys
from storage.ledger import PgLedger
from storage.playbooks import PgPlaybooks
from tests.workflows.long_track import long_track
from tests.workflows.running import Recorder

START = datetime(2030, 1, 1, 9, tzinfo=UTC)


@dataclass
class Bench:
    """Activities over a real database, run one call at a time at the time the test says."""

    database: Database
    playbook: Playbook
    mail: Recorder = field(default_factory=Recorder)

    async def enrol(self) -> JourneyState:
        content_hash = await playbooks.store(self.database, self.playbook, START, default=True)
        given = leads.LeadInput(external_id="ada", email="ada@acme.example")
        upserted = await leads.upsert(self.database, given, START)
        return JourneyState.begin(upserted.lead_id, 1, content_hash, START)

    async def decide(self, state: JourneyState, at: datetime, **asked: Any) -> DecideResult:
        deciding = Deciding(PgJourneys(self.database), PgPlaybooks(self.database), ScaledClock())
        result: DecideResult = await run(deciding.decide, DecideInput(state=state, now=at, **asked), at)
        return result

    async def planned(self) -> SendTouch:
        """The first touch of a lead's journey, decided and not yet carried out."""
        first = await self.decide(await self.enrol(), START)
        second = await self.decide(first.state, START + timedelta(days=4))
        return second.send[0]

    async def send(
        self,
        touch: SendTouch,
        *,
        channel: TouchChannel | None = None,
        attempt: int = 1,
        timeout: float = 5.0,
        after: timedelta = timedelta(),
        clock: ScaledClock | None = None,
        room: Room | None = None,
        doors: Mapping[Channel, Door] | None = None,
        told: Sequence[int] = (),
    ) -> TouchOutcome:
        """``told`` is what an earlier attempt told Temporal, of a touch that was scheduled twenty minutes ago."""
        touching = Touching(
            ledger=PgLedger(self.database, PgPlaybooks(self.database)),
            channels={Channel.EMAIL: channel or self.mail, Channel.DIRECT_MAIL: channel or self.mail},
            inbox=PgInbox(self.database),
            clock=clock or ScaledClock(),
            send_timeout=timeout,
            lease=timeout + 5,
            room=room or Room(1),
            doors=doors or {channel: Door(channel) for channel in Channel},
        )
        outcome: TouchOutcome = await run(touching.send_touch, touch, START + timedelta(days=4) + after, attempt, told)
        return outcome

    async def status(self, touch: SendTouch) -> str:
        status: str = await self.database.pool.fetchval("select status from touch where key = $1", touch.key)
        return status

    async def crash_after_claiming(self, touch: SendTouch) -> None:
        """As if an attempt had died long ago with the claim in its hands."""
        query = (
            "update touch set status = 'claimed', claim_id = 'dead', leased_until = now() - interval '1s'"
            " where key = $1"
        )
        await self.database.pool.execute(query, touch.key)


async def run(activity: Any, argument: Any, at: datetime, attempt: int = 1, told: Sequence[int] = ()) -> Any:
    """Run one activity as a worker would, begun at ``at``."""
    environment = ActivityEnvironment()
    info: Info = environment.default_info()
    given: dict[str, Any] = {**vars(info), "started_time": at, "attempt": attempt}
    if told:
        given |= {"scheduled_time": datetime.now(UTC) - timedelta(minutes=20), "heartbeat_details": told}
    environment.info = type(info)(**given)
    return await environment.run(activity, argument)


@pytest_asyncio.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    yield Bench(database, long_track(3))
