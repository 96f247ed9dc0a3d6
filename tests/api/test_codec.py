"""The codec server: who may decode, from where, how much, and what Temporal's own CLI shows with it."""

import asyncio
import base64
import json
import socket
from asyncio.subprocess import PIPE, STDOUT

import httpx
import pytest
import pytest_asyncio
import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from structlog.testing import capture_logs
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from api.app import create_app
from api.codec import CodecServer
from api.routers import codec
from api.schemas.codec import PayloadsBody
from domain.clock import ScaledClock
from runtime.encryption import data_converter
from runtime.settings import Settings
from storage import keys
from storage.database import Database
from tests.api.conftest import assert_problem, client_of
from tests.fixtures.temporal import binary

UI = "http://127.0.0.1:8233"
KEYS = "2026:" + base64.b64encode(b"2026" * 8).decode()
SAID = {"segment": "smb"}


@pytest.fixture
def settings() -> Settings:
    return Settings(public_url="https://journeys.example", secret="a-secret-of-this-test", payload_keys=KEYS)


@pytest_asyncio.fixture
async def decoder(database: Database) -> str:
    return await keys.create(database, "ada decodes", ["decode"])


async def sealed(number: int = 1) -> dict[str, object]:
    """What Temporal stores of ``SAID``, as its UI sends it."""
    payloads = await data_converter(Settings(payload_keys=KEYS)).encode([SAID] * number)
    return PayloadsBody.of(payloads).model_dump()


def opened(answer: httpx.Response) -> list[object]:
    assert answer.status_code == 200, answer.text
    return [json.loads(base64.b64decode(payload["data"])) for payload in answer.json()["payloads"]]


