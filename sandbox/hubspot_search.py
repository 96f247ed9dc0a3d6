"""HubSpot's search: filters, one order, pages of at most 200 and never beyond the 10,000th record."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sandbox.answers import VendorError

_PAGE = 200
_MOST = 10_000
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda has, asked: bool(has == asked),
    "NEQ": lambda has, asked: bool(has != asked),
    "GT": lambda has, asked: bool(has > asked),
    "GTE": lambda has, asked: bool(has >= asked),
    "LT": lambda has, asked: bool(has < asked),
    "LTE": lambda has, asked: bool(has <= asked),
}


def searched(records: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
    """The page asked for. ``records`` are as shown, with all their properties. Raises ``VendorError``."""
    start, limit = int(body.get("after") or 0), int(body.get("limit") or 10)
    if limit > _PAGE or start + limit > _MOST:
        raise VendorError(400, "There was a problem with the request: limit or paging is too large.")
    groups = body["filterGroups"]
    found = [one for one in records if not groups or any(_in_group(one, group) for group in groups)]
    for sort in reversed(body.get("sorts", [])):
        name = sort.removeprefix("-")
        found.sort(key=lambda one: _place(one["properties"].get(name) or ""), reverse=sort.startswith("-"))
    page = [_narrowed(one, body.get("properties", [])) for one in found[start : start + limit]]
    following = {"paging": {"next": {"after": str(start + limit)}}} if start + limit < len(found) else {}
    return {"total": len(found), "results": page} | following


def _in_group(record: dict[str, Any], group: dict[str, Any]) -> bool:
    return all(_holds(record["properties"].get(one["propertyName"]), one) for one in group["filters"])


def _holds(value: str | None, wanted: dict[str, Any]) -> bool:
    operator = wanted["operator"]
    if operator == "HAS_PROPERTY":
        return bool(value)
    if operator == "NOT_HAS_PROPERTY":
        return not value
    if operator not in _COMPARE:
        raise VendorError(400, f"Operator {operator} is not supported")
    return value is not None and _COMPARE[operator](*_alike(value, wanted["value"]))


def _alike(value: str, asked: str) -> tuple[Any, Any]:
    """Times are asked for in milliseconds; ids are numbers."""
    if value.isdigit() and asked.isdigit():
        return int(value), int(asked)
    try:
        return datetime.fromisoformat(value).timestamp() * 1000, int(asked)
    except ValueError:
        return value, asked


def _place(value: str) -> tuple[int, str]:
    """Numbers by their size, the rest as text."""
    return (int(value), "") if value.isdigit() else (0, value)


def _narrowed(record: dict[str, Any], names: list[str]) -> dict[str, Any]:
    always = {"hs_object_id", "createdate", "lastmodifieddate"}
    values = {name: record["properties"].get(name) for name in {*names, *always}}
    return record | {"properties": values}
