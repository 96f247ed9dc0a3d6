"""The dry run: what an import would do, lead by lead, without writing anything."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from cli.importing.job import Job
from cli.importing.progress import Shown
from cli.importing.rejects import Rejects
from cli.importing.rows import Row
from domain.core.simulate import simulate
from domain.decision import Decision
from domain.facts import Facts, LeadFacts, Permission
from domain.playbook.compiled import CompiledPlaybook
from domain.ports import Clock
from domain.words import Ending, Phase
from storage import permission, tombstones
from storage.addresses import domain_of
from storage.database import Database
from storage.leads import LeadInput

#: How far ahead touches are counted.
HORIZON = timedelta(days=30)
_BATCH = 500
_KNOWN = """
select l.external_id, l.email, j.ended_at is null and j.lead_id is not null as in_flight,
    (select granted from consent where lead_id = l.id and channel = 'email') as granted
from lead l left join lateral (select * from journey where lead_id = l.id order by cycle desc limit 1) j on true
where l.external_id = any($1::text[]) or l.email = any($2::text[])
"""


@dataclass
class Forecast:
    """Counts of leads by what would become of them. Touches are those of the first 30 days, by channel.

    ``known`` leads are in the database already and are not among the others; ``declined`` and ``unreachable`` ones are
    (they enrol, and no mail reaches them). ``erased`` were here once and are not taken in.
    """

    rows: int = 0
    rejected: int = 0
    known: int = 0
    in_flight: int = 0
    erased: int = 0
    declined: int = 0
    unreachable: int = 0
    paths: Counter[str] = field(default_factory=Counter)
    segments: Counter[str] = field(default_factory=Counter)
    disqualified: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    touches: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def enrolling(self) -> int:
        return self.paths.total()

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0


async def foretell(job: Job, db: Database, clock: Clock, rejects: Rejects, show: Shown) -> Forecast:
    """Read every row, ask the database who is known, and let the rest live 30 days in the simulator."""
    began = time.monotonic()
    forecast = Forecast()
    start = clock.from_real(datetime.now(UTC))
    rows = job.rows()
    while batch := list(islice(rows, _BATCH)):
        leads = [lead for lead in (_kept(row, rejects) for row in batch) if lead is not None]
        welcome = await _welcome(db, leads)
        forecast.erased += len(leads) - len(welcome)
        known, suppressed = await _look_up(db, welcome)
        for lead in welcome:
            _foretell_one(forecast, job.playbook, lead, known, suppressed, start)
        forecast.rows += len(batch)
        show(forecast.rows, f"{rejects.count:,} rejected")
    forecast.rejected = rejects.count
    forecast.seconds = time.monotonic() - began
    return forecast


def _kept(row: Row, rejects: Rejects) -> LeadInput | None:
    if row.lead is None:
        rejects.add(row.record, row.problem)
    return row.lead


async def _welcome(db: Database, leads: Sequence[LeadInput]) -> list[LeadInput]:
    async with db.pool.acquire() as connection:
        barred = await tombstones.barred(connection, leads)
    return [lead for lead, no in zip(leads, barred, strict=True) if not no]


async def _look_up(db: Database, leads: Sequence[LeadInput]) -> tuple[dict[str, bool], dict[str, str]]:
    """Names (external ids, addresses) of known leads → whether a journey runs; suppressed addresses → reason."""
    external = [lead.external_id for lead in leads if lead.external_id]
    emails = [lead.email for lead in leads if lead.email]
    known = {}
    for row in await db.pool.fetch(_KNOWN, external, emails):
        for name in (row["external_id"], row["email"]):
            if name:
                known[name] = row["in_flight"]
    return known, await permission.suppressed(db, emails)


def _foretell_one(
    forecast: Forecast,
    playbook: CompiledPlaybook,
    lead: LeadInput,
    known: dict[str, bool],
    suppressed: dict[str, str],
    start: datetime,
) -> None:
    names = [name for name in (lead.external_id, lead.email) if name in known]
    if names:
        forecast.known += 1
        forecast.in_flight += any(known[str(name)] for name in names)
        return
    facts = facts_at_entry(lead, suppressed.get(lead.email or "", ""), start)
    decisions = list(simulate(playbook, facts, (), start, start + HORIZON))
    if _count_entry(forecast, decisions[0]):
        forecast.declined += bool(facts.permission.declined)
        forecast.unreachable += not lead.email
        forecast.touches.update(touch.channel.value for decision in decisions for touch in decision.send)


def facts_at_entry(lead: LeadInput, suppressed: str, now: datetime) -> Facts:
    """What the first decision would know of a lead who is new."""
    declined = frozenset(word.channel for word in lead.consent if not word.granted)
    basis = next((word.basis for word in lead.consent if word.granted), "")
    person = LeadFacts(
        id=lead.external_id or lead.email or "",
        fields=lead.fields,
        has_email=bool(lead.email),
        email_domain=domain_of(lead.email or ""),
        country=lead.country,
        timezone=lead.timezone,
        source=lead.source,
        owner=lead.owner,
        created_at=now,
    )
    return Facts(lead=person, permission=Permission(suppressed=suppressed, declined=declined, basis=basis))


def _count_entry(forecast: Forecast, first: Decision) -> bool:
    """Count where the first decision leads. False when the journey would end at once."""
    state = first.state
    if state.ended:
        reason = state.ending_reason or str(state.ending)
        (forecast.disqualified if state.ending is Ending.DISQUALIFIED else forecast.suppressed)[reason] += 1
        return False
    path = {Phase.HANDOFF: "sales", Phase.SALES_REVIEW: "sales review"}.get(state.phase, "nurture")
    forecast.paths[path] += 1
    if path == "nurture":
        forecast.segments[state.segment] += 1
    return True
