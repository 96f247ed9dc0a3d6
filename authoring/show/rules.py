"""Everything of a playbook that is not a step, in words: tables with a heading, in the order in which it matters."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from authoring.show.steps import EXHAUSTED, experiments_of
from authoring.show.words import CHANNELS, Words, after, listed, often, plain, sentence, spell, titled
from domain.durations import parse_duration
from domain.playbook.models import PRESETS, Cadence, Cap, Length, Pattern, Playbook, Track, Trigger
from domain.words import Channel, RejectReason

THEN = {
    "sales": "to sales, at once",
    "sales_review": "to sales for review",
    "profile": "asked first for what is missing",
    "nurture": "nurtured",
    "disqualify": "disqualified",
}
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = dict(zip(_WEEK, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True))
#: Channel of a cap → one of what it counts, and several.
_COUNTED = {
    Channel.EMAIL: ("e-mail", "e-mails"),
    Channel.DIRECT_MAIL: ("letter", "letters"),
    Channel.SDR_TASK: ("task for sales", "tasks for sales"),
    Channel.ALERT: ("alert to sales", "alerts to sales"),
    "any": ("e-mail or letter", "e-mails and letters"),
}


@dataclass(frozen=True, slots=True)
class Section:
    """A table: ``columns`` are headings, ``rows`` have a text for each; ``note`` is a line below."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


