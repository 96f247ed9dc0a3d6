"""``tendril mail``: the domains mail leaves from, how they fare, and stopping one."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

from typer import Argument, Exit, Option, Typer, echo

from adapters.email.received import Came, told
from cli.output import Json, listing
from cli.session import run, session
from cli.who import By, who
from domain.errors import Refused
from storage import mail, webhooks
from storage.webhooks import Took

#: EX_TEMPFAIL of sysexits.h.
_TRY_AGAIN = 75

app = Typer(no_args_is_help=True, help="Sending domains: what left, what bounced, and whether mail may leave.")

Why = Annotated[str, Option("--reason", "--why", help="Why; it is shown wherever a mail waits.")]
Domain = Annotated[str, Argument(help="The sending domain, such as mail.example.com.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Every sending domain: mails of today, and what became of those of the last day."""

    async def read() -> tuple[list[dict[str, Any]], str]:
        async with session() as here:
            return [_shown(row) for row in await mail.identities(here.database, here.now)], here.time_note

    items, note = run(read())
    columns = {
        "domain": "Domain",
        "claimed_today": "Today",
        "mails": "Last day",
        "bounced_percent": "Bounced %",
        "complained_percent": "Complained %",
        "first_day": "Warming up since",
        "paused_why": "Paused",
    }
    listing(items, len(items), columns, as_json=as_json, empty="No mail has left yet.", note=note)


@app.command()
def pause(domain: Domain, why: Why, by: By = None) -> None:
    """Let no mail leave from a domain until it is resumed. What is due waits; nothing is lost.

    Example: `tendril mail pause mail.example.com --reason "moving to another vendor"`
    """
    actor = who(by)

    async def stop() -> bool:
        async with session() as here:
            return await mail.pause(here.database, domain, actor, why, here.now)

    echo(f"{domain} is paused." if run(stop()) else f"{domain} was paused already: the reason stays.")


@app.command()
def resume(
    domain: Domain, reason: Annotated[str, Option(help="Why; kept in the operators' log.")] = "", by: By = None
) -> None:
    """Let mail leave again. Bounces and complaints of before count no more."""
    actor = who(by)

    async def go_on() -> bool:
        async with session() as here:
            return await mail.resume(here.database, domain, actor, here.now, reason)

    echo(f"Mail leaves from {domain} again." if run(go_on()) else f"{domain} was not paused.")


@app.command()
def take(
    to: Annotated[str, Option(help="The address it was delivered to, where the mail itself does not say.")] = "",
) -> None:
    """Take one mail that came back, from standard input: for a pipe of a mail server.

    Replies, bounces and automatic answers to our mails become behaviour; anything else changes nothing, and no mail is
    kept. What is taken twice counts once. Exits with code 75 when it can't be stored now: mail servers try again.

    Example, in Postfix' master.cf: `tendril unix - n n - 2 pipe user=tendril argv=tendril mail take --to ${recipient}`
    """
    raw, at = sys.stdin.buffer.read(), datetime.now(UTC)

    async def taken() -> Took:
        async with session() as here:
            return await webhooks.take_again(here.database, "pipe", found, here.clock, at)

    try:
        found = told(Came(raw, at, to))
    except ValueError as why:  # tried again it would be the same
        echo(f"passed over: {why}", err=True)
        return
    try:
        took = run(taken())
    except (Refused, OSError) as problem:
        echo(str(problem), err=True)
        raise Exit(_TRY_AGAIN) from None
    echo("taken" if took.new else "nothing new")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    mails = row["mails"]
    shares = {
        f"{what}_percent": round(100 * row[what] / mails, 2) if mails else 0 for what in ("bounced", "complained")
    }
    return row | shares
