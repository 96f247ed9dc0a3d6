"""A lead's journey told in words: who, where, why, what happened in order, what comes next."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from cli.output import when
from domain.facts import RESTORED, RETRACTION
from domain.playbook.models import Playbook
from storage.retractions import why_not_counted
from storage.tables import Lead

_INDENT = "    "


def story(lead: Lead, view: Mapping[str, Any], playbook: Playbook) -> str:
    """The whole story. ``view`` is ``storage.views.journey_view``'s, or ``storage.past``'s as of a moment."""
    parts = (
        who(lead),
        "\n".join(_as_of(view.get("as_of"))),
        "\n".join(_where(view, playbook)),
        "\n".join(_ahead(view)),
        _titled("What happened", _timeline(view)),
        _titled("Touches", _touches(view)),
        _titled("Handoffs", _handoffs(view)),
        _titled("What operators did", _operators(view)),
        _titled("Consent", _consent(view)),
        _titled("Earlier journeys", _cycles(view)),
        _titled("What can't be told", iter(view.get("as_of", {}).get("unsure", ()))),
    )
    return "\n\n".join(part for part in parts if part)


def who(lead: Lead) -> str:
    """One line: the id and every name the lead has."""
    known = [lead.external_id, lead.email, lead.country, lead.source and f"from {lead.source}"]
    return ", ".join([f"Lead {lead.id}", *(word for word in known if word)])


def _as_of(past: Mapping[str, Any] | None) -> Iterator[str]:
    """At what moment everything below was so, and what became of the decision that was in force."""
    if past is None:
        return
    yield f"As of {when(past['at'])} UTC: what was known and decided then, and nothing that came later."
    if past["decision"] is None:
        yield "No decision had been made yet."
        return
    yield f"Decision {past['decision']['number']} was in force."
    by = past["superseded"]
    if by is not None and by["at"] is not None:
        yield f"It was taken back on {when(by['at'])}, when decision {by['number']} was made anew ({by['cause']})."
    elif by is not None:
        yield "It was taken back later."


def _where(view: Mapping[str, Any], playbook: Playbook) -> Iterator[str]:
    segment = next((one.label for one in playbook.segments if one.id == view["segment"]), view["segment"])
    question = next((one.question for one in playbook.stages if one.id == view["stage"]), "")
    yield (
        f"Journey {view['cycle']} in {view['playbook_name']} (version {view['playbook_hash']}), "
        f"since {when(view['started_at'])}, {view['decision_number']} decisions."
    )
    if view["decided_at"] is None:
        yield "It was enrolled and has not decided yet: a worker takes it up when one runs."
        return
    if view["ended_at"] is not None:
        reason = f": {_words(view['ending_reason'])}" if view["ending_reason"] else ""
        yield f"Ended on {when(view['ended_at'])}, {_words(view['ending'])}{reason}."
    yield f"Status {_words(view['status'])}, phase {_words(view['phase'])}, segment {segment or 'none yet'}."
    yield f"Stage {_words(view['stage'])}{f': “{question}”' if question else ''}"
    yield f"Fit {view['fit']}{f' ({grade})' if (grade := view['grade']) else ''}, intent {view['intent']}."
    yield from _scores(view)
    if view["paused_since"] is not None:
        yield f"Paused since {when(view['paused_since'])}."
    if view["suppressed"]:
        yield f"Contact is forbidden: {_words(view['suppressed'])}."


def _scores(view: Mapping[str, Any]) -> Iterator[str]:
    for part in view["scores"].get("contributions", []):
        about = f" ({part['text']})" if part.get("text") else ""
        yield f"{_INDENT}{part['points']:+.0f} {part['rule']}{about}"


def _ahead(view: Mapping[str, Any]) -> Iterator[str]:
    following = view["next_wake"]
    if following is None:
        if view["ended_at"] is not None:
            yield "Nothing more happens by itself."
        return
    yield f"Next: {when(following['at'])}, {following['cause']}."
    if view["next_touch_at"] is not None:
        yield f"Next touch: {when(view['next_touch_at'])} at the earliest."
    if view["forward"]:
        yield "What would move it forward:"
        yield from (f"{_INDENT}{line}" for line in view["forward"])


def _timeline(view: Mapping[str, Any]) -> Iterator[str]:
    """Decisions and behaviours of this journey, oldest first. Decisions made again are left out."""
    decisions = [d for d in view["decisions"] if d["cycle"] == view["cycle"] and not d["superseded"]]
    gone = frozenset(b["occurred_at"] for b in view["behaviours"] if b["purged_at"])
    happened: list[tuple[datetime, int, list[str]]] = [(d["at"], 1, list(_decision(d, gone))) for d in decisions]
    happened += [(b["occurred_at"], 0, [_behaviour(b)]) for b in view["behaviours"]]
    first = min((d["number"] for d in decisions), default=1)
    if first > 1:
        yield f"({first - 1} earlier decisions are not shown.)"
    for _, _, lines in sorted(happened, key=lambda entry: entry[:2]):
        yield from lines


def _decision(decision: Mapping[str, Any], gone: Collection[datetime]) -> Iterator[str]:
    """``gone`` are the times of what retention has purged since."""
    wakes = f" ({', '.join(decision['wake_types'])})" if decision["wake_types"] else ""
    yield f"{when(decision['at'])}  decision {decision['number']}, {decision['cause']}{wakes}: {decision['title']}"
    for reason in decision["reasons"]:
        yield f"{_INDENT}because {reason['text']} [{reason['rule']}]{_evidence(reason.get('evidence') or {}, gone)}"
    for touch in decision["commands"].get("send", []):
        yield f"{_INDENT}sends {_words(touch['channel'])} {touch.get('asset') or touch.get('note') or touch['step']}"
    for rejected in decision["rejected"]:
        until = f", until {when(datetime.fromisoformat(rejected['until']))}" if rejected.get("until") else ""
        yield f"{_INDENT}not {rejected['what']}: {rejected['why']} [{rejected['rule']}]{until}"
    if decision["next_wake_at"] is not None:
        yield f"{_INDENT}waits until {when(decision['next_wake_at'])}: {decision['next_wake_cause']}"


def _evidence(evidence: Mapping[str, Any], gone: Collection[datetime]) -> str:
    if not evidence:
        return ""
    lost = "; that event is kept no longer" if _time(evidence.get("at")) in gone else ""
    return f" ({', '.join(f'{name} {value}' for name, value in evidence.items())}{lost})"


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _behaviour(behaviour: Mapping[str, Any]) -> str:
    what, properties = f"{behaviour['kind']} {behaviour['name']}", behaviour["properties"]
    if behaviour["kind"] == RETRACTION:
        word = "restored" if behaviour["name"] == RESTORED else "retracted"
        what = f"{word}: {properties.get('event', 'erased')}, {properties.get('reason', '')}"
    if behaviour["purged_at"]:
        return f"{when(behaviour['occurred_at'])}  {behaviour['kind']} (kept no longer)"
    doubt = "" if behaviour["trusted"] else f" (not counted: {why_not_counted(properties)})"
    return f"{when(behaviour['occurred_at'])}  {what}{doubt}"


def _touches(view: Mapping[str, Any]) -> Iterator[str]:
    for touch in reversed(view["touches"]):
        at = touch["sent_at"] or touch["planned_at"]
        reason = f" ({touch['reason']})" if touch["reason"] else ""
        what = touch["asset"] or touch["step"]
        yield f"{when(at)}  {_words(touch['channel'])} {what}: {touch['status']}{reason}  {touch['key']}"


def _handoffs(view: Mapping[str, Any]) -> Iterator[str]:
    for handoff in reversed(view["handoffs"]):
        word, at = ("on", handoff["resolved_at"]) if handoff["resolved_at"] else ("due", handoff["sla_at"])
        because = f" ({_words(handoff['outcome_reason'])})" if handoff["outcome_reason"] else ""
        outcome = f"{handoff['status']}{because}, {word} {when(at)}"
        yield f"{when(handoff['opened_at'])}  {handoff['reason']}: {outcome}  {handoff['id']}"


def _operators(view: Mapping[str, Any]) -> Iterator[str]:
    for done in reversed(view["operators"]):
        why = f": {done['why']}" if done["why"] else ""
        operation = f"  {done['operation_id']}" if done["operation_id"] else ""
        yield f"{when(done['at'])}  {_words(done['action'])} by {done['by']}{why}{operation}"


def _consent(view: Mapping[str, Any]) -> Iterator[str]:
    for word in reversed(view["consent"]):
        ground = ", ".join(part for part in (_words(word["basis"]), word["source"]) if part)
        read = f": “{word['wording']}”" if word["wording"] else ""
        said = "yes" if word["granted"] else "no"
        yield f"{when(word['at'])}  {said} to {_words(word['channel'])}{f' ({ground})' if ground else ''}{read}"


def _cycles(view: Mapping[str, Any]) -> Iterator[str]:
    for cycle in view["cycles"]:
        if cycle["cycle"] != view["cycle"] and cycle["ended_at"] is not None:
            lasted = f"{when(cycle['started_at'])} to {when(cycle['ended_at'])}"
            yield f"{cycle['cycle']}: {lasted}, {_words(cycle['ending'])}"


def _titled(title: str, lines: Iterator[str]) -> str:
    found = list(lines)
    return "\n".join([title, *found]) if found else ""


def _words(word: str) -> str:
    return word.replace("_", " ")