async def test_a_decode_key_opens_payloads_and_every_look_is_noted(
    http: httpx.AsyncClient, decoder: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(codec, "_log", structlog.get_logger())  # one that no other test has configured
    headers = {"Authorization": f"Bearer {decoder}", "X-Namespace": "default"}

    with capture_logs() as logs:
        assert opened(await http.post("/codec/decode", json=await sealed(2), headers=headers)) == [SAID, SAID]

    (line,) = logs
    assert (line["name"], line["payloads"], line["namespace"]) == ("ada decodes", 2, "default")
    assert line["key"].startswith("key_")


async def test_what_is_encoded_is_decoded_and_what_was_plain_is_left(http: httpx.AsyncClient, decoder: str):
    http.headers["Authorization"] = f"Bearer {decoder}"
    plain = PayloadsBody.of(await data_converter(Settings()).encode([SAID])).model_dump()

    encoded = await http.post("/codec/encode", json=plain)

    assert "c21i" not in encoded.text
    assert encoded.json() != plain
    assert opened(await http.post("/codec/decode", json=encoded.json())) == [SAID]
    assert opened(await http.post("/codec/decode", json=plain)) == [SAID]


@pytest.mark.parametrize("route", ["/codec/decode", "/codec/encode"])
async def test_no_other_scope_decodes(http: httpx.AsyncClient, key: str, route: str):
    assert_problem(await http.post(route, json={}), 401, "key-required")
    answer = await http.post(route, json={}, headers={"Authorization": f"Bearer {key}"})
    assert "--scope decode" in assert_problem(answer, 403, "scope-missing")["remedy"]


async def test_a_browser_that_signed_in_decodes_from_the_ui_and_from_nowhere_else(app: FastAPI, decoder: str):
    async with client_of(app, base="https://127.0.0.1") as browser:
        assert (await browser.get("/codec/sign-in")).status_code == 200
        assert (await browser.post("/codec/sign-in", data={"key": "wrong"})).status_code == 403
        signed_in = await browser.post("/codec/sign-in", data={"key": decoder})
        cookie = signed_in.headers["set-cookie"]
        assert all(part in cookie for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/codec"))

        body = await sealed()
        answer = await browser.post("/codec/decode", json=body, headers={"Origin": UI})
        assert opened(answer) == [SAID]
        assert answer.headers["access-control-allow-origin"] == UI
        assert answer.headers["access-control-allow-credentials"] == "true"
        for origin in ({"Origin": "https://evil.example"}, {}):
            assert_problem(await browser.post("/codec/decode", json=body, headers=origin), 403, "foreign-origin")


async def test_on_this_machine_any_of_its_names_will_do_and_http_is_enough(app: FastAPI, decoder: str):
    ui = UI.replace("127.0.0.1", "localhost")
    async with client_of(app, base="http://localhost") as browser:
        refused = await browser.post("/codec/decode", json=await sealed(), headers={"Origin": ui})
        remedy = assert_problem(refused, 401, "key-required")["remedy"]
        signed_in = await browser.post("/codec/sign-in", data={"key": decoder})
        assert opened(await browser.post("/codec/decode", json=await sealed(), headers={"Origin": ui})) == [SAID]
    assert "http://localhost/codec/sign-in" in remedy
    assert refused.headers["access-control-allow-origin"] == ui
    assert all(address in signed_in.text for address in ("http://localhost/codec", f'href="{ui}"'))


async def test_only_the_ui_of_this_deployment_may_ask_from_a_browser(http: httpx.AsyncClient):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-namespace,content-type"}

    assert (await http.options("/codec/decode", headers={"Origin": UI, **asked})).status_code == 200
    assert (await http.options("/codec/decode", headers={"Origin": "https://evil.example", **asked})).status_code == 400


async def test_one_key_decodes_only_so_much(app: FastAPI, http: httpx.AsyncClient, decoder: str):
    app.state.codec = CodecServer(app.state.context.settings.model_copy(update={"decode_rate": 1.0}))
    headers = {"Authorization": f"Bearer {decoder}"}
    await http.post("/codec/decode", json=await sealed(11), headers=headers)

    answer = await http.post("/codec/decode", json=await sealed(), headers=headers)

    assert "TENDRIL_DECODE_RATE" in assert_problem(answer, 429, "too-many-events")["remedy"]


async def test_a_payload_of_a_key_that_is_gone_names_the_key(database: Database, settings: Settings, decoder: str):
    without = create_app(settings.model_copy(update={"payload_keys": SecretStr("")}), database, None, ScaledClock())
    async with client_of(without) as http:
        answer = await http.post("/codec/decode", json=await sealed(), headers={"Authorization": f"Bearer {decoder}"})
    assert "'2026'" in assert_problem(answer, 503, "payload-key-missing")["detail"]


async def test_bytes_that_are_not_base64_are_refused(http: httpx.AsyncClient, decoder: str):
    answer = await http.post(
        "/codec/decode", json={"payloads": [{"data": "abcde"}]}, headers={"Authorization": f"Bearer {decoder}"}
    )
    assert_problem(answer, 422, "invalid-request")


async def test_temporals_own_cli_shows_what_is_encrypted(
    dev_server: WorkflowEnvironment, app: FastAPI, settings: Settings, decoder: str
):
    client = Client(dev_server.client.service_client, data_converter=data_converter(settings))
    await client.start_workflow("Anything", SAID, id="lead-ld_one", task_queue="nobody", static_summary="the summary")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve([listening]))
        endpoint = "http://{}:{}/codec".format(*listening.getsockname())
        command = [binary("temporal"), "workflow", "show", "-w", "lead-ld_one", "-o", "json"]
        command += ["--address", dev_server.client.service_client.config.target_host]

        hidden = await _said(*command)
        shown = await _said(*command, "--codec-endpoint", endpoint, "--codec-auth", f"Bearer {decoder}")
        server.should_exit = True
        await serving
    plain = base64.b64encode(json.dumps(SAID, separators=(",", ":")).encode()).decode()
    assert plain in shown
    assert plain not in hidden


async def _said(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    said, _ = await process.communicate()
    return said.decode()
