"""``tendril keys``: bearer keys of the API."""

from datetime import UTC, datetime
from typing import Annotated

from typer import Argument, BadParameter, Option, Typer, echo

from cli.output import Json, listing, say
from cli.session import run, session
from domain.durations import parse_duration
from storage import keys

app = Typer(no_args_is_help=True, help="Keys of the API: made, listed, revoked.")

_CREATE = """Make a key and print it, alone on the last line. It can't be shown again.

Scopes: `read` sees everything, `write` sends leads and behaviour, `operate` commands journeys; `track`, for pages
that everybody can read, sends behaviour and changes nothing that is known of anybody; `decode` reads in Temporal's UI
and CLI what is encrypted there.

Example: `tendril keys create website --scope track`
"""


@app.command(help=_CREATE)
def create(
    name: Annotated[str, Argument(help="What the key is for; shown in lists and in decisions.")],
    scope: Annotated[list[str], Option(help="read, write, operate, track or decode; once for each.")],
    expires: Annotated[str | None, Option(help="Time until it stops working, such as 90d.")] = None,
) -> None:
    ends = _ends(expires)

    async def make() -> str:
        async with session() as here:
            return await keys.create(here.database, name, scope, ends)

    key = run(make())
    until = f" until {ends:%Y-%m-%d}" if ends else ""
    say(f"Key {name!r} may {', '.join(sorted(set(scope)))}{until}. Keep it: it can't be shown again.")
    echo(key)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Every key, without its secret, newest first."""

    async def read() -> list[keys.KeyInfo]:
        async with session() as here:
            return await keys.list_keys(here.database)

    found = run(read())
    now = datetime.now(UTC)
    items = [{**key.model_dump(), "scopes": sorted(key.scopes), "state": _state(key, now)} for key in found]
    columns = {"id": "Id", "name": "Name", "scopes": "May", "state": "State", "expires_at": "Expires"}
    listing(items, len(items), columns, as_json=as_json, empty="There are no keys. `tendril keys create` makes one.")


@app.command()
def revoke(key_id: Annotated[str, Argument(metavar="ID", help="The key's id, from `tendril keys list`.")]) -> None:
    """Refuse a key from now on."""

    async def refuse() -> None:
        async with session() as here:
            await keys.revoke(here.database, key_id)

    run(refuse())
    echo(f"Key {key_id} is refused from now on.")


def _ends(expires: str | None) -> datetime | None:
    if expires is None:
        return None
    try:
        return datetime.now(UTC) + parse_duration(expires)
    except ValueError as error:
        raise BadParameter(str(error), param_hint="--expires") from error


def _state(key: keys.KeyInfo, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "valid"
