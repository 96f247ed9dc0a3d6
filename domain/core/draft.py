"""A decision being made: the one mutable thing in the core.

Each rule module takes a ``Draft``, reads facts and state from it, and records what it concludes together with why.
A draft lives for one call of ``decide`` and is then frozen into a ``Decision``.
"""

from datetime import datetime, timedelta
from typing import Any

from domain.core import scoring
from domain.core.phases import STATUS_ON_ENTRY, TRANSITIONS
from domain.decision import (
    OpenHandoff,
    Reason,
    Rejected,
    ResolveHandoff,
    Scores,
    SendTouch,
    Suppress,
    Wake,
)
from domain.facts import Facts
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.hits import Hit
from domain.state import JourneyState
from domain.words import DIRECT_CHANNELS, BuyerStage, Channel, Ending, LeadStatus, Phase

_DAY = timedelta(days=1)
#: State that conditions can see: changing any of it changes what they say.
_SEEN_BY_CONDITIONS = frozenset({"phase", "phase_since", "stage", "stage_since", "segment", "intent_since"})


class Draft:
    """State so far, facts, and what was concluded. ``hits`` are all named behaviours, ``new`` the unread ones."""

    def __init__(self, playbook: CompiledPlaybook, state: JourneyState, facts: Facts, now: datetime) -> None:
        self.playbook = playbook
        self.rules = playbook.document
        self.before = state
        self.state = state
        self.facts = facts
        self.now = now
        self.hits: list[Hit] = playbook.matcher.hits(facts.behaviours)
        self.new: list[Hit] = [hit for hit in self.hits if hit.position > state.cursor]
        self.reasons: list[Reason] = []
        self.rejected: list[Rejected] = []
        self.send: list[SendTouch] = []
        self.withdraw: list[str] = []
        self.wakes: list[Wake] = []
        self.open_handoff: OpenHandoff | None = None
        self.resolve_handoff: ResolveHandoff | None = None
        self.suppress: Suppress | None = None
        self.next_touch_at: datetime | None = None
        self.skip_wait = False
        self._last_active = max((hit.at for hit in self.hits if hit.match.meaningful), default=None)
        self._attributes = scoring.attributes(playbook, facts)
        self._counts: dict[str, int] | None = None
        self._scores: Scores | None = None
        self._values: Any = None

    # --- what is known -------------------------------------------------------------------------------------------

    @property
    def counted(self) -> list[Hit]:
        """Hits that count for scores and conditions: all, or those since a rejection made intent begin anew."""
        since = self.state.intent_since
        return self.hits if since is None else [hit for hit in self.hits if hit.at > since]

    @property
    def quiet_since(self) -> datetime:
        """When the lead was last active, or when this phase began if that is later."""
        began, active = self.state.phase_since, self._last_active
        return began if active is None or active < began else active

    @property
    def scores(self) -> Scores:
        if self._scores is None:
            self._score()
        assert self._scores is not None  # noqa: S101 narrows the type: _score has just set it
        return self._scores

    def holds(self, condition: str) -> bool:
        """Whether a condition over everything declared is true now."""
        if self._values is None:
            self._score()
        return self.playbook.condition(condition).holds(self._values)

    # --- what is concluded ---------------------------------------------------------------------------------------

    def because(self, rule: str, text: str, **evidence: Any) -> None:
        self.reasons.append(Reason(rule=rule, text=text, evidence=evidence))

    def reject(self, what: str, why: str, rule: str, until: datetime | None = None) -> None:
        self.rejected.append(Rejected(what=what, why=why, rule=rule, until=until))

    def wake(self, at: datetime, cause: str) -> None:
        self.wakes.append(Wake(at=at, cause=cause))

    def change(self, **fields: Any) -> None:
        """Change state. Conditions asked later see the change."""
        self.state = self.state.model_copy(update=fields)
        if not _SEEN_BY_CONDITIONS.isdisjoint(fields):
            self._values = None
        if "intent_since" in fields:
            self._scores = self._counts = None

    def enter(self, phase: Phase) -> None:
        """Move to another phase by the table in ``phases``; the lead's status follows."""
        if phase not in TRANSITIONS[self.state.phase]:
            raise AssertionError(f"no way from {self.state.phase} to {phase}")
        status = STATUS_ON_ENTRY[phase] or self.state.status
        self.change(phase=phase, phase_since=self.now, status=status, anchor=self.now)

    def move_to(self, stage: BuyerStage) -> None:
        self.change(stage=stage, stage_since=self.now, anchor=self.now)

    def end(self, ending: Ending, reason: str = "", status: LeadStatus | None = None) -> None:
        """End the journey: nothing further leaves, what is on its way to the lead is called back."""
        self.call_back()
        self.enter(Phase.ENDED)
        self.change(ending=ending, ending_reason=reason, handoff=None, resume_at=None, paused_since=None)
        if status is not None:
            self.change(status=status)

    def forbid(self, reason: str) -> None:
        """Never write to this person again."""
        self.suppress = Suppress(reason=reason)

    def call_back(self) -> None:
        """Withdraw touches that are on their way to the lead, and forget those that wait."""
        direct = {touch.key for touch in self.facts.touches if touch.channel in DIRECT_CHANNELS}
        self.withdraw += [key for key in self.state.in_flight if key in direct]
        self.send = [touch for touch in self.send if touch.channel not in DIRECT_CHANNELS]
        for pending in self.state.pending:
            self.reject(pending.step, "something more important happened", "pre_empted")
        self.change(pending=())

    def touch(self, step: str, channel: Channel, *, asset: str = "", note: str = "", occurrence: int = 1) -> SendTouch:
        """Send one touch now, under the key that the ledger knows it by."""
        base = f"{self.state.lead}/{self.state.cycle}/{self.state.epoch}/{step}"
        key = base if occurrence == 1 else f"{base}/{occurrence}"
        command = SendTouch(key=key, channel=channel, step=step, asset=asset, note=note)
        self.send.append(command)
        return command

    # --- evaluation ----------------------------------------------------------------------------------------------

    def _score(self) -> None:
        if self._counts is None or self._scores is None:
            counted, lead = self.counted, self._attributes
            self._counts = counts = self.playbook.counts(counted, self.now)
            started = self.state.started if self.state.intent_since is None else None
            self._scores = scoring.scores(self.playbook, lead, counted, started=started, now=self.now, counts=counts)
        known = self._attributes | self._counts | self._situation(self._scores)
        self._values = self.playbook.conditions.activation(known)

    def _situation(self, scores: Scores) -> dict[str, Any]:
        state = self.state
        reached = [t for t in self.facts.touches if t.cycle == state.cycle and t.status == "sent"]
        return {
            "score.fit": scores.fit,
            "score.intent": scores.intent,
            "score.grade": scores.grade,
            "stage": state.stage.value,
            "segment": state.segment,
            "touches.sent": sum(touch.channel in DIRECT_CHANNELS for touch in reached),
            "days.in_stage": (self.now - state.stage_since) // _DAY,
            "days.in_journey": (self.now - state.started) // _DAY,
            "days.quiet": (self.now - self.quiet_since) // _DAY,
        }
