"""Who is who: the same statements make the same people in any order, and a shared computer makes nobody one."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import NotFound
from domain.merging import Said
from storage import aliases, leads, merges, unmerges
from storage.aliases import Pair
from storage.database import Database
from storage.inbox import accept
from storage.leads import LeadInput
from tests.fixtures.examples import examples
from tests.storage.samples import NOW, enrolled, event

_example = itertools.count()


async def known(db: Database, **profile: Any) -> str:
    return (await leads.upsert(db, LeadInput(**profile), NOW, enrol=False)).lead_id


async def did(db: Database, name: str, **sender: Any) -> None:
    await accept(db, [event(name, **sender)], NOW)


async def whose(db: Database) -> dict[str, str | None]:
    return {
        row["message_id"]: row["lead_id"] for row in await db.pool.fetch("select message_id, lead_id from behaviour")
    }


async def suggested(db: Database) -> list[tuple[str, ...]]:
    rows = await db.pool.fetch("select one, other, why from same_person where denied_at is null order by one, other")
    return [tuple(row.values()) for row in rows]


# --- in any order --------------------------------------------------------------------------------------------------


class Statement(NamedTuple):
    """Of names of one person: ``u`` a user id, ``p`` a former one, ``e`` an address, ``v1`` and ``v2`` visitors."""

    what: str
    names: tuple[str, ...]


_SAID = [
    *(Statement("identify", names) for names in (("u",), ("e",), ("u", "e"), ("u", "v1"), ("e", "v2"), ("u", "v2"))),
    *(Statement("alias", names) for names in (("v1", "u"), ("p", "u"), ("v2", "p"))),
    *(Statement("event", (name,)) for name in ("u", "p", "v1", "v2")),
    Statement("merge", ("u", "e")),
]
_WORLD = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(_SAID)), unique=True, min_size=3, max_size=14)


class World:
    """Statements carried out on a database, under names of this example alone."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.tag = f"-{next(_example)}"

    async def say(self, person: str, said: Statement) -> bool:
        """False for what can't be said yet: a merge of somebody whom nobody knows."""
        names = [f"{name}{person}{self.tag}" for name in said.names]
        match said.what:
            case "identify":
                await known(self.db, **self._profile(names))
            case "alias":
                await aliases.unite(self.db, [Pair(names[0], names[1])], NOW)
            case "event":
                sender = "anonymous_id" if names[0].startswith("v") else "user_id"
                await did(self.db, names[0], **{sender: names[0]})
            case "merge":
                return await self._merge(names)
        return True

    async def people(self) -> list[frozenset[str]]:
        """The names of events, by the lead they are of; one set of its own for each that waits."""
        rows = {name: lead for name, lead in (await whose(self.db)).items() if name.endswith(self.tag)}
        of: dict[str, set[str]] = {}
        for name, lead in rows.items():
            of.setdefault(lead or name, set()).add(name.removesuffix(self.tag))
        return sorted((frozenset(names) for names in of.values()), key=sorted)

    @staticmethod
    def _profile(names: Sequence[str]) -> dict[str, Any]:
        user = next((name for name in names if name.startswith("u")), None)
        address = next((f"{name}@acme.example" for name in names if name.startswith("e")), None)
        return {"external_id": user, "email": address, "anonymous_ids": tuple(n for n in names if n.startswith("v"))}

    async def _merge(self, names: Sequence[str]) -> bool:
        one = await leads.find(self.db, external_id=names[0])
        other = await leads.find(self.db, email=f"{names[1]}@acme.example")
        if one is None or other is None:
            return False
        if one.id != other.id:
            await merges.merge(self.db, one.id, other.id, "test", "", NOW)
        return True


def model(said: Sequence[tuple[str, Statement]]) -> list[frozenset[str]]:
    """The same without a database: names that a statement joins are one person's, once any of them is identified."""
    named = [(one.what, {f"{name}{person}" for name in one.names}) for person, one in said]
    identified = set().union(*(names for what, names in named if what == "identify"))
    events = set().union(*(names for what, names in named if what == "event"))
    groups = _joined([names for what, names in named if what != "merge"])
    known = set().union(*(group for group in groups if group & identified))
    groups = _joined([*groups, *(names for what, names in named if what == "merge" and names <= known)])
    people = [
        seen
        for group in groups
        for seen in ([group & events] if group & identified else [{name} for name in group & events])
    ]
    return sorted((frozenset(seen) for seen in people if seen), key=sorted)


def _joined(sets: Sequence[set[str]]) -> list[set[str]]:
    """Sets that have something in common, as one."""
    groups: list[set[str]] = []
    for names in sets:
        groups = [*(group for group in groups if not group & names), names.union(*(g for g in groups if g & names))]
    return groups


