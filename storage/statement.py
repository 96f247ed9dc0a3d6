"""SQL with named parameters: a statement with forty of them can't be read by number."""

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"(?<![:\w]):([a-z_]+)(?!\w)(?!::)")
_CAST = re.compile(r"(?<![:\w]):([a-z_]+)(?=::)")


class Statement:
    """``:name`` becomes ``$1``, ``$2``, … once, when the module is loaded.

    Every parameter has a type: the one written behind it (``:name::jsonb``), else the one in ``types``, else text.
    """

    def __init__(self, sql: str, **types: str) -> None:
        typed = _NAME.sub(lambda match: f"(:{match[1]}::{types.get(match[1], 'text')})", sql)
        self._names = list(dict.fromkeys(_CAST.findall(typed)))
        number = {name: index for index, name in enumerate(self._names, 1)}
        self.sql = _CAST.sub(lambda match: f"${number[match[1]]}", typed)

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the statement's order. Raises ``KeyError`` for one that is missing."""
        return [values[name] for name in self._names]
