"""``python -m sandbox`` as a process: started, killed, started again."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from adapters.crm.hubspot import HubSpot, hubspot_client
from adapters.email.channel import EmailChannel
from adapters.email.links import QuestionLinks, UnsubscribeLinks
from adapters.email.smtp import SmtpCarrier, SmtpServer
from authoring.render import PlaybookRenderer
from domain.words import Channel
from runtime.embedded.ports import any_free
from tests.adapters.crm_contract import change
from tests.adapters.touches import OnePlaybook, touch

ROOT = Path(__file__).parents[2]


def free_ports(number):
    return [any_free() for _ in range(number)]


@asynccontextmanager
async def started(http_port, smtp_port, data):
    """The process, once it answers."""
    arguments = ["-m", "sandbox", "--port", str(http_port), "--smtp-port", str(smtp_port), "--data", str(data)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stderr=asyncio.subprocess.PIPE, env=os.environ | {"NO_PROXY": "*"}
    )
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as client:
            while process.returncode is None and not await _answers(client, http_port):  # noqa: ASYNC110 - see below
                await asyncio.sleep(0.02)  # another process: nothing here can be awaited
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answers(client, port):
    try:
        return (await client.get(f"http://127.0.0.1:{port}/")).is_success
    except httpx.HTTPError:
        return False


async def test_what_was_acknowledged_is_there_after_kill_9_and_contacts_after_a_stop(tmp_path):
    http_port, smtp_port = free_ports(2)
    url = f"http://127.0.0.1:{http_port}"
    server = SmtpServer("127.0.0.1", smtp_port, lookup_url=url)
    links = UnsubscribeLinks(url, ["secret"])
    renderer = PlaybookRenderer(OnePlaybook(), QuestionLinks(url, ["secret"]).url)
    email = EmailChannel(SmtpCarrier(server), renderer, OnePlaybook(), links)
    async with started(http_port, smtp_port, tmp_path) as process:
        await HubSpot(hubspot_client(f"{url}/hubspot", "sandbox")).crm.upsert([change(1)])
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    async with started(http_port, smtp_port, tmp_path) as process:
        await email.send(touch(Channel.EMAIL))
        process.kill()
        await process.wait()
    async with started(http_port, smtp_port, tmp_path):
        assert await email.lookup(touch(Channel.EMAIL)) is not None
        async with httpx.AsyncClient(trust_env=False) as client:
            assert "lead1@example.com" in (await client.get(f"{url}/vendors")).text


async def test_a_taken_port_is_one_clear_line(tmp_path):
    [free] = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for ports in ((taken.getsockname()[1], free), (free, taken.getsockname()[1])):
            async with started(*ports, tmp_path) as process:
                assert await process.wait() == 1
                said = (await process.stderr.read()).decode().splitlines()
                assert len(said) == 1
                assert "can't start" in said[0]
                assert "ort" in said[0]
