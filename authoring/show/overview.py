"""The diagram of the whole: entry, stages with their ways, triggers and audiences, sales, and every ending."""

from collections.abc import Iterator
from itertools import groupby

from authoring.show.labels import STYLES, arrow, label
from authoring.show.words import Words, after, plain, spell, titled
from domain.playbook.models import Playbook, Trigger

#: Longest condition on an arrow, in characters.
_SHORT = 140
_GOALS = {"sales": "handoff", "sales_review": "review", "profile": "profile", "disqualify": "disqualified"}


def overview(document: Playbook) -> str:
    """Mermaid source."""
    made = _Overview(document)
    parts = (made.entry(), made.stages(), made.sales(), made.quiet(), made.triggers(), made.audiences())
    return "\n".join(["flowchart TD", *(f"  {line}" for part in parts for line in part), STYLES])


class _Overview:
    def __init__(self, document: Playbook) -> None:
        self._document = document
        self._words = Words(document)
        self._order = [stage.id for stage in document.stages]

    def entry(self) -> Iterator[str]:
        yield 'entry(["New lead"]):::ending --> triage{{"Entry triage"}}:::gate'
        rules = sorted(self._document.triage, key=lambda rule: rule.then)
        for then, group in groupby(rules, key=lambda rule: rule.then):
            yield arrow("triage", _GOALS.get(then, "stage_0"), ", ".join(plain(rule.id) for rule in group))
        yield arrow("triage", "stage_0", "everybody else")
        yield from self._profiling()

    def _profiling(self) -> Iterator[str]:
        profile = self._document.profile
        if profile is not None:
            steps = [f"{step.id}: {step.asset or step.note}" for step in profile.touches]
            yield f"profile[{label('Progressive profiling', *steps, strong=True)}]:::gate"
            goal = "review" if profile.otherwise == "sales_review" else "stage_0"
            yield arrow("profile", goal, f"still incomplete after {spell(profile.patience)}")

    def stages(self) -> Iterator[str]:
        yield 'subgraph nurture ["Nurture"]'
        for number, stage in enumerate(self._document.stages):
            yield f"  stage_{number}[{label(titled(stage.id), stage.question, strong=True)}]:::stage"
        for number, stage in enumerate(self._document.stages):
            for way in stage.transitions:
                goal = f"stage_{self._order.index(way.to)}"
                yield "  " + arrow(f"stage_{number}", goal, self._words.condition(way.when, _SHORT))
        yield "end"

    def sales(self) -> Iterator[str]:
        handoff = self._document.handoff
        yield f"handoff[{label('Handoff to sales', f'answer within {spell(handoff.sla)}', strong=True)}]:::gate"
        yield arrow("nurture", "handoff", *(rule.label for rule in handoff.rules))
        if self._reviewed():
            yield f"review[{label('Sales review', 'a person looks first', strong=True)}]:::gate"
            yield arrow("review", "nurture", "rejected")
            yield arrow("review", "accepted", "accepted")
        yield f"accepted([{label('Sales accepted')}]):::good"
        yield arrow("handoff", "accepted", "accepted")
        yield arrow("handoff", "nurture", f"no answer {after(handoff.expires)}")
        yield from self._recycled()

    def _recycled(self) -> Iterator[str]:
        recycle = self._document.handoff.recycle
        ends = ", ".join(plain(reason) for reason, rule in recycle.reasons.items() if rule.disqualify)
        if ends:
            yield arrow("handoff", "disqualified", f"rejected: {ends}")
        yield f"recycle[{label('Recycled', f'{spell(recycle.cool_down)} of quiet', strong=True)}]:::gate"
        yield arrow("handoff", "recycle", "rejected otherwise" if ends else "rejected")
        yield arrow("recycle", "nurture")

    def _reviewed(self) -> bool:
        profile = self._document.profile
        by_rule = any(rule.then == "sales_review" for rule in self._document.triage)
        return by_rule or (profile is not None and profile.otherwise == "sales_review")

    def quiet(self) -> Iterator[str]:
        way = self._document.re_engagement
        steps = [f"{step.id}: {step.asset or step.note}" for step in way.touches]
        yield f"quiet[{label('Re-engagement', *steps, strong=True)}]:::gate"
        yield arrow("nurture", "quiet", f"quiet for {spell(way.after)}")
        yield arrow("quiet", "nurture", "behaviour")
        yield f"sunset([{label('Sunset')}]):::ending"
        yield arrow("quiet", "sunset", f"{spell(way.sunset)} more of quiet")
        yield from self._ends()

    def _ends(self) -> Iterator[str]:
        yield f"disqualified([{label('Disqualified')}]):::ending"
        rules = self._document.disqualify
        if rules:
            yield arrow("nurture", "disqualified", ", ".join(plain(rule.id) for rule in rules))
        yield f"limit([{label('Length limit')}]):::ending"
        yield arrow("nurture", "limit", f"{spell(self._document.length_limit)} in all")
        yield f"stopped([{label('Opted out, complained, bounced')}]):::ending"
        yield arrow("nurture", "stopped")

    def triggers(self) -> Iterator[str]:
        for number, trigger in enumerate(self._document.triggers):
            does = f"when the lead {self._words.behaviour(trigger.behaviour)}"
            shown = label(f"Trigger {trigger.id}", does, *_answer(trigger), strong=True)
            yield f"trigger_{number}[/{shown}/]:::trigger"
            goal = f"stage_{self._order.index(trigger.stage)}" if trigger.stage in self._order else "nurture"
            yield arrow(f"trigger_{number}", goal, line="-.->")

    def audiences(self) -> Iterator[str]:
        places = {one.id: f"audience_{number}" for number, one in enumerate(self._document.audiences)}
        for audience in self._document.audiences:
            shown = label(
                f"Audience {audience.id}", audience.label, self._words.condition(audience.when, _SHORT), strong=True
            )
            yield f"{places[audience.id]}[({shown})]:::trigger"
            if audience.when:
                yield arrow("nurture", places[audience.id], line="-.-")
        for number, trigger in enumerate(self._document.triggers):
            for name in trigger.audiences.add:
                yield arrow(f"trigger_{number}", places[name], "joins", line="-.->")
            for name in trigger.audiences.remove:
                yield arrow(f"trigger_{number}", places[name], "leaves", line="-.->")


def _answer(trigger: Trigger) -> Iterator[str]:
    if trigger.touch is not None:
        yield f"{trigger.touch.asset or trigger.touch.note} {after(trigger.touch.delay)}"
    if trigger.alert:
        yield "tells sales"
