"""Mailboxes that are read."""

from datetime import datetime

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from storage.tables.columns import moment


class Mailbox(SQLModel, table=True):
    """Up to where a mailbox was read (IMAP, RFC 3501 2.3.1.1): numbers below ``next_uid`` hold for one ``validity``."""

    __tablename__ = "mailbox"
    name: str = Field(primary_key=True)
    validity: int = Field(sa_column=Column(BigInteger, nullable=False))
    next_uid: int = Field(sa_column=Column(BigInteger, nullable=False))
    looked_real_at: datetime = moment()
