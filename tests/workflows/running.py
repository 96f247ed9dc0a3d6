"""A worker over a real database, and the lead whose journey it runs: what tests of journeys are written with."""

import asyncio
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from domain.audiences import AdsAudience, AudienceState, Fate, Outcome, Taken
from domain.clock import ScaledClock
from domain.crm_ports import (
    CrmChange,
    CrmContact,
    CrmOpportunity,
    CrmOwner,
    CrmPage,
    OpportunityPage,
    OpportunityWanted,
)
from domain.errors import VendorFault
from domain.playbook.models import Playbook
from domain.ports import Clock, OutboundTouch, Receipt, SalesFeedback
from domain.state import JourneyState
from domain.words import Channel, CommandKind
from runtime.composition import Composition
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.vendors import Vendors
from runtime.worker import build_worker
from storage import inbox, leads, playbooks
from storage.audiences import PgAudiences
from storage.database import Database
from storage.inbox import NewBehaviour, PgInbox
from storage.journeys import PgJourneys
from storage.ledger import PgLedger
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks
from workflows.messages import STATE, CommandAnswer, CommandRequest, JourneyEnd, workflow_id

T = TypeVar("T")
#: Seconds, for what a busy machine delays; nothing takes so long unless something is broken.
_PATIENCE = 60.0
HISTORIES = Path(__file__).parent / "histories"
#: Set by ``record_histories``: finished journeys are written here, named by their test.
RECORD_INTO = "TENDRIL_RECORD_HISTORIES"


def sandboxed() -> WorkflowRunner:
    """The SDK's sandbox, with our own packages loaded once: tests run inside it, so that it finds what it can find."""
    ours = ("activities", "domain", "workflows")
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*ours))


@dataclass
class Recorder:
    """A channel that keeps what it is given. ``faults`` are raised first, one a call; ``always`` on every call."""

    sent: list[OutboundTouch] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    always: VendorFault | None = None
    calls: int = 0

    async def send(self, touch: OutboundTouch) -> Receipt:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        if self.always is not None:
            raise self.always
        self.sent.append(touch)
        return Receipt(vendor="recorder", vendor_id=touch.key)

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        taken = any(sent.key == touch.key for sent in self.sent)
        return Receipt(vendor="recorder", vendor_id=touch.key) if taken else None

    @property
    def keys(self) -> list[str]:
        return [touch.key for touch in self.sent]


@dataclass
class QuietCrm:
    """A CRM that takes everything, whole; ``answers`` are what sellers said, ``contacts`` and ``deals`` what it has."""

    name: str = "quiet"
    batch_size: int = 100
    taken: list[CrmChange] = field(default_factory=list)
    gone: list[CrmChange] = field(default_factory=list)
    answers: list[SalesFeedback] = field(default_factory=list)
    sellers: list[CrmOwner] = field(default_factory=list)
    contacts: list[CrmContact] = field(default_factory=list)
    deals: list[CrmOpportunity] = field(default_factory=list)
    tasks: Recorder = field(default_factory=Recorder)

    @property
    def crm(self) -> Self:
        return self

    @property
    def reading(self) -> Self:
        return self

    async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        self.taken += changes
        return {change.lead: f"crm-{change.lead}" for change in changes}

    async def erase(self, changes: Sequence[CrmChange]) -> frozenset[str]:
        self.gone += changes
        return frozenset(change.lead for change in changes)

    async def feedback(self, vendor_task_ids: dict[str, str]) -> list[SalesFeedback]:
        return [answer for answer in self.answers if answer.handoff in vendor_task_ids]

    async def open_opportunity(self, touch: OutboundTouch, wanted: OpportunityWanted) -> str:  # noqa: ARG002 the port has it
        return touch.key

    async def owners(self) -> list[CrmOwner]:
        return self.sellers

    async def changed(self, cursor: str, fields: Sequence[str], names: Mapping[str, str], limit: int) -> CrmPage:  # noqa: ARG002 as above
        first = int(cursor or 0)
        page = self.contacts[first : first + limit]
        return CrmPage(contacts=page, cursor=str(first + len(page)), more=first + len(page) < len(self.contacts))

    async def read(self, ids: Sequence[str], fields: Sequence[str], names: Mapping[str, str]) -> list[CrmContact]:  # noqa: ARG002 as above
        known = {contact.crm_id: contact for contact in self.contacts}
        return [known.get(identity) or CrmContact(crm_id=identity, deleted=True) for identity in ids]

    async def opportunities(self, cursor: str, limit: int) -> OpportunityPage:
        first = int(cursor or 0)
        page = self.deals[first : first + limit]
        more = first + len(page) < len(self.deals)
        return OpportunityPage(opportunities=page, cursor=str(first + len(page)), more=more)

    async def read_opportunities(self, ids: Sequence[str]) -> list[CrmOpportunity]:
        return [deal for deal in self.deals if deal.id in ids]

    async def close(self) -> None: ...


