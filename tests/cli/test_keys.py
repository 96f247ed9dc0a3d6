"""Keys are made, shown once, listed without their secret, and revoked."""

from datetime import UTC, datetime, timedelta

from storage import keys
from storage.database import Database
from storage.operators_log import actions
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

    await tendril("keys", "revoke", item["id"], "--by", "ada")

    assert await keys.verify(database, key) is None
    assert (await tendril("keys", "list", "--json")).json["items"][0]["state"] == "revoked"
    noted = [(one["by"], one["action"], one["subject"]) for one in await actions(database, by="ada")]
    assert noted == [("ada", "key_revoked", item["id"])]


async def test_a_rotated_key_gives_way_to_its_successor(tendril: Terminal, database: Database):
    made = ("keys", "create", "website", "--scope", "write", "--expires", "90d", "--rate", "600/m")
    old = (await tendril(*made)).out.strip()

    answer = await tendril("keys", "rotate", "website", "--overlap", "7d")

    new = answer.out.splitlines()[-1]
    before, after = await keys.verify(database, old), await keys.verify(database, new)
    assert before.scopes == after.scopes == {"write"}
    now = datetime.now(UTC)
    assert abs(before.expires_at - now - timedelta(days=7)) < timedelta(minutes=1)
    assert abs(after.expires_at - now - timedelta(days=90)) < timedelta(minutes=1)
    listed = (await tendril("keys", "list", "--json")).json["items"]
    assert all(item["last_used_at"] for item in listed), "both have just been used"
    assert [item["rate"] for item in listed] == [10.0, 10.0]


async def test_a_key_rotated_without_overlap_is_refused_at_once(tendril: Terminal, database: Database):
    old = (await tendril("keys", "create", "website", "--scope", "read")).out.strip()
    new = (await tendril("keys", "rotate", "website", "--overlap", "0d")).out.splitlines()[-1]

    assert await keys.verify(database, old) is None
    assert (await keys.verify(database, new)).expires_at is None
    assert "No key called 'nobody'" in (await tendril("keys", "rotate", "nobody", code=1)).err


async def test_a_scope_that_does_not_exist_is_refused(tendril: Terminal):
    answer = await tendril("keys", "create", "website", "--scope", "admin", code=1)

    assert answer.err == "tendril: There is no scope 'admin'. Use one or more of read, write, operate, track, decode.\n"


async def test_a_time_that_is_none_is_a_usage_error(tendril: Terminal):
    answer = await tendril("keys", "create", "website", "--scope", "read", "--expires", "soon", code=2)

    assert "'soon' is not a duration" in answer.said


async def test_a_key_nobody_has_cannot_be_revoked(tendril: Terminal):
    answer = await tendril("keys", "revoke", "key_none", code=1)

    assert "There is no key key_none." in answer.err
