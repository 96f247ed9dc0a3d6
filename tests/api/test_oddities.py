"""Odd text in paths, parameters and headers is never an error of ours."""

import httpx
import pytest

ODD = ["%00", "%ff%fe", "%ED%A0%80", "a" * 5000, "..%2F..", "%27%3B--", "%F0%9F%9A%80"]
PATHS = [
    "/v1/leads/{}",
    "/v1/leads/{}/journey",
    "/leads/{}",
    "/u/{}",
    "/v1/leads?external_id={}",
    "/v1/leads?email={}",
    "/v1/leads?search={}",
    "/v1/leads?cursor={}",
    "/v1/journeys?segment={}",
    "/v1/journeys?cursor={}",
]


@pytest.mark.parametrize("path", PATHS)
async def test_odd_text_is_answered_calmly(api: httpx.AsyncClient, path: str):
    for odd in ODD:
        answer = await api.get(path.format(odd))
        assert answer.status_code in {200, 404, 422}, (odd, answer.text)


@pytest.mark.parametrize("odd", ODD)
async def test_odd_ids_in_commands_are_answered_calmly(api: httpx.AsyncClient, odd: str):
    for path in (f"/v1/leads/{odd}/commands/pause", f"/v1/handoffs/{odd}/accept", f"/u/{odd}"):
        answer = await api.post(path)
        assert answer.status_code in {404, 422}, (path, answer.text)


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 201, "\x7f", "é"])
async def test_odd_idempotency_keys_are_named(api: httpx.AsyncClient, given: str):
    answer = await api.post("/v1/leads/ld_any/commands/pause", headers=[(b"Idempotency-Key", given.encode())])

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["in"] == "header"
