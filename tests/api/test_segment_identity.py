"""Whose behaviour it is and whose company, in whichever order a site says so."""

import asyncio
import itertools
import random
from collections.abc import Coroutine

import httpx
import pytest

from storage.database import Database
from tests.api.test_tracking import lead_of

EMAIL = {"email": "robin@orchard.example"}


async def looked(api: httpx.AsyncClient, name: str, **who: str) -> None:
    await api.post("/v1/track", json={"event": name, **who})


async def alias(api: httpx.AsyncClient, previous: str, current: str) -> None:
    answer = await api.post("/v1/alias", json={"previousId": previous, "userId": current})
    assert answer.status_code == 200


async def identify(api: httpx.AsyncClient, **who: object) -> None:
    assert (await api.post("/v1/identify", json=who)).status_code == 200


async def theirs(database: Database) -> dict[str | None, list[str]]:
    """The names of the events that were tracked, by lead."""
    found: dict[str | None, list[str]] = {}
    for lead, name in await database.pool.fetch("select lead_id, name from behaviour where kind = 'track' order by id"):
        found.setdefault(lead, []).append(name)
    return found


@pytest.fixture
async def lead(api: httpx.AsyncClient, playbook: str) -> str:
    return await lead_of(api)


# --- alias ---------------------------------------------------------------------------------------------------------


async def test_what_a_visitor_did_is_the_leads_once_an_alias_says_so(
    api: httpx.AsyncClient, database: Database, lead: str
):
    await looked(api, "before", anonymousId="v1")
    await alias(api, "v1", "crm-1")
    await looked(api, "after", anonymousId="v1")

    assert await theirs(database) == {lead: ["before", "after"]}


async def test_what_is_attached_is_there_before_the_journey_is_woken(
    api: httpx.AsyncClient, database: Database, lead: str
):
    await looked(api, "before", anonymousId="v1")
    await database.pool.execute("delete from pending_wake")

    await alias(api, "v1", "crm-1")

    positions = await database.pool.fetch("select name, position from behaviour order by position")
    assert [tuple(row) for row in positions] == [("before", 1), ("alias", 2)]
    assert set(await database.pool.fetchval("select types from pending_wake")) == {"before", "alias"}


async def test_a_leads_new_id_is_theirs_too(api: httpx.AsyncClient, database: Database, lead: str):
    await looked(api, "early", userId="crm-2")
    await alias(api, "crm-1", "crm-2")
    await looked(api, "late", userId="crm-2")

    assert await theirs(database) == {lead: ["early", "late"]}


async def test_tendrils_own_id_serves_as_well(api: httpx.AsyncClient, database: Database, lead: str):
    await looked(api, "aliased", anonymousId="v1")
    await looked(api, "identified", anonymousId="v2")
    await alias(api, "v1", lead)
    await identify(api, userId=lead, anonymousId="v2")

    assert await theirs(database) == {lead: ["aliased", "identified"]}


async def test_an_alias_of_two_unknown_names_is_remembered_until_one_is_known(
    api: httpx.AsyncClient, database: Database
):
    await looked(api, "first", anonymousId="v1")
    await alias(api, "v1", "u1")
    await looked(api, "second", anonymousId="v1")
    assert set(await theirs(database)) == {None}

    await identify(api, userId="u1", traits=EMAIL)
    await looked(api, "third", anonymousId="v1")

    ((lead, names),) = (await theirs(database)).items()
    assert lead is not None
    assert names == ["first", "second", "third"]
    assert await database.pool.fetchval("select count(*) from alias") == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_the_order_in_which_names_are_joined_does_not_matter(
    api: httpx.AsyncClient, database: Database, order: tuple[int, ...]
):
    """Three aliases in a chain, and one identify in the middle of it."""
    for name in ("v1", "v2", "u1", "u2"):
        await looked(api, name, userId=name)
    steps = [
        lambda: alias(api, "v1", "u1"),
        lambda: alias(api, "v2", "u1"),
        lambda: alias(api, "u1", "u2"),
        lambda: identify(api, userId="u1", traits=EMAIL),
    ]

    for number in order:
        await steps[number]()

    ((lead, names),) = (await theirs(database)).items()
    assert lead is not None
    assert sorted(names) == ["u1", "u2", "v1", "v2"]


async def test_said_again_it_changes_nothing_and_writes_nothing(api: httpx.AsyncClient, database: Database, lead: str):
    for _ in range(3):
        await alias(api, "v1", "crm-1")
        await alias(api, "w1", "w2")
        await alias(api, "w1", "w1")

    assert await database.pool.fetchval("select count(*) from alias") == 1
    assert await database.pool.fetchval("select count(*) from identity where value = 'v1'") == 2


