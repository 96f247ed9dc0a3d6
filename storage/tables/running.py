"""What a deployment runs with: playbooks, keys, its clock, imports, and events nobody understood."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, text
from sqlalchemy import Identity as SequenceOf
from sqlmodel import Field, SQLModel

from storage.tables.columns import json_column, moment, texts


class PlaybookVersion(SQLModel, table=True):
    """A playbook by content: ``hash`` is ``Playbook.content_hash()``, ``document`` its JSON (text: order kept).

    ``followed_by`` is the version that journeys running this one go on with at their next decision; null: they stay.
    It always is a version that is followed by none.
    """

    __tablename__ = "playbook_version"
    hash: str = Field(primary_key=True)
    name: str = Field(index=True)
    document: str
    created_at: datetime = moment()
    followed_by: str | None = Field(default=None, foreign_key="playbook_version.hash")


class PlaybookChange(SQLModel, table=True):
    """A version was put in force. ``from_hash`` is the one before, null for the first; ``policy`` what was chosen for
    journeys in flight (``domain.versions``), ``operation_id`` the operation that migrates them, "" when none does.
    """

    __tablename__ = "playbook_change"
    __table_args__ = (Index("playbook_change_name", "name", "id"),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, SequenceOf(always=True), primary_key=True))
    name: str
    from_hash: str | None = Field(default=None, foreign_key="playbook_version.hash")
    to_hash: str = Field(foreign_key="playbook_version.hash")
    policy: str
    rollback: bool = False
    by: str
    at: datetime = moment()
    reason: str = ""
    operation_id: str = ""


class PlaybookActive(SQLModel, table=True):
    """Which version new journeys of a playbook begin with, and followers follow."""

    __tablename__ = "playbook_active"
    name: str = Field(primary_key=True)
    hash: str = Field(foreign_key="playbook_version.hash")
    is_default: bool = False
    applied_at: datetime = moment()


class ApiKey(SQLModel, table=True):
    """A bearer key. ``digest`` is SHA-256 of the whole key, which has 256 random bits and so needs no slow hash.

    ``rate``: events a second that it may send, where that is another number than the deployment's.
    """

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    name: str
    digest: str = Field(unique=True)
    scopes: list[str] = texts()
    created_real_at: datetime = moment(server_default=text("now()"))
    expires_real_at: datetime | None = moment(null=True)
    revoked_real_at: datetime | None = moment(null=True)
    last_used_real_at: datetime | None = moment(null=True)
    rate: float | None = None


class ImportRun(SQLModel, table=True):
    """How far an import of one file has come: a second run of the same file and mapping continues at ``rows_done``."""

    __tablename__ = "import_run"
    id: str = Field(primary_key=True)  # SHA-256 of the file's content and the mapping
    rows_done: int = 0
    rejected: int = 0
    finished: bool = False
    started_real_at: datetime = moment(server_default=text("now()"))


class Deployment(SQLModel, table=True):
    """One row: properties of this deployment that every process must share. The clock is ``domain.clock``'s.

    ``erasure_key`` keys the digests of ``tombstone``. It is made with the first erasure and never changes.
    """

    id: int = Field(default=1, primary_key=True)
    clock_scale: float = 1.0
    clock_real_anchor: datetime | None = moment(null=True)
    clock_virtual_anchor: datetime | None = moment(null=True)
    erasure_key: bytes | None = None


class SchemaFloor(SQLModel, table=True):
    """One row: the oldest build, by the newest migration it knows, that still works with this schema."""

    __tablename__ = "schema_floor"
    id: int = Field(default=1, primary_key=True)
    revision: str


class DeadLetter(SQLModel, table=True):
    """An event that was acknowledged but can't be understood: kept whole, with why.

    ``digest`` tells it from others, so that it is kept once however often it is sent; null where nothing in it does.
    """

    __tablename__ = "dead_letter"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, SequenceOf(always=True), primary_key=True))
    source: str
    reason: str
    body: dict[str, Any] = json_column()
    digest: str | None = Field(default=None, unique=True)
    received_at: datetime = moment()
