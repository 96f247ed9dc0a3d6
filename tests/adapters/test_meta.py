"""Meta custom audiences. Meta's own library (facebook-business) speaks to the same stand-in, and hashes as we do."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.customaudience import CustomAudience
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession
from pydantic import SecretStr

from adapters.ads.meta import VENDOR, MetaAudiences, MetaSettings, meta_audiences
from domain.errors import OurFault, TransientFault
from sandbox.meta import APP_SECRET, Meta
from tests.adapters.audiences_contract import QUIET, AudiencesContract, address
from tests.adapters.recording import Recording
from tests.adapters.running import Sandbox


def meta(
    sandbox: Sandbox, *, token: str = "", transport: Any = None, timeout: float = 10.0, **given: Any
) -> MetaAudiences:
    place = {"base_url": f"{sandbox.url}/meta", "token": SecretStr(token or "sandbox"), "account": "77"}
    made = MetaSettings.model_validate(place | {"app_secret": SecretStr(APP_SECRET)} | given)
    return meta_audiences(made, transport=transport, timeout=timeout)


def kept(sandbox: Sandbox) -> Meta:
    known: Meta = sandbox.app.state.store.of("meta", Meta)
    return known


class TestMeta(AudiencesContract):
    network, filling, least, batch = "meta", "/users", 100, 10_000

    def audiences(self, sandbox: Sandbox, **options: Any) -> MetaAudiences:
        return meta(sandbox, **options)

    def held(self, sandbox: Sandbox) -> dict[str, set[str]]:
        return {one.name: one.members for one in kept(sandbox).audiences.values()}


def library(sandbox: Sandbox) -> FacebookAdsApi:
    """Meta's own client, pointed at the stand-in."""
    session = FacebookSession("app", APP_SECRET, "sandbox", timeout=10)
    session.requests.trust_env = False
    session.GRAPH = f"{sandbox.url}/meta"
    return FacebookAdsApi(session, "v26.0")


async def test_metas_own_library_finds_and_fills_the_list_that_we_made(sandbox):
    audiences = meta(sandbox)
    await audiences.add(QUIET, [audiences.key(address(1))])

    def speak() -> str:
        [found] = AdAccount("act_77", api=library(sandbox)).get_custom_audiences(fields=["id", "name"])
        one = CustomAudience(found["id"], api=library(sandbox))
        one.add_users(CustomAudience.Schema.email_hash, ["  Lead2@EXAMPLE.com ", address(3)])
        one.remove_users(CustomAudience.Schema.email_hash, [address(3)])
        return str(found["name"])

    assert await asyncio.to_thread(speak) == QUIET.title
    [held] = kept(sandbox).audiences.values()
    assert held.members == {audiences.key(address(1)), audiences.key(address(2))}


async def test_we_send_what_metas_own_library_sends(sandbox):
    wire = Recording()
    audiences = meta(sandbox, transport=wire)
    await audiences.add(QUIET, [audiences.key(address(1))])
    [(sent, _)] = wire.of("POST", "/users")
    ours = httpx.QueryParams(sent.content.decode())
    theirs = CustomAudience.format_params(CustomAudience.Schema.email_hash, [address(1)])
    payload = json.loads(ours["payload"])
    assert payload == {name: theirs["payload"][name] for name in ("schema", "data")}
    assert ours["appsecret_proof"] == FacebookSession("app", APP_SECRET, "sandbox").requests.params["appsecret_proof"]
    assert json.loads(ours["session"]).keys() == {
        "session_id",
        "batch_seq",
        "last_batch_flag",
        "estimated_num_total",
    }
    assert "sandbox" not in str(sent.url), "the token is in no address"


async def test_the_library_refuses_the_token_that_we_are_refused(sandbox):
    api = library(sandbox)
    api._session.requests.params["access_token"] = "expired"
    with pytest.raises(FacebookRequestError) as theirs:
        await asyncio.to_thread(lambda: list(AdAccount("act_77", api=api).get_custom_audiences()))
    assert theirs.value.api_error_code() == 190
    with pytest.raises(OurFault) as ours:
        await meta(sandbox, token="expired").state(QUIET)
    assert ours.value.code == "190"


