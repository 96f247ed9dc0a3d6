"""``tendril crm``: what the CRM and we have of each other's, and making them agree."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from typer import Option, Typer, echo

from activities.reading import Reading
from cli.importing.progress import progress
from cli.output import Json, Limit, listing, print_json, say
from cli.session import run, session
from cli.settings import read_settings
from cli.who import By, who
from domain.crm import CORRECTIONS, FIELDS
from domain.errors import Refused, VendorFault
from runtime import crm_sync
from runtime.crm_sync import Drift, Progress
from runtime.embedded.where import located
from runtime.vendors import open_crm
from storage.crm import PgCrmNews
from storage.inbox import PgInbox
from storage.operators_log import count, note
from storage.playbooks import PgPlaybooks

app = Typer(no_args_is_help=True, help="The CRM: what sales changed there, what differs, who owns leads.")
T = TypeVar("T")
_SYNC = """Read back now what sales changed in the CRM: owners, corrections, statuses, opportunities.

Workers do this by themselves (`TENDRIL_CRM_INTERVAL`), and at once where the CRM's webhooks are heard. `--full` reads
every contact that we know rather than those that changed, and lets all fields be pushed again: after a mapping in a
playbook has changed, say. Interrupted, it may be run again.

Example: `tendril crm sync --full`
"""
_DRIFT = """What differs between CRM and leads, field by field, and whose word holds. Changes nothing.

What is ours is written over with the next change of the lead, or all at once by `tendril crm sync --full`, which also
takes what is theirs.

Example: `tendril crm drift --leads`
"""


@app.command(help=_SYNC)
def sync(
    full: Annotated[bool, Option("--full", help="Every contact, and push everything again.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    actor = who(by)

    async def work(here: "_Crm") -> tuple[int, int]:
        line = await note(here.pool, actor, "crm_synced", "", here.now, {"full": full, "changed": 0})
        changed, pushed = await read(here)
        await count(here.pool, line, {"changed": changed} | ({"to_push": pushed} if full else {}))
        return changed, pushed

    async def read(here: "_Crm") -> tuple[int, int]:
        if full:
            return await here.shown(
                "Reading", lambda told: crm_sync.everything(here.reading, here.news, here.now, told)
            )
        return await here.reading.told(here.now) + await here.reading.look(here.now), 0

    changed, pushed = run(_with_crm(work))
    if as_json:
        print_json({"full": full, "changed": changed, "to_push": pushed})
        return
    echo(f"{changed:,} things were news.")
    if full:
        echo(f"{pushed:,} records will be pushed again by the workers.")


@app.command(help=_DRIFT)
def drift(
    leads: Annotated[bool, Option("--leads", help="The leads that differ, too.")] = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    found = run(
        _with_crm(lambda here: here.shown("Comparing", lambda told: crm_sync.drift(here.reading, here.news, told)))
    )
    items = _rows(found)
    if as_json:
        print_json(
            {"read": found.read, "gone": found.gone, "differing": len(found.leads), "fields": items}
            | ({"leads": found.leads[:limit]} if leads else {})
        )
        return
    columns = {"field": "Field", "ours": "Ours holds", "theirs": "Theirs holds"}
    listing(items, len(items), columns, as_json=False, empty="Nothing differs.")
    say(f"{found.read:,} contacts read; {len(found.leads):,} differ, {found.gone:,} are gone there.")
    if leads:
        for lead in found.leads[:limit]:
            echo(lead)


@app.command()
def owners(as_json: Json = False) -> None:
    """Sellers who may own leads, as the CRM names them. `lead.owner` is their address where it is known."""

    async def work(here: "_Crm") -> list[dict[str, Any]]:
        found = await here.reading.connection.reading.owners()
        await here.news.sellers(found)
        return [{"id": one.id, "email": one.email, "name": one.name} for one in found]

    items = run(_with_crm(work))
    columns = {"id": "Id", "email": "Address", "name": "Name"}
    listing(items, len(items), columns, as_json=as_json, empty="The CRM knows no owners.")


class _Crm:
    """The CRM of a command."""

    def __init__(self, reading: Reading, news: PgCrmNews, pool: Any, now: Any, known: int) -> None:
        self.reading, self.news, self.pool, self.now = reading, news, pool, now
        self._known = known

    async def shown(self, what: str, work: Callable[[Progress], Awaitable[T]]) -> T:
        """With a bar of progress over the contacts that we know."""
        with progress(what, self._known) as told:
            return await work(lambda done: told(done, ""))


async def _with_crm(work: Callable[[_Crm], Awaitable[T]]) -> T:
    async with _opened() as here:
        try:
            return await work(here)
        except VendorFault as fault:
            remedy = f"`tendril connect {fault.vendor}` says what is not in order; then run the same command again."
            raise Refused(f"The CRM could not be read: {fault}.", remedy) from None


@asynccontextmanager
async def _opened() -> AsyncIterator[_Crm]:
    settings = located(read_settings())
    async with session() as here:
        connection = open_crm(settings)
        try:
            news = PgCrmNews(here.database, connection.name, timedelta(seconds=settings.crm_interval))
            playbooks, inbox = PgPlaybooks(here.database), PgInbox(here.database)
            known = await here.database.pool.fetchval("select count(*) from lead where crm_id <> ''")
            reading = Reading(news, connection, playbooks, inbox, here.clock)
            yield _Crm(reading, news, here.database.pool, here.now, known)
        finally:
            await connection.close()


def _rows(found: Drift) -> list[dict[str, Any]]:
    labels = {**FIELDS, **CORRECTIONS}
    return [
        {"field": labels.get(name, name), "ours": counts["ours"], "theirs": counts["theirs"]}
        for name, counts in sorted(found.fields.items(), key=lambda item: -item[1].total())
    ]
