"""Whatever is sent, each answer is one that ``/openapi.json`` declares: status, media type and shape; and never a 5xx.

Schemathesis makes the requests from the specification: such as fit it, such as don't, and those at the edges between.
``tests.api.generated`` says how many.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

import httpx
import pytest
import pytest_asyncio
import schemathesis
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from requests import Request
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from temporalio.testing import WorkflowEnvironment

from adapters.email.links import OpenLinks, QuestionLinks, TrackedLinks, UnsubscribeLinks
from runtime.settings import Settings
from storage.database import Database
from tests.api.generated import PATIENCE, Do, examined, profile
from tests.api.test_questions import asking, put_in_force
from tests.api.world import begun, served, working

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
HERE = "http://127.0.0.1"
#: What every parameter of this name may stand for, so that not each answer is a 404.
Names = Mapping[str, Sequence[str]]


@pytest_asyncio.fixture
async def world(
    dev_server: WorkflowEnvironment, database: Database, settings: Settings, key: str
) -> AsyncIterator[httpx.AsyncClient]:
    """The API beside a worker and a relay."""
    await put_in_force(database, asking())
    client = dev_server.client
    async with working(client, database, settings), served(client, database, settings, key) as http:
        yield http


@pytest_asyncio.fixture
async def names(world: httpx.AsyncClient, database: Database, settings: Settings) -> Names:
    """A lead in the hands of sales, who did something and has mail with links of every kind."""
    lead = await begun(world, database)
    handed_over = await world.post(f"/v1/leads/{lead}/commands/hand_off")
    await world.post("/v1/batch", json={"batch": [{"type": "track", "userId": lead}, {"userId": lead}]})
    await world.post("/v1/track", json={"userId": lead, "event": "Demo Seen", "messageId": "m-1"})
    assert handed_over.status_code == 200, handed_over.text
    return {
        "lead_id": [lead],
        "handoff_id": [await database.pool.fetchval("select id from handoff")],
        "message_id": ["m-1"],
        "form": ["contact"],
        "token": _tokens(settings, lead),
    }


def _tokens(settings: Settings, lead: str) -> list[str]:
    touch, ours = f"{lead}/1/0/first", (settings.public_url, settings.link_secrets)
    links = [
        UnsubscribeLinks(*ours).url(lead, touch),
        QuestionLinks(*ours).url(lead, touch, "role"),
        TrackedLinks(*ours).url(touch, 1, 2, "https://acme.example/guide"),
        OpenLinks(*ours).url(touch).removesuffix(".gif"),
    ]
    return [link.rpartition("/")[2] for link in links]


@pytest.mark.timeout(PATIENCE)
async def test_every_answer_is_as_the_specification_says(app: FastAPI, world: httpx.AsyncClient, names: Names):
    """One person after another through all operations, erasing them last."""
    specification = schemathesis.openapi.from_dict(app.openapi())
    operations = [found.ok() for found in specification.get_all_operations()]
    assert len(operations) > 30
    wrong = list[str]()
    for operation in sorted(operations, key=lambda one: one.method == "delete"):
        try:
            await examined(partial(_examine, operation, names, world))
        except FailureGroup as problems:
            wrong.append(f"{operation.label}\n{problems}")
    assert not wrong, "\n\n".join(wrong)


def _examine(operation: Any, names: Names, api: httpx.AsyncClient, do: Do[httpx.Response]) -> None:
    """Requests to one operation. Raises failures as a group."""
    modes = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

    @profile(6)
    @given(case=st.one_of(modes), known=st.booleans(), chance=st.randoms(use_true_random=False))
    def is_answered_as_declared(case: Any, known: bool, chance: Random) -> None:
        if known:
            _name(case, names, chance)
        answer = do(_sent(api, Request(**case.as_transport_kwargs(base_url=HERE))))
        case.validate_response(answer, checks=CHECKS)

    is_answered_as_declared()


def _name(case: Any, names: Names, chance: Random) -> None:
    """Let the path name something that there is."""
    for parameter in set(case.path_parameters or {}) & set(names):
        case.path_parameters[parameter] = chance.choice(names[parameter])


async def _sent(api: httpx.AsyncClient, request: Request) -> httpx.Response:
    """The very bytes; with the client's key unless the request brings one."""
    ready: Any = request.prepare()
    return await api.request(ready.method, ready.url, headers=dict(ready.headers), content=ready.body)
