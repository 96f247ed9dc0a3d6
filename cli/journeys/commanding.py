"""``tendril journeys pause`` and its ten sisters: a command to one lead, to several, or to all whom a condition finds.

They differ in a word or two of their own, so each is a line of ``COMMANDS``; what they share is said once.
"""

from collections.abc import Callable
from dataclasses import replace
from inspect import Parameter, Signature
from typing import Annotated, Any

from typer import Argument, Option

from cli.importing.pace import parse_rate
from cli.naming import find
from cli.nearest import did_you_mean
from cli.operating import Asked, operate
from cli.output import Json
from cli.session import Session, run, session
from cli.who import By, who
from domain.errors import NotFound, Refused
from domain.operating import OperationKind, OperationRequest, Outcome
from domain.words import BuyerStage, DisqualifyReason, ResumePolicy
from storage import holds, operations, playbooks
from storage.database import Database
from storage.operation_targets import version_named

#: Options that every one of them has: name → (type, default).
_SHARED: dict[str, tuple[Any, Any]] = {
    "leads": (
        Annotated[list[str] | None, Argument(metavar="[ID]...", help="Leads, by id, external id or address.")],
        None,
    ),
    "where": (
        Annotated[str, Option(metavar="CONDITION", help="All whose journey this holds for (docs/operations.md).")],
        "",
    ),
    "of": (Annotated[str, Option(metavar="OPERATION", help="All to whom an operation did what it was to do.")], ""),
    "reason": (
        Annotated[str, Option(help="Why: for the operators' log, and of a hand-off for the seller, too.")],
        "",
    ),
    "rate": (Annotated[str | None, Option(help="No faster than this: 50/s, 600/m, 2000/h.")], None),
    "yes": (Annotated[bool, Option("--yes", "-y", help="Carry it out; without it you see what it would do.")], False),
    "watch": (Annotated[bool, Option("--watch/--no-watch", help="Show how far it is, or only ask for it.")], True),
    "by": (By, None),
    "as_json": (Json, False),
}
_POLICY = Annotated[ResumePolicy, Option(help="What becomes of what fell due meanwhile.")]
_HOLD = Annotated[
    str, Option(metavar="SCOPE", help="Those whom the hold on this stopped, which is lifted, and no command.")
]
_STAGE = Annotated[BuyerStage, Option(help="The buyer stage to move to.")]
_BECAUSE = Annotated[DisqualifyReason, Option(help="Why they are no leads, as the CRM is told.")]
_ANYWAY = Annotated[bool, Option("--anyway", help="Those too whom the playbook's rule of re-entry lets wait.")]
_TOUCH = Annotated[str, Option(metavar="TOUCH", help="The step that was sent, or a touch's key.")]
_TO = Annotated[str, Option(metavar="STEP|STAGE|TIME|NUMBER", help="Where to go back to.")]
_PLAYBOOK = Annotated[str, Option(metavar="NAME|VERSION", help="A playbook's version in force, or a version's hash.")]

PAUSE = """Stop journeys until they are resumed: nothing is sent, behaviour is kept and considered.

Examples: `tendril journeys pause ann@acme.example`,
`tendril journeys pause --where 'stage == "comparison" && intent >= 40' --reason "new prices" --rate 50/s --yes`
"""
RESUME = """Let paused journeys go on.

`--policy shift` makes every gap that was running longer by the pause, `skip` passes over what fell due meanwhile,
`catch_up` sends it now, as cadence and caps allow. Lifting a hold lets those go on whom it stopped; with `--hold` some
go on before their turn, or by another policy.

Examples: `tendril journeys resume --where 'paused && days_paused > 3' --policy skip --rate 20/s --yes`,
`tendril journeys resume ann@acme.example --hold channel:email --policy catch_up --yes`
"""
SKIP = """Send the next touch now instead of waiting for its time. Windows, caps and consent hold all the same.

Example: `tendril journeys skip --where 'step == "welcome" && next_touch > 72' --yes`
"""
FORCE_STAGE = """Move leads to a buyer stage: they get its track from its beginning, but nothing a second time.

Example: `tendril journeys force-stage ld_abcdefghijkl --stage evaluation --yes`
"""
HAND_OFF = """Give leads to sales now, whatever their scores.

Example: `tendril journeys hand-off --where 'fit >= 80 && intent >= 60 && !handed_off' --yes`
"""
DISQUALIFY = """Say that these are no leads: their journeys end. Needs `--reason`.

Example: `tendril journeys disqualify --where 'source == "job-fair"' --because job_applicant --reason "the fair's list"`
"""
RE_ENROL = """Begin a new journey for leads whose last one has ended, in the same playbook. Needs `--reason`.

Nobody who may not be written to comes back. What was sent before is not sent again.

Example: `tendril journeys re-enrol --where 'ending == "sunset" && days_since_end > 180' --reason "new product" --yes`
"""
RESEND = """Send again what was sent: the only way to send something twice. Needs `--reason`.

Example: `tendril journeys resend --touch invitation --where 'touches > 0' --reason "the link was dead" --yes`
"""
REWIND = """Go back to an earlier decision and decide anew from there, by today's rules. Needs `--reason`.

What was sent stays sent and is not repeated; decisions since are kept and marked as superseded. A STEP goes to the
decision before it was planned, a STAGE to where it began, a TIME (as of `explain --at`) to what
stood then.

Example: `tendril journeys rewind ld_abcdefghijkl --to 2026-05-04T15:30 --reason "wrong segment until then" --yes`
"""
MIGRATE = """Move journeys to another version of their playbook; each is placed by the rules of docs/commands.md.

Example: `tendril journeys migrate --where 'playbook == "education" && stage == "research"' --playbook education --yes`
"""
END = """End journeys for good. Needs `--reason`.

Example: `tendril journeys end --where 'account == "ac_abcdefghijkl"' --reason "they are a partner now" --yes`
"""


