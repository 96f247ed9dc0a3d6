"""Desired audiences: each network is told by itself, until it has acknowledged the newest state."""

from datetime import timedelta
from typing import Any

import pytest

from domain.audiences import AudienceChange, AudienceState, Fate, Outcome
from domain.playbook.models import Playbook
from storage import erasure, playbooks
from storage.audiences import PgAudiences
from storage.database import Database
from storage.leads import LeadInput, upsert
from tests.fixtures.playbooks import minimal_playbook
from tests.storage.samples import NOW

BOTH = ["google", "linkedin"]


async def lead(db: Database, email: str = "ann@acme.example", **profile: Any) -> str:
    return (await upsert(db, LeadInput(external_id=email, email=email, **profile), NOW, enrol=False)).lead_id


async def want(db: Database, lead: str, audience: str = "retarget", *, member: bool = True) -> None:
    await db.pool.execute(
        "insert into audience_member (audience, lead_id, desired, changed_at) values ($1, $2, $3, $4)"
        " on conflict (audience, lead_id) do update set desired = $3, version = audience_member.version + 1",
        audience,
        lead,
        member,
        NOW,
    )


async def waiting(audiences: PgAudiences, network: str, *, leaving: bool = False) -> list[AudienceChange]:
    await audiences.due()
    lists = await audiences.lists(network, leaving=leaving)
    pages = [await audiences.page(network, one.id, 100, leaving=leaving) for one in lists]
    return [change for page in pages for change in page]


async def tell(audiences: PgAudiences, network: str) -> None:
    """The network takes everything; it knows people by the address."""
    leaving = await waiting(audiences, network, leaving=True)
    await audiences.left(leaving, NOW)
    joining = await waiting(audiences, network)
    await audiences.joined(joining, [change.email for change in joining], "", NOW)


async def held(db: Database) -> set[tuple[str, str]]:
    rows = await db.pool.fetch("select network, known_as from network_member where held")
    return {(row["network"], row["known_as"]) for row in rows}


async def test_every_network_is_told_by_itself(database: Database):
    audiences, ann = PgAudiences(database, BOTH), await lead(database)
    await want(database, ann)
    assert await audiences.due() == BOTH
    await tell(audiences, "linkedin")
    assert [change.lead for change in await waiting(audiences, "google")] == [ann]
    assert await waiting(audiences, "linkedin") == []
    await tell(audiences, "google")
    assert await held(database) == {("google", "ann@acme.example"), ("linkedin", "ann@acme.example")}


async def test_nobody_is_told_of_who_was_never_to_be_anywhere(database: Database):
    audiences = PgAudiences(database, BOTH)
    await want(database, await lead(database), member=False)
    await want(database, (await upsert(database, LeadInput(external_id="none"), NOW, enrol=False)).lead_id)
    assert await audiences.due() == []


async def test_a_network_that_refused_somebody_does_not_hold_the_others_up(database: Database):
    audiences = PgAudiences(database, BOTH)
    await want(database, await lead(database))
    await audiences.refused(await waiting(audiences, "google"), "google no")
    assert await audiences.due() == ["linkedin"]
    row = await database.pool.fetchrow("select error, refusals from network_member where network = 'google'")
    assert tuple(row) == ("google no", 1)


async def test_a_change_during_the_push_is_told_as_well(database: Database):
    audiences, ann = PgAudiences(database, ["linkedin"]), await lead(database)
    await want(database, ann)
    joining = await waiting(audiences, "linkedin")
    await want(database, ann, member=False)
    await audiences.due()
    await audiences.joined(joining, ["ann@acme.example"], "", NOW)
    assert [change.known_as for change in await waiting(audiences, "linkedin", leaving=True)] == ["ann@acme.example"]


async def test_a_network_that_is_added_later_is_told_of_everybody(database: Database):
    await want(database, await lead(database))
    await tell(PgAudiences(database, ["linkedin"]), "linkedin")
    later = PgAudiences(database, BOTH)
    assert [change.email for change in await waiting(later, "google")] == ["ann@acme.example"]
    assert await waiting(later, "linkedin") == []