@dataclass
class QuietAudiences:
    """An ads network that takes everything and knows people by their addresses. ``members`` are by audience."""

    network: str = "linkedin"
    batch_size: int = 100
    at_once: int = 3
    lasts: timedelta | None = None
    members: dict[str, set[str]] = field(default_factory=dict)
    calls: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)

    def key(self, email: str) -> str:
        return email.lower()

    async def add(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        self.calls.append(("add", audience.id, tuple(keys)))
        self.members.setdefault(audience.id, set()).update(keys)
        return Taken()

    async def remove(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        self.calls.append(("remove", audience.id, tuple(keys)))
        self.members.setdefault(audience.id, set()).difference_update(keys)
        return Taken()

    async def outcome(self, request: str) -> Outcome:  # noqa: ARG002 the port has it
        return Outcome(fate=Fate.DONE)

    async def state(self, audience: AdsAudience) -> AudienceState | None:
        return AudienceState(audience=audience.id, status="READY", size=len(self.members.get(audience.id, ())))

    async def close(self) -> None: ...


@dataclass
class Running:
    """A worker that runs. ``channels`` holds a recorder for each channel."""

    environment: WorkflowEnvironment
    database: Database
    parts: Composition
    channels: dict[Channel, Recorder]
    leads: list[str] = field(default_factory=list)
    events: int = 0

    @property
    def mail(self) -> Recorder:
        return self.channels[Channel.EMAIL]

    @property
    def assets(self) -> list[str]:
        """Assets that reached the lead, in order."""
        return [touch.asset for touch in self.mail.sent]

    async def now(self) -> datetime:
        """Deployment time."""
        return self.parts.clock.from_real(await self.environment.get_current_time())

    async def enrol(self, *, email: str = "ada@acme.example", source: str = "", **fields: Any) -> "Lead":
        """Enrol an invented lead, start the journey as the relay does, and wait for its first decision."""
        given = leads.LeadInput(external_id=email, email=email, source=source, fields=fields)
        upserted = await leads.upsert(self.database, given, await self.now())
        lead = Lead(self, upserted.lead_id)
        self.leads.append(upserted.lead_id)
        await self.relay()
        await lead.until(lambda state: state.number > 0, "makes its first decision")
        return lead

    async def relay(self) -> None:
        """Tell journeys of everything that waits."""
        now = await self.environment.get_current_time()
        relay = Relay(self.database, self.environment.client, self.parts.clock, self.parts.settings, lambda: now)
        deadline = time.monotonic() + _PATIENCE
        while await self.database.pool.fetchval("select count(*) from pending_wake"):
            assert time.monotonic() < deadline, "wakes are not relayed"
            await relay.relay_once()

    async def pass_time(self, **length: float) -> None:
        """Let time pass: ``days=3``."""
        await self.environment.sleep(timedelta(**length))


@dataclass
class Lead:
    """A lead under way."""

    running: Running
    id: str

    @property
    def journey(self) -> WorkflowHandle[Any, JourneyEnd]:
        return self.running.environment.client.get_workflow_handle(workflow_id(self.id), result_type=JourneyEnd)

    async def state(self) -> JourneyState:
        state: JourneyState = await self.journey.query(STATE, result_type=JourneyState)
        return state

    async def does(self, kind: str, name: str, **properties: Any) -> JourneyState:
        """Something the lead did (or that became of a touch), now. Returns the state once it was considered."""
        self.running.events += 1
        message_id = f"{self.id}-{self.running.events}"
        now = await self.running.now()
        event = NewBehaviour(
            message_id=message_id,
            kind=kind,
            name=name,
            properties=properties,
            occurred_at=now,
            lead_id=self.id,
        )
        await inbox.accept(self.running.database, [event], now)
        await self.running.relay()
        position = await self.running.database.pool.fetchval("select inbox_position from lead where id = $1", self.id)
        return await self.until(lambda state: state.cursor >= position, f"considers {name}")

    async def command(self, kind: CommandKind, *, id_: str | None = None, **request: Any) -> CommandAnswer:
        asked = CommandRequest(by="test", **request)
        answer: CommandAnswer = await self.journey.execute_update(kind.value, asked, id=id_, result_type=CommandAnswer)
        return answer

    async def ends(self) -> JourneyEnd:
        """Let as much time pass as the journey needs, at most two years."""
        for _ in range(75):
            if (await self.row())["ended_at"] is not None:
                break
            await self.running.pass_time(days=10)
        return await self.journey.result()

    async def until(self, holds: Callable[[JourneyState], bool], what: str) -> JourneyState:
        async def look() -> JourneyState | None:
            state = await self.state()
            return state if holds(state) else None

        return await eventually(look, f"the journey never {what}")

    async def row(self, table: str = "journey", order: str = "cycle") -> dict[str, Any]:
        """The lead's latest row of a table."""
        query = f"select * from {table} where lead_id = $1 order by {order} desc limit 1"  # noqa: S608 our own names
        return dict(await self.running.database.pool.fetchrow(query, self.id))

    async def ledger(self) -> dict[str, str]:
        """Step → status of the lead's touches."""
        rows = await self.running.database.pool.fetch("select step, status from touch where lead_id = $1", self.id)
        return {row["step"]: row["status"] for row in rows}


async def eventually(look: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
    """What ``look`` returns as soon as it is something; fails after half a minute."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, otherwise
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running_worker(
    environment: WorkflowEnvironment,
    database: Database,
    playbook: Playbook,
    clock: Clock | None = None,
    **settings: Any,
) -> Any:
    """Store the playbook, compose a worker with recorders for vendors, and run it."""
    clock = clock or ScaledClock()
    real_now = await environment.get_current_time()
    await playbooks.store(database, playbook, clock.from_real(real_now), default=True)
    channels = {channel: Recorder() for channel in Channel}
    stored = PgPlaybooks(database)
    parts = Composition(
        settings=Settings(task_queue="journeys", **settings),
        database=database,
        clock=clock,
        playbooks=stored,
        journeys=PgJourneys(database),
        ledger=PgLedger(database, stored),
        inbox=PgInbox(database),
        lists=PgLists(database),
        audiences=PgAudiences(database, ["linkedin"]),
        vendors=Vendors(channels=channels, crm=QuietCrm(), audiences={"linkedin": QuietAudiences()}),
    )
    async with build_worker(environment.client, parts, runner=sandboxed()):
        running = Running(environment, database, parts, channels)
        yield running
        await _record(running)


async def _record(running: Running) -> None:
    """Write the histories of this test's journeys, without the names of this machine."""
    into = os.environ.get(RECORD_INTO)
    if not into:
        return
    name = os.environ["PYTEST_CURRENT_TEST"].split("::")[-1].split(" ")[0]
    for number, lead in enumerate(running.leads):
        handle = running.environment.client.get_workflow_handle(workflow_id(lead))
        history = re.sub(r'"identity": ?"[^"]*"', '"identity": "worker"', (await handle.fetch_history()).to_json())
        file = Path(into) / f"{name.removeprefix('test_')}{f'-{number}' if number else ''}.json"
        file.write_text(json.dumps(json.loads(history), separators=(",", ":")) + "\n")
