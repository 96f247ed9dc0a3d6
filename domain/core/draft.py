"""A decision being made: the one mutable thing in the core.

Each rule module takes a ``Draft``, reads facts and state from it, and records what it concludes together with why.
A draft lives for one call of ``decide`` and is then frozen into a ``Decision``.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.core import scoring, taken_back
from domain.core.phases import STATUS_ON_ENTRY, TRANSITIONS
from domain.decision import OpenHandoff, Priority, Reason, Rejected, ResolveHandoff, Scores, SendTouch, Suppress, Wake
from domain.facts import Facts
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.conditions import Level
from domain.playbook.hits import Hit, newest_activity
from domain.playbook.models import Length, Situation
from domain.state import JourneyState
from domain.words import DIRECT_CHANNELS, BuyerStage, Channel, Ending, LeadStatus, Phase, TouchStatus

_DAY = timedelta(days=1)
#: State that conditions can see: changing any of it changes what they say.
_SEEN_BY_CONDITIONS = frozenset({"phase", "phase_since", "stage", "stage_since", "segment"})
_SEEN_BY_SCORES = frozenset({"intent_since", "rejections"})


class Draft:
    """State so far, facts, and what was concluded.

    ``hits`` are all named behaviours, ``new`` the unread ones without opens. ``hold`` is what holds the whole journey.
    """

    def __init__(self, playbook: CompiledPlaybook, state: JourneyState, facts: Facts, now: datetime) -> None:
        self.playbook = playbook
        self.rules = playbook.document
        self.now = now
        self.hits: list[Hit] = playbook.matcher.hits(facts.behaviours)
        self.last_action = newest_activity(self.hits)
        self.hold = facts.holding(now, stopped=state.held_since is not None)
        self.reasons: list[Reason] = []
        self.rejected: list[Rejected] = []
        self.rewound_to: int | None = None
        self._go_on_from(state, facts, state.number)

    def _go_on_from(self, state: JourneyState, facts: Facts, last: int) -> None:
        """Nothing concluded yet. Decisions after the one numbered ``last`` are taken back."""
        self.before = state
        self.facts = taken_back.without(state, facts, last)
        self.state = state.model_copy(update={"anchor": taken_back.anchor(state, self.facts, last)})
        unread = [hit for hit in self.hits if hit.position > state.cursor]
        self.new: list[Hit] = [hit for hit in unread if not hit.match.of_opens]
        self.send: list[SendTouch] = []
        self.withdraw: list[str] = []
        self.wakes: list[Wake] = []
        self.open_handoff: OpenHandoff | None = None
        self.resolve_handoff: ResolveHandoff | None = None
        self.suppress: Suppress | None = None
        self.next_touch_at: datetime | None = None
        self.skip_wait = self.skip_due = False
        self._attributes = scoring.attributes(self.playbook, facts, state.rejections)
        self._counts: dict[str, int] | None = None
        self._scores: Scores | None = None
        self._values: dict[str, Any] | None = None
        self._held: dict[str, bool] = {}
        self._later: dict[datetime, dict[str, Any]] = {}
        self._asked = False

    def go_back(self, state: JourneyState, to: int) -> None:
        """Make this decision from an earlier state. What the decisions since planned and nobody began is called back,
        and free to be planned again.
        """
        planned = [
            t for t in self.facts.touches if t.status is TouchStatus.PLANNED and taken_back.planned_by(state, t, to)
        ]
        self._go_on_from(state, self.facts, to)
        self.withdraw = [touch.key for touch in planned]
        self.rewound_to = to

    # --- what is known -------------------------------------------------------------------------------------------

    @property
    def stopped(self) -> bool:
        """Whether nobody is written to or handed over: by a pause of its own, or by a hold."""
        return self.state.paused_since is not None or self.hold is not None

    @property
    def counted(self) -> list[Hit]:
        """Hits that count for scores and conditions: all, or those since a rejection made intent begin anew."""
        since = self.state.intent_since
        return self.hits if since is None else [hit for hit in self.hits if hit.at > since]

    @property
    def quiet_since(self) -> datetime:
        """When the lead was last active, or when this phase began if that is later: what re-engagement counts from."""
        began, active = self.state.phase_since, self.last_action and self.last_action.at
        return began if active is None or active < began else active

    @property
    def inactive_since(self) -> datetime:
        """When the lead was last active, or when the journey began: what ``days.quiet`` counts from."""
        began, active = self.state.started, self.last_action and self.last_action.at
        return began if active is None or active < began else active

    @property
    def scores(self) -> Scores:
        if self._scores is None:
            self._score()
        assert self._scores is not None  # noqa: S101 narrows the type: _score has just set it
        return self._scores

    @property
    def values(self) -> Mapping[str, Any]:
        """The value of every declared variable now."""
        if self._values is None:
            self._score()
        return self._values or {}

    @property
    def length(self) -> Length | None:
        """The length that holds now, if the playbook has one that does."""
        return next((length for length in self.rules.lengths if length.id == self.values["length"]), None)

    @property
    def situations(self) -> list[Situation]:
        """The situations the buyer is in now."""
        return [one for one in self.rules.situations if self.values[f"situation.{one.id}"]]

    @property
    def on_track(self) -> bool:
        """Whether steps come from a stage's track, not from re-engagement or profiling."""
        return self.state.phase is not Phase.RE_ENGAGEMENT and not self.state.profiling

    def holds(self, condition: str) -> bool:
        """Whether a condition over everything declared is true now."""
        values, held = self._values or self.values, self._held
        if condition not in held and not self._asked:
            held |= self.playbook.asked(self.state.segment, self.state.stage).answers(values)
            self._asked = True
        if condition not in held:
            held[condition] = self.playbook.condition(condition).holds(values)
        return held[condition]

    def will_hold(self, condition: str, at: datetime) -> bool:
        """Whether a condition will be true at a later time if nothing but the number of days changes."""
        if at not in self._later:
            days_ago = {f"behaviour.{name}.days_ago": (at - last) // _DAY for name, last in self.last_times().items()}
            self._later[at], _ = self._known(self.scores, (self._counts or {}) | days_ago, at)
        return self.playbook.condition(condition).holds(self._later[at])

    def last_times(self) -> dict[str, datetime]:
        """Named behaviour → when it last happened, of those that count."""
        last: dict[str, datetime] = {}
        for hit in self.counted:
            last[hit.name] = max(hit.at, last.get(hit.name, hit.at))
        return last

    # --- what is concluded ---------------------------------------------------------------------------------------

    def because(self, rule: str, text: str, **evidence: Any) -> None:
        self.reasons.append(Reason(rule=rule, text=text, evidence=evidence))

    def reject(self, what: str, why: str, rule: str, until: datetime | None = None) -> None:
        self.rejected.append(Rejected(what=what, why=why, rule=rule, until=until))

    def wake(self, at: datetime, cause: str, patience: timedelta = timedelta()) -> None:
        self.wakes.append(Wake(at=at, cause=cause, patience=patience))

    def change(self, **fields: Any) -> None:
        """Change state. Conditions asked later see the change.

        In place, though states are frozen: this one is the draft's own copy, and a copy for each change would take a
        tenth of a decision's time.
        """
        self.state.__dict__.update(fields)
        if not _SEEN_BY_CONDITIONS.isdisjoint(fields):
            self._values = None
        if not _SEEN_BY_SCORES.isdisjoint(fields):
            self._attributes = scoring.attributes(self.playbook, self.facts, self.state.rejections)
            self._scores = self._counts = self._values = None

    def snapshot(self) -> JourneyState:
        """The state as it is now, which further changes leave alone."""
        return self.state.model_copy()

    def enter(self, phase: Phase) -> None:
        """Move to another phase by the table in ``phases``; the lead's status follows."""
        if phase not in TRANSITIONS[self.state.phase]:
            raise AssertionError(f"no way from {self.state.phase} to {phase}")
        status = STATUS_ON_ENTRY[phase] or self.state.status
        self.change(phase=phase, phase_since=self.now, tracks_since=None, status=status, profiling=False)
        self.begin_track()

    def move_to(self, stage: BuyerStage) -> None:
        """Change the stage. Its track begins anew; re-engagement and profiling, which are of no stage, go on."""
        self.change(stage=stage, stage_since=self.now)
        if self.on_track:
            self.begin_track()

    def begin_track(self) -> None:
        """Gaps count from now, and what a wait passed over may come again."""
        self.change(anchor=self.now, hastened=None, passed=())

    def end(self, ending: Ending, reason: str = "", status: LeadStatus | None = None) -> None:
        """End the journey: nothing further leaves, what is on its way to the lead is called back."""
        self.call_back()
        self._withdraw_handoff(ending)
        self.enter(Phase.ENDED)
        self.change(
            ending=ending, ending_reason=reason, handoff=None, resume_at=None, paused_since=None, held_since=None
        )
        if status is not None:
            self.change(status=status)

    def forbid(self, reason: str) -> None:
        """Never write to this person again."""
        self.suppress = Suppress(reason=reason)

    def call_back(self) -> None:
        """Withdraw touches that are on their way to the lead, and forget those that wait."""
        own = [t for t in self.facts.touches if t.channel in DIRECT_CHANNELS and t.cycle == self.state.cycle]
        running = set(self.state.in_flight)
        self.withdraw += [t.key for t in own if t.key in running or t.status is TouchStatus.PLANNED]
        self.send = [touch for touch in self.send if touch.channel not in DIRECT_CHANNELS]
        for step in [one.step for one in self.state.pending] + [one.step for one in self.state.resending]:
            self.reject(step, "something more important happened", "pre_empted")
        self.change(pending=(), resending=())

    def touch(self, step: str, channel: Channel, *, asset: str = "", note: str = "", occurrence: int = 1) -> SendTouch:
        """Send one touch now, under the key that the ledger knows it by."""
        key = self.key(step, occurrence)
        priority = Priority.SALES
        command = SendTouch(key=key, channel=channel, step=step, asset=asset, note=note, priority=priority)
        self.send.append(command)
        return command

    def key(self, step: str, occurrence: int = 1) -> str:
        """The key the ledger knows it by, else that of the present epoch."""
        return taken_back.key(self.state, self.facts, step, occurrence)

    def _withdraw_handoff(self, ending: Ending) -> None:
        """Nobody is asked any more: one that is open is withdrawn, one that this decision opened never leaves."""
        handoff = self.state.handoff
        if handoff is None:
            return
        if self.open_handoff is not None and self.open_handoff.id == handoff.id:
            self.open_handoff = None
            self.send = [touch for touch in self.send if touch.step != "handoff"]
        elif self.resolve_handoff is None or self.resolve_handoff.id != handoff.id:
            self.resolve_handoff = ResolveHandoff(id=handoff.id, outcome="withdrawn", reason=ending.value)

    # --- evaluation ----------------------------------------------------------------------------------------------

    def _score(self) -> None:
        if self._counts is None or self._scores is None:
            counted, lead = self.counted, self._attributes
            self._counts = counts = self.playbook.counts(counted, self.now)
            started = self.state.started if self.state.intent_since is None else None
            self._scores = scoring.scores(self.playbook, lead, counted, started=started, now=self.now, counts=counts)
        self._values, self._held = self._known(self._scores, self._counts, self.now)
        self._asked, self._later = False, {}

    def _known(
        self, scores: Scores, counts: Mapping[str, int], now: datetime
    ) -> tuple[dict[str, Any], dict[str, bool]]:
        """The value of every variable, length and situations last; and the answers to what was asked for that."""
        values = {**self._attributes, **counts, **self._standing(scores, now)}
        answers = self.playbook.standing.answers(values)

        def holds(when: str) -> bool:
            if when not in answers:
                answers[when] = self.playbook.condition(when, Level.SITUATIONS).holds(values)
            return answers[when]

        values["length"] = next((one.id for one in self.rules.lengths if one.when is None or holds(one.when)), "")
        for situation in self.rules.situations:
            values[f"situation.{situation.id}"] = holds(situation.when)
        return values, answers

    def _standing(self, scores: Scores, now: datetime) -> dict[str, Any]:
        state = self.state
        reached = [t for t in self.facts.touches if t.cycle == state.cycle and t.status == "sent"]
        return {
            "score.fit": scores.fit,
            "score.intent": scores.intent,
            "score.grade": scores.grade,
            "stage": state.stage.value,
            "segment": state.segment,
            "touches.sent": sum(touch.channel in DIRECT_CHANNELS for touch in reached),
            "days.in_stage": (now - state.stage_since) // _DAY,
            "days.in_journey": (now - state.started) // _DAY,
            "days.quiet": max((now - self.inactive_since) // _DAY, 0),
        }
