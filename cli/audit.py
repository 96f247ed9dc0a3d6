"""``tendril audit``: is every lead ended, or has it a next wake, and what was done where not."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from temporalio.client import Client
from temporalio.service import RPCError
from typer import Exit, Option, echo

from cli.importing.progress import progress
from cli.naming import find
from cli.output import Json, print_json, say, when
from cli.session import Session, run, session
from cli.settings import read_settings
from cli.who import By, who
from domain.auditing import Finding
from domain.drift import KINDS, Repair
from domain.errors import NotFound, Refused
from runtime.auditing import ALL, Auditor, Result
from runtime.embedded.where import located
from runtime.settings import Settings
from runtime.temporal import connect
from storage import audit_results
from storage.audit import count

#: Findings of a kind that are shown; the others are counted.
_SHOWN = 20

Repairing = Annotated[
    bool, Option("--repair/--no-repair", help="Mend what can be mended; orphaned workflows are ended.")
]
One = Annotated[str, Option("--lead", metavar="ID", help="Only this lead; its external id or address serves as well.")]


def audit(repair: Repairing = False, lead: One = "", by: By = None, as_json: Json = False) -> None:
    """Look after every lead: each is ended, or has exactly one running journey with a next wake.

    Compares the database with what Temporal runs, and looks at touches, handoffs, lists and schedules. What is wrong
    is said with what, where, since when and what to do. `--repair` wakes and tells journeys, makes missing schedules,
    and ends workflows of leads that the database does not know. Exits with code 1 when drift is left.

    The same runs by itself every hour (`TENDRIL_AUDIT_INTERVAL`) and does what is safe at any time: it wakes and tells.

    Example: `tendril audit --repair`
    """
    actor = who(by)

    async def look() -> tuple[Result, Sequence[dict[str, Any]]]:
        settings = located(read_settings())
        async with session() as here:
            client = await _temporal(settings)
            try:
                return await _audited(here, client, settings, lead, actor, repair=repair)
            except RPCError as error:
                raise Refused(
                    f"Temporal at {settings.temporal_address} went away: {error.message}.", "Run the command again."
                ) from error

    result, told = run(look())
    if as_json:
        print_json(_document(result, told))
    else:
        _show(result, told, one_lead=bool(lead))
    if result.left:
        raise Exit(1)


async def _audited(
    here: Session, client: Client, settings: Settings, lead: str, by: str, *, repair: bool
) -> tuple[Result, Sequence[dict[str, Any]]]:
    auditor, repairs = Auditor(here.database, client, here.clock, settings), ALL if repair else frozenset()
    if lead:
        lead, result = await _one(here, auditor, lead, by, repairs)
    else:
        with progress("Auditing", await count(here.database), unit="leads") as shown:
            result = await auditor.everybody(by, repairs, shown)
    told = (await audit_results.last(here.database, 1000, datetime.now(UTC)))["told"]
    return result, [one for one in told if not lead or one["lead_id"] == lead]


async def _one(here: Session, auditor: Auditor, named: str, by: str, repairs: Collection[Repair]) -> tuple[str, Result]:
    """Of a lead by any of its names, or of a workflow whose lead this database does not know. Raises ``NotFound``."""
    try:
        lead = (await find(here.database, named)).id
        return lead, await auditor.one(lead, by, repairs)
    except NotFound:
        result = await auditor.one(named, by, repairs)
        if not result.found:
            raise
        return named, result


async def _temporal(settings: Settings) -> Client:
    try:
        return await connect(settings)
    except RuntimeError as error:
        raise Refused(
            f"Temporal at {settings.temporal_address} does not answer.", "See that it runs and the address is right."
        ) from error


def _document(result: Result, told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    audited = result.audited
    return {
        "leads": audited.leads,
        "running": audited.running,
        "suspects": audited.suspects,
        "repaired": audited.repaired,
        "left": audited.left,
        "seconds": round((audited.ended - audited.began).total_seconds(), 3),
        "findings": [_item(one, outcome) for one, outcome in result.found],
        "told": [{name: one[name] for name in ("kind", "subject", "detail", "first_real_at")} for one in told],
    }


def _item(one: Finding, outcome: str) -> dict[str, Any]:
    kind = KINDS[one.kind]
    return {
        "kind": one.kind,
        "subject": one.subject,
        "lead": one.lead,
        "since": one.since,
        "detail": one.detail,
        "notice": kind.notice,
        "means": kind.means,
        "remedy": kind.remedy,
        "outcome": outcome,
    }


def _show(result: Result, told: Sequence[dict[str, Any]], *, one_lead: bool) -> None:
    audited = result.audited
    seconds = (audited.ended - audited.began).total_seconds()
    what = "One lead" if one_lead else f"{audited.leads:,} leads, {audited.running:,} workflows run"
    echo(f"{what}, looked at in {seconds:.1f} s.")
    kinds = dict.fromkeys(one.kind for one, _ in result.found)
    for kind in kinds:
        _show_kind([(one, outcome) for one, outcome in result.found if one.kind is kind])
    if told:
        echo(f"\nWritten back, or lost, when a database was restored ({len(told)}):")
        for one in told[:_SHOWN]:
            echo(f"  {one['kind'].replace('_', ' '):<16} {one['lead_id']}  {one['detail']}")
    if result.left:
        mendable = any(not outcome and KINDS[one.kind].repair is not Repair.NONE for one, outcome in result.found)
        say(f"\n{result.left:,} left.{' `tendril audit --repair` mends what can be.' if mendable else ''}")
    elif not kinds:
        echo("Nothing is wrong with it." if one_lead else "Every lead is ended or has a next wake.")


def _show_kind(found: Sequence[tuple[Finding, str]]) -> None:
    kind = KINDS[found[0][0].kind]
    name = found[0][0].kind.replace("_", " ")
    echo(f"\n{'Notice' if kind.notice else 'Drift'}: {name} ({len(found):,}): {kind.means}")
    for one, outcome in found[:_SHOWN]:
        since = f"since {when(one.since)}" if one.since else ""
        parts = [part for part in (one.subject, since, one.detail, outcome) if part]
        echo("  " + "  ".join(parts))
    if len(found) > _SHOWN:
        echo(f"  … and {len(found) - _SHOWN:,} more (--json lists all)")
    echo(f"  → {kind.remedy}")
