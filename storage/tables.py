"""The tables. One class each; what a column means stands beside it. Migrations are in ``storage/migrations``.

Times are ``timestamptz`` on the deployment's clock, but for columns ending in ``_real_at`` or ``leased_until``, which
are wall-clock time. Ids are opaque: an address or a name appears only in ``lead``, ``account``, ``behaviour`` and
``suppression``.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    DefaultClause,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy import (
    Identity as SequenceOf,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import AutoString, Field, SQLModel


def _when(*, null: bool = False, **options: Any) -> Any:
    return Field(default=None if null else ..., sa_column=Column(DateTime(timezone=True), nullable=null, **options))


def _json(default: str = "{}") -> Any:
    return Field(sa_column=Column(JSONB, nullable=False, server_default=text(f"'{default}'::jsonb")))


def _texts() -> Any:
    return Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")))


class Account(SQLModel, table=True):
    """A company. ``domain`` is its web domain, lower case; free-mail domains make no account."""

    id: str = Field(primary_key=True)
    domain: str | None = Field(default=None, unique=True)
    name: str = ""
    opportunity_opened_at: datetime | None = _when(null=True)
    created_at: datetime = _when()


class Lead(SQLModel, table=True):
    """A person. ``inbox_position`` is the position of the newest behaviour; locking the row orders the inbox."""

    id: str = Field(primary_key=True)
    external_id: str | None = Field(default=None, unique=True)
    email: str | None = Field(default=None, unique=True)  # normalised: lower case domain and local part, trimmed
    fields: dict[str, Any] = _json()
    country: str = ""
    timezone: str = ""
    source: str = ""
    owner: str = ""
    account_id: str | None = Field(default=None, foreign_key="account.id", index=True)
    inbox_position: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    crm_id: str = ""
    created_at: datetime = _when()
    updated_at: datetime = _when()


class Identity(SQLModel, table=True):
    """Another name of a lead: ``kind`` is ``anonymous_id`` or ``user_id``."""

    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    lead_id: str = Field(foreign_key="lead.id", index=True)
    created_at: datetime = _when()


class Behaviour(SQLModel, table=True):
    """The inbox. ``position`` is dense per lead in order of commit; null while nobody knows whose it is.

    ``message_id`` is the sender's; the same one is taken once, for ever.
    """

    __table_args__ = (
        UniqueConstraint("lead_id", "position"),
        Index("behaviour_lead_at", "lead_id", "occurred_at"),
        Index("behaviour_unattached", "anonymous_id", postgresql_where=text("lead_id is null")),
        Index("behaviour_unattached_user", "user_id", postgresql_where=text("lead_id is null")),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, SequenceOf(always=True), primary_key=True))
    message_id: str = Field(unique=True)
    lead_id: str | None = Field(default=None, foreign_key="lead.id")
    position: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    anonymous_id: str | None = None
    user_id: str | None = None
    kind: str
    name: str
    properties: dict[str, Any] = _json()
    trusted: bool = True
    occurred_at: datetime = _when()
    received_at: datetime = _when()


class PendingWake(SQLModel, table=True):
    """One row per lead whose journey must hear of new behaviour. A relay leases it, signals, and deletes it if
    ``version`` has not risen meanwhile; ``types`` are event names for the person who reads the history.
    """

    __tablename__ = "pending_wake"
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    types: list[str] = _texts()
    version: int = 1
    attempts: int = 0
    leased_until: datetime | None = _when(null=True)
    created_real_at: datetime = _when(server_default=text("now()"))


class Consent(SQLModel, table=True):
    """The newest word of a lead on a channel, with its ground."""

    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    channel: str = Field(primary_key=True)
    granted: bool
    basis: str = ""
    source: str = ""
    at: datetime = _when()


class Suppression(SQLModel, table=True):
    """Do not contact. Keyed by normalised address, so that it outlives the lead; always wins."""

    email: str = Field(primary_key=True)
    reason: str
    source: str = ""
    lead_id: str | None = Field(default=None, index=True)
    at: datetime = _when()


class PlaybookVersion(SQLModel, table=True):
    """A playbook by content: ``hash`` is ``Playbook.content_hash()``, ``document`` its JSON (text: order kept)."""

    __tablename__ = "playbook_version"
    hash: str = Field(primary_key=True)
    name: str = Field(index=True)
    document: str
    created_at: datetime = _when()


class PlaybookActive(SQLModel, table=True):
    """Which version new journeys of a playbook begin with, and followers follow."""

    __tablename__ = "playbook_active"
    name: str = Field(primary_key=True)
    hash: str = Field(foreign_key="playbook_version.hash")
    is_default: bool = False
    applied_at: datetime = _when()


class Journey(SQLModel, table=True):
    """The read model of a journey, written by each decision. ``next_wake_at`` is null once ended.

    ``details`` is the Markdown that the Temporal UI shows too.
    """

    __table_args__ = (
        Index("journey_list", "started_at", "lead_id"),
        Index("journey_status", "status"),
        Index("journey_due", "next_wake_at", postgresql_where=text("ended_at is null")),
    )
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    cycle: int = Field(primary_key=True)
    playbook_name: str
    playbook_hash: str
    status: str = "new"
    phase: str = "entry"
    stage: str = "problem_awareness"
    segment: str = ""
    fit: int = 0
    intent: int = 0
    grade: str = ""
    decision_number: int = 0
    cursor: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    next_wake_at: datetime | None = _when(null=True)
    next_wake_cause: str = ""
    next_touch_at: datetime | None = _when(null=True)
    title: str = ""
    forward: list[str] = _texts()
    paused_since: datetime | None = _when(null=True)
    started_at: datetime = _when()
    decided_at: datetime | None = _when(null=True)
    ended_at: datetime | None = _when(null=True)
    ending: str = ""
    ending_reason: str = ""


class DecisionRow(SQLModel, table=True):
    """A decision, for ever. ``revision`` rises when the same number is decided again; only the highest is in force."""

    __tablename__ = "decision"
    lead_id: str = Field(primary_key=True)
    cycle: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    revision: int = Field(primary_key=True, default=1)
    at: datetime = _when(index=True)
    cause: str
    wake_types: list[str] = _texts()
    title: str
    state: dict[str, Any] = _json()
    scores: dict[str, Any] = _json()
    commands: dict[str, Any] = _json()
    reasons: list[Any] = _json("[]")
    rejected: list[Any] = _json("[]")
    forward: list[str] = _texts()
    next_wake_at: datetime | None = _when(null=True)
    next_wake_cause: str = ""
    superseded: bool = False


class Touch(SQLModel, table=True):
    """The ledger. ``key`` is ``lead/cycle/epoch/step[/occurrence]``; at most one message ever leaves under it."""

    __table_args__ = (
        Index("touch_lead", "lead_id"),
        Index("touch_account_sent", "account_id", "sent_at"),
        Index("touch_open", "status", postgresql_where=text("status in ('planned','claimed','unknown')")),
    )
    key: str = Field(primary_key=True)
    lead_id: str = Field(foreign_key="lead.id")
    account_id: str | None = None
    cycle: int
    decision_number: int
    step: str
    channel: str
    asset: str = ""
    note: str = ""
    playbook_hash: str
    status: str = "planned"
    reason: str = ""
    planned_at: datetime = _when()
    claim_id: str = ""
    claimed_at: datetime | None = _when(null=True)
    leased_until: datetime | None = _when(null=True)
    attempts: int = 0
    sent_at: datetime | None = _when(null=True)
    vendor: str = ""
    vendor_id: str = ""


class Handoff(SQLModel, table=True):
    """A lead given to sales. ``id`` is ``<lead>-<cycle>-<n>``. Status: open, accepted, rejected, expired, withdrawn.

    ``resolved_number`` is the number of the decision that resolved it: deciding again before it opens it again.
    """

    id: str = Field(primary_key=True)
    lead_id: str = Field(foreign_key="lead.id", index=True)
    cycle: int
    decision_number: int
    status: str = Field(default="open", index=True)
    reason: str
    brief: dict[str, Any] = _json()
    opened_at: datetime = _when()
    sla_at: datetime = _when()
    resolved_at: datetime | None = _when(null=True)
    resolved_number: int | None = None
    outcome_reason: str = ""
    touch_key: str = ""


class AudienceMember(SQLModel, table=True):
    """Desired and acknowledged membership. ``version`` rises with each change of ``desired``."""

    __tablename__ = "audience_member"
    __table_args__ = (Index("audience_dirty", "audience", postgresql_where=text("pushed_version < version")),)
    audience: str = Field(primary_key=True)
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    desired: bool
    version: int = 1
    pushed_version: int = 0
    member: bool = False
    changed_at: datetime = _when()
    pushed_at: datetime | None = _when(null=True)
    error: str = ""


class CrmRecord(SQLModel, table=True):
    """Desired CRM fields of a lead (C20). Dirty while ``pushed_version < version``."""

    __tablename__ = "crm_record"
    __table_args__ = (Index("crm_dirty", "lead_id", postgresql_where=text("pushed_version < version")),)
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    desired: dict[str, Any] = _json()
    version: int = 1
    pushed_version: int = 0
    changed_at: datetime = _when()
    pushed_at: datetime | None = _when(null=True)
    error: str = ""


class ApiKey(SQLModel, table=True):
    """A bearer key. ``digest`` is SHA-256 of the whole key, which has 256 random bits and so needs no slow hash."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    name: str
    digest: str = Field(unique=True)
    scopes: list[str] = _texts()
    created_real_at: datetime = _when(server_default=text("now()"))
    expires_real_at: datetime | None = _when(null=True)
    revoked_real_at: datetime | None = _when(null=True)