class Rules:
    """Reads the rules of one playbook."""

    def __init__(self, document: Playbook) -> None:
        self._document = document
        self._words = Words(document)

    def sections(self) -> tuple[Section, ...]:
        """Those that have something to say."""
        made = (
            self._triage(), self._disqualify(), self._segments(), self._lengths(), self._situations(), self._stages(),
            self._tracks(), self._triggers(), self._patterns(), self._audiences(), self._profile(),
            self._experiments(), self._cadence(), self._handoff(), self._recycle(), self._endings(),
        )  # fmt: skip
        return tuple(section for section in made if section.rows)

    def _triage(self) -> Section:
        rows = [
            (plain(rule.id), self._words.condition(rule.when), _reasoned(THEN[rule.then], rule.reason))
            for rule in self._document.triage
        ]
        rows.append(("everybody else", "", "nurtured"))
        return _section("Entry triage", ("Rule", "When", "Then"), rows, "The first rule that holds decides.")

    def _disqualify(self) -> Section:
        rows = [(plain(r.id), self._words.condition(r.when), plain(r.reason)) for r in self._document.disqualify]
        return _section("Disqualified at any time", ("Rule", "When", "Reason"), rows)

    def _segments(self) -> Section:
        rows = [(one.label, self._words.condition(one.when) or "everyone else") for one in self._document.segments]
        return _section("Segments", ("Segment", "Who"), rows, "The first that holds wins.")

    def _lengths(self) -> Section:
        rows = [
            (one.label or titled(one.id), self._words.condition(one.when) or "everyone else", *_length(one))
            for one in self._document.lengths
        ]
        return _section("Lengths", ("Length", "Who", "Scheduled touches", "Gaps"), rows, "The first that holds wins.")

    def _situations(self) -> Section:
        rows = [(one.label, self._words.condition(one.when), one.advice) for one in self._document.situations]
        return _section("Situations of the buyer", ("Situation", "When", "For the seller"), rows)

    def _stages(self) -> Section:
        rows = [
            (titled(stage.id), stage.question, titled(way.to), self._words.condition(way.when))
            for stage in self._document.stages
            for way in stage.transitions
        ]
        return _section("Stages", ("Stage", "The buyer asks", "Moves to", "When"), rows)

    def _tracks(self) -> Section:
        rows = [
            ("Everyone else" if track.segment == "*" else self._words.segment(track.segment), *_track(track))
            for track in self._document.tracks
        ]
        return _section("Tracks", ("Segment", "Stage", "Order", "When no step is left"), rows)

    def _triggers(self) -> Section:
        rows = [
            (plain(one.id), self._fires(one), "; ".join(self.answers(one)), spell(one.cool_down), str(one.priority))
            for one in self._document.triggers
        ]
        columns = ("Trigger", "When the lead", "Then", "Not again within", "Priority")
        return _section("Triggers", columns, rows, "They interrupt any wait; caps hold.")

    def _fires(self, trigger: Trigger) -> str:
        first = " for the first time" if trigger.first_only else ""
        condition = self._words.condition(trigger.when)
        return self._words.behaviour(trigger.behaviour) + first + (f", and {condition}" if condition else "")

    def answers(self, trigger: Trigger) -> Iterator[str]:
        """What a trigger does, each thing in a few words."""
        if trigger.touch is not None:
            what = trigger.touch.asset or trigger.touch.note
            yield f"{CHANNELS[trigger.touch.channel].lower()} {what} {after(trigger.touch.delay)}"
            yield f"dropped {spell(trigger.touch.expires)} after it was due"
        if trigger.alert:
            yield f"tells sales: {trigger.alert.rstrip('.')}"
        if trigger.stage is not None:
            yield f"moves to {plain(trigger.stage)}"
        for name in trigger.audiences.add:
            yield f"joins “{self._words.audience(name)}”"
        for name in trigger.audiences.remove:
            yield f"leaves “{self._words.audience(name)}”"
        for experiment in experiments_of(self._document, f"trigger-{trigger.id}"):
            yield f"experiment {experiment}"

    def _patterns(self) -> Section:
        rows = [
            (one.label, self._pattern(one), spell(one.within), str(one.points))
            for one in self._document.patterns.values()
        ]
        return _section("Patterns of behaviour", ("Pattern", "Made of", "Within", "Points"), rows)

    def _pattern(self, pattern: Pattern) -> str:
        if pattern.sequence:
            return ", then ".join(map(self._words.behaviour, pattern.sequence))
        if pattern.all:
            return listed(map(self._words.behaviour, pattern.all))
        groups = f", from {pattern.groups} groups" if pattern.groups > 1 else ""
        return f"{listed(map(self._words.behaviour, pattern.any), 'or')}: {often(pattern.times)} in all{groups}"

    def _audiences(self) -> Section:
        rows = [
            (one.label, self._words.condition(one.when) or "only by triggers", listed(self._joined(one.id)))
            for one in self._document.audiences
        ]
        columns = ("Audience", "Members while", "Joined by triggers")
        return _section("Audiences", columns, rows, "Everyone leaves when the journey ends.")

    def _joined(self, audience: str) -> Iterator[str]:
        return (plain(one.id) for one in self._document.triggers if audience in one.audiences.add)

    def _profile(self) -> Section:
        profile = self._document.profile
        rows = [
            (
                self._words.field(one.field),
                one.ask,
                listed((option.label for option in one.options), "or") or "free text",
            )
            for one in (profile.questions if profile else ())
        ]
        note = ""
        if profile:
            note = f"{spell(profile.patience)} after the last one: {THEN[profile.otherwise]}."
        return _section("Questions", ("Fact", "Asked", "Answers"), rows, sentence(note) if note else "")

    def _experiments(self) -> Section:
        rows = [
            (one.label or plain(one.id), listed(one.steps), self._words.condition(one.when) or "everyone", about)
            for one in self._document.experiments
            for about in [next(e for e in experiments_of(self._document, one.steps[0]) if e.startswith(f"{one.id}:"))]
        ]
        return _section("Experiments", ("Question", "Steps", "Who", "Variants"), rows)

    def _cadence(self) -> Section:
        cadence = self._document.cadence
        rows = [("Send window", _window(cadence)), ("Between two touches", f"at least {spell(cadence.least_gap)}")]
        if cadence.holidays is not None:
            rows.append(("Days off", _holidays(cadence)))
        rows += [("At most", _cap(cap)) for cap in cadence.caps]
        for pace in cadence.paces:
            rows.append(
                (pace.label or titled(pace.id), f"gaps × {pace.factor:g} when {self._words.condition(pace.when)}")
            )
        return _section("When, and how much", ("Rule", "In words"), rows)

    def _handoff(self) -> Section:
        handoff = self._document.handoff
        rows = [(one.label, self._words.condition(one.when)) for one in handoff.rules]
        note = (
            f"Sales has {spell(handoff.sla)}; a reminder goes out {after(handoff.remind)}; "
            f"without an answer it expires {after(handoff.expires)} and nurture goes on."
        )
        return _section("Handoff to sales", ("Why now", "When"), rows, note)

    def _recycle(self) -> Section:
        recycle = self._document.handoff.recycle
        rows = [(plain(reason), self._rejected(reason)) for reason in recycle.reasons]
        rows.append(
            ("any other reason" if rows else "any reason", f"{spell(recycle.cool_down)} of quiet, then nurture goes on")
        )
        note = f"At most {often(recycle.most)}; after that a rejection ends the journey."
        return _section("When sales rejects a lead", ("Because", "Then"), rows, note)

    def _rejected(self, reason: RejectReason) -> str:
        recycle = self._document.handoff.recycle
        rule = recycle.reasons[reason]
        if rule.disqualify is not None:
            return f"disqualified: {plain(rule.disqualify)}"
        quiet = spell(rule.cool_down if rule.cool_down is not None else recycle.cool_down)
        where = f"in {plain(rule.stage)}" if rule.stage else "where it was"
        return f"{quiet} of quiet, then nurture goes on {where}"

    def _endings(self) -> Section:
        way, again = self._document.re_engagement, self._document.re_entry
        rows = [
            ("Sales accepted", "sales takes the lead"),
            ("Re-engagement", f"begins after {spell(way.after)} without meaningful behaviour"),
            ("Sunset", f"{spell(way.sunset)} of quiet after its last touch"),
            ("Disqualified", "by the rules above, by triage or by sales’ answer"),
            ("Opted out, complained or bounced", "at once, whatever else holds"),
            ("Opportunity opened", "sales is at work already"),
            ("Merged", "the same person is another lead, whose journey goes on"),
            ("Length limit", f"{spell(self._document.length_limit)} after it began"),
            ("Beginning again", _again(again.policy, spell(again.after) if again.after else "")),
        ]
        return _section("Endings", ("Ending", "When"), rows)


