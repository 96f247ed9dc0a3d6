"""What each ads network should hold of the desired audiences, and what it has acknowledged."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlmodel import Field, SQLModel

from storage.tables.columns import json_column, moment


class NetworkMember(SQLModel, table=True):
    """One membership at one network. ``version`` rises whenever the network must be told; dirty while
    ``pushed_version`` is below it.

    ``held``: the network has acknowledged that they are in. ``known_as``: by which key (a hash of the address, by the
    network's rule), for as long as it may hold them. ``stale``: that may no longer be their key. ``request``: the
    batch that they were last told in. What the network refused (``refused_version``, for ``refusals`` times in a row,
    with ``error``) is given out again at ``retry_real_at``, or as soon as it changes.
    """

    __tablename__ = "network_member"
    __table_args__ = (
        ForeignKeyConstraint(
            ["audience", "lead_id"],
            ["audience_member.audience", "audience_member.lead_id"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        Index(
            "network_member_dirty", "network", "audience", "lead_id", postgresql_where=text("pushed_version < version")
        ),
        Index("network_member_key", "network", "audience", "known_as", postgresql_where=text("known_as <> ''")),
        Index("network_member_held", "network", "pushed_real_at", postgresql_where=text("held")),
        Index("network_member_request", "network", "request", postgresql_where=text("request <> ''")),
        Index("network_member_lead", "lead_id"),
    )
    network: str = Field(primary_key=True)
    audience: str = Field(primary_key=True)
    lead_id: str = Field(primary_key=True)
    wanted: bool
    version: int = 1
    pushed_version: int = 0
    held: bool = False
    known_as: str = ""
    stale: bool = False
    request: str = ""
    pushed_at: datetime | None = moment(null=True)
    pushed_real_at: datetime | None = moment(null=True)
    error: str = ""
    refused_version: int = 0
    refusals: int = 0
    retry_real_at: datetime | None = moment(null=True)


class NetworkAudience(SQLModel, table=True):
    """A list as its network has it: read back now and then. ``problem``: what stands in the way."""

    __tablename__ = "network_audience"
    network: str = Field(primary_key=True)
    audience: str = Field(primary_key=True)
    status: str = ""
    size: int | None = None
    least: int = 0
    usable: bool = False
    problem: str = ""
    read_real_at: datetime | None = moment(null=True)


class NetworkRequest(SQLModel, table=True):
    """A batch that a network took and carries out later, until it says what became of it."""

    __tablename__ = "network_request"
    network: str = Field(primary_key=True)
    request: str = Field(primary_key=True)
    audience: str
    asked_real_at: datetime = moment()
    look_real_at: datetime = moment()


class NetworkReach(SQLModel, table=True):
    """One row: which networks reach which audiences, as the memberships were last spread by it."""

    __tablename__ = "network_reach"
    id: int = Field(default=1, primary_key=True)
    rule: dict[str, Any] = json_column()
