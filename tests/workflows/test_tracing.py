"""One trace leads from the request to the vendor, and nothing in it names a person."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import pytest_asyncio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from adapters.http import VendorClient
from api.app import create_app
from domain.clock import ScaledClock
from domain.ports import OutboundTouch, Receipt
from domain.words import Channel, CommandKind
from runtime import tracing
from runtime.encryption import data_converter
from runtime.settings import Settings
from runtime.spans import Spans
from storage import keys
from storage.database import Database
from tests.api.conftest import client_of
from tests.fixtures.playbooks import minimal_playbook
from tests.workflows.running import Lead, Recorder, Running, running_worker, sandboxed
from workflows.lead_journey import LeadJourney

_EMAIL = "grace.invented@acme.example"


@dataclass
class Collector:
    """An OTLP/HTTP collector, and a vendor that takes everything."""

    url: str = ""
    raw: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        found: list[Span] = []
        for body in self.raw:
            request = ExportTraceServiceRequest.FromString(body)
            found += [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
        return found

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    told = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.raw.append(body) if self.path == "/v1/traces" else told.asked.append(self.path)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()


class Posting(Recorder):
    """A vendor whose addresses are in its paths, as some have them."""

    client: VendorClient

    async def send(self, touch: OutboundTouch) -> Receipt:
        await self.client.request("POST", f"/people/{touch.email}?to={touch.email}", harmless_to_repeat=False)
        return await super().send(touch)


@pytest_asyncio.fixture
async def spans(collector: Collector) -> AsyncIterator[Spans]:
    traced = Spans(collector.url, "tendril-test")
    tracing.use(traced)
    yield traced
    tracing.stop()


@pytest_asyncio.fixture
async def traced(
    spans: Spans, collector: Collector, time_skipping: WorkflowEnvironment, database: Database
) -> AsyncIterator[Running]:
    config = time_skipping.client.config()
    config["interceptors"] = [*config["interceptors"], spans.temporal]
    time_skipping._client = Client(**config)
    async with running_worker(time_skipping, database, minimal_playbook()) as running:
        posting = Posting()
        posting.client = VendorClient("acme", collector.url)
        running.channels[Channel.EMAIL] = posting
        yield running
        await posting.client.close()


async def test_one_trace_leads_from_the_request_to_the_vendor(traced: Running, spans: Spans, collector: Collector):
    app = tracing.requests(create_app(Settings(), traced.database, None, ScaledClock()))
    key = await keys.create(traced.database, "everything", ["read", "write", "operate"])
    async with client_of(app) as http:
        http.headers["Authorization"] = f"Bearer {key}"
        enrolling = await http.post("/v1/leads", json={"email": _EMAIL, "fields": {"role": "cfo"}, "external_id": "g"})
        lead = Lead(traced, enrolling.json()["id"])
        await traced.relay()
        await lead.until(lambda state: state.number > 0, "makes its first decision")
        await traced.pass_time(days=2)
        event = {"messageId": "m1", "userId": "g", "event": "Trial Started", "properties": {"mail": _EMAIL}}
        answer = await http.post("/v1/track", json=event)
        assert answer.status_code == 200
        await traced.relay()
        await lead.until(lambda state: state.cursor > 0, "considers it")
        await http.get(f"/v1/leads/{lead.id}/nowhere/{_EMAIL}")
    await lead.command(CommandKind.END)
    await lead.journey.result()
    spans.flush()

    assert collector.asked, "no vendor was called"
    for request in ("POST /v1/leads", "POST /v1/track"):
        (asked,) = collector.named(request)
        names = {span.name for span in collector.spans if span.trace_id == asked.trace_id}
        assert {"wake", "RunActivity:decide"} <= names, names
    trace = {span.trace_id for span in collector.named("acme POST")}
    told = {span.name for span in collector.spans if span.trace_id in trace}
    assert {"RunActivity:decide", "RunActivity:send_touch", "acme POST"} <= told
    everything = str(collector.spans)
    assert "acme.example" not in everything
    assert "nowhere" not in everything


async def test_a_history_without_traces_is_taken_over_by_a_build_that_traces(traced: Running, spans: Spans):
    """Headers are no part of a command's identity, either way round."""
    lead = await traced.enrol(email=_EMAIL, role="cfo")
    await traced.pass_time(days=2)
    await lead.command(CommandKind.END)
    await lead.journey.result()
    history = await lead.journey.fetch_history()
    for interceptors in ([], [spans.temporal]):
        replayer = Replayer(
            workflows=[LeadJourney],
            data_converter=data_converter(Settings()),
            workflow_runner=sandboxed(),
            interceptors=interceptors,
        )
        await replayer.replay_workflow(history)
