"""People and companies, what they did, and whether we may write to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint, text
from sqlalchemy import Identity as SequenceOf
from sqlmodel import Field, SQLModel

from storage.tables.columns import json_column, moment, texts


class Account(SQLModel, table=True):
    """A company. ``domain`` is its web domain, lower case; free-mail domains make no account."""

    id: str = Field(primary_key=True)
    domain: str | None = Field(default=None, unique=True)
    name: str = ""
    opportunity_opened_at: datetime | None = moment(null=True)
    created_at: datetime = moment()


class Lead(SQLModel, table=True):
    """A person. ``inbox_position`` is the position of the newest behaviour; locking the row orders the inbox.

    ``mailbox`` is what addresses of one mailbox share (``domain.addresses``). A lead with ``merged_into`` is part of
    that one, which is part of no other: whatever is meant for it reaches the survivor. Nothing is sent before
    ``away_until``, which an out-of-office reply gave.
    """

    __table_args__ = (
        Index("lead_mailbox", "mailbox", postgresql_where=text("mailbox is not null")),
        Index("lead_merged", "merged_into", postgresql_where=text("merged_into is not null")),
        Index("lead_crm_id", "crm_id", postgresql_where=text("crm_id <> ''")),
    )
    id: str = Field(primary_key=True)
    external_id: str | None = Field(default=None, unique=True)
    email: str | None = Field(default=None, unique=True)  # in one spelling: ``domain.addresses.normalised``
    mailbox: str | None = None
    fields: dict[str, Any] = json_column()
    country: str = ""
    timezone: str = ""
    source: str = ""
    owner: str = ""
    account_id: str | None = Field(default=None, foreign_key="account.id", index=True)
    inbox_position: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    crm_id: str = ""
    merged_into: str | None = Field(default=None, foreign_key="lead.id")
    away_until: datetime | None = moment(null=True)
    created_at: datetime = moment()
    updated_at: datetime = moment()


class Identity(SQLModel, table=True):
    """Another name of a lead: ``kind`` is ``anonymous_id``, ``user_id`` or ``crm_id``.

    A visitor's id is the lead's who was seen with it last: people share computers. The others stay whose they are.
    """

    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    lead_id: str = Field(foreign_key="lead.id", index=True)
    created_at: datetime = moment()


class Behaviour(SQLModel, table=True):
    """The inbox. ``position`` is dense per lead in order of commit, below zero for imported history; null while
    nobody knows whose it is, but for history.

    ``message_id`` is the sender's; the same one is taken once, for ever: what retention purges (``purged_at``) keeps
    it. ``sender`` is the name of the key it came with, "import" for what was imported as news, "" for Tendril's own
    events, imported history and what came before 0015.
    """

    __table_args__ = (
        UniqueConstraint("lead_id", "position"),
        UniqueConstraint("message_id", "sender"),
        Index("behaviour_lead_at", "lead_id", "occurred_at"),
        Index("behaviour_unattached", "anonymous_id", postgresql_where=text("lead_id is null")),
        Index("behaviour_unattached_user", "user_id", postgresql_where=text("lead_id is null")),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, SequenceOf(always=True), primary_key=True))
    message_id: str
    sender: str = ""
    lead_id: str | None = Field(default=None, foreign_key="lead.id")
    position: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    anonymous_id: str | None = None
    user_id: str | None = None
    kind: str
    name: str
    properties: dict[str, Any] = json_column()
    trusted: bool = True
    occurred_at: datetime = moment()
    received_at: datetime = moment()
    purged_at: datetime | None = moment(null=True)


class PendingWake(SQLModel, table=True):
    """One row per lead whose journey must hear of new behaviour. A relay leases it, signals, and deletes it if
    ``version`` has not risen meanwhile; ``types`` are event names for the person who reads the history. Sources take
    turns, and ``urgent`` ones go before (``storage.wakes_sql``). ``trace`` is the newest event's that was traced
    (``domain.trace``).
    """

    __tablename__ = "pending_wake"
    __table_args__ = (
        Index("pending_wake_urgent", "created_real_at", postgresql_where=text("urgent")),
        Index("pending_wake_turns", "source", "created_real_at"),
    )
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    types: list[str] = texts()
    version: int = 1
    attempts: int = 0
    source: str = ""
    urgent: bool = False
    trace: str | None = None
    leased_until: datetime | None = moment(null=True)
    created_real_at: datetime = moment(server_default=text("now()"))


class Consent(SQLModel, table=True):
    """The newest word of a lead on a channel, with its ground."""

    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    channel: str = Field(primary_key=True)
    granted: bool
    basis: str = ""
    source: str = ""
    at: datetime = moment()


class AnswerRow(SQLModel, table=True):
    """The newest answer of a lead to the question about a field, with its ground: ``consent`` is what stood beside the
    button. The answer itself is among the lead's fields, and nowhere else.
    """

    __tablename__ = "answer"
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    field: str = Field(primary_key=True)
    touch_key: str
    playbook_hash: str
    basis: str
    consent: str
    at: datetime = moment()


class Suppression(SQLModel, table=True):
    """Do not contact. Keyed by normalised address, so that it outlives the lead; always wins."""

    email: str = Field(primary_key=True)
    reason: str
    source: str = ""
    lead_id: str | None = Field(default=None, index=True)
    at: datetime = moment()


class Preference(SQLModel, table=True):
    """What a lead wants of what we send: nothing before ``paused_until``, never two within ``least_days``, and nothing
    of ``declined_topics`` (the playbook's).

    Channels that the lead does not want are in ``consent``.
    """

    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    paused_until: datetime | None = moment(null=True)
    least_days: int = 0
    declined_topics: list[str] = texts()
    at: datetime = moment()


class Erasure(SQLModel, table=True):
    """A lead whose person was erased, by whom (opaque). ``email`` is kept only until the vendors have removed it:
    ``finished_at`` says since when nothing is left anywhere.
    """

    __table_args__ = (Index("erasure_unfinished", "at", postgresql_where=text("finished_at is null")),)
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    by: str
    at: datetime = moment()
    email: str | None = None
    finished_at: datetime | None = moment(null=True)


class Tombstone(SQLModel, table=True):
    """A name (address or external id) that must not come back: its keyed digest, by which nobody can be found."""

    digest: bytes = Field(primary_key=True)
    at: datetime = moment()