@given(said=_WORLD, random=st.randoms(use_true_random=False))
@settings(examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_order_of_the_same_statements_makes_the_same_people(database: Database, said: Any, random: Any):
    order = list(said)
    random.shuffle(order)
    world = World(database)
    late = [one for one in order if not await world.say(*one)]
    for one in late:
        await world.say(*one)
    assert await world.people() == model(said)


# --- shared computers ----------------------------------------------------------------------------------------------


async def test_a_shared_computer_is_whose_was_seen_with_it_last(database: Database):
    await did(database, "before", anonymous_id="pc")
    ann = await known(database, email="ann@acme.example", anonymous_ids=("pc",))
    await did(database, "anns", anonymous_id="pc")
    bob = await known(database, email="bob@acme.example", anonymous_ids=("pc",))
    await did(database, "bobs", anonymous_id="pc")
    await did(database, "anns again", anonymous_id="pc", user_id=ann, lead_id=ann)
    assert ann != bob
    assert await whose(database) == {"before": ann, "anns": ann, "bobs": bob, "anns again": ann}
    assert await suggested(database) == []


async def test_a_computer_unites_nobody_whose_names_differ_and_no_two_journeys(database: Database, playbook: str):
    ann = await known(database, external_id="u-1", anonymous_ids=("pc",))
    bob = await known(database, external_id="u-2", anonymous_ids=("pc",))
    await aliases.unite(database, [Pair("pc", "u-1")], NOW)
    assert ann != bob
    await did(database, "anns", anonymous_id="pc")
    assert (await whose(database))["anns"] == ann
    assert await suggested(database) == []

    for profile in ({"external_id": "u-3"}, {"email": "eve@acme.example"}):
        await leads.upsert(database, LeadInput(**profile), NOW)
    eve = await known(database, email="eve@acme.example", anonymous_ids=("phone",))
    one = await known(database, external_id="u-3", anonymous_ids=("phone",))
    assert one != eve
    assert await suggested(database) == [(*sorted((one, eve)), "visitor")]


# --- two leads that are said to be one -----------------------------------------------------------------------------


async def test_an_identify_unites_what_only_the_order_kept_apart(database: Database, playbook: str):
    first = await known(database, external_id="u-1")
    second = await enrolled(database, "ann@acme.example")
    await did(database, "visit", user_id="u-1")
    taken = await leads.upsert(database, LeadInput(external_id="u-1", email="ann@acme.example"), NOW)
    assert (taken.lead_id, taken.note) == (second, "")
    assert await merges.current(database.pool, first) == second
    assert await whose(database) == {"visit": second}


async def test_two_addresses_are_suggested_and_the_address_stays_where_it_is(database: Database):
    ann = await known(database, external_id="u-1", email="ann@acme.example")
    bob = await known(database, external_id="u-2", email="bob@acme.example")
    clash = await leads.upsert(database, LeadInput(external_id="u-2", email="ann@acme.example"), NOW, enrol=False)
    assert (clash.lead_id, ann in clash.note) == (bob, True)
    assert await suggested(database) == [(*sorted((ann, bob)), "identified")]


@pytest.mark.parametrize(("address", "one"), [(None, True), ("bob@acme.example", False)])
async def test_an_alias_of_two_leads_unites_them_unless_they_have_two_addresses(
    database: Database, address: str | None, one: bool
):
    ann = await known(database, external_id="u-1", email="ann@acme.example")
    other = await known(database, external_id="u-2", email=address)
    await aliases.unite(database, [Pair("u-2", "u-1")], NOW)
    same = await merges.current(database.pool, ann) == await merges.current(database.pool, other)
    assert same is one
    assert await suggested(database) == ([] if one else [(*sorted((ann, other)), "alias")])


async def test_profiles_of_one_batch_become_one_lead(database: Database):
    batch = [LeadInput(external_id="u-1"), LeadInput(email="ann@acme.example"), LeadInput(anonymous_ids=("v",))]
    both = LeadInput(external_id="u-1", email="ann@acme.example", anonymous_ids=("v",))
    taken = await leads.upsert_many(database, [*batch, both], NOW, enrol=False)
    assert len({one.lead_id for one in taken}) == 1
    assert Counter(one.created for one in taken) == {True: 1, False: 3}
    assert await database.pool.fetchval("select count(*) from lead") == 1


async def test_one_mailbox_is_suggested_and_never_united(database: Database):
    ann = await known(database, email="ann.smith@gmail.com")
    other = await known(database, email="annsmith+work@googlemail.com")
    assert ann != other
    assert await suggested(database) == [(*sorted((ann, other)), "mailbox")]
    assert await known(database, email="annsmith+work@googlemail.com") == other
    assert (await leads.get(database, other)).email == "annsmith+work@googlemail.com"


async def test_what_a_person_has_parted_stays_two(database: Database):
    first, second = await known(database, external_id="u-1"), await known(database, email="ann@acme.example")
    both = LeadInput(external_id="u-1", email="ann@acme.example")
    await leads.upsert(database, both, NOW, enrol=False)
    gone = second if await merges.current(database.pool, second) == first else first
    await unmerges.unmerge(database, gone, "test", NOW)
    taken = await leads.upsert(database, both, NOW, enrol=False)
    assert "was left there" in taken.note
    assert await merges.unite(database, first, second, Said.ALIAS, NOW) == ""
    assert await suggested(database) == []
    with pytest.raises(NotFound):
        await unmerges.unmerge(database, gone, "test", NOW)


# --- companies -----------------------------------------------------------------------------------------------------


async def test_a_free_mail_domain_never_makes_a_company(database: Database):
    for number, domain in enumerate(
        ("gmail.com", "googlemail.com", "outlook.com", "icloud.com", "proton.me", "gmx.de")
    ):
        lead = await leads.get(database, await known(database, email=f"ann{number}@{domain}", company="Acme"))
        assert lead.account_id is None
    assert await database.pool.fetchval("select count(*) from account") == 0


async def test_one_company_in_either_spelling_of_its_domain(database: Database):
    ann = await leads.get(database, await known(database, email="ann@bücher.example"))
    bob = await leads.get(database, await known(database, email="bob@xn--bcher-kva.example"))
    assert ann.account_id == bob.account_id is not None
