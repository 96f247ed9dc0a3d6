"""Values of lead fields, as their declared types have them."""

from typing import Any

#: Conditions count with 64 bits; a number beyond is a mistake of whoever wrote it, and also beyond floats' precision.
LARGEST = 2**53


def typed(value: Any, kind: str) -> Any:
    """The value as the declared type, or None when nothing is known: a profile may hold what another system wrote."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and not -LARGEST <= value <= LARGEST:
        return None
    if kind == "list" and isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    expected = {"string": str, "int": int, "bool": bool, "list": list}.get(kind)
    right = expected is not None and isinstance(value, expected) and (kind != "int" or not isinstance(value, bool))
    return value if right else None
