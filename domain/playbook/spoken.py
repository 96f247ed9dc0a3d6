"""Words for single variables of conditions, with the playbook's labels: counts, scores, days, fields, names."""

from collections.abc import Mapping, Sequence

from domain.playbook.conditions import NEVER
from domain.playbook.models import Playbook

_WINDOWS = {"": "", "in_7d": "in the last 7 days", "in_30d": "in the last 30 days"}
#: Numbers: variable → (at least, less than, exactly); ``{n}`` is the number.
_MEASURES: Mapping[str, tuple[str, str, str]] = {
    "score.intent": ("intent at least {n}", "intent below {n}", "intent exactly {n}"),
    "score.fit": ("fit at least {n}", "fit below {n}", "fit exactly {n}"),
    "days.quiet": ("quiet for {n} days", "active in the last {n} days", "quiet for exactly {n} days"),
    "days.in_stage": ("{n} days in this stage", "less than {n} days in this stage", "exactly {n} days in this stage"),
    "days.in_journey": ("{n} days after entry", "in the first {n} days", "exactly {n} days after entry"),
    "touches.sent": ("at least {n} touches sent", "fewer than {n} touches sent", "exactly {n} touches sent"),
    "account.leads": ("at least {n} people known at the company", "fewer than {n} people known at the company", ""),
    "account.active_leads_30d": ("at least {n} colleagues active in the last 30 days", "", ""),
}
_COLLEAGUES = "account.active_leads_30d"
_NAMES = {
    "lead.country": "country",
    "lead.source": "source",
    "lead.email_domain": "e-mail domain",
    "lead.has_email": "an address",
    "score.grade": "grade",
}
_MOST_LISTED = 4


class Labels:
    """What a playbook calls its behaviours, fields, segments, lengths and situations."""

    def __init__(self, playbook: Playbook) -> None:
        named = {**playbook.behaviours, **playbook.patterns}
        self._behaviours = {name: counted.label for name, counted in named.items()}
        self._fields = {name: short_label(field.label, name) for name, field in playbook.lead_fields.items()}
        self._segments: Mapping[str, str] = {segment.id: segment.label for segment in playbook.segments}
        self._lengths: Mapping[str, str] = {length.id: length.label or length.id for length in playbook.lengths}
        self._situations = {one.id: uncapital(one.label).rstrip(".") for one in playbook.situations}

    def behaviour(self, variable: str) -> tuple[str, str]:
        """A behaviour's name and the suffix asked about, or two empty strings."""
        kind, _, rest = variable.partition(".")
        name, _, suffix = rest.partition(".")
        return (name, suffix) if kind == "behaviour" and name in self._behaviours else ("", "")

    def behaviours(self, names: Sequence[str], suffix: str, op: str, number: float, *, in_all: bool = False) -> str:
        """Several behaviours, any of which, or the sum of which (``in_all``), is compared with a number."""
        label = either([self._behaviours[name] for name in names])
        if suffix == "days_ago":
            return "" if in_all else _ago(label, op, number)
        return _times(label, _WINDOWS[suffix], op, number, " in all" if in_all and len(names) > 1 else "")

    def field(self, variable: str) -> str:
        """A lead's field, by its own or its dotted name."""
        name = variable.removeprefix("lead.")
        return self._fields.get(name) or _NAMES.get(variable) or _NAMES.get(f"lead.{name}") or name.replace("_", " ")

    def yes_or_no(self, variable: str, holds: bool) -> str:
        kind, _, name = variable.partition(".")
        if kind == "situation" and name in self._situations:
            return self._situations[name] if holds else f"not “{self._situations[name]}”"
        if variable == "account.open_opportunity":
            return f"{'an' if holds else 'no'} opportunity is open at the company"
        if variable == "lead.has_email":
            return f"{'an' if holds else 'no'} address is known"
        return f"{self.field(variable)}: {'yes' if holds else 'no'}" if kind == "lead" else ""

    def one_of(self, variable: str, values: Sequence[str | float | bool], holds: bool) -> str:
        """A variable that is, or is not, one of these values."""
        if list(values) == [""] and variable.startswith("lead."):
            return f"{self.field(variable)} is {'not ' if holds else ''}known"
        words = [self._named(variable, value) for value in values]
        told = some(words)
        if variable == "stage":
            return f"{'' if holds else 'not '}in {told}"
        if variable in {"segment", "length"}:
            return f"{variable} {'' if holds else 'not '}{told}"
        return f"{self.field(variable)} {'is' if holds else 'is not'} {told}"

    def measured(self, variable: str, op: str, number: float) -> str:
        """A number compared."""
        name, suffix = self.behaviour(variable)
        if name:
            return self.behaviours([name], suffix, op, number)
        if variable == _COLLEAGUES and (said := _colleagues(op, number)):
            return said
        at_least, below, exactly = _MEASURES.get(variable, ("", "", ""))
        if not at_least and variable.startswith("lead."):
            field = self.field(variable)
            at_least, below, exactly = (f"{field}: at least {{n}}", f"{field}: fewer than {{n}}", f"{field}: {{n}}")
        kind, bound = _bound(op, number)
        form = {">=": at_least, "<": below, "==": exactly}.get(kind, "")
        return form.format(n=f"{bound:g}")

    def _named(self, variable: str, value: str | float | bool) -> str:
        known = {"segment": self._segments, "length": self._lengths}.get(variable, {})
        text = str(value)
        return known.get(text) or (text if variable == "lead.email_domain" else text.replace("_", " "))


