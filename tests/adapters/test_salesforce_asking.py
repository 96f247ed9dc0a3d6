"""Salesforce: logging in, questions that no value becomes part of, pages, and the day's quota."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from simple_salesforce.format import quote_soql_value

from adapters.crm import salesforce
from adapters.crm.salesforce_auth import client_credentials, jwt_bearer
from adapters.crm.salesforce_client import SalesforceClient
from adapters.crm.salesforce_soql import among, fitting, kind_of, quoted, select, selected
from domain.errors import OurFault, Refused, TransientFault
from sandbox.salesforce_soql import parsed
from tests.adapters.crm_contract import change
from tests.adapters.recording import Recording
from tests.adapters.running import Sandbox
from tests.adapters.salesforce_org import client, connect, org, there
from tests.adapters.standing import emptied, standing_sandbox


@pytest.fixture(scope="module")
def standing() -> Iterator[Sandbox]:
    with standing_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(standing: Sandbox) -> Sandbox:
    return emptied(standing)


# --- logging in ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode(), public.decode()


async def test_a_user_is_spoken_for_by_a_signed_jwt_and_by_no_other_key(sandbox, key):
    private, org(sandbox).held.certificate = key
    grant = jwt_bearer("tendril", "sam@example.com", private, "https://login.salesforce.com")
    assert (await client(f"{sandbox.url}/salesforce", grant=grant).limits())["DailyApiRequests"]["Max"]
    org(sandbox).held.certificate = key[1].replace(key[1][100:104], "AAAA")
    with pytest.raises(OurFault, match="invalid_grant") as caught:
        await client(f"{sandbox.url}/salesforce", grant=grant).limits()
    assert "sam@example.com" not in str(caught.value)


async def test_a_key_that_is_none_is_named_and_not_shown(sandbox):
    grant = jwt_bearer("tendril", "sam@example.com", "nonsense", "https://login.salesforce.com")
    with pytest.raises(OurFault, match="TENDRIL_SALESFORCE_PRIVATE_KEY is no RSA key"):
        await client(f"{sandbox.url}/salesforce", grant=grant).limits()


async def test_an_expired_token_is_fetched_anew_once_for_all_that_wait(sandbox):
    transport = Recording()
    crm = connect(sandbox, transport=transport).crm
    await crm.upsert([change(1)])
    org(sandbox).held.tokens.clear()
    await asyncio.gather(*(crm.upsert([change(number)]) for number in range(2, 6)))
    assert len(there(sandbox, "Contact")) == 5
    assert len(transport.of("POST", "/services/oauth2/token")) == 2


async def test_wrong_credentials_are_ours_to_mend(sandbox):
    with pytest.raises(OurFault, match="invalid_client") as caught:
        await client(f"{sandbox.url}/salesforce", grant=client_credentials("tendril", "wrong")).limits()
    assert caught.value.status == 400


def test_with_nothing_to_log_in_with_it_is_said_what_to_set():
    with pytest.raises(Refused, match="nothing to log in with") as caught:
        salesforce.connection(salesforce.SalesforceSettings(client_id="tendril"))
    assert "TENDRIL_SALESFORCE_PRIVATE_KEY" in caught.value.remedy


# --- asking --------------------------------------------------------------------------------------------------------


@given(st.text())
def test_no_value_becomes_part_of_a_question(value):
    """Read by a grammar of its own it is the one value; and it is written as simple-salesforce writes it."""
    assert quoted(value) == quote_soql_value(value)
    query = parsed(select(("Id",), "Contact", f"Email = {quoted(value)}"))
    assert query.where(lambda _name: value)
    assert not query.where(lambda _name: value + "x")


@given(st.lists(st.text(), max_size=5))
def test_no_list_of_values_does(values):
    query = parsed(select(("Id",), "Contact", f"Email IN {among(values)}"))
    for value in values:
        assert query.where({"Email": value}.__getitem__)


@pytest.mark.parametrize("name", ["Id FROM User", "Name)", "", "a-b", "1x", "Account..Name", "Id,Name"])
def test_a_name_that_is_none_is_not_asked_for(name):
    with pytest.raises(OurFault):
        selected(["Id", name])


@given(st.lists(st.tuples(st.text(max_size=300), st.text(max_size=300)), max_size=60))
def test_long_lists_are_asked_for_in_parts_that_lose_nobody(values):
    parts = list(fitting(values))
    assert [one for part in parts for one in part] == values
    assert all(len(part) == 1 or sum(len(text) for one in part for text in one) <= 4000 for part in parts)


def test_an_id_says_what_it_is_of():
    ids = ("003000000000001AAA", "00Q000000000001", "999999", "003' OR Id != '", "")
    assert [kind_of(one) for one in ids] == ["Contact", "Lead", "", "", ""]


async def test_pages_are_followed_on_the_orgs_own_address_only(sandbox, monkeypatch):
    connection = connect(sandbox)
    for number in range(450):
        org(sandbox).add("Contact", {"LastName": "x", "Tendril_Lead_Id__c": f"ld_{number}"})
    found, cursor, more = set[str](), "", True
    while more:
        page = await connection.reading.changed(cursor, (), {}, 10)
        found, cursor, more = found | {one.crm_id for one in page.contacts}, page.cursor, page.more
    assert found == there(sandbox, "Contact").keys()
    again = await connection.reading.changed(cursor, (), {}, 10)  # the readings overlap
    assert {one.crm_id for one in again.contacts} <= found

    async def elsewhere(*_args, **_options):
        body = {"records": [], "done": False, "nextRecordsUrl": "https://elsewhere.example/collect?all"}
        return httpx.Response(200, json=body)

    monkeypatch.setattr(SalesforceClient, "request", elsewhere)
    with pytest.raises(OurFault, match="next page"):
        await connection.reading.changed("", (), {}, 10)


async def test_pages_that_salesforce_no_longer_keeps_are_asked_for_anew(sandbox):
    connection = connect(sandbox)
    for number in range(250):
        org(sandbox).add("Contact", {"LastName": "x", "Tendril_Lead_Id__c": f"ld_{number}"})
    page = await connection.reading.changed("", (), {}, 10)
    org(sandbox).held.pages.clear()
    again = await connection.reading.changed(page.cursor, (), {}, 10)
    assert (len(page.contacts), len(again.contacts), again.more) == (200, 200, True)


async def test_who_changes_while_later_pages_are_read_is_read_next_time(sandbox):
    """Even where those pages have values of their own time: the end of the reading is when it was begun."""
    connection, now = connect(sandbox), datetime.now(UTC)
    first = org(sandbox).add("Contact", {"LastName": "x", "Tendril_Lead_Id__c": "ld_first"})
    for number in range(250):
        org(sandbox).add("Contact", {"LastName": "x", "Tendril_Lead_Id__c": f"ld_{number}"})
    page = await connection.reading.changed("", (), {}, 10)
    assert first in {one.crm_id for one in page.contacts}
    there(sandbox, "Contact")[first]["SystemModstamp"] = (now + timedelta(minutes=5)).isoformat()
    [kept] = org(sandbox).held.pages.values()
    kept[-1]["SystemModstamp"] = (now + timedelta(minutes=10)).isoformat()
    page = await connection.reading.changed(page.cursor, (), {}, 10)
    assert not page.more
    again = await connection.reading.changed(page.cursor, (), {}, 2000)
    assert first in {one.crm_id for one in again.contacts}


async def test_deleted_contacts_are_told_as_such(sandbox):
    connection = connect(sandbox)
    [contact] = (await connection.crm.upsert([change(1)])).values()
    page = await connection.reading.changed("", (), {}, 10)
    org(sandbox).delete(contact)
    news = await connection.reading.changed(page.cursor, (), {}, 10)
    assert [(one.crm_id, one.deleted) for one in news.contacts] == [(contact, True)]


# --- quota ---------------------------------------------------------------------------------------------------------


async def test_a_share_of_the_day_is_kept_for_others(sandbox):
    org(sandbox).held.used, org(sandbox).held.most = 79, 100
    crm = connect(sandbox).crm
    with pytest.raises(TransientFault, match="20% of 100 requests a day are kept for others") as caught:
        await crm.upsert([change(1)])
    assert caught.value.code == "quota"
    assert caught.value.retry_after == 900
    assert org(sandbox).held.used < 83


async def test_a_day_used_up_by_others_is_waited_for(sandbox):
    org(sandbox).held.used = org(sandbox).held.most = 100
    with pytest.raises(TransientFault) as caught:
        await connect(sandbox).crm.upsert([change(1)])
    assert (caught.value.status, caught.value.code) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert caught.value.retry_after == 900


async def test_a_user_who_may_not_see_the_limits_still_writes(sandbox):
    sandbox.fail("salesforce", "403", path="/limits")
    assert await connect(sandbox).crm.upsert([change(1)])


async def test_known_contacts_are_written_by_the_two_hundred(sandbox):
    transport = Recording()
    crm = connect(sandbox, transport=transport).crm
    changes = [change(number) for number in range(crm.batch_size)]
    taken = await crm.upsert(changes)
    transport.seen.clear()
    assert await crm.upsert([one.model_copy(update={"crm_id": taken[one.lead]}) for one in changes]) == taken
    assert [(one.method, one.url.path.rpartition("/")[2]) for one, _ in transport.seen] == [("PATCH", "sobjects")]
