"""What the CRM said, and how far it has been read."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.tables.columns import moment


class CrmNews(SQLModel, table=True):
    """A record of the CRM that has changed there and is to be read again: told by webhook, once however often.

    ``record``: contact, opportunity (what some call a deal) or task. ``version`` rises with each telling, so that one
    that comes while the record is being read is not lost.
    """

    __tablename__ = "crm_news"
    __table_args__ = (Index("crm_news_told", "vendor", "told_real_at"),)
    vendor: str = Field(primary_key=True)
    record: str = Field(primary_key=True)
    crm_id: str = Field(primary_key=True)
    version: int = 1
    told_real_at: datetime = moment()


class CrmCursor(SQLModel, table=True):
    """Up to where a CRM has been read. ``stream``: contact or opportunity; ``cursor`` is the adapter's own word."""

    __tablename__ = "crm_cursor"
    vendor: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    cursor: str = ""
    read_real_at: datetime | None = moment(null=True)


class CrmSeller(SQLModel, table=True):
    """A seller who owns records in the CRM: how the CRM's ids of owners become addresses, and back."""

    __tablename__ = "crm_seller"
    vendor: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    email: str = ""
    name: str = ""


class CrmDeal(SQLModel, table=True):
    """An opportunity of the CRM on one of our leads, and what was told of it last (``domain.crm.OUTCOMES``)."""

    __tablename__ = "crm_deal"
    __table_args__ = (Index("crm_deal_lead", "lead_id"),)
    vendor: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    outcome: str = ""
    at: datetime = moment()