async def test_a_wrong_app_secret_is_our_fault(sandbox):
    with pytest.raises(OurFault):
        await meta(sandbox, app_secret=SecretStr("another")).state(QUIET)


async def test_limited_data_use_is_asked_for_each(sandbox):
    audiences = meta(sandbox, limited_data_use=True)
    key = audiences.key(address(1))
    await audiences.add(QUIET, [key])
    [held] = kept(sandbox).audiences.values()
    assert held.limited == held.members == {key}


async def test_a_limit_is_kept_before_it_is_hit(sandbox):
    audiences = meta(sandbox)
    kept(sandbox).usage = 94
    await audiences.add(QUIET, [audiences.key(address(1))])
    kept(sandbox).usage = 95
    await audiences.add(QUIET, [audiences.key(address(2))])
    with pytest.raises(TransientFault) as held_back:
        await audiences.add(QUIET, [audiences.key(address(3))])
    assert held_back.value.code == "budget"
    assert held_back.value.retry_after == pytest.approx(60, abs=5)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(4, TransientFault), (17, TransientFault), (32, TransientFault), (613, TransientFault), (80_003, TransientFault),
     (2, TransientFault), (190, OurFault), (200, OurFault), (294, OurFault), (100, OurFault)],
)  # fmt: skip
async def test_metas_numbers_say_whose_fault_it_is(sandbox, number, expected):
    def answer(_request: httpx.Request) -> httpx.Response:
        told = {"message": "m", "type": "OAuthException", "code": number, "fbtrace_id": "AbC1"}
        usage = {"1": [{"type": "custom_audience", "call_count": 100, "estimated_time_to_regain_access": 19}]}
        headers = {"x-business-use-case-usage": json.dumps(usage)} if expected is TransientFault else {}
        return httpx.Response(400, json={"error": told}, headers=headers)

    with pytest.raises(expected) as caught:
        await meta(sandbox, transport=httpx.MockTransport(answer)).state(QUIET)
    assert caught.value.code == str(number)
    assert "AbC1" in str(caught.value) or number == 100
    assert caught.value.retry_after == (19 * 60 if expected is TransientFault and number != 2 else None)


async def test_lists_are_found_beyond_the_first_page(sandbox):
    audiences = meta(sandbox)
    for number in range(205):
        await audiences._create(QUIET.model_copy(update={"id": f"list_{number}"}))
    other = meta(sandbox)
    assert len(await other.lists()) == 205
    await other.remove(QUIET.model_copy(update={"id": "list_204"}), [other.key(address(1))])
    assert len(kept(sandbox).audiences) == 205


async def test_a_list_that_was_deleted_is_made_anew(sandbox):
    audiences = meta(sandbox)
    await audiences.add(QUIET, [audiences.key(address(1))])
    kept(sandbox).audiences.clear()
    with pytest.raises(TransientFault) as gone:
        await audiences.add(QUIET, [audiences.key(address(1))])
    assert gone.value.code == "list_gone"
    await audiences.add(QUIET, [audiences.key(address(1))])
    assert len(kept(sandbox).audiences) == 1


async def test_a_list_that_meta_flagged_is_not_usable(sandbox):
    audiences = meta(sandbox)
    await audiences.add(QUIET, [audiences.key(address(number)) for number in range(100)])
    [held] = kept(sandbox).audiences.values()
    held.operation = 471
    state = await audiences.state(QUIET)
    assert state is not None
    assert (state.size, state.usable) == (100, False)


async def test_the_check_tells_of_permissions_and_lists(sandbox):
    audiences = meta(sandbox)
    await audiences.add(QUIET, [audiences.key(address(1))])
    assert [one.what for one in await VENDOR.check(audiences)] == [
        "the token may manage ads",
        "Meta lets us read the ad account's custom audiences",
        "audience gone_quiet: normal, size not known yet; ads are shown from 100 on",
    ]
