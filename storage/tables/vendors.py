"""What vendors told us."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlalchemy import Identity as SequenceOf
from sqlmodel import Field, SQLModel

from storage.tables.columns import moment


class WebhookRequest(SQLModel, table=True):
    """A verified webhook, raw as it came: may hold addresses, so it is kept for a while only (``storage.retention``).

    ``digest`` is SHA-256 of the body: the same request again is a repetition. ``told`` things were in it, of which
    ``taken`` were new and ``foreign`` concern nobody we know.
    """

    __tablename__ = "webhook_request"
    __table_args__ = (
        Index("webhook_request_once", "vendor", "digest", unique=True),
        Index("webhook_request_received", "received_real_at"),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, SequenceOf(always=True), primary_key=True))
    vendor: str
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_real_at: datetime = moment()
    told: int = 0
    taken: int = 0
    foreign: int = 0


class SuppressionPull(SQLModel, table=True):
    """Up to where a mail vendor's list of people it won't write to was read whole, and when that was last tried."""

    __tablename__ = "suppression_pull"
    vendor: str = Field(primary_key=True)
    since_real_at: datetime | None = moment(null=True)
    tried_real_at: datetime = moment()
