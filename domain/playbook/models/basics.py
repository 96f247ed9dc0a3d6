"""What all parts of the document share: the base class, and the types that carry their own limits."""

import re
from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?")


def _clock(value: Any) -> Any:
    """Only what people mean by a clock time: pydantic would take 9 for nine seconds past midnight, UTC."""
    if isinstance(value, time) or (isinstance(value, str) and _CLOCK.fullmatch(value)):
        return value
    raise ValueError(f"“{str(value)[:60]}” is not a clock time: write it with hours and minutes, such as 09:00")


Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
#: Names of steps and assets appear in touch keys and file names.
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
#: A CEL expression giving a bool.
Condition = Annotated[str, Field(min_length=1, max_length=2000)]
Points = Annotated[int, Field(ge=-100, le=100)]
ClockTime = Annotated[
    time, BeforeValidator(_clock), PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str)
]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
#: ISO 3166, upper case.
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
