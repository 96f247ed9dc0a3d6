"""Journeys, their decisions, and what follows from those."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel

from storage.tables.columns import json_column, moment, texts


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
    next_wake_at: datetime | None = moment(null=True)
    next_wake_cause: str = ""
    next_touch_at: datetime | None = moment(null=True)
    title: str = ""
    forward: list[str] = texts()
    paused_since: datetime | None = moment(null=True)
    started_at: datetime = moment()
    decided_at: datetime | None = moment(null=True)
    ended_at: datetime | None = moment(null=True)
    ending: str = ""
    ending_reason: str = ""


class DecisionRow(SQLModel, table=True):
    """A decision, for ever. ``revision`` rises when the same number is decided again; only the highest is in force.

    ``run`` is the workflow run that made it: by it a journey whose history was lost knows its own decisions.
    """

    __tablename__ = "decision"
    lead_id: str = Field(primary_key=True)
    cycle: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    revision: int = Field(primary_key=True, default=1)
    at: datetime = moment(index=True)
    cause: str
    wake_types: list[str] = texts()
    title: str
    state: dict[str, Any] = json_column()
    scores: dict[str, Any] = json_column()
    commands: dict[str, Any] = json_column()
    reasons: list[Any] = json_column("[]")
    rejected: list[Any] = json_column("[]")
    forward: list[str] = texts()
    next_wake_at: datetime | None = moment(null=True)
    next_wake_cause: str = ""
    superseded: bool = False
    run: str = ""


class Touch(SQLModel, table=True):
    """The ledger. ``key`` is ``lead/cycle/epoch/step[/occurrence]``; at most one message ever leaves under it.

    ``variant`` is ``experiment:variant`` where its step is part of one. ``sender`` (one of the playbook's ``senders``)
    and its domain are set by the first claim and stay, as ``mail_name`` is (``domain.mail``). ``fate`` is bounced or
    complained, once the receiver said so. ``attempted_to`` is the address that the attempt behind an open claim writes
    to, "" where it is not known: the lead may have another by the time the vendor is asked about it.
    """

    __table_args__ = (
        Index("touch_lead", "lead_id"),
        Index("touch_account_sent", "account_id", "sent_at"),
        Index("touch_planned", "planned_at"),
        Index("touch_vendor_id", "vendor_id", postgresql_where=text("vendor_id <> ''")),
        Index("touch_mail", "mail_name", postgresql_where=text("mail_name <> ''")),
        Index("touch_sending", "sending_domain", "claimed_at", postgresql_where=text("sending_domain <> ''")),
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
    variant: str = ""
    playbook_hash: str
    status: str = "planned"
    reason: str = ""
    planned_at: datetime = moment()
    claim_id: str = ""
    claimed_at: datetime | None = moment(null=True)
    leased_until: datetime | None = moment(null=True)
    attempts: int = 0
    sent_at: datetime | None = moment(null=True)
    vendor: str = ""
    vendor_id: str = ""
    mail_name: str = ""
    sender: str = ""
    sending_domain: str = ""
    fate: str = ""
    attempted_to: str = ""


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
    brief: dict[str, Any] = json_column()
    opened_at: datetime = moment()
    sla_at: datetime = moment()
    resolved_at: datetime | None = moment(null=True)
    resolved_number: int | None = None
    outcome_reason: str = ""
    touch_key: str = ""


class AudienceMember(SQLModel, table=True):
    """Desired membership. ``version`` rises with each change of ``desired``; ``spread_version`` is the one by which it
    was last worked out what each network should hold (``network_member``).
    """

    __tablename__ = "audience_member"
    __table_args__ = (Index("audience_unspread", "audience", postgresql_where=text("spread_version < version")),)
    audience: str = Field(primary_key=True)
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    desired: bool
    version: int = 1
    spread_version: int = 0
    changed_at: datetime = moment()


class CrmRecord(SQLModel, table=True):
    """Desired CRM fields of a lead (C20). Dirty while ``pushed_version < version``; refusals as for audiences.

    ``seen`` is what the CRM had when it was read last, by our names (``domain.crm.merged``).
    """

    __tablename__ = "crm_record"
    __table_args__ = (Index("crm_dirty", "lead_id", postgresql_where=text("pushed_version < version")),)
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    desired: dict[str, Any] = json_column()
    version: int = 1
    pushed_version: int = 0
    changed_at: datetime = moment()
    pushed_at: datetime | None = moment(null=True)
    error: str = ""
    refused_version: int = 0
    refusals: int = 0
    retry_real_at: datetime | None = moment(null=True)
    seen: dict[str, Any] = json_column()
