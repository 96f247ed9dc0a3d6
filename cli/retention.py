"""``tendril retention``: how long what people did is kept, and what goes now."""

from typing import Annotated

from typer import Argument, BadParameter, Option, Typer, echo

from cli.importing.progress import progress
from cli.output import Json, listing, print_json, say
from cli.session import Session, run, session
from cli.who import By, who
from domain import retention as rules
from domain.facts import MEMORY
from domain.retention import Rule
from storage import retention
from storage.operators_log import count, note, noted
from storage.retention import PgRetention

app = Typer(no_args_is_help=True, help="How long what people did is kept, by type of event.")

_SET = """Choose how long something is kept: whole days such as 90d, `forever`, or `default`.

RULE is one of `tendril retention show`, or `KIND:NAME` for events of your own: `track:Webinar*`, `page:/careers*`. It
holds from the next daily round on; nothing is purged by this command.

Example: `tendril retention set pages 180d`
"""
_RUN = """Purge now what has been kept for its time, as the daily round does.

A purged event keeps its row and message id, so that it counts no second time, and loses its name, its properties and
the names of people. What a journey in flight has not read yet stays. Interrupted, the next run goes on there.

Example: `tendril retention run --preview`
"""


@app.command()
def show(as_json: Json = False) -> None:
    """Every rule: how long things are kept, by default and here, and why."""

    async def read() -> list[Rule]:
        async with session() as here:
            return await retention.in_force(here.database)

    defaults = {one.name: one for one in rules.DEFAULTS}
    items = [
        {
            "rule": one.name,
            "kept": one.kept,
            "default": defaults[one.name].kept if one.name in defaults else "",
            "why": one.why if one == defaults.get(one.name) else "set here",
        }
        for one in run(read())
    ]
    columns = {"rule": "Rule", "kept": "Kept for", "default": "By default", "why": "Why"}
    listing(items, len(items), columns, as_json=as_json, empty="")


@app.command("set", help=_SET)
def set_(
    name: Annotated[str, Argument(metavar="RULE", help="A rule's name, or KIND:NAME.")],
    keep: Annotated[str, Argument(metavar="TIME", help="Whole days such as 90d, forever, or default.")],
    by: By = None,
) -> None:
    actor = who(by)
    try:
        chosen = rules.rule(name, None if keep == "default" else rules.time(keep))
    except ValueError as error:
        raise BadParameter(str(error)) from None

    async def put() -> list[Rule]:
        async with session() as here:
            async with noted(
                here.database, actor, "retention_set", chosen.name, here.now, {"keep": keep}
            ) as connection:
                if keep == "default":
                    await retention.drop_on(connection, chosen.name)
                else:
                    await retention.put_on(connection, chosen)
            return await retention.in_force(here.database)

    now = next((one for one in run(put()) if one.name == chosen.name), None)
    echo(f"{name} is kept {_for(now)}." if now else f"There is no rule {name} any more.")
    if now and now.forgets:
        say(f"Decisions look back {MEMORY.days} days: they will count less than they do.")


@app.command("run", help=_RUN)
def run_(
    preview: Annotated[bool, Option("--preview", help="Purge nothing; say how much would go.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    actor = who(by)

    async def work() -> dict[str, int]:
        async with session() as here:
            found = await retention.preview(here.database, here.now)
            return found if preview else await _purge(here, actor, found)

    purged = run(work())
    if as_json:
        print_json({"preview": preview, "rules": purged, "total": sum(purged.values())})
        return
    for name, rows in purged.items():
        if rows:
            echo(f"{name:<24} {rows:>12,}")
    echo(f"{sum(purged.values()):,} {'would be' if preview else 'were'} purged.")


async def _purge(here: Session, by: str, foreseen: dict[str, int]) -> dict[str, int]:
    rows = dict.fromkeys(foreseen, 0)
    line = await note(here.database.pool, by, "retention_run", "", here.now, {"purged": 0})
    with progress("Purging", sum(foreseen.values())) as shown:
        async for step in PgRetention(here.database).purge(here.now):
            rows[step.rule] = rows.get(step.rule, 0) + step.rows
            await count(here.database.pool, line, {"purged": step.rows})
            shown(sum(rows.values()), step.rule)
    return rows


def _for(one: Rule) -> str:
    return one.kept if one.keep is None else f"for {one.kept}"
