"""What was agreed to, word by word, and how long behaviour is kept."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, text
from sqlalchemy import Identity as SequenceOf
from sqlmodel import Field, SQLModel

from storage.tables.columns import moment


class ConsentWord(SQLModel, table=True):
    """Every word of a lead on a channel, in order; the newest is also what ``consent`` says. Rows never change.

    ``wording`` is what stood beside the box or the button, where that is known.
    """

    __tablename__ = "consent_word"
    __table_args__ = (Index("consent_word_lead", "lead_id", "channel", "id"),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, SequenceOf(always=True), primary_key=True))
    lead_id: str = Field(foreign_key="lead.id")
    channel: str
    granted: bool
    basis: str = ""
    source: str = ""
    wording: str = ""
    at: datetime = moment()


class RetentionRule(SQLModel, table=True):
    """A time that an operator chose, by the rule's name (``domain.retention``). ``days`` is null for ever."""

    __tablename__ = "retention_rule"
    name: str = Field(primary_key=True)
    days: int | None = None


class RetentionPass(SQLModel, table=True):
    """How far a rule has come: all behaviour up to the id ``done`` that it is for is purged.

    ``*`` is the round through all rules; ``finished_real_at`` is when the last one ended.
    """

    __tablename__ = "retention_pass"
    name: str = Field(primary_key=True)
    done: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    finished_real_at: datetime = moment(server_default=text("now()"))
