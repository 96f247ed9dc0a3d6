"""Answers of vendors as faults."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from adapters.http import VendorClient, retry_after, vendor_code
from domain.errors import OurFault, TransientFault, VendorFault


def client(answer):
    return VendorClient("vendor", "https://vendor.example", transport=httpx.MockTransport(lambda _request: answer))


async def fault(answer, *, harmless=False):
    with pytest.raises(VendorFault) as caught:
        await client(answer).request("POST", "/things", params={"to": "ada@example.com"}, harmless_to_repeat=harmless)
    return caught.value


@pytest.mark.parametrize(
    ("status", "expected", "certain"),
    [
        (302, OurFault, True),
        (400, OurFault, True),
        (401, OurFault, True),
        (403, OurFault, True),
        (408, TransientFault, False),
        (422, OurFault, True),
        (423, TransientFault, False),
        (429, TransientFault, True),
        (500, TransientFault, False),
        (503, TransientFault, False),
    ],
)
async def test_each_status_is_somebodys_fault(status, expected, certain):
    found = await fault(httpx.Response(status))
    assert type(found) is expected
    assert (found.status, found.certainly_not_sent) == (status, certain)


async def test_what_is_harmless_to_repeat_may_be_given_back_after_an_error():
    assert (await fault(httpx.Response(500), harmless=True)).certainly_not_sent


async def test_the_vendors_code_and_request_id_are_kept_and_nothing_personal():
    body = {"category": "VALIDATION_ERROR", "message": "ada@example.com is invalid"}
    found = await fault(httpx.Response(400, json=body, headers={"x-hubspot-correlation-id": "abc-1"}))
    assert found.code == "VALIDATION_ERROR"
    assert str(found) == "vendor answered 400 to /things (VALIDATION_ERROR, request abc-1)"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code": "no such ada@example.com"}', b'{"code": {}}'])
def test_a_body_that_holds_no_code_gives_none(body):
    assert vendor_code(httpx.Response(400, content=body)) == ""


def test_retry_after_is_seconds_or_a_date_or_absent():
    def wait(value):
        return retry_after(httpx.Response(429, headers={"retry-after": value}))

    assert wait("12") == 12
    assert 50 < wait(format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)) <= 60
    assert wait(format_datetime(datetime.now(UTC) - timedelta(minutes=1), usegmt=True)) == 0
    assert wait("soon") is None
    assert retry_after(httpx.Response(429)) is None
