"""Signed webhooks in: what is forged or garbage is told apart, and never more than that."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from adapters.inbound import Forged, InboundRequest
from adapters.webhook_inbound import SignedInbound

SECRET = "whsec_c2FuZGJveC1zYW5kYm94LXNhbmRib3g="


def signed(body):
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", now, body.decode())
    names = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    return InboundRequest(body=body, headers=names, at=now)


def test_what_is_signed_is_taken():
    SignedInbound(SECRET).verify(signed(b'{"type": "delivery.delivered", "data": {}}'))


@pytest.mark.parametrize("signature", ["nonsense", "v1,", "v1,===", "v1,a,b", "v2,AAAA", ",", " "])
def test_a_signature_that_is_none_is_forged(signature):
    request = signed(b"{}")
    with pytest.raises(Forged):
        SignedInbound(SECRET).verify(replace(request, headers={**request.headers, "webhook-signature": signature}))


def test_a_body_that_is_no_text_is_forged():
    with pytest.raises(Forged):
        SignedInbound(SECRET).verify(replace(signed(b"{}"), body=b"\xff\xfe"))


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{}", b'{"data": 7}', b"[" * 100_000], ids=range(6))
def test_garbage_is_refused_as_a_value(body):
    with pytest.raises(ValueError):
        SignedInbound(SECRET).read(InboundRequest(body=body, headers={}, at=datetime.now(UTC)))
