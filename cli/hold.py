"""``tendril hold``: stop what leaves, of everything, a playbook or a channel; and let go without a flood."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from typer import Argument, BadParameter, Option, Typer, echo

from cli.importing.pace import parse_rate
from cli.nearest import did_you_mean
from cli.operating import Asked, agreed, ask_on, look_ahead, watched
from cli.operation_words import lasting, previewed, rate_words, view_in_words
from cli.output import Json, listing, print_json, say
from cli.session import Session, run, session
from cli.who import By, who
from domain.durations import parse_duration
from domain.errors import NotFound
from domain.operating import OperationKind, OperationRequest
from domain.words import ResumePolicy
from runtime.previewing import Preview
from storage import holds, operations, operators_log

app = Typer(no_args_is_help=True, help="Hold back everything, a playbook or a channel; let go slowly.")

_PLACE = """Hold back from now on: no touch of that scope leaves until it is lifted. Behaviour is kept and considered.

Examples: `tendril hold place everything --reason "wrong prices went out"`,
`tendril hold place playbook:education --reason "its sender has changed"`
"""
_LIFT = """Lift a hold, and let those go on whom it held back: by a policy, and at a rate, so that it is no flood.

You see first how many touches would leave when. `--policy shift` goes on where it stopped, `skip` passes over what fell
due meanwhile, `catch_up` sends it. Without `--rate` and `--over` they go on within an hour. Nobody goes on before their
turn; whoever could not be told when all should have been goes on by themselves, by the same policy.