async def test_a_network_that_is_taken_away_is_to_forget_everybody(database: Database):
    before = PgAudiences(database, BOTH)
    await want(database, await lead(database))
    for network in BOTH:
        await tell(before, network)
    after = PgAudiences(database, ["linkedin"])
    [gone] = await waiting(after, "google", leaving=True)
    assert (gone.known_as, gone.member) == ("ann@acme.example", False)
    await tell(after, "google")
    await database.pool.execute("update network_audience set read_real_at = now()")
    assert await after.due() == []
    assert await held(database) == {("linkedin", "ann@acme.example")}


def _playbook(*networks: str) -> Playbook:
    document = minimal_playbook().model_dump(mode="json")
    document["audiences"] = [{"id": "retarget", "label": "Come back", "when": "true", "networks": list(networks)}]
    return Playbook.model_validate(document)


async def test_a_playbook_may_keep_an_audience_to_some_networks(database: Database):
    audiences = PgAudiences(database, BOTH)
    await playbooks.store(database, _playbook("google"), NOW, default=True)
    await want(database, await lead(database))
    assert await audiences.due() == ["google"]
    assert [one.title for one in await audiences.lists("google", leaving=False)] == ["Tendril: Come back"]
    await tell(audiences, "google")
    await playbooks.store(database, _playbook("linkedin"), NOW, default=True)
    assert [change.member for change in await waiting(audiences, "google", leaving=True)] == [False]
    assert [change.member for change in await waiting(audiences, "linkedin")] == [True]


async def test_whoever_changes_their_address_leaves_under_the_former_one_and_joins_under_the_new(database: Database):
    audiences, ann = PgAudiences(database, ["linkedin"]), await lead(database)
    await want(database, ann)
    await tell(audiences, "linkedin")
    await database.pool.execute("update lead set email = 'ann@new.example' where id = $1", ann)
    [moved] = await waiting(audiences, "linkedin", leaving=True)
    assert (moved.known_as, moved.stale, moved.email) == ("ann@acme.example", True, "ann@new.example")
    assert await waiting(audiences, "linkedin") == [], "not before the former is gone"
    await tell(audiences, "linkedin")
    assert await held(database) == {("linkedin", "ann@new.example")}


async def test_an_address_that_changes_during_the_push_is_looked_into_again(database: Database):
    audiences, ann = PgAudiences(database, ["linkedin"]), await lead(database)
    await want(database, ann)
    joining = await waiting(audiences, "linkedin")
    await database.pool.execute("update lead set email = 'ann@new.example' where id = $1", ann)
    await audiences.joined(joining, ["ann@acme.example"], "", NOW)
    assert [change.known_as for change in await waiting(audiences, "linkedin", leaving=True)] == ["ann@acme.example"]


async def test_who_is_one_person_to_the_network_stays_for_the_other_lead(database: Database):
    audiences = PgAudiences(database, ["google"])
    ann, anna = await lead(database, "a.nn@gmail.example"), await lead(database, "ann@gmail.example")
    for one in (ann, anna):
        await want(database, one)
    joining = await waiting(audiences, "google")
    await audiences.joined(joining, ["the-same"] * 2, "", NOW)
    await want(database, ann, member=False)
    assert [change.shared for change in await waiting(audiences, "google", leaving=True)] == [True]
    await want(database, anna, member=False)
    assert [change.shared for change in await waiting(audiences, "google", leaving=True)] == [False, False]


async def test_a_membership_is_told_again_before_it_runs_out(database: Database):
    audiences = PgAudiences(database, ["google"])
    await want(database, await lead(database))
    await tell(audiences, "google")
    lasts = timedelta(days=540)
    for days, renewed in ((485, 0), (487, 1)):
        query = "update network_member set pushed_real_at = now() - $1::interval"
        await database.pool.execute(query, timedelta(days=days))
        assert await audiences.renew("google", lasts) == renewed
    assert len(await waiting(audiences, "google")) == 1


