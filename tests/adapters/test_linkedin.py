"""LinkedIn matched audiences. LinkedIn publishes neither a specification nor a library: checked against its pages."""

from typing import Any

import pytest
from pydantic import SecretStr

from adapters.ads.linkedin import SETTLING, VENDOR, LinkedInAudiences, LinkedInSettings, linkedin_audiences
from domain.audiences import LIST_MADE
from domain.errors import TransientFault
from tests.adapters.audiences_contract import QUIET, AudiencesContract, address
from tests.adapters.running import Sandbox


def linkedin(sandbox: Sandbox, *, token: str = "", **options: Any) -> LinkedInAudiences:
    settings = LinkedInSettings(base_url=f"{sandbox.url}/linkedin", token=SecretStr(token or "sandbox"))
    return linkedin_audiences(settings, **options)


class TestLinkedIn(AudiencesContract):
    network, filling, least, batch = "linkedin", "/users", 300, 500

    def audiences(self, sandbox: Sandbox, **options: Any) -> LinkedInAudiences:
        return linkedin(sandbox, **options)

    def held(self, sandbox: Sandbox) -> dict[str, set[str]]:
        return {one.name: one.members for one in sandbox.app.state.store.state.segments.values()}


async def test_a_segment_just_made_takes_members_after_five_seconds(sandbox):
    audiences = linkedin(sandbox)
    with pytest.raises(TransientFault) as caught:
        await audiences.add(QUIET, [audiences.key(address(1))])
    assert (caught.value.code, caught.value.retry_after) == (LIST_MADE, SETTLING)


async def test_a_segment_that_was_deleted_is_made_anew(sandbox):
    audiences = linkedin(sandbox)
    for _ in range(2):
        sandbox.app.state.store.state.segments.clear()
        with pytest.raises(TransientFault):
            await audiences.add(QUIET, [audiences.key(address(1))])
        await audiences.add(QUIET, [audiences.key(address(1))])
        sandbox.app.state.store.state.segments.clear()
        with pytest.raises(TransientFault) as gone:
            await audiences.add(QUIET, [audiences.key(address(1))])
        assert gone.value.code == "list_gone"


async def test_an_expired_segment_is_not_usable(sandbox):
    audiences = linkedin(sandbox)
    with pytest.raises(TransientFault):
        await audiences.add(QUIET, [])
    await audiences.add(QUIET, [audiences.key(address(number)) for number in range(400)])
    [segment] = sandbox.app.state.store.state.segments.values()
    segment.status = "EXPIRED"
    state = await audiences.state(QUIET)
    assert state is not None
    assert (state.size, state.status, state.usable) == (400, "EXPIRED", False)


async def test_the_check_tells_of_each_segment(sandbox):
    audiences = linkedin(sandbox)
    with pytest.raises(TransientFault):
        await audiences.add(QUIET, [])
    found = await VENDOR.check(audiences)
    assert [one.what for one in found] == [
        "LinkedIn lets us read the ad account's segments",
        "audience gone_quiet: building, size not known yet; ads are shown from 300 on",
    ]
