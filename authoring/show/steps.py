"""What is sent to whom, in order: each segment's lanes, one a stage, and the rows of the table of every touch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from authoring.show.words import CHANNELS, Words, after, listed, spell, titled
from authoring.templates import environment, sender_values
from domain.playbook.models import Asset, Experiment, Playbook, Touch, Track, Trigger, TriggerTouch, Variant
from domain.words import BuyerStage

_DAY = timedelta(days=1)
EXHAUSTED = {
    "wait": "waits for behaviour",
    "advance": "goes on to the next stage",
    "re_engage": "begins re-engagement at once",
    "end": "ends the journey (sunset)",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One touch in words. ``day``: days since the track began when every step before it was sent. "" is “none”."""

    id: str
    channel: str
    timing: str
    day: float | None
    asset: str
    subject: str
    question: str
    condition: str = ""
    wait: str = ""
    ask: str = ""
    priority: int | None = None
    any_time: bool = False
    note: str = ""
    experiments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """What one segment gets at one stage. ``shared``: the track is for any segment without its own."""

    stage: str
    title: str
    question: str
    moves_to: tuple[str, ...]
    pool: bool
    shared: bool
    steps: tuple[Step, ...]
    exhausted: str


@dataclass(frozen=True, slots=True)
class Board:
    """One segment: who it is, and a lane for each stage."""

    segment: str
    label: str
    who: str
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of every touch."""

    segment: str
    stage: str
    when: str
    step: Step


class Steps:
    """Reads the steps of one playbook. ``segment`` leaves out what other segments get."""

    def __init__(self, document: Playbook, segment: str | None = None) -> None:
        self._document = document
        self._words = Words(document)
        self._segments = [one for one in document.segments if segment in (None, one.id)]
        self._own = {(track.segment, track.stage): track for track in document.tracks}

    def boards(self) -> tuple[Board, ...]:
        return tuple(
            Board(one.id, one.label, self._words.condition(one.when) or self._others(one.label), self._lanes(one.id))
            for one in self._segments
        )

    @staticmethod
    def _others(label: str) -> str:
        """Who is in the last segment; "" when its label says so."""
        return "" if label.lower() == "everyone else" else "everyone else"

    def rows(self) -> tuple[Row, ...]:
        """Every touch once: entry questions, tracks, triggers, re-engagement."""
        return (*self._profile_rows(), *self._track_rows(), *self._trigger_rows(), *self._quiet_rows())

    def _lanes(self, segment: str) -> tuple[Lane, ...]:
        return tuple(
            Lane(
                stage=stage.id,
                title=titled(stage.id),
                question=stage.question,
                moves_to=tuple(way.to for way in stage.transitions),
                pool=track is not None and track.order == "priority",
                shared=track is not None and track.segment == "*",
                steps=self._track(track) if track else (),
                exhausted=EXHAUSTED[track.exhausted] if track else EXHAUSTED["wait"],
            )
            for stage in self._document.stages
            for track in [self._track_of(segment, stage.id)]
        )

    def _track_of(self, segment: str, stage: BuyerStage) -> Track | None:
        return self._own.get((segment, stage)) or self._own.get(("*", stage))

    def _track(self, track: Track) -> tuple[Step, ...]:
        """In the order in which they would leave: of a pool, the highest priority first."""
        pool = track.order == "priority"
        touches = sorted(track.touches, key=lambda touch: -touch.priority) if pool else track.touches
        return tuple(self._in_turn(touches, pool=pool))

    def _in_turn(self, touches: Sequence[Touch], *, pool: bool = False) -> Iterator[Step]:
        since = timedelta()
        for touch in touches:
            since += touch.gap
            yield self._step(touch, since, touch.priority if pool else None)

    def _step(self, touch: Touch, since: timedelta, priority: int | None) -> Step:
        asset = self._document.assets.get(touch.asset or "")
        return Step(
            id=touch.id,
            channel=CHANNELS[touch.channel],
            timing=after(touch.gap),
            day=round(since / _DAY, 1),
            asset=touch.asset or "",
            subject=self._subject(asset),
            question=asset.question if asset else "",
            condition=self._words.condition(touch.when),
            wait=self._wait(touch),
            ask=self._ask(touch),
            priority=priority,
            any_time=touch.window == "any",
            note=touch.note,
            experiments=experiments_of(self._document, touch.id),
        )

    def _subject(self, asset: Asset | None) -> str:
        """As somebody would read it of whom nothing is known."""
        if asset is None or "{" not in asset.subject:
            return asset.subject if asset else ""
        sender = sender_values(self._document.sender)
        values = {**self._document.variables, "lead": {}, "sender": sender, "cta_url": "", "unsubscribe_url": ""}
        return " ".join(environment(escape=False).from_string(asset.subject).render(values).split())

    def _wait(self, touch: Touch) -> str:
        wait = touch.wait
        if wait is None:
            return ""
        happens = listed(map(self._words.behaviour, wait.behaviours), "or")
        back = f" (up to {spell(wait.lookback)} before counts)" if wait.lookback else ""
        then = "sent at once" if wait.then == "send" else "passed over"
        otherwise = "sent" if wait.otherwise == "send" else "passed over"
        return f"{then} if the lead {happens} meanwhile{back}, else {otherwise} when the gap ends"

    def _ask(self, touch: Touch) -> str:
        if touch.ask == "next":
            return "the first fact that is missing"
        return self._words.field(touch.ask) if touch.ask else ""

    def _track_rows(self) -> Iterator[Row]:
        shown = {one.id for one in self._segments}
        for track in self._document.tracks:
            readers = [one for one in self._readers(track) if one in shown]
            if readers:
                for step in self._track(track):
                    yield Row(self._named(readers), titled(track.stage), f"day {step.day:g}", step)

    def _readers(self, track: Track) -> list[str]:
        """Segments that get the track."""
        if track.segment != "*":
            return [track.segment]
        return [one.id for one in self._document.segments if (one.id, track.stage) not in self._own]

    def _named(self, segments: Sequence[str]) -> str:
        everyone = len(segments) == len(self._document.segments) > 1
        return "Everyone" if everyone else listed(map(self._words.segment, segments))

    def _profile_rows(self) -> Iterator[Row]:
        profile = self._document.profile
        for step in self._in_turn(profile.touches if profile else ()):
            yield Row("Incomplete profiles", "At entry", f"day {step.day:g}", step)

    def _quiet_rows(self) -> Iterator[Row]:
        way = self._document.re_engagement
        for step in self._in_turn(way.touches):
            day = way.after / _DAY + (step.day or 0)
            yield Row("Everyone", "Re-engagement", f"quiet day {day:g}", step)

    def _trigger_rows(self) -> Iterator[Row]:
        for trigger in self._document.triggers:
            if trigger.touch is not None:
                yield self._trigger_row(trigger, trigger.touch)

    def _trigger_row(self, trigger: Trigger, touch: TriggerTouch) -> Row:
        asset = self._document.assets.get(touch.asset or "")
        behaviour = self._words.behaviour(trigger.behaviour)
        step = Step(
            id=f"trigger-{trigger.id}",
            channel=CHANNELS[touch.channel],
            timing=after(touch.delay),
            day=None,
            asset=touch.asset or "",
            subject=self._subject(asset),
            question=asset.question if asset else "",
            condition=self._words.condition(trigger.when),
            priority=trigger.priority,
            any_time=touch.window == "any",
            note=touch.note,
            experiments=experiments_of(self._document, f"trigger-{trigger.id}"),
        )
        return Row("Everyone", "Trigger", f"{after(touch.delay)}, when the lead {behaviour}", step)


def experiments_of(document: Playbook, step: str) -> tuple[str, ...]:
    """The experiments on a step, each with what its variants change."""
    return tuple(_experiment(one) for one in document.experiments if step in one.steps)


def _experiment(experiment: Experiment) -> str:
    arms = [f"{variant.id} ({_variant(variant)})" for variant in experiment.variants]
    held = f"; {experiment.holdout} % get none of it" if experiment.holdout else ""
    return f"{experiment.id}: {listed(arms, 'or')}{held}"


def _variant(variant: Variant) -> str:
    changes = [
        f"subject “{variant.subject}”" if variant.subject else "",
        f"asset {variant.asset}" if variant.asset else "",
        after(variant.gap) if variant.gap is not None else "",
        f"by {CHANNELS[variant.channel].lower()}" if variant.channel else "",
    ]
    return listed(filter(None, changes)) or "as written"
