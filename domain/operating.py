"""Operations: one command to many journeys, asked for once and carried out one by one, whatever is killed meanwhile.

An operation is a row with who, why and what, and one row for each lead it is about, all written before the first lead
is commanded. Each lead is commanded under the id ``operation-<id>``, which is considered once however often it is sent.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from domain.facts import OperatorCommand
from domain.words import BuyerStage, CommandKind, DisqualifyReason, ResumePolicy


class OperationKind(StrEnum):
    """What can be done to many journeys: commands to running ones, and beginning again for those that have ended."""

    PAUSE = "pause"
    RESUME = "resume"
    SKIP_WAIT = "skip_wait"
    FORCE_STAGE = "force_stage"
    HAND_OFF = "hand_off"
    DISQUALIFY = "disqualify"
    RE_ENROL = "re_enrol"
    RESEND = "resend"
    REWIND = "rewind"
    MIGRATE = "migrate"
    END = "end"

    @property
    def command(self) -> CommandKind:
        """The command it gives to each journey. Raises ``ValueError`` for ``RE_ENROL``, which is none."""
        return CommandKind(self.value)

    @property
    def words(self) -> str:
        return self.value.replace("_", "-" if self is OperationKind.RE_ENROL else " ")


#: Why nothing can be told to a lead.
NEVER_ENROLLED = "it never had a journey: enrol it"


#: A decision's number or a touch's key says something of the journey that it was found in, and of no other.
NEXT_BEGAN = "the journey that was meant has ended, and the next one began"


def ended(ending: str) -> str:
    """Why nothing can be told to a journey that ended so."""
    return f"its journey has ended ({ending.replace('_', ' ')})"


#: What can't be taken back, or reaches people: these need a reason.
NEEDS_REASON = frozenset(
    {OperationKind.DISQUALIFY, OperationKind.END, OperationKind.RESEND, OperationKind.REWIND, OperationKind.RE_ENROL}
)


class OperationStatus(StrEnum):
    """Where an operation is. Only a running one commands anybody."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class Outcome(StrEnum):
    """What became of one lead of an operation."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"  # the journey, or what is known of it, said no: ``detail`` says why
    FAILED = "failed"  # nobody answered, often enough to give up: may be tried again


class OperationRequest(BaseModel):
    """What goes with an operation, by its kind; the rest stays empty.

    ``stage``: force_stage. ``policy``: resume. ``since``: resume of journeys that a hold stopped and no command.
    ``to``: rewind; the number of a decision, or a step, a stage or a time, found for each lead (``storage.targets``).
    ``touch``: resend; a touch's key or a step's name. ``playbook``: migrate; the version's hash. ``because``:
    disqualify. ``anyway``: re-enrol those, too, whom the playbook's rule of re-entry would let wait.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: BuyerStage | None = None
    policy: ResumePolicy = ResumePolicy.SHIFT
    since: datetime | None = None
    to: str = ""
    touch: str = ""
    playbook: str = ""
    because: DisqualifyReason | None = None
    anyway: bool = False


class Member(BaseModel):
    """One lead of an operation, to be commanded now. ``again`` says that it may have been before; ``cycle`` is its
    latest journey (None when it never had one), and ``ending`` how that ended ("" while it runs). ``given`` is about
    journey ``meant`` and no later one.
    """

    model_config = ConfigDict(frozen=True)

    lead: str
    given: dict[str, Any] = {}
    again: bool = False
    meant: int | None = None
    cycle: int | None = None
    ending: str = ""


class Fate(BaseModel):
    """What became of a lead. ``before`` and ``after`` are numbers of decisions of journey ``cycle``: the last one
    before the command, and the one that considered it. Who waits is asked again later.
    """

    model_config = ConfigDict(frozen=True)

    lead: str
    outcome: Outcome
    detail: str = ""
    cycle: int | None = None
    before: int | None = None
    after: int | None = None


class Batch(BaseModel):
    """The next leads of an operation. Without any, ask again in ``wait`` seconds; ``left`` says whether anybody is."""

    model_config = ConfigDict(frozen=True)

    status: OperationStatus
    kind: OperationKind
    request: OperationRequest = OperationRequest()
    members: tuple[Member, ...] = ()
    wait: float = 0.0
    left: bool = True


class Operations(Protocol):
    """The rows of operations. ``real_now`` is wall-clock time, ``now`` the deployment's."""

    async def begin(self, operation: str) -> None:
        """What was taken and not settled, by whoever has died since, may be taken again at once."""

    async def take(self, operation: str, most: int, real_now: datetime) -> Batch:
        """The next leads, no more than the operation's rate allows by now. Raises ``NotFound``."""

    async def settle(self, operation: str, fates: Sequence[Fate], now: datetime, real_now: datetime) -> None:
        """Record what became of leads that were taken. Those who wait still come again in a moment, or have failed
        when they waited often enough.
        """

    async def finish(self, operation: str, now: datetime) -> OperationStatus:
        """Close a running operation of which nobody waits; its status then."""

    async def re_enrol(self, operation: str, leads: Sequence[str], now: datetime, *, anyway: bool) -> list[Fate]:
        """Begin the next journey of these leads, or say why not. Those that begin are settled with it."""

    async def considered(self, leads: Sequence[str], command: str) -> dict[str, Fate]:
        """Of these leads, those whose journey has considered the command of that id."""

    async def not_running(self, lead: str) -> Fate:
        """What becomes of a lead of whom no workflow runs: refused when its journey has ended, else waiting, and it is
        seen to that it begins.
        """


class Commanding(Protocol):
    """Reaches journeys."""

    async def command(self, lead: str, command: OperatorCommand) -> Fate | None:
        """Command one journey and wait for its answer; None when none runs. What concerns this lead alone is in the
        fate: refused, or waiting when it did not answer. Raises ``ConnectionError`` for what concerns all of them.
        """


def command_of(
    operation: str, kind: OperationKind, request: OperationRequest, given: Mapping[str, Any]
) -> OperatorCommand:
    """The command that a journey gets. It names the operation and nobody: who asked and why stays in the database."""
    of_all = {
        "reason": request.because or "",
        "stage": request.stage or "",
        "policy": request.policy,
        "since": request.since,
        "playbook": request.playbook,
    }
    return OperatorCommand.model_validate(
        {"id": f"operation-{operation}", "kind": kind.command, "by": operation, **of_all, **given}
    )


def lacking(kind: OperationKind, request: OperationRequest, reason: str) -> str:
    """What has to be said with this kind and was not, in words; "" when nothing is missing."""
    if kind in NEEDS_REASON and not reason.strip():
        return f"{kind.words} needs a reason: it can't be taken back, or reaches people"
    wanted, given = _NEEDS.get(kind, ("", lambda _: True))
    return "" if given(request) else f"{kind.words} needs {wanted}"


_NEEDS: Mapping[OperationKind, tuple[str, Callable[[OperationRequest], object]]] = {
    OperationKind.FORCE_STAGE: ("the stage to move to", lambda request: request.stage),
    OperationKind.REWIND: (
        "where to go back to: a step, a stage, a time or a decision's number",
        lambda request: request.to,
    ),
    OperationKind.RESEND: ("the touch to send again, by its key or its step", lambda request: request.touch),
    OperationKind.MIGRATE: ("the playbook's version to move to", lambda request: request.playbook),
}
