"""What ``tendril journeys reset`` says before and after."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.output import when
from runtime.resetting import Plan
from storage.resets import Standing, TouchSoFar

_FEW = 5
#: A touch's status, as what the reset makes of it.
_FATES = {
    "sent": "was sent {}: recognised, not sent again",
    "claimed": "is leaving just now: recognised, not sent again",
    "unknown": "may have been sent: a person must find out (`tendril touches unknown`)",
    "planned": "is called back, unless it is planned again",
}


def one(plan: Plan) -> str:
    """The preview of one journey's reset."""
    return "\n".join(_one(plan))


def _one(plan: Plan) -> Iterator[str]:
    standing, state = plan.standing, plan.consequences.state
    yield f"{plan.lead}, journey {standing.cycle}, back to before decision {plan.number} of {standing.decision_number}"
    if plan.number != plan.asked:
        yield f"Decision {plan.asked} was made in one task with {plan.number}: both are made again."
    yield f"Run {plan.run_id}, event {plan.task}"
    if state is None:
        yield "\nIt goes back to its beginning."
    else:
        place = " · ".join(str(part).replace("_", " ") for part in (state.phase, state.stage, state.status))
        yield f"\nIt goes back to: {place} ({plan.consequences.title})"
    yield from _rules(plan.consequences.version, standing.active)
    yield "\nDecided again:"
    for made in plan.consequences.again:
        yield f"  {made.number:>4}  {when(made.at)}  {made.cause}: {made.title}"
    yield from _touches(plan.consequences.touches)
    yield from _aside(plan)


def _rules(version: str, active: str) -> Iterator[str]:
    yield f"Version {version} of its playbook decides."
    if active and version != active:
        yield (
            f"Note: it is pinned to that version; {active} is in force. To decide by that one, hold the playbook,"
            " reset, migrate it, and lift the hold."
        )


def _touches(touches: Sequence[TouchSoFar]) -> Iterator[str]:
    if touches:
        yield "\nTouches of these decisions:"
    for touch in touches:
        yield f"  {touch.channel} {touch.asset or touch.step}: {_FATES[touch.status].format(when(touch.at))}"


def _aside(plan: Plan) -> Iterator[str]:
    for handoff in plan.consequences.handoffs:
        withdrawn = handoff.decision_number >= plan.number
        yield f"\nHandoff {handoff.id} ({handoff.status}) is {'withdrawn' if withdrawn else 'open again'}."
    if plan.commands and not plan.keeps_pause:
        given = ", ".join(f"{kind} ({number})" for number, kind in plan.commands)
        yield f"\nOperators' commands since then are not given again: {given}. Give again what should still hold."
    if plan.keeps_pause:
        yield "\nIt is paused, and stays so: operators' commands since then are given again, in their order."
    if plan.standing.ended_at:
        yield f"\nIt ended ({plan.standing.ending}), and is in flight again."


def one_as_json(plan: Plan) -> dict[str, Any]:
    return {
        "lead": plan.lead,
        "cycle": plan.standing.cycle,
        "before": plan.number,
        "base_run_id": plan.run_id,
        "event": plan.task,
        "reopens": plan.standing.ended_at is not None,
        "keeps_pause": plan.keeps_pause,
        "commands": [{"number": number, "kind": kind} for number, kind in plan.commands],
        **plan.consequences.model_dump(mode="json"),
    }


def many(
    summary: Mapping[str, int], points: Sequence[tuple[Standing, int]], left: Mapping[str, str], batch: str, rate: float
) -> str:
    """The preview of a batch."""
    return "\n".join(_many(summary, points, left, batch, rate))


def _many(
    summary: Mapping[str, int], points: Sequence[tuple[Standing, int]], left: Mapping[str, str], batch: str, rate: float
) -> Iterator[str]:
    yield f"{summary['journeys']:,} journeys, {summary['decisions']:,} decisions are made again (batch {batch})"
    yield f"  {summary['sent']:,} touches were sent: recognised, none is sent again"
    yield f"  {summary['leaving']:,} are leaving or unresolved: as they are"
    yield f"  {summary['planned']:,} are called back, unless they are planned again"
    yield f"  {summary['handoffs']:,} handoffs are withdrawn, unless they are decided again"
    yield f"  {summary['ended']:,} journeys have ended and are in flight again; {summary['paused']:,} are paused"
    for standing, number in points[:_FEW]:
        yield f"    {standing.lead}: before decision {number} of {standing.decision_number}"
    if len(points) > _FEW:
        yield f"    and {len(points) - _FEW:,} more"
    if rate:
        yield f"At {rate:g} a second that takes {len(points) / rate / 60:,.1f} minutes."
    if left:
        yield f"Left alone: {len(left):,}."
        yield from (f"    {lead}: {why}" for lead, why in list(left.items())[:_FEW])


def done(outcomes: Mapping[str, str], failed: Mapping[str, str]) -> str:
    """What became of a batch."""
    again = sum(what == "was reset before" for what in outcomes.values())
    lines = [f"{len(outcomes) - len(failed) - again:,} reset, {again:,} were before, {len(failed):,} could not be."]
    return "\n".join(lines + [f"  {lead}: {why}" for lead, why in failed.items()])
