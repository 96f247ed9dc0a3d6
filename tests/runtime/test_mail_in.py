"""The mailbox is read into the inbox: each mail once, whoever is killed in between."""

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from domain.clock import ScaledClock
from domain.mail import name_of
from runtime.mail_in import MailReader, embedded_port, mail_reader
from sandbox.imap import listen
from sandbox.mail import MailStore
from storage import mailboxes
from storage.database import Database
from tests.adapters.test_came_back import ENDLESS, mail, returned
from tests.adapters.test_imap import settings
from tests.api.test_webhooks import sent

REAL = ScaledClock()


async def replies(database: Database) -> int:
    found: int = await database.pool.fetchval("select count(*) from behaviour where name = 'replied'")
    return found


def reader(database: Database, port: int, interval: float = 60) -> MailReader:
    return MailReader(database, REAL, settings(port, interval=interval))


async def test_a_reply_is_its_leads_behaviour_once_and_its_words_are_kept_nowhere(database: Database):
    _, key = await sent(database)
    store = MailStore()
    server = await listen(store, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    store.add("ann@acme.example", ["x"], mail(to=f"replies+{name_of(key)}@example.com"))
    store.add("x@example.org", ["x"], mail(to="hello@example.com"))
    assert await reader(database, port).read() == 1
    assert await reader(database, port).read() == 0, "another process goes on where the first ended"
    await database.pool.execute("delete from mailbox")
    assert await reader(database, port).read() == 0, "read again, and counted once"
    assert await replies(database) == 1
    kept = await database.pool.fetch("select properties::text from behaviour")
    assert not [row for row in kept if "price" in row[0]]
    assert await database.pool.fetchval("select count(*) from webhook_request") == 0
    server.close()


async def test_no_mail_however_malformed_stops_the_mailbox(database: Database):
    _, key = await sent(database)
    store = MailStore()
    server = await listen(store, "127.0.0.1", 0)
    to = f"replies+{name_of(key)}@example.com"
    odd = [ENDLESS, returned("Message-ID: <>"), mail("Message-ID: <a\0b@x.example>", to=to)]
    for raw in (*odd, mail(to=to)):
        store.add("ann@acme.example", ["x"], raw)
    with capture_logs() as said:
        assert await reader(database, server.sockets[0].getsockname()[1]).read() == 2
    assert await replies(database) == 2
    [passed] = [line for line in said if "uid" in line]
    assert (passed["uid"], passed["why"]) == (1, "the mail can't be taken apart (RecursionError)")
    server.close()


async def test_it_is_looked_into_again_after_the_interval(database: Database):
    server = await listen(MailStore(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    often, seldom = reader(database, port, interval=1e-7), reader(database, port)
    assert await often.due()
    await often.read()
    assert await often.due()
    assert not await seldom.due()
    server.close()


async def test_the_place_is_that_of_one_mailbox(database: Database):
    await mailboxes.read_upto(database, "a@x/INBOX", mailboxes.Place(7, 9), datetime.now(UTC))
    assert await mailboxes.place(database, "a@x/INBOX") == mailboxes.Place(7, 9)
    assert await mailboxes.place(database, "b@x/INBOX") is None


@pytest.mark.parametrize(("host", "reads"), [("", False), ("imap.example", True)])
async def test_without_a_mailbox_none_is_read(
    database: Database, monkeypatch: pytest.MonkeyPatch, host: str, reads: bool
):
    monkeypatch.setenv("TENDRIL_IMAP_HOST", host)
    assert (mail_reader(database, REAL) is not None) is reads


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({"HOST": "127.0.0.1", "PASSWORD": "sandbox", "SECURITY": "none"}, 1143),
        ({"HOST": "127.0.0.1", "PASSWORD": "of-a-server-of-mine", "SECURITY": "none"}, 0),
        ({"HOST": "imap.example.com", "PASSWORD": "sandbox", "SECURITY": "none"}, 0),
        ({"HOST": "127.0.0.1", "PASSWORD": "sandbox"}, 0),
        ({}, 0),
    ],
    ids=["the inbox", "another server here", "a server elsewhere", "over TLS", "none"],
)
def test_the_embedded_inbox_answers_imap_where_that_is_what_is_set_up(monkeypatch, given: dict[str, str], port: int):
    for name, value in {"PORT": "1143", **given}.items():
        monkeypatch.setenv(f"TENDRIL_IMAP_{name}", value)
    assert embedded_port() == port
