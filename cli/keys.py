"""``tendril keys``: bearer keys of the API."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from typer import Argument, BadParameter, Option, Typer, echo

from cli.importing.pace import parse_rate
from cli.output import Json, listing, say
from cli.session import run, session
from cli.who import By, who
from domain.durations import parse_duration
from storage import keys
from storage.operators_log import note, noted

app = Typer(no_args_is_help=True, help="Keys of the API: made, listed, rotated, revoked.")

_CREATE = """Make a key and print it, alone on the last line. It can't be shown again.

Scopes: `read` sees everything, `write` sends leads and behaviour, `operate` commands journeys; `track`, for pages
that everybody can read, sends behaviour and changes nothing that is known of anybody; `decode` reads in Temporal's UI
and CLI what is encrypted there.

With `--rate` the key may send so many events to each API process, ten seconds' worth at once, instead of as many as
`TENDRIL_TRACKING_RATE` lets every key.

Example: `tendril keys create website --scope track --rate 50/s`
"""


@app.command(help=_CREATE)
def create(
    name: Annotated[str, Argument(help="What the key is for; shown in lists and in decisions.")],
    scope: Annotated[list[str], Option(help="read, write, operate, track or decode; once for each.")],
    expires: Annotated[str | None, Option(help="Time until it stops working, such as 90d.")] = None,
    rate: Annotated[str | None, Option(help="Events it may send: 50/s, 600/m, 2000/h; else as every key.")] = None,
    by: By = None,
) -> None:
    ends, pace, doer = _ends(expires), parse_rate(rate) or None, who(by)

    async def make() -> str:
        async with session() as here:
            detail = {"scopes": sorted(set(scope))}
            async with noted(here.database, doer, "key_made", name, here.now, detail) as connection:
                return await keys.create_on(connection, name, scope, ends, pace)

    key = run(make())
    until = f" until {ends:%Y-%m-%d}" if ends else ""
    paced = f", at {pace:g} events a second" if pace else ""
    say(f"Key {name!r} may {', '.join(sorted(set(scope)))}{paced}{until}. Keep it: it can't be shown again.")
    echo(key)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Every key, without its secret, newest first. When it was last used is known to the minute.

    A rate, in events a second, is shown of keys that were given one of their own.
    """

    async def read() -> list[keys.KeyInfo]:
        async with session() as here:
            return await keys.list_keys(here.database)

    found = run(read())
    now = datetime.now(UTC)
    items = [{**key.model_dump(), "scopes": sorted(key.scopes), "state": _state(key, now)} for key in found]
    columns = {"id": "Id", "name": "Name", "scopes": "May", "state": "State"}
    columns |= {"expires_at": "Expires", "last_used_at": "Last used", "rate": "Events a second"}
    listing(items, len(items), columns, as_json=as_json, empty="There are no keys. `tendril keys create` makes one.")


_ROTATE = """Give the holder of a key a new one, and let the old one work until they have changed over.

The new key has the same name, scopes, rate and length of life; it is printed alone on the last line and can't be
shown again. `tendril keys list` shows when the old one was last used; with `--overlap 0d` it stops at once.

Example: `tendril keys rotate website --overlap 7d`
"""


@app.command(help=_ROTATE)
def rotate(
    name: Annotated[str, Argument(help="The key's name, or its id from `tendril keys list`.")],
    overlap: Annotated[str, Option(help="Time that the old key goes on working.")] = "7d",
    expires: Annotated[str | None, Option(help="Time until the new key stops working; else as the old one.")] = None,
    by: By = None,
) -> None:
    length, ends, doer = _length(overlap, "--overlap"), _ends(expires), who(by)

    async def change() -> keys.Rotated:
        async with session() as here, here.database.pool.acquire() as connection, connection.transaction():
            rotated = await keys.rotate(connection, name, length, ends)
            await note(connection, doer, "key_rotated", name, here.now, {"successor": rotated.id})
            return rotated

    new = run(change())
    until = f" until {new.expires_at:%Y-%m-%d}" if new.expires_at else ""
    say(
        f"Key {name!r} ({new.id}) may {', '.join(sorted(new.scopes))}{until}. Keep it: it can't be shown again."
        f" The old one works until {new.old_until:%Y-%m-%d %H:%M} UTC."
    )
    echo(new.key)


@app.command()
def revoke(
    key_id: Annotated[str, Argument(metavar="ID", help="The key's id, from `tendril keys list`.")], by: By = None
) -> None:
    """Refuse a key from now on."""
    doer = who(by)

    async def refuse() -> None:
        async with session() as here, noted(here.database, doer, "key_revoked", key_id, here.now) as connection:
            await keys.revoke_on(connection, key_id)

    run(refuse())
    echo(f"Key {key_id} is refused from now on.")


def _ends(expires: str | None) -> datetime | None:
    if expires is None:
        return None
    return datetime.now(UTC) + _length(expires, "--expires")


def _length(given: str, option: str) -> timedelta:
    try:
        return parse_duration(given)
    except ValueError as error:
        raise BadParameter(str(error), param_hint=option) from error


def _state(key: keys.KeyInfo, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "valid"
