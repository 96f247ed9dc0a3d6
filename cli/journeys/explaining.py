"""``tendril journeys explain``: one lead's journey in words, now or as of any moment."""

from typing import Any

from typer import echo

from cli import moments
from cli.moments import At, Decision
from cli.naming import Named, find
from cli.output import Json, print_json
from cli.session import run, session
from cli.story import story, who
from domain.playbook.models import Playbook
from storage import past, playbooks, views
from storage.tables import Lead

HELP = """Tell a lead's journey in words, now or as of any moment.

Who it is, where it stands and why, every decision in order with its reasons and what was considered and not done, the
touches, when it decides next, and what would move it forward.

With --at TIME or --decision N all of that as it was then: what was known then, the decision in force then (also one
that was taken back since), and nothing that came later. What is kept only as it is now is said to be so.

Examples: `tendril journeys explain ld_abcdefghijkl`, `tendril journeys explain ld_abcdefghijkl --at '3d ago'`
"""


def explain(lead: Named, at: At = "", decision: Decision = None, as_json: Json = False) -> None:
    async def read() -> tuple[Lead, dict[str, Any], Playbook, str]:
        async with session() as here:
            found = await find(here.database, lead)
            moment = await moments.asked(here.database, found.id, here.now, at, decision)
            if moment is None:
                view = await views.journey_view(here.database, found.id)
            else:
                view = await past.journey_view(here.database, found.id, moment)
            return found, view, await playbooks.read(here.database.pool, view["playbook_hash"]), here.time_note

    found, view, document, time_note = run(read())
    if as_json:
        print_json({"lead": found.model_dump(), "who": who(found), **view})
    else:
        echo(story(found, view, document))
        if time_note:
            echo(f"\n{time_note}")
