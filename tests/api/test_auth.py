"""Who may do what: every route that needs a key, every scope."""

import base64
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from api.keyring import TTL_SECONDS, Keyring
from storage import keys
from storage.database import Database
from tests.api.conftest import assert_problem

TRACK = {"anonymousId": "visitor-1", "event": "Looked"}
ROUTES = [
    ("POST", "/v1/leads", "write", {"external_id": "e1", "enrol": False}),
    ("GET", "/v1/leads", "read", None),
    ("GET", "/v1/leads/ld_nobody", "read", None),
    ("GET", "/v1/leads/ld_nobody/journey", "read", None),
    ("POST", "/v1/leads/ld_nobody/commands/pause", "operate", {}),
    ("GET", "/v1/journeys", "read", None),
    ("GET", "/v1/handoffs", "read", None),
    ("GET", "/v1/dead-letters", "read", None),
    ("POST", "/v1/handoffs/none/accept", "operate", {}),
    ("POST", "/v1/handoffs/none/reject", "operate", {"reason": "timing"}),
    ("POST", "/v1/track", "track", TRACK),
    ("POST", "/v1/page", "track", {"anonymousId": "visitor-1", "name": "Home"}),
    ("POST", "/v1/identify", "track", {"anonymousId": "visitor-1"}),
    ("POST", "/v1/screen", "track", {"anonymousId": "visitor-1", "name": "Home"}),
    ("POST", "/v1/group", "track", {"anonymousId": "visitor-1", "groupId": "g1"}),
    ("POST", "/v1/alias", "track", {"userId": "u1", "previousId": "visitor-1"}),
    ("POST", "/v1/batch", "track", {"batch": [TRACK | {"type": "track"}]}),
]
SCOPES = ("read", "write", "operate", "track", "decode")


@pytest.mark.parametrize(("method", "path", "scope", "body"), ROUTES)
async def test_without_a_key_nothing_is_done(http: httpx.AsyncClient, method: str, path: str, scope: str, body: object):
    answer = await http.request(method, path, json=body)

    assert scope in assert_problem(answer, 401, "key-required")["remedy"]
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path", "scope", "body"), ROUTES)
async def test_only_the_scope_that_a_route_needs_opens_it(
    http: httpx.AsyncClient, database: Database, method: str, path: str, scope: str, body: object
):
    for other in SCOPES:
        key = await keys.create(database, f"only-{other}", [other])
        answer = await http.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"})
        if other == scope or (other, scope) == ("write", "track"):
            assert answer.status_code not in {401, 403}
        else:
            problem = assert_problem(answer, 403, "scope-missing")
            assert f"--scope {scope}" in problem["remedy"]
            assert f"only-{other}" in problem["detail"]


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer ", "Bearer", "Basic !!!", "Basic", "Digest x", "tdl_x", "Bearer \u00e9\u00ff"]
)
async def test_a_wrong_key_is_refused(http: httpx.AsyncClient, header: str):
    for path in ("/v1/track", "/v1/leads"):
        answer = await http.post(path, json=TRACK, headers=[(b"Authorization", header.encode("latin-1"))])
        assert answer.status_code == 401
        assert answer.json()["remedy"]
        assert answer.headers["www-authenticate"]


async def test_an_expired_key_is_refused(http: httpx.AsyncClient, database: Database):
    key = await keys.create(database, "old", ["read"], datetime.now(UTC) - timedelta(seconds=1))

    answer = await http.get("/v1/leads", headers={"Authorization": f"Bearer {key}"})

    assert "expired" in assert_problem(answer, 401, "key-required")["detail"]


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
async def test_segments_libraries_send_the_key_as_user_name(http: httpx.AsyncClient, database: Database, path: str):
    key = await keys.create(database, "website", ["write"])
    basic = base64.b64encode(f"{key}:".encode()).decode()
    body = TRACK if path == "/v1/track" else {"batch": [TRACK | {"type": "track"}]}

    answer = await http.post(path, json=body, headers={"Authorization": f"Basic {basic}"})

    assert answer.json()["accepted"] == 1


async def test_the_key_as_user_name_opens_nothing_else(http: httpx.AsyncClient, key: str):
    basic = base64.b64encode(f"{key}:".encode()).decode()

    answer = await http.get("/v1/leads", headers={"Authorization": f"Basic {basic}"})

    assert_problem(answer, 401, "key-required")


async def test_a_revoked_key_dies_within_five_seconds(app: FastAPI, http: httpx.AsyncClient, database: Database):
    time = 0.0
    app.state.context.keys.__init__(database, lambda: time)
    key = await keys.create(database, "leaving", ["read"])
    bearer = {"Authorization": f"Bearer {key}"}
    assert (await http.get("/v1/leads", headers=bearer)).status_code == 200

    (info,) = await keys.list_keys(database)
    await keys.revoke(database, info.id)
    time = TTL_SECONDS + 0.1

    assert TTL_SECONDS < 5
    assert_problem(await http.get("/v1/leads", headers=bearer), 401, "key-required")


async def test_a_verified_key_costs_the_database_nothing_for_a_moment(database: Database):
    key = await keys.create(database, "busy", ["read"])
    keyring = Keyring(database, lambda: 0.0)
    first = await keyring.verify(key)
    await database.pool.execute("delete from api_key")

    assert first is not None
    assert await keyring.verify(key) == first


async def test_a_key_made_a_moment_after_it_was_tried_works_at_once(database: Database):
    keyring = Keyring(database, lambda: 0.0)
    key = await keys.create(database, "early", ["read"])
    digest = await database.pool.fetchval("update api_key set digest = 'x' || digest returning digest")
    assert await keyring.verify(key) is None

    await database.pool.execute("update api_key set digest = $1", digest[1:])

    assert await keyring.verify(key) is not None
