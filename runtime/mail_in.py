"""The mailbox that replies come to, where one is set up: what was found there, into the inbox."""

from datetime import UTC, datetime, timedelta

import structlog

from adapters.email.imap import VENDOR, ImapMailbox, ImapSettings, Place
from adapters.email.received import Came, told
from adapters.vendor import settings_of
from domain.errors import Refused
from domain.ports import Clock
from storage import mailboxes, webhooks
from storage.database import Database

#: Mails of one round; the next goes on there.
_MOST = 200
_log = structlog.get_logger("tendril.mail_in")


class MailReader:
    """``domain.mailbox.MailReading``. What people wrote is read once, for what it is, and not kept."""

    def __init__(self, database: Database, clock: Clock, settings: ImapSettings) -> None:
        self._db = database
        self._clock = clock
        self._mailbox = ImapMailbox(settings)
        self._interval = timedelta(seconds=settings.interval)

    async def due(self) -> bool:
        return await mailboxes.due(self._db, self._mailbox.name, datetime.now(UTC), self._interval)

    async def read(self) -> int:
        """Each mail is taken before its place is noted: after a crash it is read again, and counts once."""
        known, new = await mailboxes.place(self._db, self._mailbox.name), 0
        since = Place(known.validity, known.next_uid) if known else None
        async for after, raw in self._mailbox.came(since, datetime.now(UTC), _MOST):
            now = datetime.now(UTC)
            if raw is not None:
                new += await self._taken(Came(raw, now), after.next_uid - 1)
            upto = mailboxes.Place(after.validity, after.next_uid)
            await mailboxes.read_upto(self._db, self._mailbox.name, upto, now)
        return new

    async def _taken(self, came: Came, uid: int) -> int:
        """How much of it is news. One that nobody can take apart is passed over: behind it others wait."""
        try:
            found = told(came)
        except ValueError as why:
            _log.warning("a mail that came back is passed over", uid=uid, why=str(why))
            return 0
        return (await webhooks.take_again(self._db, VENDOR.name, found, self._clock, came.at)).new


def embedded_port() -> int:
    """Where the embedded inbox is to answer IMAP: 0 unless the settings mean that one, by its password ``sandbox``."""
    try:
        settings = settings_of(VENDOR)
    except Refused:
        return 0
    assert isinstance(settings, ImapSettings)  # noqa: S101 - what the vendor says of itself
    local = settings.host in ("127.0.0.1", "localhost") and settings.security == "none"
    return settings.port if local and settings.password.get_secret_value() == "sandbox" else 0


def mail_reader(database: Database, clock: Clock) -> MailReader | None:
    """None where no mailbox is set up. Raises ``Refused`` when one is, and a setting is wrong."""
    try:
        settings = settings_of(VENDOR)
    except Refused as lacking:
        if "TENDRIL_IMAP_HOST" in str(lacking):
            return None
        raise
    assert isinstance(settings, ImapSettings)  # noqa: S101 - what the vendor says of itself
    return MailReader(database, clock, settings)
