"""Amazon SES tells by SNS: what a mail became is its lead's behaviour, and what can't be verified yet comes again."""

from datetime import UTC, datetime

import httpx
from fastapi import FastAPI

from adapters.email.carrier import reference
from adapters.email.ses_webhook import SesInbound
from domain.words import DeliveryKind
from sandbox import ses_events
from sandbox.mailers import Event, SentMail
from storage.database import Database
from tests.api.conftest import assert_problem
from tests.api.test_webhooks import behaviour, sent


def _heard(app: FastAPI, **given) -> None:
    app.state.inbounds = {"ses": SesInbound(ses_events.TOPIC, **given)}


async def _told(http: httpx.AsyncClient, key: str) -> httpx.Response:
    """As SNS does it, with its own idea of a content type."""
    body = {"EmailTags": [{"Name": "tendril_touch", "Value": reference(key)}]}
    now = datetime.now(UTC)
    mail = SentMail(id="0100-1", to="ann@acme.example", subject="", reference="", at=now.isoformat(), body=body)
    [content] = ses_events.bodies([Event(mail, DeliveryKind.BOUNCED_HARD, now, 1)])
    return await http.post("/v1/webhooks/ses", content=content, headers={"content-type": "text/plain; charset=UTF-8"})


async def test_a_bounce_is_its_leads_behaviour_once(http: httpx.AsyncClient, app: FastAPI, database: Database):
    _heard(app, fetch=lambda _url: ses_events.signer().certificate)
    lead, key = await sent(database)
    assert [(await _told(http, key)).status_code for _ in range(2)] == [200, 200]
    found = [row for row in await behaviour(database) if row[1] == "delivery"]
    assert found == [(lead, "delivery", "bounced_hard", {"touch": key, "detail": "General 5.1.1"})]


async def test_while_the_certificate_can_not_be_fetched_sns_comes_again(
    http: httpx.AsyncClient, app: FastAPI, database: Database
):
    _heard(app, sns_url="http://127.0.0.1:1")
    _lead, key = await sent(database)
    answer = await _told(http, key)
    assert_problem(answer, 503, "unverified-webhook")
    assert answer.headers["retry-after"] == "30"
    assert not [row for row in await behaviour(database) if row[1] == "delivery"]


async def test_a_forged_message_is_refused(http: httpx.AsyncClient, app: FastAPI):
    _heard(app, fetch=lambda _url: ses_events.signer().certificate)
    content = ses_events.signed(ses_events.notification({"eventType": "Open"}, datetime.now(UTC)))
    answer = await http.post("/v1/webhooks/ses", content=content.replace(b"Open", b"Send"))
    assert_problem(answer, 401, "forged-webhook")
