"""What the stand-ins of mail vendors tell reaches a webhook as the vendor tells it, and is shown on their page."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from adapters.inbound import Inbound, InboundRequest, Told
from adapters.vendor import AnyVendor
from adapters.vendors import MAIL
from domain.errors import OurFault
from sandbox.mailgun_events import SIGNING_KEY
from sandbox.postmark import PASSWORD
from sandbox.resend import SECRET
from sandbox.sendgrid import PUBLIC_KEY
from sandbox.ses import KEY as KEY_ID
from sandbox.ses_events import TOPIC
from tests.adapters.mails import KEY, mail
from tests.adapters.running import serving

#: Of every mail vendor, with what its webhooks are signed by.
_CREDENTIALS: Mapping[str, Mapping[str, Any]] = {
    "brevo": {"api_key": "sandbox", "webhook_password": PASSWORD},
    "mailgun": {"api_key": "sandbox", "domain": "mg.nurture.example", "signing_key": SIGNING_KEY},
    "postmark": {"server_token": "sandbox", "webhook_password": PASSWORD},
    "resend": {"api_key": "sandbox", "webhook_secret": SECRET},
    "sendgrid": {"api_key": "sandbox", "webhook_public_key": PUBLIC_KEY},
    "ses": {"region": "eu-west-1", "access_key_id": KEY_ID, "secret_access_key": KEY_ID, "topic_arn": TOPIC},
}
each_mailer = pytest.mark.parametrize("vendor", MAIL, ids=[vendor.name for vendor in MAIL])


def test_each_mail_vendor_is_told_here_how_its_webhooks_are_signed():
    assert list(_CREDENTIALS) == [vendor.name for vendor in MAIL]


@each_mailer
async def test_what_became_of_a_mail_is_told_twice_and_backwards_if_that_is_wished(sandbox, vendor):
    settings = settings_for(vendor, sandbox.url)
    carrier = vendor.adapter(settings)
    await carrier.carry(mail())
    await carrier.close()
    wish = {"kinds": ["delivered", "bounced_hard"], "times": 2, "backwards": True, "touch": KEY}
    told: list[Told] = []
    async with heard(vendor.inbound(settings), told) as url, of(sandbox, vendor) as http:
        assert (await http.post("/_tell", json=wish)).status_code == 409, "there is no webhook yet"
        await http.post("/_webhook", json={"url": url})
        assert set((await http.post("/_tell", json=wish)).json()) == {200}
        assert (await http.post("/_tell", json={**wish, "touch": "ld_nobody/1/0/x"})).status_code == 404
    assert sorted(one.kind for one in told) == ["bounced_hard"] * 2 + ["delivered"] * 2
    assert told[0].kind == "bounced_hard"
    assert len({(one.id, one.kind, one.at) for one in told}) == 2
    assert {one.about.touch for one in told} == {KEY}


@each_mailer
async def test_a_page_of_somebodys_proxy_is_no_receipt_and_leaves_it_open_what_was_done(vendor):
    async def page(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<html>"})

    async with serving(page) as url:
        carrier = vendor.adapter(settings_for(vendor, url))
        with pytest.raises(OurFault, match="base URL") as caught:
            await carrier.carry(mail())
        await carrier.close()
    assert caught.value.certainly_not_sent == (vendor.name == "ses"), "SES is asked for the account's rate before"


@each_mailer
async def test_who_bounced_is_on_the_list_that_is_read(sandbox, vendor):
    settings = settings_for(vendor, sandbox.url)
    carrier = vendor.adapter(settings)
    await carrier.carry(mail())
    async with heard(vendor.inbound(settings), []) as url, of(sandbox, vendor) as http:
        await http.post("/_webhook", json={"url": url})
        await http.post("/_tell", json={"kinds": ["bounced_hard"]})
    listed = [(one.email, one.reason) async for one in carrier.suppressed(None)]
    await carrier.close()
    assert listed == [("ada.sample@example.com", "hard_bounced")]
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as browser:
        page = (await browser.get("/vendors")).text
    assert "A guide" in page
    assert KEY in page
    assert "hard_bounced" in page


def settings_for(vendor: AnyVendor, url: str) -> Any:
    """With the stand-in, or whoever else is at that address, in the vendor's place."""
    given = dict(_CREDENTIALS[vendor.name])
    if vendor.name == "ses":
        given["sns_url"] = f"{url}/ses/sns"
    return vendor.settings(base_url=f"{url}/{vendor.name}", **given)


@asynccontextmanager
async def heard(inbound: Inbound, told: list[Any]) -> AsyncIterator[str]:
    """A webhook's address, until the block ends; what it is told, verified, is added to ``told``."""
    app = FastAPI()

    @app.post("/")
    async def take(request: Request) -> None:
        given = InboundRequest(body=await request.body(), headers=dict(request.headers), at=datetime.now(UTC))
        await asyncio.to_thread(inbound.verify, given)  # SNS's certificate is fetched meanwhile, from this very process
        told.extend(inbound.read(given))

    async with serving(app) as url:
        yield url


def of(sandbox, vendor: AnyVendor) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{sandbox.url}/{vendor.name}", trust_env=False)
