"""The diagram of the whole: entry, stages with their ways, triggers and audiences, sales, and every ending."""

from collections.abc import Iterable, Iterator
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
    lines = [f"  {line}" for part in parts for line in part]
    return "\n".join(["flowchart TD", *lines, STYLES, "  style nurture fill:none,stroke:#0b6e4f"])


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
        """One box for each stage that triggers lead to: a box for each trigger would make the picture a yard wide."""
        goals = dict.fromkeys(trigger.stage for trigger in self._document.triggers)
        for goal in sorted(goals, key=lambda stage: self._order.index(stage) if stage else len(self._order)):
            mine = [trigger for trigger in self._document.triggers if trigger.stage == goal]
            box = f"triggers_{goal or 'anywhere'}"
            yield f"{box}[/{label('Triggers', *map(self._trigger, mine), strong=True)}/]:::trigger"
            yield arrow(box, f"stage_{self._order.index(goal)}" if goal else "nurture", line="-.->")
            changes = [*self._changes(mine)]
            if changes:
                yield arrow(box, "audiences", *changes, line="-.->")

    def _trigger(self, trigger: Trigger) -> str:
        does = f"• {trigger.id}: {self._words.behaviour(trigger.behaviour)}"
        return " → ".join([does, *_answer(trigger)])

    def _changes(self, triggers: Iterable[Trigger]) -> Iterator[str]:
        for trigger in triggers:
            yield from (f"{trigger.id} joins {name}" for name in trigger.audiences.add)
            yield from (f"{trigger.id} leaves {name}" for name in trigger.audiences.remove)

    def audiences(self) -> Iterator[str]:
        if self._document.audiences:
            lines = [
                f"• {one.id}: {self._words.condition(one.when, _SHORT) or 'by triggers'}"
                for one in self._document.audiences
            ]
            yield f"audiences[({label('Audiences', *lines, strong=True)})]:::trigger"
            yield arrow("nurture", "audiences", line="-.-")


def _answer(trigger: Trigger) -> Iterator[str]:
    if trigger.touch is not None:
        yield f"{trigger.touch.asset or trigger.touch.note} {after(trigger.touch.delay)}"
    if trigger.alert:
        yield "tells sales"
