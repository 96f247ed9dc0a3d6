"""Taking an event back."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.text import Name
from storage.retractions import BY_HAND, Outcome


class RetractBody(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "a test by our own people"}]})

    reason: Name = Field(BY_HAND, description="Why; shown in the lead's story.")


class Retracted(BaseModel):
    """``outcome``: retracted now, or it did not count before already."""

    message_id: str
    outcome: Literal[Outcome.RETRACTED, Outcome.NOT_COUNTED]
