"""What each network holds, from the command line and the API."""

from domain.audiences import AudienceState
from storage import audience_views
from storage.audiences import PgAudiences
from storage.database import Database
from tests.cli.terminal import Terminal
from tests.storage.test_audiences import BOTH, lead, tell, waiting, want


async def test_each_list_shows_who_belongs_there_who_is_and_what_the_network_says(
    tendril: Terminal, database: Database
):
    assert "told of anybody" in (await tendril("audiences", "list")).out
    audiences = PgAudiences(database, BOTH)
    for number in range(3):
        await want(database, await lead(database, f"lead{number}@acme.example"))
    await tell(audiences, "linkedin")
    first, *_ = await waiting(audiences, "google")
    await audiences.refused([first], "google invalid")
    state = AudienceState(audience="retarget", status="READY", size=2, least=300, usable=False)
    await audiences.read("linkedin", "retarget", state)

    google, linkedin = await audience_views.at_networks(database)
    assert (google.network, google.wanted, google.held, google.waiting, google.refused) == ("google", 3, 0, 2, 1)
    assert (google.size, google.read_real_at) == (None, None)
    assert (linkedin.wanted, linkedin.held, linkedin.waiting, linkedin.refused) == (3, 3, 0, 0)
    assert (linkedin.size, linkedin.least, linkedin.usable, linkedin.status) == (2, 300, False, "READY")
    assert linkedin.read_real_at is not None

    shown = (await tendril("audiences", "list")).out
    assert "from 300" in shown
    assert "never" in shown
    assert "acme" not in shown, "numbers, and nobody's name"
    told = (await tendril("audiences", "list", "--json")).json
    assert [one["held"] for one in told["items"]] == [0, 3]

    await want(database, await lead(database, "lead0@acme.example"), member=False)
    assert await audiences.due() == BOTH
    assert [one.wanted for one in await audience_views.at_networks(database)] == [2, 2]