def either(words: Sequence[str]) -> str:
    """“a”, “a or b”, “a, b or c”."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def some(words: Sequence[str]) -> str:
    """Like ``either``; of many, the first few and how many others."""
    if len(words) <= _MOST_LISTED:
        return either(words)
    return either([*words[: _MOST_LISTED - 1], f"{len(words) - _MOST_LISTED + 1} others"])


def uncapital(text: str) -> str:
    """As it is said inside a sentence; abbreviations stay."""
    return text[:1].lower() + text[1:] if not text[1:2].isupper() else text


def short_label(label: str, name: str) -> str:
    """A field's label up to its colon (what follows lists the values), as it is said inside a sentence."""
    return uncapital(label.partition(":")[0].strip()) or name.replace("_", " ")


def _bound(op: str, number: float) -> tuple[str, float]:
    """Whole numbers need only three comparisons: at least, less than, exactly."""
    if op in {">", "<="}:
        return (">=" if op == ">" else "<"), number + 1
    return op, number


def _times(label: str, window: str, op: str, number: float, in_all: str) -> str:
    kind, bound = _bound(op, number)
    if kind == "!=" and bound == 0:
        kind, bound = ">=", 1
    if kind == "<" and bound == 1:
        kind, bound = "==", 0
    if bound <= 0 and kind != "==":
        return ""
    often = "" if kind == ">=" and bound == 1 else _often(bound) + in_all
    forms = {
        ">=": f"{label} {often} {window}",
        "==": f"never {label} {window}" if bound == 0 else f"{label} exactly {often} {window}",
        "<": f"{label} at most {_often(bound - 1)}{in_all} {window}",
    }
    return " ".join(forms.get(kind, "").split())


def _often(number: float) -> str:
    return {1: "once", 2: "twice"}.get(int(number), f"{number:g} times")


def _ago(label: str, op: str, number: float) -> str:
    """Whole days since the last time: up to one day is less than two."""
    kind, bound = _bound(op, number)
    if kind in {"==", "!="}:
        never = (kind == "==") is (number >= NEVER)
        return (f"never {label}" if never else label) if number >= NEVER else ""
    if bound >= NEVER:
        return f"never {label}" if kind == ">=" else label
    days = "24 hours" if bound == 1 else f"{bound:g} days"
    return f"{'never ' if kind == '>=' else ''}{label} in the last {days}"


def _colleagues(op: str, number: float) -> str:
    kind, bound = _bound(op, number)
    who = {(">=", 1): "a colleague", ("<", 1): "no colleague", ("==", 0): "no colleague"}.get((kind, int(bound)))
    return f"{who} active in the last 30 days" if who else ""
