"""Names and messages by which the rest of Tendril talks to a journey."""

from collections.abc import Mapping
from datetime import datetime

from activities.messages import TouchOutcome
from domain.compact import Compact
from domain.state import JourneyState
from domain.words import BuyerStage, Ending, LeadStatus, Phase, ResumePolicy

JOURNEY = "LeadJourney"
RECONCILE = "Reconcile"
AUDIT_WORKFLOW = "Audit"
OPERATE = "Operate"
CARRY_OUT = "carry_out"
SEND_TOUCH = "send_touch"
WAKE = "wake"
STATE = "state"


def workflow_id(lead: str) -> str:
    """One workflow id a lead; its runs are the lead's cycles (DESIGN decision 12)."""
    return f"lead-{lead}"


def operation_workflow_id(operation: str) -> str:
    """One workflow id an operation."""
    return f"operation-{operation}"


class CommandRequest(Compact):
    """Argument of every operator command; what each field goes with, ``domain.facts.OperatorCommand`` says.

    The command's id is the update's id: sending it again with the same id changes nothing.
    """

    by: str = ""
    reason: str = ""
    stage: str = ""
    policy: ResumePolicy = ResumePolicy.SHIFT
    since: datetime | None = None
    to: int | None = None
    touch: str = ""
    playbook: str = ""


class CommandAnswer(Compact):
    """Where the journey stands once the command has been considered."""

    title: str
    status: LeadStatus
    phase: Phase
    stage: BuyerStage
    decision: int


class JourneyEnd(Compact):
    """Result of a journey's workflow."""

    ending: Ending | None
    reason: str = ""
    decisions: int


class Carried(Compact):
    """What a journey's run hands to the next when it continues as new; the fields beside the state are as
    ``activities.messages.DecideInput`` has them.
    """

    state: JourneyState
    wakes: tuple[str, ...] = ()
    outcomes: tuple[TouchOutcome, ...] = ()
    shown: Mapping[str, str | int] = {}
    forward: str = ""


class Rounds(Compact):
    """Argument of ``Reconcile``: how many rounds fit one period of its schedule, ``seconds`` apart."""

    rounds: int = 1
    seconds: float = 300.0
