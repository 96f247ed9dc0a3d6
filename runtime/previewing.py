"""What an operation would do, before it is asked for: whom it is about, who would refuse, and what would be sent when.

The operation is made as it will be, in a transaction that is rolled back: so a preview is what happens, as of its
moment. What would be sent is decided by the core itself on a sample, with the command obeyed and fourteen days passing,
and told as what it is: counts of a sample.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.core.decide import version_in_force
from domain.core.outlook import Standing
from domain.core.simulate import onward
from domain.decision import Decision
from domain.facts import OperatorCommand
from domain.operating import NEVER_ENROLLED, OperationKind, OperationRequest, Outcome, command_of, ended
from domain.playbook.compiled import CompiledPlaybook
from domain.ports import Clock
from domain.state import HandoffState, JourneyState
from domain.words import BuyerStage, Phase
from storage import in_flight, operation_standing, operations, where
from storage.database import Connection, Database
from storage.enrolment import may_return
from storage.operation_rows import why_not_again
from storage.playbooks import PgPlaybooks
from workflows.messages import CommandRequest
from workflows.objections import objection

#: Leads on whom the core decides, and how far ahead.
SAMPLE = 100
HORIZON = timedelta(days=14)
#: Leads shown.
_SHOWN = 10
#: Until when a touch leaves, in words; in order.
WHEN: Mapping[str, timedelta] = {
    "within a minute": timedelta(minutes=1),
    "within an hour": timedelta(hours=1),
    "within a day": timedelta(days=1),
    "within 3 days": timedelta(days=3),
    "within a week": timedelta(days=7),
    "within 14 days": HORIZON,
}
LATER = "later"
#: Kinds that leave the lead no journey of which anything could be foretold from its present state.
_BEGINS_ANEW = frozenset({OperationKind.RE_ENROL})


class Refusal(BaseModel):
    """Why so many would be refused."""

    why: str
    number: int


class Foretold(BaseModel):
    """What the core decides for ``sample`` leads out of those who would be commanded, each when its turn comes.

    ``touches``: when → channel → how many in the sample; ``assets``: the commonest of those that the command itself
    sends.
    ``otherwise``: touches of the same fourteen days without the operation, by channel. ``endings`` and ``handoffs``
    are leads of the sample; ``declined`` those whom the command would do nothing for, by why.
    """

    sample: int
    touches: dict[str, dict[str, int]]
    assets: dict[str, int]
    otherwise: dict[str, int]
    endings: dict[str, int]
    handoffs: int
    declined: dict[str, int]


class Preview(BaseModel):
    """``total`` leads are meant, ``able`` of them would be commanded. ``seconds`` is how long that takes at ``rate``
    (leads a second); None where only the machine limits it.
    """

    model_config = ConfigDict(frozen=True)

    kind: OperationKind
    request: OperationRequest
    where: str
    total: int
    able: int
    refused: list[Refusal]
    leads: list[dict[str, Any]]
    rate: float
    seconds: float | None
    foretold: Foretold | None


async def preview(
    db: Database,
    *,
    kind: OperationKind,
    now: datetime,
    request: OperationRequest,
    clock: Clock,
    leads: Sequence[str] = (),
    where_: str = "",
    rate: float = 0.0,
    given: Mapping[str, Mapping[str, Any]] | None = None,
    lifting: str = "",
    told: Callable[[int], None] = lambda _: None,
) -> Preview:
    """Raises as ``operations.create`` does, but for a reason that is missing. ``lifting`` is the scope of a hold that
    will be lifted first; ``told`` hears how many journeys were looked at.
    """
    async with db.pool.acquire() as connection:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            id_ = await operations.create(
                connection,
                kind=kind,
                by="preview",
                now=now,
                request=request,
                leads=leads,
                where=where_,
                rate=rate,
                reason="preview",
                given=given,
                told=told,
            )
            total, able, refused = await _judged(connection, id_, kind, request, now)
            shown = await where.shown(connection, [lead for lead, _ in able[:_SHOWN]], now)
        finally:
            await transaction.rollback()
    return Preview(
        kind=kind,
        request=request,
        where=where_,
        total=total,
        able=len(able),
        refused=[Refusal(why=why, number=number) for why, number in refused.most_common()],
        leads=shown,
        rate=rate,
        seconds=len(able) / rate if rate else None,
        foretold=await _foretell(db, id_, kind, request, able, _Turns(now, clock, rate, lifting)),
    )


async def _judged(
    connection: Connection, operation: str, kind: OperationKind, request: OperationRequest, now: datetime
) -> tuple[int, list[tuple[str, dict[str, Any]]], Counter[str]]:
    """How many are meant, who would be commanded (with what is their own), and why the others would not."""
    able: list[tuple[str, dict[str, Any]]] = []
    refused: Counter[str] = Counter()
    total = 0
    again = kind is OperationKind.RE_ENROL
    rules = await operation_standing.re_entry_rules(connection) if again else {}
    async for rows in operation_standing.standing(connection, operation, suppressed=again):
        total += len(rows)
        for row in rows:
            why = row["detail"] if row["status"] == Outcome.REFUSED else ""
            if not why and again:
                why = _why_not_again(row, rules, now, anyway=request.anyway)
            elif not why:
                why = _why_not(row, kind, command_of(operation, kind, request, row["given"]))
            if why:
                refused[why] += 1
            else:
                able.append((row["lead"], row["given"]))
    return total, able, refused


def _why_not_again(row: Any, rules: Mapping[str, Any], now: datetime, *, anyway: bool) -> str:
    if row["cycle"] is None or row["ended_at"] is None or row["suppressed"]:
        return why_not_again(row)
    rule = rules.get(row["playbook_name"])
    return "" if anyway or (rule and may_return(row, rule, now)) else why_not_again(row)


def _why_not(row: Any, kind: OperationKind, command: OperatorCommand) -> str:
    """What the journey's own validator would say, of what the read model knows of it."""
    if row["cycle"] is None:
        return NEVER_ENROLLED
    if row["ended_at"] is not None:
        return ended(row["ending"])
    began = row["started_at"]
    state = JourneyState.begin(row["lead"], row["cycle"], row["playbook_hash"], began).model_copy(
        update={
            "number": row["decision_number"],
            "phase": Phase(row["phase"]),
            "stage": BuyerStage(row["stage"]),
            "paused_since": row["paused_since"],
            "handoff": HandoffState(id="", opened=began, reason="") if row["handed_off"] else None,
        }
    )
    asked = CommandRequest.model_construct(**command.model_dump(exclude={"id", "kind"}))
    return objection(state, (), kind.command, asked)


