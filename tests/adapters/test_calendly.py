"""Meetings booked and canceled, as Calendly tells them."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapters.email.carrier import reference
from adapters.inbound import Forged, Happened, InboundRequest, Unreadable
from adapters.people.calendly import VENDOR, CalendlyInbound
from sandbox.calendly import SIGNING_KEY, Booking, event, signature
from tests.adapters.inbound_contract import NOW, _maimed
from tests.adapters.mails import KEY

INBOUND = CalendlyInbound(SIGNING_KEY)
ADA = "ada.sample@example.com"


def told(booking: Booking, at: datetime = NOW, *, key: str = SIGNING_KEY, **changed) -> InboundRequest:
    payload = event(booking, NOW)
    payload["payload"] |= changed
    body = json.dumps(payload).encode()
    return InboundRequest(body, signature(body, at, key), NOW)


def one(booking: Booking, **changed) -> Happened:
    [found] = INBOUND.read(told(booking, **changed))
    assert isinstance(found, Happened)
    return found


def test_a_meeting_is_behaviour_of_whoever_booked_it():
    meeting = one(Booking(email=ADA))
    assert (meeting.kind, meeting.name, meeting.about.email, meeting.at) == ("track", "Meeting Booked", ADA, NOW)
    assert meeting.properties["meeting"] == "Thirty minutes"
    assert meeting.properties["starts_at"].startswith("2026-11-24")


@pytest.mark.parametrize("content", [KEY, reference(KEY)], ids=["its key", "its reference"])
def test_the_touch_that_led_there_says_whose_it_is(content):
    assert one(Booking(email="private@example.net", touch=content)).about.touch == KEY


@pytest.mark.parametrize("content", ["spring-campaign", "a\x00b/c", " "])
def test_other_campaigns_are_no_touch(content):
    assert one(Booking(email=ADA, touch=content)).about.touch == ""


def test_a_canceled_meeting_is_told_and_a_moved_one_is_neither_canceled_nor_booked_again():
    assert one(Booking(email=ADA, kind="invitee.canceled")).name == "Meeting Canceled"
    assert INBOUND.read(told(Booking(email=ADA, kind="invitee.canceled", rescheduled=True))) == []
    assert one(Booking(email=ADA, number=2), old_invitee="https://api.calendly.com/x").name == "Meeting Rescheduled"


def test_names_answers_and_reasons_are_not_kept():
    for kind in ("invitee.created", "invitee.canceled"):
        meeting = one(Booking(email=ADA, kind=kind, name="Ada Sample"))
        assert not [word for word in ("Ada", "Prices", "ill") if word in str(meeting.properties)]


def test_the_same_thing_told_twice_has_the_same_id_and_another_has_another():
    ids = [one(Booking(email=ADA, number=number)).id for number in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]
    assert one(Booking(email=ADA, kind="invitee.canceled")).id not in ids


def test_what_is_signed_is_taken_and_what_is_not_is_forged():
    good = told(Booking(email=ADA))
    INBOUND.verify(good)
    wrong = [
        "",
        "t=1",
        "v1=a",
        "t=,v1=",
        "t=ä,v1=ä",
        f"t={'9' * 400},v1=x",
        good.headers["calendly-webhook-signature"] + "0",
    ]
    forged = [replace(good, headers={"calendly-webhook-signature": one}) for one in wrong]
    forged += [replace(good, body=good.body + b" "), told(Booking(email=ADA), key="other"), replace(good, headers={})]
    forged += [told(Booking(email=ADA), NOW + timedelta(seconds=seconds)) for seconds in (-181, 181, -86_400)]
    for request in forged:
        with pytest.raises(Forged):
            INBOUND.verify(request)


def test_other_events_are_nothing():
    body = json.dumps(event(Booking(email=ADA), NOW) | {"event": "routing_form_submission.created"}).encode()
    assert INBOUND.read(InboundRequest(body, {}, NOW)) == []


def test_whatever_is_missing_it_is_read_put_aside_or_refused():
    for maimed in _maimed(event(Booking(email=ADA), NOW)):
        try:
            found = INBOUND.read(InboundRequest(json.dumps(maimed).encode(), {}, NOW))
        except ValueError:
            continue
        assert all(isinstance(told, Happened | Unreadable) for told in found)
        assert ADA not in str([told for told in found if isinstance(told, Unreadable)])


def test_without_a_key_nothing_is_heard():
    assert VENDOR.inbound(VENDOR.settings(signing_key="")) is None
    assert isinstance(VENDOR.inbound(VENDOR.settings(signing_key="k")), CalendlyInbound)
