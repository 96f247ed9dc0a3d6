"""Taking an event back."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.text import Line, Name
from storage.retractions import BY_HAND, RESTORED_BY_HAND, Outcome


class _Whose(BaseModel):
    sender: Line | None = Field(
        None,
        description="Whose message id it is, where several senders have it: a key's name, empty for Tendril itself.",
    )


class RetractBody(_Whose):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "a test by our own people"}]})

    reason: Name = Field(BY_HAND, description="Why; shown in the lead's story.")


class RestoreBody(_Whose):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "it was a customer"}]})

    reason: Name = Field(RESTORED_BY_HAND, description="Why; shown in the lead's story.")


class Restored(BaseModel):
    """``outcome``: restored now, or it counted before already."""

    message_id: str
    outcome: Literal[Outcome.RESTORED, Outcome.COUNTED]


class Retracted(BaseModel):
    """``outcome``: retracted now, or it did not count before already."""

    message_id: str
    outcome: Literal[Outcome.RETRACTED, Outcome.NOT_COUNTED]
