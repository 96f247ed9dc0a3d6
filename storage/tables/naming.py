"""What senders call people and companies."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.tables.columns import moment


class Alias(SQLModel, table=True):
    """Two names of one person whom nobody knows yet. Once either is a lead's, both are, and this row is gone."""

    previous_id: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True, index=True)
    created_at: datetime = moment()


class AccountIdentity(SQLModel, table=True):
    """The sender's id of a company (``groupId``). An account may have several."""

    __tablename__ = "account_identity"
    group_id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", index=True)
    created_at: datetime = moment()
