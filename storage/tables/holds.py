"""What operators hold back."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field, SQLModel

from storage.tables.columns import moment


class Hold(SQLModel, table=True):
    """Nothing of its scope leaves while it is in force. ``scope``: everything, ``playbook:<name>``, ``channel:<name>``.

    ``by`` and ``lifted_by`` are opaque actors. A scope has one hold in force at most. Whom it stopped goes on by the
    policy ``lifting`` when an operation tells them, and by themselves after ``spread_until``.
    """

    __table_args__ = (Index("hold_in_force", "scope", unique=True, postgresql_where=text("lifted_at is null")),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    scope: str
    since: datetime = moment()
    by: str
    reason: str = ""
    lifted_at: datetime | None = moment(null=True)
    lifted_by: str = ""
    lifting: str = ""
    spread_until: datetime | None = moment(null=True)
