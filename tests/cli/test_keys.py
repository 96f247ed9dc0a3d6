"""Keys are made, shown once, listed without their secret, and revoked."""

from datetime import UTC, datetime, timedelta

from storage import keys
from storage.database import Database
from tests.cli.terminal import Terminal


async def test_a_new_key_stands_alone_on_the_last_line_and_works(tendril: Terminal, database: Database):
    answer = await tendril("keys", "create", "website", "--scope", "write", "--scope", "read", "--expires", "90d")

    key = answer.out.splitlines()[-1]
    info = await keys.verify(database, key)
    assert info is not None
    assert info.scopes == {"read", "write"}
    assert info.expires_at is not None
    assert abs(info.expires_at - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=1)


async def test_keys_are_listed_without_their_secret(tendril: Terminal):
    key = (await tendril("keys", "create", "website", "--scope", "write")).out.strip()

    listed = await tendril("keys", "list", "--json")

    assert listed.json["total"] == 1
    assert listed.json["items"][0]["name"] == "website"
    assert key not in listed.out
    assert "website" in (await tendril("keys", "list")).out


async def test_a_revoked_key_is_refused(tendril: Terminal, database: Database):
    key = (await tendril("keys", "create", "website", "--scope", "write")).out.strip()
    (item,) = (await tendril("keys", "list", "--json")).json["items"]

    await tendril("keys", "revoke", item["id"])

    assert await keys.verify(database, key) is None
    assert (await tendril("keys", "list", "--json")).json["items"][0]["state"] == "revoked"


async def test_a_scope_that_does_not_exist_is_refused(tendril: Terminal):
    answer = await tendril("keys", "create", "website", "--scope", "admin", code=1)

    assert answer.err == "tendril: There is no scope 'admin'. Use one or more of read, write, operate, track, decode.\n"


async def test_a_time_that_is_none_is_a_usage_error(tendril: Terminal):
    answer = await tendril("keys", "create", "website", "--scope", "read", "--expires", "soon", code=2)

    assert "'soon' is not a duration" in answer.said


async def test_a_key_nobody_has_cannot_be_revoked(tendril: Terminal):
    answer = await tendril("keys", "revoke", "key_none", code=1)

    assert "There is no key key_none." in answer.err