async def test_two_leads_stay_two(api: httpx.AsyncClient, database: Database, lead: str):
    other = await lead_of(api, "crm-2")
    await alias(api, "crm-2", "crm-1")

    await looked(api, "one", userId="crm-1")
    await looked(api, "two", userId="crm-2")

    assert await theirs(database) == {lead: ["one"], other: ["two"]}


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_passes_what_nothing_is_left_behind(api: httpx.AsyncClient, database: Database, seed: int):
    """Events, aliases and identifies of five people, each by three names, all at once."""
    people = [(f"v{n}", f"w{n}", f"u{n}") for n in range(5)]
    calls: list[Coroutine[None, None, None]] = []
    for visitor, second, user in people:
        calls += [alias(api, visitor, user), alias(api, second, visitor)]
        calls.append(identify(api, userId=user, traits={"email": f"{user}@orchard.example"}))
        calls += [looked(api, f"{name}-{n}", anonymousId=name) for name in (visitor, second) for n in range(6)]
    random.Random(seed).shuffle(calls)

    await asyncio.gather(*calls)

    found = await theirs(database)
    assert None not in found
    assert sorted(len(names) for names in found.values()) == [12] * 5


# --- group ---------------------------------------------------------------------------------------------------------


async def group(api: httpx.AsyncClient, user: str, group_id: str, **traits: object) -> None:
    answer = await api.post("/v1/group", json={"userId": user, "groupId": group_id, "traits": traits})
    assert answer.json()["accepted"] == 1


async def account(database: Database, user: str) -> tuple[str, str | None, str]:
    row = await database.pool.fetchrow(
        "select a.id, a.domain, a.name from lead l join account a on a.id = l.account_id where l.external_id = $1", user
    )
    assert row
    return tuple(row)


async def people(api: httpx.AsyncClient, **emails: str) -> None:
    for user, email in emails.items():
        await identify(api, userId=user, traits={"email": email})


async def test_the_same_group_is_the_same_account(api: httpx.AsyncClient, database: Database):
    await people(api, u1="ann@mail.example", u2="ben@other.example")
    await group(api, "u1", "acc-77", name="Orchard", domain="https://www.orchard.example/")
    await group(api, "u2", "acc-77")

    first, second = await account(database, "u1"), await account(database, "u2")
    assert first == second
    assert first[1:] == ("orchard.example", "Orchard")


async def test_a_group_takes_the_account_that_has_its_domain(api: httpx.AsyncClient, database: Database):
    await people(api, u1="ann@orchard.example", u2="ben@gmail.com")
    before = await account(database, "u1")

    await group(api, "u2", "acc-77", website="orchard.example", name="Orchard")

    assert (await account(database, "u2"))[0] == before[0]
    assert (await account(database, "u1"))[2] == "Orchard"


async def test_without_a_domain_it_takes_the_account_the_lead_is_in(api: httpx.AsyncClient, database: Database):
    await people(api, u1="ann@orchard.example", u2="ben@orchard.example")
    before = await account(database, "u1")

    await group(api, "u1", "acc-77")

    assert await account(database, "u1") == await account(database, "u2") == before


async def test_a_second_group_of_one_domain_is_another_company(api: httpx.AsyncClient, database: Database):
    await people(api, u1="ann@agency.example")
    await group(api, "u1", "client-1", name="One")
    await group(api, "u1", "client-2", name="Two")

    found = await account(database, "u1")
    assert found[1:] == (None, "Two")
    assert await database.pool.fetchval("select count(*) from account") == 2


@pytest.mark.parametrize(("group_id", "domain"), [("Orchard.example", "orchard.example"), ("acc.77", None)])
async def test_an_id_that_is_a_domain_is_one(
    api: httpx.AsyncClient, database: Database, group_id: str, domain: str | None
):
    await people(api, u1="ann@gmail.com")
    await group(api, "u1", group_id)

    assert (await account(database, "u1"))[1] == domain


async def test_a_free_mailer_is_no_company(api: httpx.AsyncClient, database: Database):
    await people(api, u1="ann@gmail.com")
    await group(api, "u1", "acc-77", domain="gmail.com", name="Orchard")

    assert (await account(database, "u1"))[1:] == (None, "Orchard")


async def test_what_was_said_of_a_visitors_company_holds_once_they_are_known(
    api: httpx.AsyncClient, database: Database
):
    body = {"anonymousId": "v1", "groupId": "acc-77", "traits": {"domain": "orchard.example"}}
    await api.post("/v1/group", json=body)
    assert await database.pool.fetchval("select count(*) from account") == 0

    await identify(api, userId="u1", anonymousId="v1", traits={"email": "ann@gmail.com"})

    assert (await account(database, "u1"))[1] == "orchard.example"


async def test_a_late_retry_of_an_old_group_changes_nothing(api: httpx.AsyncClient, database: Database):
    await people(api, u1="ann@gmail.com")
    times = ("2026-03-01T09:00:00Z", "2026-03-02T09:00:00Z", "2026-03-01T09:00:00Z")
    for at in times:
        await api.post("/v1/group", json={"userId": "u1", "groupId": f"of-{at[:10]}", "messageId": at, "timestamp": at})

    named = await database.pool.fetchval(
        "select group_id from account_identity i join lead l on l.account_id = i.account_id"
    )
    assert named == "of-2026-03-02"


async def test_many_who_join_at_once_join_one_company(api: httpx.AsyncClient, database: Database):
    await people(api, **{f"u{n}": f"u{n}@gmail.com" for n in range(8)})

    await asyncio.gather(*(group(api, f"u{n}", "acc-77", name="Orchard") for n in range(8)))

    assert len({await account(database, f"u{n}") for n in range(8)}) == 1
    assert await database.pool.fetchval("select count(*) from account") == 1
