"""A base for values that live in Temporal history: immutable, and serialised without what is merely default.

Every decision carries the whole journey state, so each default left out saves its bytes once per touch for months.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Compact(BaseModel):
    """Frozen, strict about unknown keys, and silent about fields that hold their default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        whole: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        return {
            name: value
            for name, value in whole.items()
            if name not in fields
            or fields[name].is_required()
            or getattr(self, name) != fields[name].get_default(call_default_factory=True)
        }
