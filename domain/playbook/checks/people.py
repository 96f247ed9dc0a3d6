"""Which way people go at the door: segments, lengths, triage, and the questions that fill a profile."""

from collections.abc import Iterator

from domain.playbook import places
from domain.playbook.checks.finding import Finding, Path, warning
from domain.playbook.checks.references import missing
from domain.playbook.models import Playbook, Question

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (str,),
}


def check_people(document: Playbook) -> Iterator[Finding]:
    yield from _check_segments(document)
    yield from _check_lengths(document)
    yield from _check_triage(document)
    yield from _check_profile(document)
    yield from _check_asks(document)


def _check_segments(document: Playbook) -> Iterator[Finding]:
    for index, segment in enumerate(document.segments):
        if segment.sender is not None and segment.sender not in document.senders:
            yield missing(("segments", index, "sender"), "sender in senders", segment.sender, document.senders)
    for index, segment in enumerate(document.segments[:-1]):
        if segment.when is None:
            message = f"“{segment.id}” has no when, so the segments after it are never reached; only the last may"
            yield Finding(("segments", index), "segment", message)
    if document.segments[-1].when is not None:
        message = "has a when, so some leads have no segment; leave the last segment without one"
        yield Finding(("segments", len(document.segments) - 1, "when"), "segment", message)


def _check_lengths(document: Playbook) -> Iterator[Finding]:
    for index, length in enumerate(document.lengths[:-1]):
        if length.when is None:
            message = f"“{length.id}” has no when, so the lengths after it are never reached; only the last may"
            yield Finding(("lengths", index), "length", message)


def _check_triage(document: Playbook) -> Iterator[Finding]:
    asks = document.profile is not None and bool(document.profile.touches)
    for index, rule in enumerate(document.triage):
        if rule.then == "disqualify" and rule.reason is None:
            yield Finding(("triage", index), "reason", f"“{rule.id}” disqualifies, so it needs a reason")
        if rule.then != "disqualify" and rule.reason is not None:
            message = f"has no effect: only disqualify has a reason, and this is {rule.then}"
            yield warning(("triage", index, "reason"), "no-effect", message)
        if rule.then == "profile" and not asks:
            message = "nothing would be asked: add a profile with questions and touches"
            yield Finding(("triage", index, "then"), "profile", message)


def _check_profile(document: Playbook) -> Iterator[Finding]:
    if document.profile is None:
        return
    for number, question in enumerate(document.profile.questions):
        yield from _check_question(document, ("profile", "questions", number), question)


def _check_question(document: Playbook, path: Path, question: Question) -> Iterator[Finding]:
    field = document.lead_fields.get(question.field)
    if field is None:
        yield missing((*path, "field"), "lead field", question.field, document.lead_fields)
        return
    for number, option in enumerate(question.options):
        fits = isinstance(option.value, _TYPES[field.type]) and (
            field.type == "bool" or not isinstance(option.value, bool)
        )
        if not fits:
            message = f"“{option.value}” is not what lead.{question.field} holds: {field.type}"
            yield Finding((*path, "options", number, "value"), "question", message)


def _check_asks(document: Playbook) -> Iterator[Finding]:
    fields = {question.field for question in document.profile.questions} if document.profile else set[str]()
    for path, touch in places.touches(document):
        if touch.ask is None or touch.ask in fields:
            yield from _check_link(document, path, touch.asset, asks=touch.ask is not None)
        elif document.profile is None:
            message = "there is no profile: add one, with a question for what is asked"
            yield Finding((*path, "ask"), "profile", message)
        elif touch.ask == "next":
            yield from _check_link(document, path, touch.asset, asks=True)
        else:
            yield missing((*path, "ask"), "question in profile.questions for", touch.ask, fields | {"next"})


def _check_link(document: Playbook, path: Path, name: str | None, *, asks: bool) -> Iterator[Finding]:
    """A step that asks needs mail with the link to the page, and such mail needs a step that asks."""
    asset = document.assets.get(name or "")
    if asset is None:
        return
    links = "question.url" in asset.cta_url + asset.body
    if asks and not links:
        message = f"“{asset.id}” does not link the question: use {{{{ question.url }}}} as its cta_url"
        yield warning((*path, "ask"), "ask-link", message)
    if links and not asks:
        message = f"“{asset.id}” links a question, and this step asks none: {{{{ question.url }}}} is empty; add ask"
        yield warning((*path, "asset"), "ask-link", message)
