"""A playbook ready to decide with: the document, its hash, its compiled conditions and its look-up tables."""

from collections.abc import Iterable
from datetime import datetime

from domain.playbook.conditions import Condition, Conditions, Level
from domain.playbook.hits import Hit, Matcher, counts
from domain.playbook.models import Playbook, Touch, Track
from domain.playbook.places import conditions
from domain.words import BuyerStage


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
        for _, text, level in conditions(document):
            self.conditions.compile(text, level)

    def condition(self, text: str, level: Level = Level.ALL) -> Condition:
        return self.conditions.compile(text, level)

    def track(self, segment: str, stage: BuyerStage) -> Track | None:
        """The segment's own track for the stage, else the one for any segment."""
        return self._tracks.get((segment, stage)) or self._tracks.get(("*", stage))

    def counts(self, hits: Iterable[Hit], now: datetime) -> dict[str, int]:
        """The ``behaviour.*`` variables of conditions."""
        return counts(self.names, hits, now)

    def touches(self, segment: str, stage: BuyerStage) -> tuple[Touch, ...]:
        track = self.track(segment, stage)
        return track.touches if track else ()