class ImportRun(SQLModel, table=True):
    """How far an import of one file has come: a second run of the same file and mapping continues at ``rows_done``."""

    __tablename__ = "import_run"
    id: str = Field(primary_key=True)  # SHA-256 of the file's content and the mapping
    rows_done: int = 0
    rejected: int = 0
    finished: bool = False
    started_real_at: datetime = _when(server_default=text("now()"))


class Deployment(SQLModel, table=True):
    """One row: properties of this deployment that every process must share. The clock is ``domain.clock``'s."""

    id: int = Field(default=1, primary_key=True)
    clock_scale: float = 1.0
    clock_real_anchor: datetime | None = _when(null=True)
    clock_virtual_anchor: datetime | None = _when(null=True)


class DeadLetter(SQLModel, table=True):
    """An event that was acknowledged but can't be understood: kept whole, with why."""

    __tablename__ = "dead_letter"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, SequenceOf(always=True), primary_key=True))
    source: str
    reason: str
    body: dict[str, Any] = _json()
    received_at: datetime = _when()


def _finish_columns() -> None:
    """Make strings ``text``, and let plain SQL leave out every column whose value is merely the model's default."""
    tables = SQLModel.metadata.tables
    fields = [(model, name, field) for model in SQLModel.__subclasses__() for name, field in model.model_fields.items()]
    for model, name, field in fields:
        column = tables[str(model.__tablename__)].columns[name]
        if isinstance(column.type, AutoString):
            column.type = Text()
        if column.server_default is None and isinstance(field.default, str | int | float) and not column.primary_key:
            column.server_default = DefaultClause(str(field.default).lower())


_finish_columns()
