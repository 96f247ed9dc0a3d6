"""A playbook as one page without scripts or anything from elsewhere: board, table of every touch, rules, diagrams."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from authoring.show.mermaid import diagrams
from authoring.show.rules import THEN, Rules
from authoring.show.steps import Steps
from authoring.show.words import Words, after, listed, plain, spell, titled
from domain.playbook.models import Playbook, Stage, Trigger


@dataclass(frozen=True, slots=True)
class Way:
    """A way out of a stage."""

    to: str
    when: str


@dataclass(frozen=True, slots=True)
class Place:
    """A stage in the overview: its ways out, and the triggers that lead into it. The last place is “any stage”."""

    title: str
    question: str
    ways: tuple[Way, ...]
    triggers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Card:
    """What comes before or after the stages, in a few lines."""

    title: str
    lines: tuple[str, ...]


def as_html(document: Playbook, segment: str | None = None) -> str:
    """The page. Everything of the playbook's is escaped."""
    steps = Steps(document, segment)
    return _template().render(
        playbook=document,
        version=document.content_hash(),
        boards=steps.boards(),
        entry=_entry(document),
        places=_places(document),
        exits=_exits(document),
        rows=steps.rows(),
        sections=Rules(document).sections(),
        diagrams=diagrams(document, segment),
    )


@cache
def _template() -> Template:
    source = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.from_string(source)


def _entry(document: Playbook) -> tuple[Card, ...]:
    """Entry triage by outcome."""
    outcomes = dict.fromkeys(rule.then for rule in document.triage)
    named = {then: [plain(rule.id) for rule in document.triage if rule.then == then] for then in outcomes}
    named.setdefault("nurture", []).append("everybody else")
    return tuple(Card(titled(THEN[then]), tuple(names)) for then, names in named.items())


def _exits(document: Playbook) -> tuple[Card, ...]:
    handoff, way = document.handoff, document.re_engagement
    ends = [plain(reason) for reason, rule in handoff.recycle.reasons.items() if rule.disqualify]
    quiet = f"otherwise {spell(handoff.recycle.cool_down)} of quiet, then nurture goes on"
    rules = tuple(plain(rule.id) for rule in document.disqualify)
    cards = (
        Card("Handoff to sales", tuple(rule.label for rule in handoff.rules)),
        Card("Rejected by sales", (*([f"{listed(ends, 'or')}: disqualified"] if ends else []), quiet)),
        Card(f"Re-engagement, {after(way.after)} of quiet", tuple(step.asset or step.note for step in way.touches)),
        Card("Sunset", (f"{spell(way.sunset)} of quiet after re-engagement",)),
        Card("Disqualified at any time", rules),
        Card("Ends at once", ("opted out, complained or bounced", f"{spell(document.length_limit)} in all")),
    )
    return tuple(card for card in cards if card.lines)


def _places(document: Playbook) -> tuple[Place, ...]:
    words = Words(document)
    places = tuple(_place(document, words, stage) for stage in document.stages)
    elsewhere = tuple(_shown(words, one) for one in document.triggers if one.stage is None)
    return (*places, Place("Any stage", "", (), elsewhere)) if elsewhere else places


def _place(document: Playbook, words: Words, stage: Stage) -> Place:
    ways = tuple(Way(titled(way.to), words.condition(way.when)) for way in stage.transitions)
    triggers = tuple(_shown(words, one) for one in document.triggers if one.stage == stage.id)
    return Place(titled(stage.id), stage.question, ways, triggers)


def _shown(words: Words, trigger: Trigger) -> tuple[str, str]:
    return plain(trigger.id), words.behaviour(trigger.behaviour)
