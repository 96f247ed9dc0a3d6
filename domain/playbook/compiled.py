"""A playbook ready to decide with: the document, its hash, its compiled conditions and its look-up tables."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache

from domain.playbook.conditions import Batch, Condition, Conditions, Level
from domain.playbook.days import Marks, marks_of, united
from domain.playbook.hits import Hit, Matcher, counts
from domain.playbook.models import Playbook, Touch, Track
from domain.playbook.places import conditions
from domain.words import BuyerStage

#: Parts whose conditions every decision asks. Of those at the level of scoring and situations, all are.
_ALWAYS_ASKED = frozenset(
    {"scoring", "segments", "lengths", "situations", "disqualify", "handoff", "audiences", "cadence"}
)


class CompiledPlaybook:
    """Immutable after construction; shared by every journey that runs this version.

    Raises ``ConditionError`` when a condition does not compile: ``domain.playbook.check`` reports those with their
    places first, so a stored playbook never does.
    """

    def __init__(self, document: Playbook) -> None:
        self.document = document
        self.hash = document.content_hash()
        self.conditions = Conditions(document)
        self.matcher = Matcher(document)
        self.stage_order = {stage.id: index for index, stage in enumerate(document.stages)}
        self.stages = {stage.id: stage for stage in document.stages}
        self.segments = {segment.id: segment for segment in document.segments}
        self.triggers = {trigger.id: trigger for trigger in document.triggers}
        self.names = (*document.behaviours, *document.patterns)
        self._tracks = {(track.segment, track.stage): track for track in document.tracks}
        texts: dict[Level, list[str]] = {level: [] for level in Level}
        for path, text, level in conditions(document):
            self.conditions.compile(text, level)
            if path[0] in _ALWAYS_ASKED:
                texts[level].append(text)
        self.scoring = self.conditions.batch(texts[Level.SCORING], Level.SCORING)
        self.standing = self.conditions.batch(texts[Level.SITUATIONS], Level.SITUATIONS)
        self._always = texts[Level.ALL]
        self.asked = cache(self._asked)
        self.marks = cache(self._marks)

    def condition(self, text: str, level: Level = Level.ALL) -> Condition:
        return self.conditions.compile(text, level)

    def _asked(self, segment: str, stage: BuyerStage) -> Batch:
        """What a decision asks of everything that is known, of a lead in this segment and stage."""
        here = self.stages.get(stage)
        texts = [*self._always, *(way.when for way in (here.transitions if here else ()))]
        return self.conditions.batch([*texts, *(step.when for step in self.touches(segment, stage) if step.when)])

    def _marks(self, text: str) -> Marks:
        """The days that matter to a condition, and to the situations and lengths it asks about."""
        condition = self.condition(text)
        behind = [one.when for one in self.document.situations if f"situation.{one.id}" in condition.uses]
        if "length" in condition.uses:
            behind += [length.when for length in self.document.lengths if length.when]
        return united([marks_of(condition), *(marks_of(self.condition(when, Level.SITUATIONS)) for when in behind)])

    def track(self, segment: str, stage: BuyerStage) -> Track | None:
        """The segment's own track for the stage, else the one for any segment."""
        return self._tracks.get((segment, stage)) or self._tracks.get(("*", stage))

    def counts(self, hits: Iterable[Hit], now: datetime) -> dict[str, int]:
        """The ``behaviour.*`` variables of conditions."""
        return counts(self.names, hits, now)

    def touches(self, segment: str, stage: BuyerStage) -> tuple[Touch, ...]:
        track = self.track(segment, stage)
        return track.touches if track else ()
