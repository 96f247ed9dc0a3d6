"""``tendril leads``: taken in, listed, shown, merged, given out, erased."""

from typing import Annotated

from typer import Option, Typer, echo

from cli import consent, merging
from cli.importing import command
from cli.naming import Named, find
from cli.output import All, Json, Limit, cell, listing, print_json
from cli.pages import collect
from cli.session import run, session
from storage import leads
from storage.tables import Lead

app = Typer(no_args_is_help=True, help="Leads: taken in from files, listed, shown, merged, given out, erased.")
app.command("import", help=command.HELP)(command.import_)
app.command("export", help=consent.EXPORT)(consent.export_)
app.command(help=consent.ERASE)(consent.erase)
app.command(help=consent.READMIT)(consent.readmit)
app.command(help=merging.MERGE)(merging.merge)
app.command(help=merging.UNMERGE)(merging.unmerge)
app.command("duplicates", help=merging.DUPLICATES)(merging.suggested)
app.command(help=merging.DISTINCT)(merging.distinct)
app.command("merges", help=merging.MERGES)(merging.merged)

_COLUMNS = {
    "id": "Id",
    "external_id": "External id",
    "email": "Address",
    "country": "Country",
    "source": "Source",
    "owner": "Owner",
    "created_at": "Since",
}


@app.command("list")
def list_(
    search: Annotated[str, Option(help="Part of an id, external id or address.")] = "",
    limit: Limit = 100,
    everything: All = False,
    as_json: Json = False,
) -> None:
    """Leads, by id."""

    async def read() -> tuple[list[Lead], int, str]:
        async with session() as here:

            async def page(cursor: str | None, size: int) -> tuple[list[Lead], str | None, int]:
                return await leads.list_leads(here.database, search=search, cursor=cursor, limit=size)

            return *await collect(page, None if everything else limit), here.time_note

    found, total, note = run(read())
    items = [lead.model_dump() for lead in found]
    listing(items, total, _COLUMNS, as_json=as_json, empty="There are no such leads.", note=note)


@app.command()
def show(lead: Named, as_json: Json = False) -> None:
    """A lead's profile."""

    async def read() -> Lead:
        async with session() as here:
            return await find(here.database, lead)

    found = run(read()).model_dump()
    if as_json:
        print_json(found)
        return
    fields = found.pop("fields")
    for name, value in {**found, **{f"fields.{field}": value for field, value in fields.items()}}.items():
        echo(f"{name:<24} {cell(value)}".rstrip())
