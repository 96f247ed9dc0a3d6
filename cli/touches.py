"""``tendril touches``: what only a person can settle."""

from typing import Annotated, Any

from typer import Argument, Option, Typer, echo

from cli.output import Json, Limit, listing
from cli.session import run, session
from cli.who import By, who
from storage import parked

app = Typer(no_args_is_help=True, help="Touches of which nobody can tell whether they were sent.")

_RESOLVE = """Say what became of a touch that was parked, after looking at the vendor or asking the recipient.

`--sent` records it as sent. `--not-sent` withdraws it, and the journey may plan it again. Either way the journey
decides anew at once.

Example: `tendril touches resolve ld_abcdefghijkl/1/0/aa1 --not-sent`
"""


@app.command()
def unknown(limit: Limit = 100, as_json: Json = False) -> None:
    """Touches whose sending was cut off and that the vendor can't be asked about. They are never sent again blindly."""

    async def read() -> tuple[list[dict[str, Any]], int]:
        async with session() as here:
            return await parked.list_parked(here.database, limit)

    items, total = run(read())
    columns = {"key": "Touch", "channel": "Channel", "asset": "Asset", "claimed_at": "Tried", "reason": "Why unknown"}
    listing(items, total, columns, as_json=as_json, empty="No touch waits for a person.")


@app.command(help=_RESOLVE)
def resolve(
    key: Annotated[str, Argument(help="The touch's key, from `tendril touches unknown`.")],
    sent: Annotated[bool, Option("--sent/--not-sent", help="What you found.")],
    by: By = None,
) -> None:
    actor = who(by)

    async def settle() -> None:
        async with session() as here:
            await parked.resolve(here.database, key, actor, here.now, sent=sent)

    run(settle())
    echo(f"{key} counts as {'sent' if sent else 'not sent'}; its journey decides with that.")
