"""LinkedIn matched audiences."""

import hashlib

import pytest

import adapters.ads.linkedin as linkedin_module
from adapters.ads.linkedin import LinkedInAudiences, hashed, linkedin_client
from domain.errors import OurFault, PartialFault, TransientFault
from domain.ports import AudienceChange
from tests.adapters.touches import PERSONAL


def audiences(sandbox, **options):
    token = options.pop("token", "sandbox")
    return LinkedInAudiences(linkedin_client(f"{sandbox.url}/linkedin", token, **options), "1")


def change(number, *, member=True, email=None):
    address = f"lead{number}@example.com" if email is None else email
    return AudienceChange(audience="quiet", lead=f"ld_{number}", email=address, member=member, version=1)


def members(sandbox):
    [segment] = sandbox.app.state.store.state.segments.values()
    return segment.members


async def ready(sandbox, **options):
    """Audiences whose segment exists already."""
    found = audiences(sandbox, **options)
    with pytest.raises(TransientFault):
        await found.push("quiet", [change(0)])
    return found


async def test_a_new_audience_is_made_and_filled_once_linkedin_takes_members(sandbox):
    linkedin = audiences(sandbox)
    with pytest.raises(TransientFault) as caught:
        await linkedin.push("quiet", [change(1)])
    assert (caught.value.code, caught.value.retry_after) == ("segment_made", 5)
    await linkedin.push("quiet", [change(1)])
    assert members(sandbox) == {hashed("lead1@example.com")}


async def test_a_segment_is_made_once_even_by_two_processes(sandbox):
    await ready(sandbox)
    await audiences(sandbox).push("quiet", [change(1)])
    assert len(sandbox.app.state.store.state.segments) == 1


async def test_members_are_added_and_removed_in_one_push(sandbox):
    linkedin = await ready(sandbox)
    await linkedin.push("quiet", [change(1), change(2)])
    await linkedin.push("quiet", [change(1, member=False), change(3)])
    assert members(sandbox) == {hashed("lead2@example.com"), hashed("lead3@example.com")}


async def test_removing_someone_who_is_not_there_is_no_fault(sandbox):
    linkedin = await ready(sandbox)
    await linkedin.push("quiet", [change(1, member=False)])
    assert members(sandbox) == set()


def test_the_hash_is_of_the_normalised_address():
    expected = hashlib.sha256(b"ada.sample@example.com").hexdigest()
    assert hashed("  Ada.Sample@EXAMPLE.com\n") == expected


async def test_linkedin_never_sees_an_address(sandbox, tmp_path):
    linkedin = await ready(sandbox)
    await linkedin.push("quiet", [change(1)])
    assert "example.com" not in sandbox.app.state.store.state.model_dump_json()


async def test_a_lead_without_an_address_counts_as_done(sandbox):
    linkedin = await ready(sandbox)
    await linkedin.push("quiet", [change(1, email="")])
    assert members(sandbox) == set()


async def test_a_partial_refusal_says_who_was_taken(monkeypatch, sandbox):
    linkedin = await ready(sandbox)
    monkeypatch.setattr(
        linkedin_module, "hashed", lambda email: "no hash" if email == "lead2@example.com" else hashed(email)
    )
    with pytest.raises(PartialFault) as caught:
        await linkedin.push("quiet", [change(1), change(2), change(3), change(4, email="")])
    assert caught.value.taken == {"ld_1", "ld_3", "ld_4"}
    assert "lead2" not in str(caught.value)
    with pytest.raises(OurFault):
        await linkedin.push("quiet", [change(2)])


@pytest.mark.parametrize(
    ("kind", "expected", "certain"),
    [
        ("401", OurFault, True),
        ("429", TransientFault, True),
        ("500", TransientFault, True),
        ("reset", TransientFault, True),
    ],
)
async def test_faults_are_told_apart(sandbox, kind, expected, certain):
    linkedin = await ready(sandbox)
    sandbox.fail("linkedin", kind, path="/users", seconds=3)
    with pytest.raises(expected) as caught:
        await linkedin.push("quiet", [change(1, email="ada.sample@example.com")])
    assert caught.value.certainly_not_sent is certain
    assert caught.value.retry_after == (3 if kind == "429" else None)
    assert not [word for word in PERSONAL if word in str(caught.value)]


async def test_a_wrong_token_is_our_fault(sandbox):
    with pytest.raises(OurFault, match="check the token"):
        await audiences(sandbox, token="expired").push("quiet", [change(1)])


async def test_a_full_batch_is_taken(sandbox):
    linkedin = await ready(sandbox)
    await linkedin.push("quiet", [change(number) for number in range(linkedin.batch_size)])
    assert len(members(sandbox)) == linkedin.batch_size
