"""Direct mail and alerts through signed webhooks."""

import pytest

from adapters.webhook import VENDOR, SignedWebhook, webhook_id
from domain.errors import CannotTell, LeadFault, OurFault, Refused
from domain.words import Channel
from sandbox.webhooks import SECRET
from tests.adapters.contract import TouchChannelContract
from tests.adapters.running import serving
from tests.adapters.touches import touch


def webhook(sandbox, *, secret=SECRET, **options):
    options = {"lookup_url": f"{sandbox.url}/webhooks"} | options
    return SignedWebhook("direct mail", f"{sandbox.url}/webhooks/direct-mail", secret, **options)


class TestSignedWebhook(TouchChannelContract):
    vendor_of, kind = VENDOR, Channel.DIRECT_MAIL
    vendor, sending = "webhooks", "/direct-mail"

    def channel(self, sandbox, **options):
        return webhook(sandbox, **options)

    async def held(self, sandbox):
        return len(sandbox.app.state.store.state.deliveries)

    def unreachable(self):
        return SignedWebhook("direct mail", "http://127.0.0.1:1/letters?key=hidden", SECRET)


async def test_the_receiver_gets_what_it_needs_under_a_stable_id(sandbox):
    receipt = await webhook(sandbox).send(touch(Channel.DIRECT_MAIL))
    [delivery] = sandbox.app.state.store.state.deliveries.values()
    assert delivery.id == receipt.vendor_id == webhook_id("ld_aaaabbbbcccc/1/0/guide")
    assert delivery.payload["type"] == "tendril.direct_mail"
    assert delivery.payload["data"]["email"] == "ada.sample@example.com"
    assert delivery.payload["data"]["asset"] == "guide"


async def test_a_repeated_delivery_is_seen_as_one(sandbox):
    channel = webhook(sandbox)
    for _ in range(2):
        await channel.send(touch(Channel.DIRECT_MAIL))
    [delivery] = sandbox.app.state.store.state.deliveries.values()
    assert delivery.times == 2


async def test_a_wrong_secret_is_our_fault(sandbox):
    with pytest.raises(OurFault) as caught:
        await webhook(sandbox, secret="whsec_b3RoZXItb3RoZXItb3RoZXI=").send(touch(Channel.DIRECT_MAIL))
    assert caught.value.code == "bad_signature"


async def test_a_receiver_that_cant_be_asked_leaves_it_to_a_person(sandbox):
    with pytest.raises(CannotTell):
        await webhook(sandbox, lookup_url="").lookup(touch(Channel.DIRECT_MAIL))


async def test_a_page_that_is_no_lookup_is_not_taken_for_a_no(sandbox):
    """A 404 from the wrong place must never mean "send it again"."""
    for wrong in ("/nowhere", "/vendors"):
        with pytest.raises(CannotTell):
            await webhook(sandbox, lookup_url=sandbox.url + wrong).lookup(touch(Channel.DIRECT_MAIL))


async def test_a_receiver_may_say_that_the_lead_cant_be_reached():
    async def receiver(_scope, _receive, send):
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 422, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"code": "undeliverable_address"}'})

    async with serving(receiver) as url:
        with pytest.raises(LeadFault):
            await SignedWebhook("direct mail", url + "/letters", SECRET).send(touch(Channel.DIRECT_MAIL))


@pytest.mark.parametrize(
    ("place", "well"), [("/webhooks", True), ("/vendors", False), ("/nowhere", False)], ids=["right", "page", "nothing"]
)
async def test_connecting_says_whether_the_receivers_can_be_asked(sandbox, monkeypatch, place, well):
    monkeypatch.setenv("TENDRIL_DIRECT_MAIL_URL", f"{sandbox.url}/webhooks/direct-mail")
    monkeypatch.setenv("TENDRIL_ALERT_URL", "http://127.0.0.1:1/alerts")
    monkeypatch.setenv("TENDRIL_WEBHOOK_LOOKUP_URL", sandbox.url + place)
    webhooks = VENDOR.adapter(VENDOR.settings())
    letters, alerts = await VENDOR.check(webhooks)
    await webhooks.close()
    assert (letters.well, bool(letters.remedy)) == (well, not well)
    assert "can't be asked" in alerts.what, "the lookup is another host's"


def test_a_secret_that_is_none_is_named():
    with pytest.raises(Refused, match="TENDRIL_WEBHOOK_SECRET"):
        VENDOR.adapter(VENDOR.settings(webhook_secret="whsec_???"))
