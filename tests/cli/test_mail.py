"""A sending domain is seen, stopped and let go on."""

from storage.database import Database
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
    assert "already" in (await tendril("mail", "pause", "sender.example", "--why", "again")).out
    assert (await tendril("mail", "list", "--json")).json["items"][0]["paused_why"] == "moving"
    assert "again" in (await tendril("mail", "resume", "sender.example")).out


async def test_resuming_what_is_not_known_says_where_to_look(tendril: Terminal):
    refused = await tendril("mail", "resume", "nowhere.example", code=1)
    assert "tendril mail list" in refused.err
