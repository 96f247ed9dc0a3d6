"""Taking an event back."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.text import Name
from storage.retractions import BY_HAND, RESTORED_BY_HAND, Outcome


class RetractBody(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "a test by our own people"}]})

    reason: Name = Field(BY_HAND, description="Why; shown in the lead's story.")


class RestoreBody(BaseModel):
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