def _command(kind: OperationKind, **own: tuple[Any, Any]) -> Callable[..., None]:
    """A command with the shared options and its ``own``: fields of ``OperationRequest``, but for a ``hold``'s scope."""

    def carry_out(**given: Any) -> None:
        request = OperationRequest(**{name: given[name] for name in own if name in OperationRequest.model_fields})
        asked = Asked(
            kind=kind,
            by=who(given["by"]),
            request=request,
            leads=tuple(given["leads"] or ()),
            where=given["where"],
            rate=parse_rate(given["rate"]),
            reason=given["reason"],
            yes=given["yes"],
            watch=given["watch"],
            as_json=given["as_json"],
        )
        run(_carry_out(asked, given["of"], given.get("hold", "")))

    options = {"leads": _SHARED["leads"], **own, **_SHARED}
    parameters = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=type_)
        for name, (type_, default) in options.items()
    ]
    vars(carry_out)["__signature__"] = Signature(parameters)
    carry_out.__annotations__ = {name: type_ for name, (type_, _) in options.items()}
    return carry_out


async def _carry_out(asked: Asked, of: str, hold: str) -> None:
    if sum((bool(asked.leads), bool(asked.where), bool(of))) != 1:
        raise Refused("Who is meant is not clear.", "Name leads, or give --where or --of: one of them.")
    async with session() as here:
        leads = await _of(here.database, of) if of else await _named(here, asked.leads)
        request = asked.request
        if request.playbook:
            request = request.model_copy(update={"playbook": await _version(here.database, request.playbook)})
        if hold:
            request = request.model_copy(update={"since": await holds.began(here.database.pool, hold)})
        await operate(here, replace(asked, leads=leads, request=request))


async def _named(here: Session, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([(await find(here.database, name)).id for name in names])


async def _of(database: Database, operation: str) -> tuple[str, ...]:
    """The leads to whom an operation did what it was to do. Raises ``Refused`` when it did nothing to anybody."""
    view = await operations.get(database, operation)
    rows = await operations.members(database, operation, Outcome.DONE, view.total)
    if not rows:
        raise Refused(f"{operation} did nothing to anybody.", f"`tendril operations show {operation}` says why.")
    return tuple(row["lead_id"] for row in rows)


async def _version(database: Database, named: str) -> str:
    """As ``version_named``, with the nearest playbook's name in what it raises."""
    try:
        return await version_named(database.pool, named)
    except NotFound as missing:
        names = [row["name"] for row in await playbooks.in_force(database)]
        raise NotFound(str(missing), did_you_mean(named, names) or missing.remedy) from missing


#: In the order in which help lists them.
COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "pause": (_command(OperationKind.PAUSE), PAUSE),
    "resume": (_command(OperationKind.RESUME, policy=(_POLICY, ResumePolicy.SHIFT), hold=(_HOLD, "")), RESUME),
    "skip": (_command(OperationKind.SKIP_WAIT), SKIP),
    "force-stage": (_command(OperationKind.FORCE_STAGE, stage=(_STAGE, Parameter.empty)), FORCE_STAGE),
    "hand-off": (_command(OperationKind.HAND_OFF), HAND_OFF),
    "disqualify": (
        _command(OperationKind.DISQUALIFY, because=(_BECAUSE, DisqualifyReason.OTHER)),
        DISQUALIFY,
    ),
    "re-enrol": (_command(OperationKind.RE_ENROL, anyway=(_ANYWAY, False)), RE_ENROL),
    "resend": (_command(OperationKind.RESEND, touch=(_TOUCH, Parameter.empty)), RESEND),
    "rewind": (_command(OperationKind.REWIND, to=(_TO, Parameter.empty)), REWIND),
    "migrate": (_command(OperationKind.MIGRATE, playbook=(_PLAYBOOK, Parameter.empty)), MIGRATE),
    "end": (_command(OperationKind.END), END),
}
