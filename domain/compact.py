"""A base for values that live in Temporal history: immutable, and serialised without what is merely default.

Every decision carries the whole journey state, so each default left out saves its bytes once per touch for months.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Compact(BaseModel):
    """Frozen, strict about unknown keys, and silent about fields that hold their default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        whole: dict[str, Any] = handler(self)
        defaults = _defaults(type(self))
        return {
            name: value
            for name, value in whole.items()
            if name not in defaults or getattr(self, name) != defaults[name]
        }


@cache
def _defaults(model: type[Compact]) -> Mapping[str, Any]:
    """Of the fields that have one. Made once a model: a decision's state is written more often than anything else."""
    fields = model.model_fields.items()
    return {name: field.get_default(call_default_factory=True) for name, field in fields if not field.is_required()}
