"""Handoffs and alerts in Slack, and what sellers answer there."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr
from slack_sdk.models.blocks import Block
from slack_sdk.models.metadata import Metadata
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from adapters.inbound import About, Answer, Forged, InboundRequest
from adapters.people.slack import VENDOR, Slack, SlackSettings, check
from adapters.people.slack_inbound import SlackInbound, signed
from adapters.people.slack_message import ANSWERS, escaped, message
from domain.errors import CannotTell, OurFault, TransientFault
from domain.words import Channel, RejectReason
from sandbox import slack as stand_in
from sandbox.slack import SIGNING_SECRET, Posted, Wish, Workspace
from tests.adapters.contract import TouchChannelContract
from tests.adapters.hearing import hearing
from tests.adapters.inbound_contract import NOW
from tests.adapters.running import Sandbox
from tests.adapters.standing import emptied, standing_sandbox
from tests.adapters.touches import PERSONAL, touch

BRIEF = {
    "why_now": "Asked for prices <twice> & came back",
    "fit": 70,
    "intent": 55,
    "stage": "evaluation",
    "did": [{"at": "2026-11-20", "what": "visited pricing"}, {"at": "2026-11-21", "what": "asked for a demo"}],
    "read": ["What it costs, and why"],
    "colleagues_active": 3,
    "situations": ["Compares two vendors"],
    "opener": "They asked for a demo last; start from <!channel> their question",
    "sla_at": "2026-11-23T09:00:00Z",
}


@pytest.fixture(scope="module")
def standing() -> Iterator[Sandbox]:
    with standing_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(standing: Sandbox) -> Sandbox:
    return emptied(standing)


def settings(url: str, **given) -> SlackSettings:
    usual: dict[str, Any] = {
        "base_url": f"{url}/slack",
        "hooks_url": url,
        "bot_token": SecretStr("sandbox"),
        "channel": stand_in.CHANNEL,
        "signing_secret": SecretStr(SIGNING_SECRET),
        "per_minute": 1000,
    }
    return SlackSettings(**(usual | given))


def messages(sandbox) -> list[Posted]:
    held: list[Posted] = sandbox.app.state.store.of("slack", Workspace).messages
    return held


def handoff(**given):
    return touch(Channel.SDR_TASK, **({"brief": BRIEF, "note": BRIEF["why_now"]} | given))


class TestSlackByItsBot(TouchChannelContract):
    vendor_of, kind = VENDOR, Channel.SDR_TASK
    vendor, sending = "slack", "/chat.postMessage"

    def channel(self, sandbox, **options):
        return Slack(settings(sandbox.url, **options))

    async def held(self, sandbox):
        return len(messages(sandbox))

    def unreachable(self):
        return Slack(settings("http://127.0.0.1:1"))


def test_slacks_own_models_find_nothing_wrong_with_a_message():
    for one in (handoff(), touch(Channel.ALERT), handoff(crm_id="7", owner="seller@example.com", note="x " * 3000)):
        body = message(one, "https://crm.example/{crm_id}")
        for block in Block.parse_all(body["blocks"]):
            block.validate_json()
        assert [block.to_dict() for block in Block.parse_all(body["blocks"])] == body["blocks"]
        assert Metadata(**body["metadata"]).to_dict() == body["metadata"]


async def test_slacks_own_client_reads_the_stand_in(sandbox):
    await Slack(settings(sandbox.url)).send(handoff())
    client = AsyncWebClient("sandbox", base_url=f"{sandbox.url}/slack/", trust_env_in_session=False)
    assert (await client.auth_test())["ok"]
    posted = await client.chat_postMessage(**({"channel": stand_in.CHANNEL} | message(touch(Channel.ALERT), "")))
    found = await client.conversations_history(channel=stand_in.CHANNEL, include_all_metadata=True)
    assert [one["metadata"]["event_type"] for one in found["messages"]] == ["tendril_touch"] * 2
    assert found["messages"][0]["ts"] == posted["ts"]


async def test_a_handoff_tells_why_now_what_they_read_who_else_and_how_to_open(sandbox):
    await Slack(settings(sandbox.url, lead_url="https://crm.example/{crm_id}")).send(handoff(crm_id="7"))
    [posted] = messages(sandbox)
    told = json.dumps(posted.blocks, ensure_ascii=False)
    for part in ("Asked for prices", "What it costs, and why", "3 active", "visited pricing", "Answer by"):
        assert part in told
    assert "<https://crm.example/7|ld_aaaabbbbcccc>" in told


async def test_nothing_of_the_lead_is_told_beyond_the_brief(sandbox):
    await Slack(settings(sandbox.url)).send(handoff())
    await Slack(settings(sandbox.url)).send(touch(Channel.ALERT))
    assert not [word for one in messages(sandbox) for word in PERSONAL if word in one.model_dump_json()]


def test_what_people_wrote_can_mention_nobody_and_hide_no_link():
    sections = [one["text"]["text"] for one in message(handoff(), "")["blocks"] if one["type"] == "section"]
    assert "&lt;!channel&gt;" in "".join(sections)
    assert not [text for text in sections if "<" in text]
    assert escaped("a\n> *b* <http://x|y> & @here") == "a &gt; *b* &lt;http://x|y&gt; &amp; @here"


def test_a_brief_of_any_length_fits():
    long = BRIEF | {"read": ["&" * 900] * 40, "opener": "so " * 2000, "why_now": "w" * 900}
    body = message(touch(Channel.SDR_TASK, brief=long), "")
    stand_in._check(body)


def test_an_alert_asks_nothing():
    assert not [one for one in message(touch(Channel.ALERT), "")["blocks"] if one["type"] == "actions"]


async def test_a_repeated_lookup_goes_back_as_far_as_the_attempt_and_not_further(sandbox):
    channel = Slack(settings(sandbox.url))
    sent = await channel.send(handoff())
    assert await channel.lookup(handoff(attempted_at=datetime.now(UTC))) == sent
    with pytest.raises(TransientFault, match="not show the message yet"):
        await channel.lookup(handoff(key="ld_a/1/0/other", attempted_at=datetime.now(UTC)))
    assert await channel.lookup(handoff(key="ld_a/1/0/x", attempted_at=datetime.now(UTC) - timedelta(hours=1))) is None


async def test_a_history_that_may_not_be_read_is_no_no(sandbox):
    with pytest.raises(CannotTell):
        await Slack(settings(sandbox.url, channel="C0OTHER")).lookup(handoff())


async def test_by_an_incoming_webhook_it_is_posted_and_can_not_be_asked(sandbox):
    hooked = Slack(
        settings(
            sandbox.url, bot_token=SecretStr(""), webhook_url=SecretStr(f"{sandbox.url}/slack/services/T/B/sandbox")
        )
    )
    assert (await hooked.send(handoff())).vendor_id
    assert messages(sandbox)[0].metadata == {}
    with pytest.raises(CannotTell):
        await hooked.lookup(handoff())


async def test_a_wrong_incoming_webhook_is_our_fault_and_stays_secret(sandbox):
    hook = SecretStr(f"{sandbox.url}/slack/services/T/B/hidden")
    with pytest.raises(OurFault) as caught:
        await Slack(settings(sandbox.url, bot_token=SecretStr(""), webhook_url=hook)).send(handoff())
    assert "hidden" not in f"{caught.value!r}"


async def test_connecting_says_whether_bot_and_channel_are_in_order(sandbox):
    assert all(one.well for one in await check(Slack(settings(sandbox.url))))
    for wrong in ({"bot_token": SecretStr("other")}, {"channel": "C0OTHER"}, {"channel": ""}):
        assert [one.remedy for one in await check(Slack(settings(sandbox.url, **wrong))) if not one.well]
    nothing = settings(sandbox.url, bot_token=SecretStr(""))
    assert [one.remedy for one in await check(Slack(nothing)) if not one.well]


# What sellers answer.


def posted() -> Posted:
    body = message(handoff(), "")
    return Posted(ts="1.000001", text=body["text"], blocks=body["blocks"])


def pressed(wish: Wish, at: datetime = NOW, *, here: str = "http://127.0.0.1:1", secret: str = SIGNING_SECRET):
    body = stand_in.interaction(posted(), wish, here)
    return InboundRequest(body, stand_in.signature(body, at, secret), NOW)


ACCEPTED = Wish(outcome="accepted")
INBOUND = SlackInbound(SIGNING_SECRET)


def test_accept_and_every_reason_to_reject_reach_the_handoff():
    key = handoff().key
    assert INBOUND.read(pressed(ACCEPTED)) == [Answer(f"{key}:accepted", About(touch=key), "accepted", NOW)]
    for reason in RejectReason:
        [told] = INBOUND.read(pressed(Wish(outcome="rejected", reason=reason)))
        assert (told.about.touch, told.outcome, told.reason) == (key, "rejected", reason)


def test_slacks_own_verifier_and_ours_agree():
    theirs = SignatureVerifier(SIGNING_SECRET)
    request = pressed(ACCEPTED, datetime.now(UTC))
    assert theirs.is_valid_request(request.body, dict(request.headers))
    INBOUND.verify(replace(request, at=datetime.now(UTC)))
    made = theirs.generate_signature(timestamp="1700000000", body=b"payload=x")
    assert made == signed(SIGNING_SECRET.encode(), b"payload=x", "1700000000")


@pytest.mark.parametrize("seconds", [-301, 301, -86_400])
def test_a_request_of_another_time_is_forged(seconds):
    with pytest.raises(Forged):
        INBOUND.verify(pressed(ACCEPTED, NOW + timedelta(seconds=seconds)))


def test_what_somebody_else_signed_or_changed_is_forged():
    good = pressed(ACCEPTED)
    INBOUND.verify(good)
    forged = [pressed(ACCEPTED, secret="other"), replace(good, body=good.body + b"x")]
    for name in ("x-slack-signature", "x-slack-request-timestamp"):
        values = ("", "v0=", "ä", "9" * 400, good.headers[name] + "0")
        forged += [replace(good, headers={**good.headers, name: value}) for value in values]
    for one in forged:
        with pytest.raises(Forged):
            INBOUND.verify(one)


@pytest.mark.parametrize(
    "body",
    [b"", b"payload=", b"payload={", b"payload=[]", b'{"type": 5}', b"payload=%7B%22type%22%3A%22block_actions%22%7D",
     b"ssl_check=1&token=x", b"\xff", b"[" * 100_000, b"payload=" + b"[" * 100_000, b"a=1&" * 200],
    ids=range(11),
)  # fmt: skip
def test_garbage_is_nothing_or_refused_as_a_value(body):
    try:
        assert INBOUND.read(InboundRequest(body, {}, NOW)) == []
    except ValueError:
        return


def test_other_buttons_of_the_same_app_are_none_of_ours():
    payload = json.loads(parse_qs(pressed(ACCEPTED).body.decode())["payload"][0])
    payload["actions"][0]["action_id"] = "another_feature"
    assert INBOUND.read(InboundRequest(str(httpx.QueryParams(payload=json.dumps(payload))).encode(), {}, NOW)) == []


async def test_the_handshake_is_answered_with_its_word():
    request = InboundRequest(b'{"type": "url_verification", "challenge": "c-1", "token": "x"}', {}, NOW)
    assert INBOUND.read(request) == []
    assert (await INBOUND.reply(request, [])).body == b"c-1"


async def test_an_answered_message_says_so_and_asks_no_more(sandbox):
    channel = Slack(settings(sandbox.url))
    await channel.send(handoff())
    heard: list[bytes] = []
    async with hearing(heard) as url, httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as http:
        await http.post("/slack/_webhook", json={"url": f"{url}/"})
        wish = {"outcome": "rejected", "reason": "no_budget", "touch": handoff().key}
        assert (await http.post("/slack/_tell", json=wish)).json() == [200]
    inbound = SlackInbound(SIGNING_SECRET, sandbox.url)
    request = InboundRequest(heard[0], {}, NOW)
    assert (await inbound.reply(request, inbound.read(request))).status == 200
    [changed] = messages(sandbox)
    assert not [one for one in changed.blocks if str(one.get("block_id", "")).startswith(ANSWERS)]
    assert changed.blocks[-1]["elements"][0]["text"] == "*Rejected* by <@U0SELLER>: no budget"
    assert "Asked for prices" in json.dumps(changed.blocks), "the brief stays"


@pytest.mark.parametrize("url", ["https://evil.example", "https://hooks.slack.com.evil.example", "", "http://["])
async def test_a_message_is_changed_at_slack_and_nowhere_else(url):
    request = pressed(ACCEPTED, here=url)
    assert (await INBOUND.reply(request, INBOUND.read(request))).status == 200
    assert not INBOUND._ours(url + "/x")


async def test_that_the_message_can_not_be_changed_is_no_reason_to_fail():
    inbound = SlackInbound(SIGNING_SECRET, "http://127.0.0.1:1")
    request = pressed(ACCEPTED)
    assert (await inbound.reply(request, inbound.read(request))).status == 200
