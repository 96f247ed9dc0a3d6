"""Putting a version in force from the command line: looked at first, asked about where people are in flight, told."""

import sys
from dataclasses import dataclass
from typing import Any

from typer import Exit, confirm, echo

from cli.importing.pace import parse_rate
from cli.output import print_json, say
from cli.playbook.paper import Paper
from cli.playbook.planning.plan import Plan, prepared
from cli.playbook.planning.words import Telling
from cli.session import Session
from domain.playbook.models import Playbook
from domain.versions import WORDS, Policy
from storage import playbook_changes, playbooks
from storage.playbook_changes import ANY, Asked, Change

#: Journeys that are foretold before the question: a few seconds.
_SAMPLE = 500
_SEED = 1


@dataclass(frozen=True)
class Wish:
    """What was said on the command line."""

    by: str
    policy: Policy | None
    rate: str
    reason: str
    yes: bool
    as_json: bool
    default: bool = False
    rollback: bool = False


async def change(here: Session, after: Playbook, wish: Wish) -> None:
    """Put ``after`` in force. Raises ``Refused`` when another version was put in force while it was looked at."""
    rate = parse_rate(wish.rate)
    replacing: str | None = ANY
    if _asks(wish):
        plan = await prepared(here, after, _SAMPLE, _SEED)
        replacing = plan.replaces
        _ask(plan, wish)
    asked = Asked(
        by=wish.by,
        policy=wish.policy,
        reason=wish.reason,
        rate=rate,
        default=wish.default,
        rollback=wish.rollback,
        replacing=replacing,
    )
    made = await playbook_changes.put_in_force(here.database, after, asked, here.now)
    row = next(row for row in await playbooks.in_force(here.database) if row["name"] == after.name)
    if wish.as_json:
        print_json(_as_data(after, made, row))
    else:
        _say(after, made, row)


def _asks(wish: Wish) -> bool:
    """Whether a person is there to be asked; a script means what it says."""
    return not wish.yes and not wish.as_json and sys.stdin.isatty() and sys.stderr.isatty()


def _ask(plan: Plan, wish: Wish) -> None:
    """Show what would happen, and ask, where anybody is in flight."""
    if plan.unchanged or not plan.in_flight.total:
        return
    policy = wish.policy or plan.default
    telling = Telling(Paper(), plan)
    telling.headline()
    telling.foretold()
    say(f"`tendril playbook plan` tells more. Journeys in flight: {plan.in_flight.total:,}; they {WORDS[policy]}.")
    if not confirm(f"Put {plan.after.content_hash()} in force ({policy.value})?", err=True):
        raise Exit(1)


def _say(after: Playbook, made: Change | None, row: dict[str, Any]) -> None:
    default = ", the default" if row["is_default"] else ""
    if made is None:
        echo(f"Playbook {after.name} is in force already, version {row['hash']}{default}: nothing was changed.")
        return
    echo(f"Playbook {after.name} is in force, version {made.to_hash}{default}.")
    if row["journeys"] and made.from_hash:
        echo(f"{row['journeys']:,} journeys in flight: they {WORDS[made.policy]} ({made.policy.value}).")
    for stopped in made.stopped:
        echo(f"Operation {stopped}, which migrated to an earlier version, was cancelled.")
    if made.operation:
        echo(f"Operation {made.operation} moves them: `tendril operations show {made.operation}`.")


def _as_data(after: Playbook, made: Change | None, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "playbook": after.name,
        "version": row["hash"],
        "changed": made is not None,
        "replaced": made.from_hash if made else None,
        "policy": made.policy if made else None,
        "operation": made.operation if made else "",
        "stopped": made.stopped if made else (),
        "default": row["is_default"],
        "journeys": row["journeys"],
    }
