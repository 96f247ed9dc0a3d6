"""Playbooks in force, their versions, and what differs between two."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field


class PlaybookView(BaseModel):
    name: str
    version: str = Field(validation_alias="hash", description="The version that new journeys begin with.")
    default: bool = Field(validation_alias="is_default", description="Whether leads get it when none is named.")
    since: datetime = Field(validation_alias="applied_at")
    versions: int = Field(description="How many there are of it.")
    journeys: int = Field(description="In flight, whichever version they run.")


class PlaybookList(BaseModel):
    total: int
    items: list[PlaybookView]


class VersionView(BaseModel):
    """A version, and the change that put it in force last."""

    version: str = Field(validation_alias="hash")
    in_force: bool
    at: datetime = Field(
        description="When it was put in force; of those from before this was kept, when it was stored."
    )
    by: str
    policy: str = Field(description="What was chosen for journeys in flight: pin, follow or migrate.")
    rollback: bool
    reason: str
    replaced: str | None = Field(description="The version that was in force before.")
    followed_by: str | None = Field(
        description="What journeys that run it take up at their next decision; null: nothing."
    )
    operation: str = Field(description="The operation that migrates to it; empty when none does.")
    journeys: int = Field(description="In flight, that run it.")


class VersionList(BaseModel):
    total: int
    items: list[VersionView]


class ChangeView(BaseModel):
    """One thing that differs."""

    kind: str = Field(description="added, removed, moved, retimed or changed.")
    section: str = Field(description="The heading it belongs under.")
    subject: str = Field(description="What it is about; empty where the section says it.")
    text: str
    path: tuple[str, ...]
    old: Any
    new: Any
    lines: tuple[str, ...] = Field(description="Of texts, the lines that differ, each with + or - before it.")


class ChangeList(BaseModel):
    """Headings in the order in which they matter."""

    from_: str = Field(serialization_alias="from", description="The first version's hash.")
    to: str
    total: int
    items: list[ChangeView]


_WHICH = "A version's hash or its beginning, or `previous`: the one that the version in force replaced."
FromVersion = Annotated[
    str, Query(alias="from", max_length=16, pattern="^([0-9a-f]{4,16}|previous)$", description=_WHICH)
]
ToVersion = Annotated[
    str | None,
    Query(
        alias="to", max_length=16, pattern="^([0-9a-f]{4,16}|previous)$", description=f"{_WHICH} In force if absent."
    ),
]
