"""``tendril ui``: a lead's journey in the Temporal UI."""

import webbrowser
from typing import Annotated

from typer import Option, echo

from cli.naming import Named, find
from cli.output import say, when
from cli.session import run, session
from cli.settings import read_settings
from domain.errors import Refused
from runtime.embedded.where import located
from runtime.temporal import connect
from runtime.temporal_pages import Page, journey_page, runs


def ui(
    lead: Named,
    only_print: Annotated[bool, Option("--print", help="Print the addresses and open nothing.")] = False,
) -> None:
    """Open a lead's journey in the Temporal UI, and print its address and those of its earlier runs.

    A journey has several runs after a reset, in later cycles, and where it continued as new. The UI's address is
    TENDRIL_TEMPORAL_UI_URL, or that of the `tendril up` that runs here.

    Example: `tendril ui ld_abcdefghijkl --print`
    """
    settings = located(read_settings())

    async def read() -> tuple[str, list[Page]]:
        async with session() as here:
            found = await find(here.database, lead)
        page = journey_page(settings, found.id)
        try:
            return page, await runs(await connect(settings), settings, found.id)
        except RuntimeError:
            say(f"Temporal at {settings.temporal_address} can't be reached: its runs are not listed.")
        except Refused as refused:
            say(str(refused))
        return page, []

    page, pages = run(read())
    echo(page)
    for one in pages if len(pages) > 1 else ():
        echo(f"    {one.url}  began {when(one.started)}, {one.status}")
    if not only_print and not webbrowser.open(page):
        say("No browser could be opened here.")