Example: `tendril hold lift channel:email --policy skip --over 6h`
"""
_COLUMNS = {"scope": "Holds", "since": "Since", "by": "By", "reason": "Why", "lifted_at": "Lifted"}
#: Seconds over which a backlog is spread unless somebody says otherwise.
_OVER = 3600.0
#: By how much telling them may take longer than foreseen, before those who were not told go on by themselves.
_LATER, _MARGIN = 1.5, timedelta(minutes=10)
Scope = Annotated[str, Argument(metavar="SCOPE", help="everything, playbook:NAME or channel:NAME.")]


@app.command("list")
def list_(
    past: Annotated[bool, Option("--past", help="Those that were lifted, too.")] = False, as_json: Json = False
) -> None:
    """Holds in force, the newest first."""

    async def read() -> tuple[list[holds.Hold], str]:
        async with session() as here:
            return await holds.listed(here.database, lifted=past), here.time_note

    found, note = run(read())
    items = [hold.model_dump() for hold in found]
    listing(items, len(items), _COLUMNS, as_json=as_json, empty="Nothing is held back.", note=note)


@app.command(help=_PLACE)
def place(
    scope: Scope,
    reason: Annotated[str, Option(help="Why; shown with the hold.")],
    by: By = None,
) -> None:
    actor = who(by)

    async def hold() -> None:
        async with session() as here:
            await holds.place(here.database, scope, actor, reason, here.now)

    run(hold())
    echo(f"{scope} is held. What is on its way to a vendor at this moment still arrives; nothing else leaves.")
    say(f"Let go with: tendril hold lift {scope} --policy shift --over 6h")


@app.command(help=_LIFT)
def lift(  # noqa: PLR0917 - every option of the command, each given by name
    scope: Scope,
    policy: Annotated[ResumePolicy, Option(help="What becomes of what fell due meanwhile.")] = ResumePolicy.SHIFT,
    rate: Annotated[str | None, Option(help="No faster than this: 20/s, 600/m, 2000/h.")] = None,
    over: Annotated[str | None, Option(metavar="TIME", help="Spread over this time instead, such as 6h.")] = None,
    reason: Annotated[str, Option(help="Why; kept in the operators' log.")] = "",
    yes: Annotated[bool, Option("--yes", "-y", help="Do it; without it you see what would leave when.")] = False,
    watch: Annotated[bool, Option("--watch/--no-watch", help="Show how far it is, or only ask for it.")] = True,
    by: By = None,
    as_json: Json = False,
) -> None:
    if rate and over:
        raise BadParameter("give --rate or --over: one of them")
    asked = Asked(
        kind=OperationKind.RESUME,
        by=who(by),
        where=_held_by(scope),
        rate=parse_rate(rate),
        reason=reason or f"lifts the hold on {scope}",
        yes=yes,
        watch=watch,
        as_json=as_json,
    )
    run(_lift(asked, scope, policy, _seconds(over)))


async def _lift(asked: Asked, scope: str, policy: ResumePolicy, over: float | None) -> None:
    async with session() as here:
        hold = await _in_force(here, scope)
        asked = replace(asked, request=OperationRequest(policy=policy, since=hold.since))
        foreseen, asked = await _spread(here, asked, scope, over)
        if not _wanted(asked, foreseen, scope):
            return
        async with here.database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            by_then = _by_then(here, asked, foreseen)
            await holds.lift_on(connection, scope, asked.by, here.now, policy, by_then)
            detail = {"policy": policy.value, "reason": asked.reason}
            await operators_log.note(connection, asked.by, "hold_lifted", scope, here.now, detail)
            id_ = await ask_on(connection, here, asked) if foreseen is not None and foreseen.able else ""
        await _show(here, asked, scope, id_)


def _wanted(asked: Asked, foreseen: Preview | None, scope: str) -> bool:
    """Show what lifting would do, and whether it is wanted."""
    if foreseen is None or not foreseen.able:
        if not asked.as_json:
            echo(f"The hold on {scope} holds nothing back at present.")
        if not asked.yes:
            say("Nothing was changed. --yes lifts it.")
        return asked.yes
    if not asked.as_json:
        pace = f"{foreseen.able:,} journeys at {rate_words(asked.rate)}, over {lasting(foreseen.able / asked.rate)}"
        previewed(foreseen, f"after the hold on {scope} is lifted: {pace}")
    elif not asked.yes:
        print_json({"preview": foreseen, "operation": None})
    return agreed(asked, foreseen)


async def _spread(here: Session, asked: Asked, scope: str, over: float | None) -> tuple[Preview | None, Asked]:
    """What would leave when, at the rate given or spread over the time; None when nothing was held back."""
    try:
        if not asked.rate:
            able = (await look_ahead(here, asked, scope)).able
            asked = replace(asked, rate=max(able, 1) / (over or _OVER))
        return await look_ahead(here, asked, scope), asked
    except operations.NobodyMeant:
        return None, asked


async def _in_force(here: Session, scope: str) -> holds.Hold:
    found = {hold.scope: hold for hold in await holds.listed(here.database)}
    if scope not in found:
        near = did_you_mean(scope, list(found)) or "`tendril hold list` shows what is held."
        raise NotFound(f"There is no hold on {scope}.", near)
    return found[scope]


async def _show(here: Session, asked: Asked, scope: str, id_: str) -> None:
    view: Any = None
    if id_:
        view = await (watched(here, id_) if asked.watch else operations.get(here.database, id_))
    if asked.as_json:
        print_json({"lifted": scope, "operation": view})
        return
    echo(f"The hold on {scope} is lifted.")
    if view is not None:
        await view_in_words(here.database, view)


def _by_then(here: Session, asked: Asked, foreseen: Preview | None) -> datetime | None:
    """When everybody's turn has come for certain: whoever was not told by then goes on by themselves."""
    if foreseen is None or not foreseen.able or not asked.rate:
        return None
    taking = timedelta(seconds=_LATER * foreseen.able / asked.rate)
    return here.clock.from_real(datetime.now(UTC) + taking + _MARGIN)


def _held_by(scope: str) -> str:
    """Whom the hold holds back. Who is paused as well stays so."""
    kind, _, name = scope.partition(":")
    narrowed = f' && playbook == "{name}"' if kind == "playbook" and '"' not in name and "\\" not in name else ""
    return f"held && !ended && !paused{narrowed}"


def _seconds(over: str | None) -> float | None:
    if over is None:
        return None
    try:
        seconds = parse_duration(over).total_seconds()
    except ValueError as error:
        raise BadParameter(str(error), param_hint="--over") from None
    if not seconds:
        raise BadParameter("a backlog can't be spread over no time", param_hint="--over")
    return seconds
