"""A sending domain is seen, stopped and let go on; a mail that came back is taken from a pipe."""

import asyncio
import subprocess

from domain.mail import name_of
from storage.database import Database
from tests.adapters.test_came_back import ENDLESS
from tests.adapters.test_came_back import mail as came_back
from tests.api.test_webhooks import sent
from tests.cli.terminal import Terminal
from tests.storage.test_mail import claimed, mails


async def test_domains_are_listed_with_what_became_of_their_mail(tendril: Terminal, database: Database):
    await claimed(database, await mails(database, 2))
    await database.pool.execute(
        "update touch set claimed_at = now(), fate = 'bounced' where key = (select min(key) from touch)"
    )
    (listed,) = (await tendril("mail", "list", "--json")).json["items"]
    assert (listed["domain"], listed["bounced_percent"]) == ("sender.example", 100.0)
    assert "sender.example" in (await tendril("mail", "list")).out


async def test_a_domain_is_paused_with_a_reason_and_resumed(tendril: Terminal):
    assert "is paused" in (await tendril("mail", "pause", "Sender.example", "--why", "moving")).out
    assert "already" in (await tendril("mail", "pause", "sender.example", "--reason", "again")).out
    assert (await tendril("mail", "list", "--json")).json["items"][0]["paused_why"] == "moving"
    assert "again" in (await tendril("mail", "resume", "sender.example")).out


async def test_resuming_what_is_not_known_says_where_to_look(tendril: Terminal):
    refused = await tendril("mail", "resume", "nowhere.example", code=1)
    assert "tendril mail list" in refused.err


async def test_a_mail_from_a_pipe_is_taken(tendril: Terminal, database: Database):
    _, key = await sent(database)
    raw = came_back(to=f"replies+{name_of(key)}@example.com")
    process = tendril.start("mail", "take", stdin=subprocess.PIPE)
    out, err = await asyncio.to_thread(process.communicate, raw.decode())
    assert (process.returncode, out.strip()) == (0, "taken"), err
    assert await database.pool.fetchval("select name from behaviour where kind = 'delivery'") == "replied"


async def test_a_mail_that_nobody_can_take_apart_is_not_tried_again(tendril: Terminal):
    process = tendril.start("mail", "take", stdin=subprocess.PIPE)
    _, err = await asyncio.to_thread(process.communicate, ENDLESS.decode())
    assert (process.returncode, err.strip()) == (0, "passed over: the mail can't be taken apart (RecursionError)")


async def test_a_mail_that_can_not_be_stored_now_is_tried_again_by_the_mail_server(tendril: Terminal):
    tendril.environment["TENDRIL_DATABASE_URL"] = "postgresql://127.0.0.1:1/nowhere"
    process = tendril.start("mail", "take", stdin=subprocess.PIPE)
    _, err = await asyncio.to_thread(process.communicate, "From: x\n\nx")
    assert process.returncode == 75
    assert "can't be reached" in err
    assert "Traceback" not in err
