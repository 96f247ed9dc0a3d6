"""One simulated life told day by day: what happened, what was decided, why, what was rejected, what comes next."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.text import Text

from authoring.scenarios.life import Life
from cli.playbook.paper import Paper
from domain.core.cadence import zone_of_lead
from domain.core.simulate import Step
from domain.decision import Decision, Reason, Rejected, SendTouch, Wake
from domain.words import DIRECT_CHANNELS

#: Width of the column with the labels.
_BESIDE = 13
_DAY = timedelta(days=1)
#: Evidence that the title and the time already say.
_NOT_SHOWN = frozenset({"at"})
Lines = Iterator[tuple[str, Text]]


@dataclass
class Telling:
    """A life on paper. Remembers what it has said, so that what stays the same is not said again."""

    paper: Paper
    life: Life
    zone: ZoneInfo = field(init=False)
    _date: date | None = None
    _scores: tuple[int, int] | None = None
    _rejected: frozenset[tuple[str, str]] = frozenset()
    _audiences: frozenset[str] = frozenset()
    _quiet: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.zone = zone_of_lead(self.life.playbook.document.cadence, self.life.course.entry)

    def tell(self) -> None:
        """The whole story."""
        self._begin()
        for step in self.life.steps:
            if self._says_nothing_new(step):
                self._quiet.append(step)
            else:
                woke = self._quiet[-1].decision.next_wake if self._quiet else None
                self._tell_quiet()
                self._step(step, woke)
        self._tell_quiet()
        self._end()

    # --- the parts -------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        facts, rules = self.life.course.entry, self.life.playbook.document
        lead = facts.lead
        who = [lead.country, self.zone.key if lead.timezone else "", lead.source and f"from {lead.source}"]
        address = f"address at {lead.email_domain}" if lead.has_email else "no address"
        self.paper.line(f"{rules.title or rules.name}, version {self.life.playbook.hash}", "bold")
        self.paper.line(f"A lead: {', '.join([part for part in who if part] + [address])}.")
        known = ", ".join(f"{name} {value}" for name, value in lead.fields.items() if value is not None)
        self.paper.line(f"Known: {known or 'nothing'}.")
        self.paper.line(f"From {self._when(self.life.start)} to {self._when(self.life.until)}, {self.zone.key}.")
        if facts.behaviours:
            names = _times([behaviour.name for behaviour in facts.behaviours])
            self.paper.line(f"Before the start: {names}.")

    def _step(self, step: Step, woke: Wake | None) -> None:
        """``woke`` is why it woke, where the decision that said so was passed over."""
        decision = step.decision
        self._heading(decision.at)
        clock = decision.at.astimezone(self.zone).strftime("%H:%M")
        for happened in _happened(step):
            self.paper.labelled(clock, Text(happened, style="cyan"), width=_BESIDE, style="cyan")
        title = Text.assemble((f"#{decision.state.number} ", "dim"), (decision.title, _colour(decision)))
        self.paper.labelled(clock, title, width=_BESIDE)
        if not (step.arrived or step.asked) and woke is not None:
            self.paper.labelled("woke", Text(woke.cause, style="dim"), width=_BESIDE, style="dim")
        for label, text in self._lines(decision):
            self.paper.labelled(label, text, width=_BESIDE, style="dim")

    def _heading(self, at: datetime) -> None:
        local = at.astimezone(self.zone)
        if local.date() != self._date:
            self._date = local.date()
            day = (at - self.life.start) // _DAY
            self.paper.rule(f"{local:%A} {local.day} {local:%B %Y}, day {day}")

    def _lines(self, decision: Decision) -> Lines:
        for reason in decision.reasons:
            yield "because", _because(reason, self.zone)
        for touch in decision.send:
            yield "sends", _sends(touch)
        if decision.resolve_handoff is not None:
            handoff = decision.resolve_handoff
            yield "handoff", Text(f"{_words(handoff.outcome)} {_words(handoff.reason)}".strip())
        yield from self._not(decision.rejected)
        yield from self._scored(decision)
        yield from self._listed(decision)
        if decision.next_wake is not None:
            yield "next", Text(f"{self._when(decision.next_wake.at)}: {decision.next_wake.cause}", style="dim")

    def _not(self, rejected: Sequence[Rejected]) -> Lines:
        """What was rejected anew in full, what still is by name."""
        known = {(one.what, one.rule) for one in rejected}
        still = list(dict.fromkeys(one.what for one in rejected if (one.what, one.rule) in self._rejected))
        for one in rejected:
            if (one.what, one.rule) not in self._rejected:
                yield "not", self._why_not(one)
        if still:
            yield "still not", Text(", ".join(still), style="dim")
        self._rejected = frozenset(known)

    def _why_not(self, rejected: Rejected) -> Text:
        until = f" until {self._when(rejected.until)}" if rejected.until else ""
        return Text.assemble(f"{rejected.what}: {rejected.why}{until} ", (f"[{rejected.rule}]", "dim"))

    def _scored(self, decision: Decision) -> Lines:
        scores = decision.scores
        if (scores.fit, scores.intent) == self._scores:
            return
        self._scores = (scores.fit, scores.intent)
        parts = [f"{part.rule} {part.points:+.0f}" for part in scores.contributions if round(part.points)]
        grade = f" ({scores.grade})" if scores.grade else ""
        made_of = f": {', '.join(parts)}" if parts else ""
        yield "scores", Text.assemble(f"fit {scores.fit}{grade}, intent {scores.intent}", (made_of, "dim"))

    def _listed(self, decision: Decision) -> Lines:
        """Audiences the lead joins or leaves."""
        labels = {one.id: one.label for one in self.life.playbook.document.audiences}
        members = frozenset(name for name, member in decision.audiences.items() if member)
        for word, names in (("joins", members - self._audiences), ("leaves", self._audiences - members)):
            if names:
                shown = ", ".join(sorted(f"“{labels.get(name, name)}”" for name in names))
                yield "audience", Text(f"{word} {shown}")
        self._audiences = members

    def _says_nothing_new(self, step: Step) -> bool:
        decision = step.decision
        moved = step.arrived or step.asked or decision.reasons or decision.send or decision.state.number == 1
        rejected = {(one.what, one.rule) for one in decision.rejected}
        members = {name for name, member in decision.audiences.items() if member}
        same = rejected <= self._rejected and members == self._audiences
        return same and not moved and not decision.state.ended

    def _tell_quiet(self) -> None:
        """Decisions that changed nothing, in one line."""
        if self._quiet:
            first, last = self._quiet[0].decision, self._quiet[-1].decision
            if len(self._quiet) == 1:
                said = f"#{first.state.number} on {self._when(first.at)}: looked again, nothing changed"
            else:
                numbers = f"#{first.state.number} to #{last.state.number}"
                said = f"{numbers}, {self._when(first.at)} to {self._when(last.at)}: looked again, nothing changed"
            self.paper.labelled("…", Text(said, style="dim"), width=_BESIDE, style="dim")
            self._quiet.clear()

    def _end(self) -> None:
        decision, state = self.life.last.decision, self.life.last.decision.state
        rules, standing = self.life.playbook.document, self.life.standing(max(decision.at, self.life.until))
        labels = {one.id: one.label for one in rules.segments}
        touches = [touch for _, touch in self.life.sent]
        direct = sum(touch.channel in DIRECT_CHANNELS for touch in touches)
        self.paper.rule("At the end")
        self._fact("journey", _ending(decision) or f"goes on, in {_words(state.phase)}")
        self._fact("status", _words(state.status))
        self._fact("stage", _words(state.stage))
        self._fact("segment", labels.get(state.segment, state.segment) or "none")
        if standing.length is not None:
            self._fact("length", standing.length.label or standing.length.id)
        if standing.situations:
            self._fact("situations", ", ".join(one.label for one in standing.situations))
        scores = standing.scores
        self._fact("scores", f"fit {scores.fit}{f' ({scores.grade})' if scores.grade else ''}, intent {scores.intent}")
        self._fact("touches", f"{direct} reached the lead, {len(touches) - direct} went to sales")
        joined = [one.label for one in rules.audiences if decision.audiences.get(one.id)]
        self._fact("audiences", ", ".join(joined) or "none")
        for line in decision.forward:
            self._fact("forward", line)
        self._fact("decisions", str(len(self.life.steps)))

    def _fact(self, label: str, said: str) -> None:
        self.paper.labelled(label, Text(said), width=_BESIDE)

    def _when(self, at: datetime) -> str:
        local = at.astimezone(self.zone)
        today = self._date or self.life.start.astimezone(self.zone)
        year = f" {local.year}" if local.year != today.year else ""
        return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M}"


def _happened(step: Step) -> Iterator[str]:
    for behaviour in step.arrived:
        details = _evidence(behaviour.properties)
        name = "" if behaviour.kind == behaviour.name else f" {behaviour.name}"
        yield f"{behaviour.kind}{name}{details}"
    for command in step.asked:
        detail = command.stage or command.reason
        yield f"{command.by or 'operator'} says {_words(command.kind)}{f': {_words(detail)}' if detail else ''}"


def _because(reason: Reason, zone: ZoneInfo) -> Text:
    """With its evidence; times in it are told as all others are, in the lead's zone."""
    evidence = {
        name: value.astimezone(zone) if isinstance(value, datetime) else value
        for name, value in reason.evidence.items()
        if name not in _NOT_SHOWN
    }
    return Text.assemble(reason.text, (f" [{reason.rule}]{_evidence(evidence)}", "dim"))


def _evidence(evidence: Mapping[str, Any]) -> str:
    shown = (f"{name} {value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else f"{name} {value}"
             for name, value in evidence.items())  # fmt: skip
    return f" ({', '.join(shown)})" if evidence else ""


def _sends(touch: SendTouch) -> Text:
    variant = f" ({touch.variant})" if touch.variant else ""
    what = touch.asset or touch.note or touch.step
    return Text.assemble((f"{_words(touch.channel)} {what}{variant} ", "green"), (f"[{touch.step}]", "dim"))


def _colour(decision: Decision) -> str:
    if decision.state.ended:
        return "bold red"
    if decision.open_handoff is not None:
        return "bold magenta"
    return "bold green" if decision.send else "bold"


def _ending(decision: Decision) -> str:
    state = decision.state
    if state.ending is None:
        return ""
    return f"ended, {_words(state.ending)}{f': {_words(state.ending_reason)}' if state.ending_reason else ''}"


def _times(names: Sequence[str]) -> str:
    counted = {name: names.count(name) for name in names}
    return ", ".join(name if number == 1 else f"{name} ({number} times)" for name, number in counted.items())


def _words(word: str) -> str:
    return word.replace("_", " ")
