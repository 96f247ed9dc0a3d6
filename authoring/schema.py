"""What the models say, in words a marketer can act on, at the place where it is written."""

import copy
import re
import types
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from authoring.content import KEYS
from authoring.document import Document, Spot
from authoring.includes import INCLUDE
from authoring.problems import Problem
from domain.playbook.checks.finding import Path, did_you_mean, nearest
from domain.playbook.models import Playbook

_PATTERNS = {
    r"^[a-z][a-z0-9_]{0,62}$": "use lower-case letters, digits and _ (first a letter)",
    r"^[a-z0-9][a-z0-9_-]{0,62}$": "use lower-case letters, digits, - and _",
    r"^[^@\s]+@[^@\s]+$": "is not an e-mail address",
    r"^[A-Z]{2}$": "a country is two capital letters, such as DE",
}
_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list (lines that begin with -)",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
}


class Written(Protocol):
    """What was validated, and where each part of it is written."""

    def data(self) -> dict[str, Any]: ...
    def locate(self, path: Path, *, key: bool = False) -> tuple[Document, Spot]: ...


#: What may be wrong only because something is not there.
_ABSENCES = frozenset({"missing", "too_short"})


def explain(
    sources: Written, error: ValidationError, root: type[BaseModel] = Playbook, *, incomplete: bool = False
) -> list[Problem]:
    """The errors of one validation, those about the same value joined into one problem. ``root`` validated.

    ``incomplete``: a part could not be read, so nothing is said about what is missing.
    """
    by_place: dict[tuple[Path, bool], list[ErrorDetails]] = defaultdict(list)
    data = sources.data()
    for detail in error.errors(include_url=False):
        if not (incomplete and detail["type"] in _ABSENCES) and not _is_file_name(detail["loc"]):
            by_place[_written(data, detail)].append(detail)
    return [problem for place, details in by_place.items() for problem in _problems(sources, root, *place, details)]


def _is_file_name(loc: Path) -> bool:
    """An asset's id is the name of its file, of which the key has been judged already."""
    return loc[:1] == ("assets",) and loc[2:] == ("id",)


def _written(data: Mapping[str, Any], detail: ErrorDetails) -> tuple[Path, bool]:
    """The path as written: without the union branches and key marks that pydantic adds; and whether a key is meant."""
    loc: Path = detail["loc"]
    if detail["type"] in {"missing", "extra_forbidden"}:
        return loc, True
    if loc[-1:] == ("[key]",):
        return loc[:-1], True
    while loc and value_at(data, loc) is NOTHING:
        loc = loc[:-1]
    return loc, False


NOTHING = object()


