"""Whatever arrives as a body, the answer is a problem that says what to do."""

from collections.abc import AsyncIterator

import httpx
import pytest

from api.limits import BATCH_BYTES, EVENT_BYTES
from tests.api.conftest import assert_problem

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("body", ["{", '{"email": }', "not json", '{"a": 1', "[1,", "\x00", '{"email": "a@b.example"'])
async def test_malformed_json_is_named_as_such(api: httpx.AsyncClient, body: str):
    problem = assert_problem(await api.post("/v1/leads", content=body, headers=JSON), 400, "malformed-json")

    assert "character" in problem["detail"]


async def test_bytes_that_are_not_utf8_are_malformed(api: httpx.AsyncClient):
    answer = await api.post("/v1/leads", content=b'{"email": "\xff\xfe"}', headers=JSON)

    assert_problem(answer, 400, "malformed-json")


async def test_json_nested_without_end_is_malformed(api: httpx.AsyncClient):
    answer = await api.post("/v1/track", content="[" * 30_000, headers=JSON)

    assert_problem(answer, 400, "malformed-json")


@pytest.mark.parametrize("body", ["[]", '"text"', "17", "null"])
async def test_json_of_another_shape_is_invalid(api: httpx.AsyncClient, body: str):
    assert_problem(await api.post("/v1/leads", content=body, headers=JSON), 422, "invalid-request")


async def test_no_body_is_invalid(api: httpx.AsyncClient):
    assert_problem(await api.post("/v1/leads"), 422, "invalid-request")


async def test_a_body_not_declared_as_json_is_refused(api: httpx.AsyncClient):
    answer = await api.post(
        "/v1/leads", content='{"email": "sam@orchard.example"}', headers={"Content-Type": "text/plain"}
    )

    assert_problem(answer, 415, "not-json")


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/v1/track", EVENT_BYTES), ("/v1/page", EVENT_BYTES), ("/v1/identify", EVENT_BYTES), ("/v1/batch", BATCH_BYTES)],
)
async def test_a_body_above_the_limit_is_refused(api: httpx.AsyncClient, path: str, limit: int):
    answer = await api.post(path, content=b" " * (limit + 1), headers=JSON)

    assert f"{limit // 1024} KB" in assert_problem(answer, 413, "body-too-large")["detail"]


async def test_an_endless_body_is_cut_while_it_streams(api: httpx.AsyncClient):
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield b" " * 1024

    answer = await api.post("/v1/track", content=endless(), headers=JSON)

    assert_problem(answer, 413, "body-too-large")
    assert sent < 2 * EVENT_BYTES


async def test_an_unknown_route_is_a_problem(api: httpx.AsyncClient):
    assert_problem(await api.get("/v1/nothing"), 404, "not-found")


async def test_a_wrong_method_is_a_problem(api: httpx.AsyncClient):
    answer = await api.delete("/v1/track")

    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"
