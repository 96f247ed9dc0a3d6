"""Carrying out ``tendril journeys reset``: one journey or many, shown first, asked about, gone on with."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.service import RPCError
from typer import confirm, echo

from cli import temporal
from cli.importing.progress import progress
from cli.journeys import reset_words
from cli.journeys.several import each, selected
from cli.moments import read as read_moment
from cli.output import print_json
from cli.session import Session, session
from domain.errors import Refused
from runtime.resetting import Batch, Resetting
from storage import resets
from storage.resets import Standing


@dataclass(frozen=True)
class Asked:
    """The options of one command, read."""

    before: int | None
    at: str
    rules: str
    reason: str
    cycle: int | None
    rate: float
    yes: bool
    dry_run: bool
    as_json: bool
    by: str


Point = tuple[Standing, int]


async def reset(asked: Asked, names: Sequence[str], where: str, file: Path | None) -> int:
    """How many journeys could not be reset."""
    async with session() as here:
        leads = await selected(here, names, where, file)
        points, left = await _points(here, leads, asked)
        resetting = Resetting(await temporal.client(), here.database)
        if len(leads) == 1:
            return await _one(here, resetting, points, left, asked)
        return await _many(here, resetting, points, left, asked)


async def _points(here: Session, leads: Sequence[str], asked: Asked) -> tuple[list[Point], dict[str, str]]:
    """Each journey with the decision it goes back to; and whom there is nothing to do for, with why."""
    at = read_moment(asked.at, here.now) if asked.at else None
    found = await resets.standings(here.database, leads)
    firsts = {} if asked.before else await resets.first_decisions(here.database, leads, at=at, rules=asked.rules)
    points, left = [], {}
    for lead in leads:
        journeys = found.get(lead, [])
        latest = journeys[-1] if journeys else None
        number = asked.before or (firsts.get((lead, latest.cycle)) if latest else None)
        if latest is None:
            left[lead] = "it has no journey"
        elif asked.cycle not in {None, latest.cycle}:
            left[lead] = (
                f"it is in journey {latest.cycle}, and journey {asked.cycle} can't run beside it: both would be the"
                " same workflow"
            )
        elif number is None:
            left[lead] = "it has made no such decision in its latest journey"
        elif number > latest.decision_number:
            left[lead] = f"it has no decision {number}: it has made {latest.decision_number}"
        else:
            points.append((latest, number))
    return points, left


async def _one(here: Session, resetting: Resetting, points: Sequence[Point], left: dict[str, str], asked: Asked) -> int:
    for lead, why in left.items():
        raise Refused(f"{lead} can't be reset: {why}.", "`tendril journeys timeline` shows what it decided.")
    standing, number = points[0]
    batch = Batch(uuid.uuid4().hex[:12], asked.by, asked.reason)
    plan = await resetting.plan(standing, number, batch)
    if not asked.as_json:
        echo(reset_words.one(plan))
    if asked.dry_run:
        if asked.as_json:
            print_json(reset_words.one_as_json(plan))
        return 0
    _ask(asked, f"Reset {standing.lead} to before decision {plan.number}?")
    run_id = await resetting.reset(plan, batch, here.now)
    if asked.as_json:
        print_json({**reset_words.one_as_json(plan), "run_id": run_id})
    else:
        echo(f"\n{standing.lead} decides again from decision {plan.number}, in run {run_id}.")
    return 0


async def _many(
    here: Session, resetting: Resetting, points: Sequence[Point], left: dict[str, str], asked: Asked
) -> int:
    batch = Batch(_batch_name(asked), asked.by, asked.reason)
    summary = await resets.summary(here.database, [(one.lead, one.cycle, number) for one, number in points])
    if not asked.as_json:
        echo(reset_words.many(summary, points, left, batch.name, asked.rate))
    if asked.dry_run or not points:
        if asked.as_json:
            print_json({"batch": batch.name, "summary": summary, "left": left})
        return 0
    _ask(asked, f"Reset {len(points):,} journeys?")
    outcomes = await _carry_out(here, resetting, points, batch, asked.rate)
    failed = {lead: what for lead, what in outcomes.items() if what not in {"reset", "was reset before"}}
    if asked.as_json:
        print_json({"batch": batch.name, "summary": summary, "left": left, "outcomes": outcomes})
    else:
        echo(reset_words.done(outcomes, failed))
    return len(failed)


async def _carry_out(
    here: Session, resetting: Resetting, points: Sequence[Point], batch: Batch, rate: float
) -> dict[str, str]:
    outcomes: dict[str, str] = {}

    async def one(point: Point) -> None:
        standing, number = point
        try:
            plan = await resetting.plan(standing, number, batch)
            if plan.done:
                outcomes[standing.lead] = "was reset before"
                return
            await resetting.reset(plan, batch, here.now)
        except Refused as refusal:
            outcomes[standing.lead] = str(refusal)
        except RPCError as error:
            outcomes[standing.lead] = f"Temporal: {error.message}"
        else:
            outcomes[standing.lead] = "reset"

    with progress("Resetting", len(points), unit="journeys") as show:
        async for done in each(points, one, rate):
            show(done)
    return outcomes


def _ask(asked: Asked, question: str) -> None:
    if not asked.yes:
        confirm(question, abort=True, err=True)


def _batch_name(asked: Asked) -> str:
    """The same for the same command, so that it goes on with what it began."""
    told: list[Any] = [asked.before, asked.at, asked.rules, asked.reason]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