def value_at(data: Any, path: Path) -> Any:
    """What is written at a path; ``NOTHING`` where nothing is."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return NOTHING
    return data


def _problems(
    sources: Written, root: type[BaseModel], path: Path, key: bool, details: list[ErrorDetails]
) -> list[Problem]:
    kind = details[0]["type"]
    about = path[:-1] if kind == "missing" else path
    _, spot = sources.locate(about, key=key and kind != "missing")
    if kind == "missing":
        rule, message = "missing", f"“{path[-1]}” is missing{_named(path[:-1])}"
    elif kind == "extra_forbidden":
        rule, message = "unknown-key", f"“{path[-1]}” is not a key here{_near_key(path, root)}"
    else:
        rule, message = "value", _values(path, details)
    return [Problem(spot.file, spot.line, spot.column, rule, message)]


def _near_key(path: Path, root: type[BaseModel]) -> str:
    key, keys = str(path[-1]), keys_at(path[:-1], root)
    if root is Playbook and not nearest(key, keys) and nearest(key, [INCLUDE]):
        return f"; did you mean “{INCLUDE}”?"
    return did_you_mean(key, keys)


def _named(path: Path) -> str:
    return " in " + ".".join(str(step) for step in path) if path else ""


def _values(path: Path, details: list[ErrorDetails]) -> str:
    wanted = [_KINDS[detail["type"]] for detail in details if detail["type"] in _KINDS]
    if wanted == ["text"] and isinstance(details[0]["input"], (bool, int, float)):
        return f"“{_last(path)}” must be text; put it in quotes"
    if len(wanted) == len(details):
        return f"“{_last(path)}” must be {' or '.join(dict.fromkeys(wanted))}"
    choices = [detail for detail in details if detail["type"] in _CHOICES]
    detail = next(detail for detail in details if detail["type"] not in _KINDS)
    words = _none_of(*choices) if detail in choices else _words(detail)
    name = f"“{_last(path)}”: "
    return words if not path or words.startswith(name) else f"{name}{words}"


def _last(path: Path) -> str:
    return str(next((step for step in reversed(path) if isinstance(step, str)), "playbook"))


#: Some words repeat what was written, however long that is.
_LONGEST = 240


def _words(detail: ErrorDetails) -> str:
    say = _SAYINGS.get(detail["type"])
    words = say(detail, detail.get("ctx", {})) if say else detail["msg"]
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST // 2]}…{words[-_LONGEST // 2 :]}"


_CHOICES = frozenset({"enum", "literal_error"})


def _none_of(*details: ErrorDetails) -> str:
    """What a value may be; of several such errors (a type *or* another) all that any allows."""
    lists = [detail["ctx"]["expected"].replace(" or ", ", ").split(",") for detail in details]
    allowed = list(dict.fromkeys(option.strip("' ") for options in lists for option in options))
    near = nearest(str(details[0]["input"]), allowed)
    return f"{_shown(details[0])} is none of {', '.join(allowed)}" + (f"; did you mean “{near}”?" if near else "")


def _shown(detail: ErrorDetails) -> str:
    text = str(detail["input"])
    return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"  # noqa: PLR2004 — what fits a line


_SAYINGS: dict[str, Callable[[ErrorDetails, Mapping[str, Any]], str]] = {
    "string_pattern_mismatch": lambda d, c: f"{_shown(d)}: {_PATTERNS.get(c['pattern'], d['msg'])}",
    "value_error": lambda d, c: f"{c['error']}{_duration_meant(d['input'])}",
    "timezone_aware": lambda d, _: f"{_shown(d)} has no time zone: write 2026-03-02T10:00:00Z, or with +01:00",
    "too_short": lambda _, c: f"needs at least {c['min_length']}",
    "string_too_short": lambda _, c: f"needs at least {c['min_length']} characters",
    "string_too_long": lambda _, c: f"is longer than {c['max_length']} characters",
    "greater_than_equal": lambda d, c: f"{_shown(d)} is below {c['ge']}",
    "less_than_equal": lambda d, c: f"{_shown(d)} is above {c['le']}",
}


_DURATION_WORDS = re.compile(
    r"\s*(\d{1,4})\s*(?:(w)(?:ee)?ks?|(d)ays?|(h)(?:ou)?rs?|(m)in(?:ute)?s?|(mon?)(?:ths?)?|(y)(?:(?:ea)?rs?)?)\s*"
)
_DURATION_DAYS = {"mo": 30, "mon": 30, "y": 365}


def _duration_meant(written: object) -> str:
    """What “3 days” or “12 months” would be as a duration; "" when it is nothing of the kind."""
    found = _DURATION_WORDS.fullmatch(written.lower()) if isinstance(written, str) else None
    if found is None:
        return ""
    number, unit = int(found[1]), found[found.lastindex or 1]
    days = _DURATION_DAYS.get(unit)
    return f"; did you mean “{number * days}d”?" if days else f"; did you mean “{number}{unit}”?"


def without_unknown_keys(data: dict[str, Any], error: ValidationError) -> dict[str, Any] | None:
    """A copy without the keys that no model knows; None when other errors stand in the way as well."""
    details = error.errors(include_url=False, include_context=False)
    if any(detail["type"] != "extra_forbidden" for detail in details):
        return None
    rest = copy.deepcopy(data)
    for detail in details:
        *path, last = detail["loc"]
        value_at(rest, tuple(path)).pop(last, None)
    return rest


def keys_at(path: Path, root: type[BaseModel] = Playbook) -> list[str]:
    """Keys that the model at a path below ``root`` knows, as they are written."""
    if path[:1] == ("assets",):
        return list(KEYS)
    annotation: Any = root
    for step in path:
        model = _model(annotation)
        if model is None:  # a tuple or dict: the step is its index or key
            annotation = next((found for part in get_args(annotation) if (found := _model(part))), None)
        else:
            field = _fields(model).get(str(step))
            annotation = field.annotation if field else None
    model = _model(annotation)
    return list(_fields(model)) if model else []


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model that a type is, or may be when it is optional."""
    if isinstance(annotation, type) and not get_origin(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    if get_origin(annotation) in {Union, types.UnionType}:
        return next((found for part in get_args(annotation) if (found := _model(part))), None)
    return None
