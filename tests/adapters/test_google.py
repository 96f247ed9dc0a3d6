"""Google Customer Match: every body is held to the messages that Google publishes (google-ads-datamanager)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.ads import datamanager_v1 as published
from pydantic import SecretStr

from adapters.ads.google import VENDOR, GoogleAudiences, GoogleSettings, google_audiences
from domain.audiences import Fate
from domain.errors import OurFault, Refused, TransientFault
from sandbox.google import Google
from tests.adapters.audiences_contract import QUIET, AudiencesContract, address
from tests.adapters.recording import Recording
from tests.adapters.running import Sandbox


def settings(sandbox: Sandbox, *, token: str = "", **given: Any) -> GoogleSettings:
    login = {"client_id": "client", "client_secret": SecretStr("s"), "refresh_token": SecretStr(token or "granted")}
    place = {"base_url": f"{sandbox.url}/google", "token_url": f"{sandbox.url}/google/token", "account": "1234567890"}
    return GoogleSettings.model_validate(place | login | given)


def google(
    sandbox: Sandbox, *, token: str = "", transport: Any = None, timeout: float = 10.0, **given: Any
) -> GoogleAudiences:
    made = settings(sandbox, token=token, **given)
    return google_audiences(made, transport=transport, timeout=timeout)


def kept(sandbox: Sandbox) -> Google:
    known: Google = sandbox.app.state.store.of("google", Google)
    return known


class TestGoogle(AudiencesContract):
    network, filling, least, batch = "google", "/v1/audienceMembers", 100, 10_000

    def audiences(self, sandbox: Sandbox, **options: Any) -> GoogleAudiences:
        return google(sandbox, **options)

    def held(self, sandbox: Sandbox) -> dict[str, set[str]]:
        return {one.shown["displayName"].rpartition(" (")[0]: one.members for one in kept(sandbox).lists.values()}


def _parsed(kind: Any, body: bytes) -> Any:
    """As Google reads it: a field that the message does not have is an error."""
    return kind.from_json(body.decode(), ignore_unknown_fields=False)


async def test_every_request_and_answer_is_a_message_that_google_publishes(sandbox):
    wire = Recording()
    audiences = google(
        sandbox,
        transport=wire,
        login_account="999",
        ad_user_data="granted",
        ad_personalization="denied",
        terms_accepted=True,
    )
    keys = [audiences.key(address(number)) for number in range(3)]
    taken = await audiences.add(QUIET, keys)
    await audiences.remove(QUIET, keys[:1])
    assert (await audiences.outcome(taken.request)).fate is Fate.DONE

    [(made, listed)] = wire.of("POST", "/userLists")
    sent = _parsed(published.UserList, made.content)
    assert (sent.display_name, sent.integration_code) == ("Tendril: Gone quiet (gone_quiet)", "gone_quiet")
    assert sent.membership_duration.total_seconds() == 540 * 86400
    assert sent.ingested_user_list_info.upload_key_types[0].name == "CONTACT_ID"
    assert made.headers["login-account"] == "accountTypes/GOOGLE_ADS/accounts/999"
    assert _parsed(published.UserList, listed).id > 0

    [(ingested, said)] = wire.of("POST", "audienceMembers:ingest")
    request = _parsed(published.IngestAudienceMembersRequest, ingested.content)
    assert [one.user_data.user_identifiers[0].email_address for one in request.audience_members] == keys
    assert request.encoding.name == "HEX"
    assert (request.consent.ad_user_data.name, request.consent.ad_personalization.name) == (
        "CONSENT_GRANTED",
        "CONSENT_DENIED",
    )
    assert request.terms_of_service.customer_match_terms_of_service_status.name == "ACCEPTED"
    assert request.destinations[0].login_account.account_id == "999"
    assert _parsed(published.IngestAudienceMembersResponse, said).request_id == taken.request

    [(removed, _)] = wire.of("POST", "audienceMembers:remove")
    assert len(_parsed(published.RemoveAudienceMembersRequest, removed.content).audience_members) == 1
    [(_, status)] = wire.of("GET", "requestStatus:retrieve")
    assert _parsed(published.RetrieveRequestStatusResponse, status).request_status_per_destination
    [(_, found), *_] = wire.of("GET", "/userLists")
    _parsed(published.ListUserListsResponse, found)


async def test_google_is_not_told_of_consent_that_nobody_declared(sandbox):
    wire = Recording()
    audiences = google(sandbox, transport=wire)
    await audiences.add(QUIET, [audiences.key(address(1))])
    [(sent, _)] = wire.of("POST", "audienceMembers:ingest")
    assert json.loads(sent.content).keys() == {"destinations", "audienceMembers", "encoding"}


@pytest.mark.parametrize(
    ("status", "fate", "why"),
    [
        ("PROCESSING", Fate.UNDER_WAY, ""),
        ("FAILURE", Fate.FAILED, ""),
        ("PARTIAL_SUCCESS", Fate.PARTLY, "PROCESSING_ERROR_REASON_NO_CONSENT: 2"),
        ("FAILED", Fate.FAILED, "PROCESSING_ERROR_REASON_NO_CONSENT: 2"),
    ],
)
async def test_what_became_of_a_batch_is_read_back(sandbox, status, fate, why):
    audiences = google(sandbox)
    taken = await audiences.add(QUIET, [audiences.key(address(1))])
    told = {"requestStatus": status}
    if why:
        told |= {"errorInfo": {"errorCounts": [{"reason": "PROCESSING_ERROR_REASON_NO_CONSENT", "recordCount": "2"}]}}
    kept(sandbox).requests[taken.request] |= told
    outcome = await audiences.outcome(taken.request)
    assert (outcome.fate, outcome.why) == (fate, why)


class Answering(Recording):
    """Somebody's proxy answers in Google's place where the path holds "Members" or "Status"."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if "Members" in request.url.path or "Status" in request.url.path:
            return httpx.Response(200, text="<html>Welcome</html>")
        return await super().handle_async_request(request)


