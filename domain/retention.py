"""How long what people did is kept: rules by type of event, with their defaults and the reasons for these.

An event is under the most particular rule for its kind and name; one of an unknown visitor's, or one that was never
counted, goes by that rule or by its own, whichever is sooner. Time counts from when the event came to us.
"""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from domain.durations import format_duration, parse_duration
from domain.facts import MEMORY
from domain.words import DeliveryKind

#: Kinds of event that a rule of one's own may be for.
KINDS = ("page", "track", "identify", "group", "alias", "delivery", "crm")
#: What an event must be for a rule, beside its kind and name.
Only = Literal["", "unknown", "uncounted"]
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """``keep`` is None for ever. ``kinds`` is empty for what is no behaviour (``table`` names it), or for any kind.

    ``glob`` is the event's name, with ``*`` for any run of characters.
    """

    name: str
    keep: timedelta | None
    why: str
    kinds: tuple[str, ...] = ()
    glob: str = "*"
    only: Only = ""
    table: str = ""

    @property
    def like(self) -> str:
        """``glob`` as a pattern of SQL's ``like``."""
        return re.sub(r"([\\%_])", r"\\\1", self.glob).replace("*", "%")

    @property
    def forgets(self) -> bool:
        """Whether decisions would have counted what it purges."""
        counted = not self.only and not self.table and self.name not in {"opens", "profiles"}
        return counted and self.keep is not None and self.keep < MEMORY

    @property
    def kept(self) -> str:
        return "for ever" if self.keep is None else format_duration(self.keep)


#: Every rule that there is without anybody's doing. The most particular of a kind comes first.
DEFAULTS = (
    Rule(
        "opens",
        90 * _DAY,
        "they never count; long enough to see whether mail still arrives",
        ("delivery",),
        DeliveryKind.OPENED,
    ),
    Rule("pages", 400 * _DAY, "a year and a month, to compare with the same month a year before", ("page",)),
    Rule("actions", 730 * _DAY, "what people did on purpose: two years of buying", ("track", "retraction")),
    Rule("deliveries", 400 * _DAY, "as long as pages; what they forbid is on the suppression list", ("delivery",)),
    Rule("profiles", 90 * _DAY, "what they said is in the profile", ("identify", "group", "alias")),
    Rule("sales", None, "sellers' answers are few, and what nurturing is measured by", ("crm",)),
    Rule("unknown", 180 * _DAY, "decisions look back no further, so it could not count any more", only="unknown"),
    Rule("uncounted", 90 * _DAY, "machines and mistakes: long enough to ask why", only="uncounted"),
    Rule("dead_letters", 90 * _DAY, "a quarter to mend and replay them", table="dead_letter"),
    Rule("webhooks", 30 * _DAY, "raw, with addresses: long enough to mend an adapter", table="webhook_request"),
)


def rule(name: str, keep: timedelta | None) -> Rule:
    """A rule by its name, with another time: one of ``DEFAULTS``, or ``KIND:NAME``, where ``*`` stands for anything.

    Raises ``ValueError`` in words.
    """
    known = next((one for one in DEFAULTS if one.name == name), None)
    if known is not None:
        return replace(known, keep=keep)
    kind, colon, glob = name.partition(":")
    if not colon or kind not in KINDS or not glob.strip():
        names = ", ".join(one.name for one in DEFAULTS)
        raise ValueError(f"“{name}” is no rule: give {names}, or KIND:NAME with a kind of {', '.join(KINDS)}")
    return Rule(name, keep, "set here", (kind,), glob.strip())


def time(text: str) -> timedelta | None:
    """``forever`` or whole days such as ``90d``. Raises ``ValueError`` in words."""
    if text.strip().lower() in {"forever", "for ever", "never"}:
        return None
    found = parse_duration(text)
    if found < _DAY or found % _DAY:
        raise ValueError(f"“{text}”: give whole days, such as 90d, or forever")
    return found


def in_order(rules: list[Rule]) -> list[Rule]:
    """Rules by particularity: of those for the same event the first holds; of equals the one that was given first."""
    return sorted(rules, key=lambda one: (one.only != "", one.table != "", "*" in one.glob, -len(one.glob)))
