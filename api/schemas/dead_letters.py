"""Events that could not be understood, as they are shown."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class DeadLetterView(BaseModel):
    """One event, whole, and why it was set aside. An event that was too large is the beginning of its text."""

    id: int
    source: str = Field(description="Where it came in, such as batch.")
    reason: str = Field(description="What is wrong with it.")
    body: dict[str, Any] = Field(description="The event as it came.")
    received_at: datetime


class DeadLetterList(BaseModel):
    total: int
    items: list[DeadLetterView]
    next_cursor: str | None = Field(None, description="Give it as cursor for the next page; null on the last.")