async def _foretell(
    db: Database,
    operation: str,
    kind: OperationKind,
    request: OperationRequest,
    able: Sequence[tuple[str, dict[str, Any]]],
    turns: "_Turns",
) -> Foretold | None:
    """The core's word on a sample, spread evenly over those who would be commanded; None where it has none."""
    if kind in _BEGINS_ANEW or not able:
        return None
    size = min(len(able), SAMPLE)
    places = [index * len(able) // size for index in range(size)]
    given, at = dict(able[place] for place in places), {able[place][0]: turns.of(place) for place in places}
    back = {lead: own["to"] for lead, own in given.items() if own.get("to")}
    recorded = await operation_standing.recorded(db.pool, back) if back else {}
    counted = _Counted(PgPlaybooks(db), turns.now)
    async for standing in in_flight.standing(db, list(given), turns.now):
        lead = standing.state.lead
        command = command_of(operation, kind, request, given[lead])
        known = _knowing(standing, command, recorded.get(lead), turns.lifting)
        await counted.add(known, command, at[lead])
    return counted.told()


@dataclass(frozen=True, slots=True)
class _Turns:
    """When whose turn comes, on the deployment's clock. Without a rate everybody's is now."""

    now: datetime
    clock: Clock
    rate: float
    lifting: str

    def of(self, place: int) -> datetime:
        seconds = timedelta(seconds=place / self.rate if self.rate else 0.0)
        return self.clock.from_real(self.clock.to_real(self.now) + seconds)


def _knowing(standing: Standing, command: OperatorCommand, recorded: JourneyState | None, lifting: str) -> Standing:
    """With the state that a rewind goes back to among the facts, and without the hold that will be lifted."""
    state, facts = standing.state, standing.facts
    if lifting:
        holds = tuple(hold for hold in facts.holds if hold.scope != lifting)
        standing = Standing(state, facts.model_copy(update={"holds": holds}), standing.wakes)
    if command.to is None:
        return standing
    back = recorded or JourneyState.begin(state.lead, state.cycle, state.playbook, state.started)
    return Standing(state, facts.model_copy(update={"recorded": {command.to: back}}), standing.wakes)


class _Counted:
    """What becomes of a sample, lead by lead."""

    def __init__(self, playbooks: PgPlaybooks, now: datetime) -> None:
        self._playbooks = playbooks
        self._now = now
        self._sample = self._handoffs = 0
        self._touches: dict[str, Counter[str]] = {when: Counter() for when in (*WHEN, LATER)}
        self._assets: Counter[str] = Counter()
        self._otherwise: Counter[str] = Counter()
        self._endings: Counter[str] = Counter()
        self._declined: Counter[str] = Counter()

    async def add(self, standing: Standing, command: OperatorCommand, at: datetime) -> None:
        """``at`` is when the lead's turn comes; before that nothing is taken to happen."""
        self._sample += 1
        until = self._now + HORIZON
        playbook = await self._playbook(standing, [command])
        for step in onward(playbook, standing.state, standing.facts, at, max(at, until), commands={at: [command]}):
            self._count(step.decision, command, first=step.decision.at == at)
        wakes = max(standing.wakes, self._now)
        if wakes <= until:
            playbook = await self._playbook(standing, [])
            for step in onward(playbook, standing.state, standing.facts, wakes, until):
                self._otherwise.update(touch.channel.value for touch in step.decision.send)

    async def _playbook(self, standing: Standing, commands: Sequence[OperatorCommand]) -> CompiledPlaybook:
        own = await self._playbooks.compiled(standing.state.playbook)
        return await self._playbooks.compiled(version_in_force(own, standing.facts, commands))

    def _count(self, decision: Decision, command: OperatorCommand, *, first: bool) -> None:
        when = next((word for word, within in WHEN.items() if decision.at <= self._now + within), LATER)
        self._touches[when].update(touch.channel.value for touch in decision.send)
        self._handoffs += decision.open_handoff is not None
        if first:
            self._assets.update(touch.asset or touch.step for touch in decision.send)
            self._declined.update(one.why for one in decision.rejected if one.what == command.kind)
        if decision.state.ending:
            self._endings[decision.state.ending.value] += 1

    def told(self) -> Foretold:
        return Foretold(
            sample=self._sample,
            touches={when: dict(counted) for when, counted in self._touches.items()},
            assets=dict(self._assets.most_common(5)),
            otherwise=dict(self._otherwise),
            endings=dict(self._endings),
            handoffs=self._handoffs,
            declined=dict(self._declined),
        )
