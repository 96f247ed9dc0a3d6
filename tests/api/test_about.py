"""Lines of the API's log say whom they are about, by id and never by address; answers are what their type says."""

from collections.abc import MutableMapping
from typing import Any

import httpx
import structlog
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from adapters.email.links import OpenLinks
from api import problems
from api.app import create_app
from api.services import links
from domain.clock import ScaledClock
from runtime.settings import Settings
from storage import keys
from storage.database import Database
from tests.api.conftest import client_of


async def test_a_line_names_the_lead_by_id_and_the_route_without_what_was_typed(
    database: Database, settings: Settings, monkeypatch: Any
):
    for module in (problems, links):
        monkeypatch.setattr(module, "_log", structlog.get_logger())  # one that no other test has configured
    key = await keys.create(database, "reads", ["read"])
    gone = await Database.connect(database.url, max_size=1)
    picture = OpenLinks(settings.public_url, settings.link_secrets).url("ld_abcdefghijkl/1/0/hello")
    await gone.close()
    async with client_of(create_app(settings, gone, None, ScaledClock())) as http:
        http.headers["Authorization"] = f"Bearer {key}"

        assert await line(http, "/v1/leads/ld_abcdefghijkl") == {
            "lead": "ld_abcdefghijkl",
            "route": "/v1/leads/{lead_id}",
        }
        assert await line(http, "/v1/leads/ann@acme.example") == {"route": "/v1/leads/{lead_id}"}
        assert await line(http, picture.removeprefix(settings.public_url)) == {"lead": "ld_abcdefghijkl"}


async def line(http: httpx.AsyncClient, path: str) -> MutableMapping[str, Any]:
    """What the one line that the request left says of lead and route."""
    with capture_logs([merge_contextvars]) as lines:
        await http.get(path)
    (left,) = lines
    assert "acme.example" not in str(left)
    return {name: left[name] for name in ("lead", "route") if name in left}


async def test_no_browser_is_to_guess_what_an_answer_is(api: httpx.AsyncClient, playbook: str):
    event = {"anonymousId": "v", "event": "Looked", "messageId": "m-1"}
    answers = [
        await api.get(path) for path in ("/healthz", "/v1/leads", "/v1/leads/ld_none", "/nowhere", "/codec/sign-in")
    ]
    answers += [await api.post("/v1/track", json=given) for given in (event, {}, {"event": 1})]
    answers.append(await api.options("/v1/track", headers={"Origin": "https://a.example"}))
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
