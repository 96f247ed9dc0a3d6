"""HubSpot's webhooks, version 3 of its signature, held to the verifier of HubSpot's own client."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI, Request
from hubspot.utils.signature import Signature  # type: ignore[import-untyped]  # HubSpot ships no types

from adapters.crm.hubspot_webhook import HubSpotWebhook, signed_uri
from adapters.inbound import Changed, Forged, InboundRequest, Unreadable
from sandbox.hubspot import signed
from tests.adapters.crm_contract import change
from tests.adapters.running import serving
from tests.adapters.test_hubspot import connection, do

SECRET = "a-client-secret"
URL = "https://tendril.example.com/v1/webhooks/hubspot"
NOW = datetime(2026, 11, 22, 9, 0, 30, tzinfo=UTC)
EVENT = {
    "eventId": 100,
    "subscriptionId": 7,
    "portalId": 1,
    "occurredAt": 1795338005000,
    "subscriptionType": "object.propertyChange",
    "objectTypeId": "0-1",
    "objectId": 512,
    "propertyName": "hubspot_owner_id",
    "propertyValue": "71",
    "changeSource": "CRM_UI",
}


def request(*events, at=NOW, url=URL, secret=SECRET, body=None):
    content = json.dumps(events).encode() if body is None else body
    return InboundRequest(body=content, headers=signed(url, content, secret, at), at=NOW, url=url)


def read(*events):
    return HubSpotWebhook(SECRET).read(request(*events))


def forged(given):
    with pytest.raises(Forged) as caught:
        HubSpotWebhook(SECRET).verify(given)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_what_hubspot_signed_is_taken_as_hubspots_own_client_takes_it():
    given = request(EVENT, at=datetime.now(UTC))
    HubSpotWebhook(SECRET).verify(replace(given, at=datetime.now(UTC)))
    headers = given.headers
    assert Signature.is_valid(
        signature=headers["x-hubspot-signature-v3"],
        client_secret=SECRET,
        request_body=given.body.decode(),
        http_uri=URL,
        signature_version="v3",
        timestamp=headers["x-hubspot-request-timestamp"],
    )


def test_what_somebody_else_signed_is_forged():
    forged(request(EVENT, secret="another"))


def test_a_changed_body_address_or_time_is_forged():
    given = request(EVENT)
    forged(replace(given, body=given.body + b" "))
    forged(replace(given, url=URL + "?x=1"))
    forged(replace(given, headers={**given.headers, "x-hubspot-request-timestamp": "1795338031000"}))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_request_is_forged(minutes):
    assert "five minutes" in forged(request(EVENT, at=NOW + timedelta(minutes=minutes)))


@pytest.mark.parametrize("value", ["", "nonsense", "ä", "="])
def test_a_signature_that_is_none_is_forged(value):
    given = request(EVENT)
    for name in ("x-hubspot-signature-v3", "x-hubspot-request-timestamp"):
        forged(replace(given, headers={**given.headers, name: value}))
        forged(replace(given, headers={key: kept for key, kept in given.headers.items() if key != name}))


def test_the_characters_that_hubspot_lists_are_signed_decoded_and_no_others():
    assert signed_uri("https://x.example/a%2Fb?q=%40%3a%2F%20%25#part") == "https://x.example/a%2Fb?q=@:/%20%25"


def test_a_record_that_changed_is_named_whatever_the_kind_of_subscription():
    older = {key: value for key, value in EVENT.items() if key != "objectTypeId"}
    kinds = ["contact.propertyChange", "deal.creation", "company.deletion"]
    told = read(EVENT, *({**older, "subscriptionType": kind} for kind in kinds), {**EVENT, "objectTypeId": "0-27"})
    assert [(one.record, one.crm_id) for one in told if isinstance(one, Changed)] == [
        ("contact", "512"),
        ("contact", "512"),
        ("deal", "512"),
        ("company", "512"),
        ("task", "512"),
    ]
    assert told[0].at == datetime(2026, 11, 22, 9, 0, 5, tzinfo=UTC)


def test_what_is_of_no_use_is_left_out_and_what_we_wrote_ourselves_too():
    ours = {**EVENT, "changeSource": "INTEGRATION", "propertyName": "tendril_segment"}
    assert read({**EVENT, "objectTypeId": "0-5"}, {**EVENT, "subscriptionType": "conversation.creation"}, ours) == []
    assert len(read({**EVENT, "changeSource": "INTEGRATION"})) == 1


def test_the_same_event_has_the_same_id_and_another_has_another():
    first, again, other = read(EVENT, EVENT, {**EVENT, "occurredAt": EVENT["occurredAt"] + 1})
    assert first.id == again.id != other.id


@pytest.mark.parametrize("lacking", ["objectId", "occurredAt"])
def test_an_event_that_lacks_something_does_not_take_others_with_it(lacking):
    maimed = {key: value for key, value in EVENT.items() if key != lacking}
    wrong, well = read(maimed, EVENT)
    assert isinstance(wrong, Unreadable)
    assert isinstance(well, Changed)
    others: tuple[Any, ...] = (None, "x", [], {}, 1e400)
    assert all(isinstance(read({**EVENT, lacking: odd})[0], Unreadable) for odd in others)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"7", b"{}", b'"text"', b"\xff", b"[" * 100_000, b'[{"a": '], ids=range(8)
)
def test_garbage_is_refused_as_a_value(body):
    with pytest.raises(ValueError, match=""):
        HubSpotWebhook(SECRET).read(request(body=body))


async def test_the_stand_in_tells_what_sellers_did_signed_as_hubspot_signs(sandbox):
    heard: list[InboundRequest] = []
    app = FastAPI()

    @app.post("/hook")
    async def hook(given: Request) -> None:
        headers = {name.lower(): value for name, value in given.headers.items()}
        heard.append(InboundRequest(await given.body(), headers, datetime.now(UTC), str(given.url)))

    [contact] = (await connection(sandbox).crm.upsert([change(1)])).values()
    async with serving(app) as url:
        await do(sandbox, "POST", "/_webhook", {"url": f"{url}/hook"})
        await do(sandbox, "PATCH", f"/_sellers/contacts/{contact}", {"phone": "+49 30 1"})
        assert await do(sandbox, "POST", "/_tell") == [200]
    webhook = HubSpotWebhook("sandbox")
    webhook.verify(heard[0])
    assert [(one.record, one.crm_id) for one in webhook.read(heard[0])] == [("contact", contact)]
