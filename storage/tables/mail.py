"""What sending domains have done, and may do."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from storage.tables.columns import moment


class MailIdentity(SQLModel, table=True):
    """A sending domain. Mails of a day are counted for its warm-up, which begins on ``first_day`` (UTC).

    While ``paused_at`` is set no mail leaves from it. Bounces and complaints count from ``judged_from``, which a person
    who lets it go on sets anew.
    """

    __tablename__ = "mail_identity"
    domain: str = Field(primary_key=True)
    first_day: date | None = None
    day: date | None = None
    claimed_today: int = 0
    paused_at: datetime | None = moment(null=True)
    paused_why: str = ""
    judged_from: datetime | None = moment(null=True)


class MailMinute(SQLModel, table=True):
    """Mails claimed in the present minute (wall clock) from a sending domain to a receiving one."""

    __tablename__ = "mail_minute"
    sending: str = Field(primary_key=True)
    receiving: str = Field(primary_key=True)
    minute_real_at: datetime = moment()
    claimed: int = 0
