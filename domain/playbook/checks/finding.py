"""What a check of the document says: where in the document, which rule, and in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from domain.playbook.places import Path

__all__ = ["Finding", "Path", "Rule", "Severity", "did_you_mean", "nearest", "warning"]

Severity = Literal["error", "warning"]

#: Every rule a check can name. Each has its page, ``docs/lints/RULE.md``; names never change once released.
Rule = Literal[
    "ask-link",
    "asset",
    "asset-twice",
    "behaviour",
    "cadence",
    "cap",
    "circle",
    "condition",
    "control",
    "crm",
    "duplicate",
    "empty-audience",
    "exhausted",
    "experiment",
    "grades",
    "handoff",
    "holidays",
    "https",
    "incomplete-mail",
    "layout",
    "length",
    "minutes",
    "name",
    "never-holds",
    "no-effect",
    "no-way-out",
    "note",
    "opens",
    "overlapping-segments",
    "pattern",
    "profile",
    "question",
    "re-entry",
    "reason",
    "reference",
    "scoring",
    "segment",
    "shadowed",
    "shadowed-behaviour",
    "stage",
    "subject",
    "threshold",
    "tied-behaviours",
    "track",
    "track-no-exit",
    "trigger",
    "twice-a-day",
    "uncapped",
    "ungraded",
    "unreachable-stage",
    "unreachable-touch",
    "unreachable-track",
    "unreachable-trigger",
    "unused-asset",
    "unused-cap",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. ``at`` is (line, column), from 1, inside the text at ``path`` when a part of it is meant."""

    path: Path
    rule: Rule
    message: str
    severity: Severity = "error"
    at: tuple[int, int] | None = None


def warning(path: Path, rule: Rule, message: str) -> Finding:
    """What is odd, but does not keep the playbook from working."""
    return Finding(path, rule, message, "warning")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """“; did you mean …?” for a near miss, what there is when that is little, else nothing."""
    options = sorted(set(known))
    near = nearest(word, options)
    if near:
        return f"; did you mean “{near}”?"
    if options and len(options) <= 8:  # noqa: PLR2004 — more than a line can hold helps nobody
        return f"; there is {', '.join(options)}"
    return ""


def nearest(word: str, options: Iterable[str]) -> str:
    """The known name that is most like the word; "" when none is near.

    Of dotted names only what follows the shared first part is compared: all of ``lead.…`` look alike otherwise.
    """
    root = word.partition(".")[0] + "."
    options = sorted(set(options))
    tails = {option.removeprefix(root): option for option in options if option.startswith(root)}
    if tails:
        found = get_close_matches(word.removeprefix(root), tails, n=1, cutoff=0.6)
        return tails[found[0]] if found else ""
    return next(iter(get_close_matches(word, options, n=1, cutoff=0.6)), "")