async def test_what_is_no_answer_of_googles_is_no_word_that_anybody_left_or_that_anything_was_done(sandbox):
    await google(sandbox).add(QUIET, [google(sandbox).key(address(1))])
    audiences = google(sandbox, transport=Answering())
    for tell in (audiences.add, audiences.remove):
        with pytest.raises(OurFault, match="is the base URL the vendor's"):
            await tell(QUIET, [audiences.key(address(1))])
    assert (await audiences.outcome("any")).fate is Fate.UNDER_WAY


async def test_a_token_is_fetched_once_for_many_requests_and_anew_when_it_is_refused(sandbox):
    audiences = google(sandbox)
    await asyncio.gather(*(audiences.state(QUIET) for _ in range(5)))
    assert kept(sandbox).tokens == 1
    sandbox.fail("google", "401", path="/userLists")
    assert await audiences.state(QUIET) is None
    assert kept(sandbox).tokens == 2


async def test_a_token_is_fetched_anew_before_it_runs_out(sandbox, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("adapters.ads.google_auth.time.monotonic", lambda: now[0])
    audiences = google(sandbox)
    await audiences.state(QUIET)
    for later, tokens in ((3200.0, 1), (3400.0, 2)):
        now[0] = 1000.0 + later
        await audiences.state(QUIET)
        assert kept(sandbox).tokens == tokens


async def test_no_token_to_be_had_just_now_is_nobodys_fault(sandbox):
    sandbox.fail("google", "500", path="/token")
    with pytest.raises(TransientFault, match="no access token"):
        await google(sandbox).state(QUIET)


async def test_a_service_account_signs_what_google_asks_for(sandbox, tmp_path: Path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file = tmp_path / "key.json"
    file.write_text(json.dumps({"client_email": "us@project.example", "private_key": pem, "private_key_id": "7"}))
    wire = Recording()
    await google(sandbox, transport=wire, service_account=file).state(QUIET)
    [(asked, _)] = wire.of("POST", "/token")
    assertion = httpx.QueryParams(asked.content.decode())["assertion"]
    claims = jwt.decode(assertion, key.public_key(), algorithms=["RS256"], audience=f"{sandbox.url}/google/token")
    assert (claims["iss"], claims["scope"]) == ("us@project.example", "https://www.googleapis.com/auth/datamanager")
    assert jwt.get_unverified_header(assertion)["kid"] == "7"


async def test_settings_that_can_not_log_in_are_refused_in_words(sandbox, tmp_path: Path):
    with pytest.raises(Refused, match="there are no credentials"):
        google(sandbox, client_id="")
    with pytest.raises(Refused, match="is no key of a service account"):
        google(sandbox, service_account=tmp_path / "none.json")


async def test_a_list_that_was_deleted_is_made_anew(sandbox):
    audiences = google(sandbox)
    await audiences.add(QUIET, [audiences.key(address(1))])
    kept(sandbox).lists.clear()
    with pytest.raises(TransientFault) as gone:
        await audiences.add(QUIET, [audiences.key(address(1))])
    assert gone.value.code == "list_gone"
    await audiences.add(QUIET, [audiences.key(address(1))])
    assert len(kept(sandbox).lists) == 1


async def test_what_google_refuses_is_our_fault_with_its_word(sandbox):
    audiences = google(sandbox)
    with pytest.raises(OurFault) as caught:
        await audiences.add(QUIET, ["no hash"])
    assert (caught.value.status, caught.value.code) == (400, "INVALID_ARGUMENT")


async def test_the_check_tells_of_lists_and_of_consent(sandbox):
    audiences = google(sandbox)
    await audiences.add(QUIET, [audiences.key(address(1))])
    assert [one.what for one in await VENDOR.check(audiences)] == [
        "Google lets us read the account's Customer Match lists",
        "Google is not told of consent: in the EEA it then matches nobody",
        "audience gone_quiet: open, 1 people; ads are shown from 100 on",
    ]