@pytest.mark.parametrize(
    ("fate", "again", "problem"), [(Fate.DONE, 0, ""), (Fate.PARTLY, 0, "2 of 3: X"), (Fate.FAILED, 1, "2 of 3: X")]
)
async def test_of_a_batch_that_failed_later_everybody_comes_again(
    database: Database, fate: Fate, again: int, problem: str
):
    audiences = PgAudiences(database, ["google"])
    await want(database, await lead(database))
    joining = await waiting(audiences, "google")
    await audiences.joined(joining, ["key"], "request-1", NOW)
    assert await audiences.requests("google") == [], "it has just been asked"
    await database.pool.execute("update network_request set look_real_at = now()")
    assert await audiences.requests("google") == ["request-1"]
    await audiences.became("google", "request-1", Outcome(fate=Fate.UNDER_WAY))
    assert await audiences.requests("google") == []
    await audiences.became("google", "request-1", Outcome(fate=fate, why="2 of 3: X"))
    await database.pool.execute("update network_member set retry_real_at = now()")
    assert len(await waiting(audiences, "google")) == again
    assert await database.pool.fetchval("select problem from network_audience") == problem


async def test_who_comes_back_before_the_outcome_of_their_removal_stays_whatever_it_is(database: Database):
    audiences, ann = PgAudiences(database, ["google"]), await lead(database)
    await want(database, ann)
    await tell(audiences, "google")
    await want(database, ann, member=False)
    await audiences.removing(await waiting(audiences, "google", leaving=True), ["ann@acme.example"], "request-1", NOW)
    await want(database, ann)
    assert [change.known_as for change in await waiting(audiences, "google")] == ["ann@acme.example"]
    await audiences.became("google", "request-1", Outcome(fate=Fate.FAILED, why="X"))
    await tell(audiences, "google")
    assert await held(database) == {("google", "ann@acme.example")}
    assert await waiting(audiences, "google", leaving=True) == []


async def test_what_a_network_says_of_a_list_is_kept_and_a_list_that_is_gone_is_filled_again(database: Database):
    audiences = PgAudiences(database, ["google"])
    await want(database, await lead(database))
    await tell(audiences, "google")
    assert [one.id for one in await audiences.unread("google")] == ["retarget"]
    state = AudienceState(audience="retarget", status="OPEN", size=12, least=100, usable=False)
    await audiences.read("google", "retarget", state)
    assert await audiences.unread("google") == []
    assert await audiences.due() == []
    row = await database.pool.fetchrow("select status, size, least, usable, problem from network_audience")
    assert tuple(row) == ("OPEN", 12, 100, False, "")
    await audiences.read("google", "retarget", None)
    assert len(await waiting(audiences, "google")) == 1


async def test_pages_end_and_begin_at_a_lead(database: Database):
    audiences = PgAudiences(database, ["linkedin"])
    for number in range(5):
        await want(database, await lead(database, f"lead{number}@acme.example"))
    await audiences.due()
    first = await audiences.page("linkedin", "retarget", 3, leaving=False)
    second = await audiences.page("linkedin", "retarget", 3, leaving=False, after=first[-1].lead)
    assert (len(first), len(second)) == (3, 2)
    assert len({change.lead for change in first + second}) == 5


async def test_somebody_erased_is_removed_by_the_key_alone(database: Database):
    audiences, ann = PgAudiences(database, BOTH), await lead(database)
    await want(database, ann)
    for network in BOTH:
        await tell(audiences, network)
    await erasure.erase(database, ann, "test", NOW)
    await database.pool.execute("update erasure set email = null")
    for network in BOTH:
        assert [change.known_as for change in await waiting(audiences, network, leaving=True)] == ["ann@acme.example"]
    still = await erasure.progress(database, ann)
    assert still is not None
    assert still.waiting == ("audience retarget at google", "audience retarget at linkedin")
    for network in BOTH:
        await tell(audiences, network)
    await erasure.finish(database, ann, NOW)
    assert await database.pool.fetchval("select count(*) from network_member") == 0