def _section(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], note: str = "") -> Section:
    return Section(title.lower().replace(",", "").replace(" ", "-"), title, columns, tuple(rows), note)


def _reasoned(then: str, reason: str | None) -> str:
    return f"{then}: {plain(reason)}" if reason else then


def _length(length: Length) -> tuple[str, str]:
    """How long touches go on, and what becomes of the gaps."""
    preset = PRESETS[length.preset] if length.preset else (None, 1.0)
    limit = spell(length.limit) if length.limit is not None else _days(preset[0])
    factor = length.factor if length.factor is not None else preset[1]
    return (f"for {limit}" if limit else "without limit"), ("as written" if factor == 1 else f"× {factor:g}")


def _days(text: str | None) -> str:
    return spell(parse_duration(text)) if text else ""


def _track(track: Track) -> tuple[str, str, str]:
    order = "pool: the best possible step goes next" if track.order == "priority" else "in sequence"
    return titled(track.stage), order, EXHAUSTED[track.exhausted]


def _window(cadence: Cadence) -> str:
    days = [_DAYS[day] for day in _WEEK if day in cadence.days]
    span = f"{cadence.opens:%H:%M}–{cadence.closes:%H:%M}"
    spread = f", spread over {spell(cadence.spread)} after opening" if cadence.spread else ""
    return f"{listed(days)}, {span} in the lead’s time zone ({cadence.timezone} where unknown){spread}"


def _holidays(cadence: Cadence) -> str:
    days = cadence.holidays
    if days is None:
        return ""
    whose = [
        "of the lead’s country" if days.lead else "",
        f"of {days.unknown} where that is unknown" if days.lead and days.unknown else "",
        f"of {listed(days.countries)} for everyone" if days.countries else "",
    ]
    return f"public holidays {listed(filter(None, whose))}"


def _cap(cap: Cap) -> str:
    one, more = _COUNTED[cap.channel]
    return f"{cap.most} {one if cap.most == 1 else more} to one {cap.per} within {spell(cap.within)}"


def _again(policy: str, wait: str) -> str:
    return {"once": "never", "always": "at any time"}.get(policy, f"{wait or 'any time'} after the last end")
