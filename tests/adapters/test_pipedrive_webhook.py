"""What changed, as Pipedrive tells it: nothing is signed, and what a record is now is read again."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from adapters.crm import pipedrive
from adapters.crm.pipedrive_webhook import PipedriveWebhook
from adapters.inbound import Changed, Forged, InboundRequest, Unreadable
from sandbox.pipedrive import signed
from tests.adapters.inbound_contract import _GARBAGE, NOW, _maimed
from tests.adapters.touches import PERSONAL

INBOUND = PipedriveWebhook("tendril", "sandbox")


def request(body, headers=None):
    given = {name.lower(): value for name, value in (headers or signed("tendril", "sandbox")).items()}
    return InboundRequest(body=body, headers=given, at=NOW)


def event(**meta):
    said = {"action": "change", "entity": "person", "entity_id": "12", "id": "e-1", "version": "2.0"}
    return {"meta": said | {"timestamp": "2026-11-22T09:00:05.000Z"} | meta, "data": {"id": 12}, "previous": {}}


def told(body):
    return INBOUND.read(request(json.dumps(body).encode()))


@pytest.mark.parametrize(
    "headers",
    [{}, signed("tendril", "other"), signed("other", "sandbox"), {"authorization": "Basic ä"}, {"authorization": "x"}],
    ids=range(5),
)
def test_who_does_not_know_the_password_is_forged(headers):
    with pytest.raises(Forged) as caught:
        INBOUND.verify(request(b"{}", headers or {"content-type": "x"}))
    assert "sandbox" not in str(caught.value)


def test_who_knows_it_is_not():
    INBOUND.verify(request(b"{}"))
    assert pipedrive.inbound(settings()) is None
    assert pipedrive.inbound(settings(webhook_password="p")) is not None


def settings(**given):
    return pipedrive.PipedriveSettings(base_url="https://example.pipedrive.com", api_token="t", **given)


@pytest.mark.parametrize(
    ("entity", "record"),
    [("person", "contact"), ("organization", "company"), ("deal", "deal"), ("activity", "task")],
)
def test_each_record_is_told_by_our_name(entity, record):
    at = datetime(2026, 11, 22, 9, 0, 5, tzinfo=UTC)
    assert told(event(entity=entity)) == [Changed(id="e-1", record=record, crm_id="12", at=at)]


def test_numbers_in_the_place_of_texts_are_read_too():
    [found] = told(event(entity_id=12, timestamp=1_794_000_000))
    assert isinstance(found, Changed)
    assert found.crm_id == "12"


def test_what_is_of_no_use_is_left_out():
    assert told(event(entity="note")) == []


def test_an_event_that_lacks_something_is_read_put_aside_or_refused_whole():
    for maimed in _maimed(event()):
        try:
            found = told(maimed)
        except ValueError:
            continue
        assert not [word for one in found if isinstance(one, Unreadable) for word in PERSONAL if word in one.why]


@pytest.mark.parametrize("body", _GARBAGE, ids=range(len(_GARBAGE)))
def test_garbage_is_refused_as_a_value_and_never_otherwise(body):
    with suppress(ValueError):
        assert not [one for one in INBOUND.read(request(body)) if isinstance(one, Changed)]
