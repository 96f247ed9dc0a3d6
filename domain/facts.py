"""What is known about a lead at one moment: the input of a decision, gathered from the database in one read.

Nothing here is Tendril's opinion. Everything is as of ``now``: behaviours up to the newest, the ledger as it stands.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.state import JourneyState
from domain.words import Channel, CommandKind, ResumePolicy, TouchStatus

#: How far back the touches of an account's other leads are known.
ACCOUNT_TOUCHES = timedelta(days=60)
#: How far back behaviour that was read before is considered, and at most how much of it (newest first).
MEMORY = timedelta(days=180)
MOST_READ = 500

#: The kind of event that says that another was taken back. It is nobody's activity.
RETRACTION = "retraction"
#: Name of the one that says that an event counts after all.
RESTORED = "behaviour restored"

FieldValue = str | int | float | bool | list[str] | None


class Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LeadFacts(Fact):
    """The profile. ``fields`` holds the playbook's declared lead fields; absent means unknown.

    ``email_domain`` is the part after the @, lower case, or "" when no address is known: conditions may ask about the
    domain, never about the address. ``merged_into`` is the lead that this one turned out to be ("" when it is its own).
    """

    id: str
    fields: Mapping[str, FieldValue] = {}
    has_email: bool = False
    email_domain: str = ""
    country: str = ""
    timezone: str = ""
    source: str = ""
    owner: str = ""
    merged_into: str = ""
    created_at: datetime


class Behaviour(Fact):
    """Something the lead did, or that became of a touch.

    ``position`` rises by one per lead in the order of commit; imported history is below zero, behind every cursor.
    ``kind`` is one of ``track``, ``page``, ``identify``, ``delivery``, ``crm``, ``retraction``; ``name`` is the event's
    name, or a page's path. ``trusted`` is false for what is quarantined (scanner clicks, retracted events): it is kept
    and shown, never counted.
    """

    position: int
    kind: str
    name: str
    properties: Mapping[str, Any] = {}
    at: datetime
    trusted: bool = True


class TouchFact(Fact):
    """One row of this lead's ledger, from any cycle. ``at`` is when it was sent, else when it was planned.

    ``variant`` is ``experiment:variant`` where its step is part of one.
    ``number`` is the decision that planned it: beyond the journey's own number, that decision was taken back.
    """

    key: str
    cycle: int
    step: str
    asset: str = ""
    channel: Channel
    status: TouchStatus
    at: datetime
    note: str = ""
    variant: str = ""
    number: int = 0


class AccountFacts(Fact):
    """The company, without this lead: ``recent_touches`` are when its other leads were touched (channel, time)."""

    id: str = ""
    name: str = ""
    domain: str = ""
    leads: int = 1
    active_leads_30d: int = 0
    open_opportunity: bool = False
    recent_touches: tuple[tuple[Channel, datetime], ...] = ()


class Permission(Fact):
    """May we write to this person? Suppression always wins over consent.

    ``suppressed`` is the reason of the entry that forbids contact ("" when none): ``opted_out``, ``complained``,
    ``hard_bounced``, ``erased`` or ``manual``. ``declined`` names channels the lead said no to. ``basis`` is the
    recorded ground ("consent", "legitimate_interest", …; "" when none is recorded). ``paused_until`` and ``least_days``
    are what the lead itself asked for: nothing before then, and never two touches within so many days (0: no wish).
    ``declined_topics`` are those of the playbook's that it does not want.
    """

    suppressed: str = ""
    declined: frozenset[Channel] = frozenset()
    basis: str = ""
    paused_until: datetime | None = None
    least_days: int = 0
    declined_topics: frozenset[str] = frozenset()


class OperatorCommand(Fact):
    """What an operator or a seller asked of this journey. ``by`` is an opaque actor (a key's name), no address.

    ``policy`` goes with resume; ``since`` says from when the journey counts as paused where a hold stopped it and not
    a command. ``to`` goes with rewind: the number of the decision to go on from, 0 for the beginning. ``touch`` goes
    with resend: the key in the ledger. ``playbook`` goes with migrate: the hash of the version to move to.
    """

    id: str
    kind: CommandKind
    by: str = ""
    reason: str = ""
    stage: str = ""
    policy: ResumePolicy = ResumePolicy.SHIFT
    since: datetime | None = None
    to: int | None = None
    touch: str = ""
    playbook: str = ""


class Hold(Fact):
    """An operator's hold. ``scope``: everything, ``playbook:<name>`` (the journey's own) or ``channel:<name>``.

    One that is lifted says how whom it stopped goes on (``lifting``): when told to, and by themselves after ``until``.
    """

    scope: str
    since: datetime
    reason: str = ""
    lifting: ResumePolicy | None = None
    until: datetime | None = None

    @property
    def channel(self) -> str:
        """The channel it holds, "" for one that holds the whole journey."""
        kind, _, name = self.scope.partition(":")
        return name if kind == "channel" else ""

    def waits(self, now: datetime) -> bool:
        """Whether it is lifted, and whom it stopped waits for their turn."""
        return self.lifting is not None and self.until is not None and now < self.until

    def stops(self, now: datetime, *, stopped: bool) -> bool:
        """Whether it stops the whole journey: in force, or lifted while whom it ``stopped`` waits for their turn."""
        return not self.channel and (self.lifting is None or (stopped and self.waits(now)))


class Standing(Fact):
    """Where the database has this journey: at decision ``number``. ``next_run`` is the workflow run that made the one
    after the state's, "" where there is none: by that a run whose history was lost knows its own decisions.
    ``commanded``: an operator's command led to that one.
    """

    number: int
    next_run: str = ""
    commanded: bool = False


class Facts(Fact):
    """Everything a decision may consider.

    ``behaviours``, by position: the unread ones after the state's cursor (whatever their age, the oldest 2,000), and
    before them the newest 500 of the last 180 days. ``more_unread`` says that a flood left some for the next decision.
    ``active_playbook`` is the hash that the journey's playbook name points to today. ``holds`` are those in force, or
    lifted of late, on everything, on the journey's playbook, or on a channel. ``past`` are earlier states of the
    journey, those after the decisions of these numbers, where a command asks to go back.
    ``standing`` is how far the database has recorded the journey (``domain.standing``), None where it has not at all.
    """

    lead: LeadFacts
    account: AccountFacts = AccountFacts()
    permission: Permission = Permission()
    behaviours: tuple[Behaviour, ...] = ()
    touches: tuple[TouchFact, ...] = ()
    active_playbook: str = ""
    more_unread: bool = False
    standing: Standing | None = None
    holds: tuple[Hold, ...] = ()
    past: Mapping[int, JourneyState] = {}

    def holding(self, now: datetime, *, stopped: bool) -> Hold | None:
        """What holds the whole journey: a hold in force before one that is lifted and still waits for its turn."""
        holds = (hold for hold in self.holds if hold.stops(now, stopped=stopped))
        return min(holds, key=lambda hold: hold.lifting is not None, default=None)
