"""``tendril journeys why-not``: what stood in the way of a touch."""

from collections.abc import Iterator
from typing import Annotated

from typer import Argument, echo

from cli import moments
from cli.moments import At, Decision
from cli.naming import Named, find
from cli.output import Json, print_json, when
from cli.session import run, session
from domain.core.verdicts import Answer, Verdict
from domain.words import TouchStatus
from storage.playbooks import PgPlaybooks
from storage.why_not import Asked, why_not

HELP = """Say why a touch was not sent, or when it will be.

TOUCH is a step, an asset, a trigger or a channel of the journey's playbook. What the ledger and the decisions have
recorded comes first; for the rest the playbook's rules are asked again, on what is known, without deciding anything.

With --at TIME or --decision N as things stood then.

Examples: `tendril journeys why-not ld_abcdefghijkl pricing-answers`, `tendril journeys why-not ld_abcdefghijkl email`
"""


#: Told together where something else is told in full.
_ASIDE = {
    Verdict.NOT_TRIGGERED: "Not triggered",
    Verdict.NOT_ON_TRACK: "Not on the lead's track",
}


def refuse(
    lead: Named,
    touch: Annotated[str, Argument(metavar="TOUCH", help="A step, asset, trigger or channel of the playbook.")],
    at: At = "",
    decision: Decision = None,
    as_json: Json = False,
) -> None:
    async def read() -> tuple[Asked, str]:
        async with session() as here:
            found = await find(here.database, lead)
            moment = await moments.asked(here.database, found.id, here.now, at, decision)
            playbooks = PgPlaybooks(here.database)
            return await why_not(here.database, playbooks, found.id, touch, here.now, moment), here.time_note

    asked, note = run(read())
    if as_json:
        print_json(asked.document())
    else:
        echo("\n".join([*_lines(asked), *([f"\n{note}"] if note else [])]))


def _lines(asked: Asked) -> Iterator[str]:
    yield f"{asked.name}, as of {when(asked.at)} UTC (journey {asked.cycle}, decision {asked.decision}):"
    near = [one for one in asked.answers if one.verdict not in _ASIDE] or list(asked.answers[:1])
    for answer in near:
        yield ""
        yield from _told(answer)
    for verdict, words in _ASIDE.items():
        steps = [one.point.step for one in asked.answers if one.verdict is verdict and one not in near]
        if steps:
            yield f"\n{words}: {', '.join(dict.fromkeys(steps))}."
    tried = [row for row in asked.ledger if row["status"] != TouchStatus.SENT]
    if tried:
        yield "\nIn the ledger, the newest first:"
        yield from (f"    {when(row['at'])}  {row['status']}{_because(row['reason'])}  {row['key']}" for row in tried)
    if asked.said:
        yield "\nWhat decisions said of it, the newest first:"
        yield from _said(asked)
    if asked.unsure:
        yield "\nWhat can't be told:"
        yield from (f"    {line}" for line in asked.unsure)


def _told(answer: Answer) -> Iterator[str]:
    point = answer.point
    name = f"{point.step} ({point.asset})" if point.asset and point.asset != point.step else point.step
    yield f"{name}, {point.channel.replace('_', ' ')}, of {point.where}"
    until = f", not before {when(answer.until)} UTC" if answer.until else ""
    yield f"    {answer.why}{until} [{answer.verdict}]"
    if answer.key:
        yield f"    {answer.key}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _said(asked: Asked) -> Iterator[str]:
    for one in asked.said:
        until = f", until {when(one['until'])}" if one["until"] else ""
        undone = " (taken back since)" if one["superseded"] else ""
        who = f"{when(one['at'])}  decision {one['number']}{undone}"
        yield f"    {who}: {one['what']}: {one['why']} [{one['rule']}]{until}"
