"""``tendril leads merge`` and its kin: two leads that are one person, and two that are not."""

from typing import Annotated, Any

from typer import Argument, Option, echo

from cli.naming import Named, find
from cli.output import Json, Limit, listing, print_json
from cli.session import run, session
from cli.who import By, who
from domain.merging import Said
from storage import duplicates, merges, unmerges
from storage.merges import Merged
from storage.unmerges import Unmerged

MERGE = """Make two leads one that are the same person.

One survives: whom sales has, else whose journey runs, else whose journey is further, else who came first. The other's
journey ends as merged and nothing more is sent for it; what it did, its names and the stricter of both permissions are
the survivor's, whom everything meant for the other reaches from then on.

Example: `tendril leads merge ann@acme.example crm-1017 --preview`
"""
UNMERGE = """Undo a merge: the lead gets back its names, its word and what it did, and may be enrolled again.

What was sent since stays sent; what can't be undone is said. Nobody suggests or unites the two again but by hand.

Example: `tendril leads unmerge ld_abcdefghijkl`
"""
DUPLICATES = """Leads that may be one person, and what says so. `merge` or `distinct` decides.

Example: `tendril leads duplicates`
"""
DISTINCT = """Say that two leads are two people: they are not suggested again, and only `merge` makes them one.

Example: `tendril leads distinct ann@acme.example crm-1017`
"""
MERGES = """What was merged, by whom and why, newest first.

Example: `tendril leads merges`
"""
_WHY = {
    Said.IDENTIFIED: "a profile named both",
    Said.ALIAS: "an alias named both",
    Said.VISITOR: "seen on one computer",
    Said.MAILBOX: "their addresses reach one mailbox",
}
_SUGGESTED = {"one": "Lead", "other": "Lead", "words": "Why", "at": "Since"}
_RECORDS = {
    "merged": "Lead",
    "survivor": "Became part of",
    "rule": "Because",
    "why": "Why",
    "by": "By",
    "at": "At",
    "undone_at": "Undone",
}
Other = Annotated[str, Argument(metavar="OTHER", help="The other lead, by any of its names.")]


def merge(
    lead: Named,
    other: Other,
    why: Annotated[str, Option(help="Kept with the merge.")] = Said.OPERATOR.value,
    preview: Annotated[bool, Option("--preview", help="Only say what would become of them.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    actor = who(by)

    async def unite() -> Merged:
        async with session() as here:
            ids = [(await find(here.database, named)).id for named in (lead, other)]
            return await merges.merge(here.database, ids[0], ids[1], actor, why, here.now, preview=preview)

    done = run(unite())
    if as_json:
        print_json(done.model_dump())
    else:
        echo("\n".join(_merged(done, preview=preview)))


def unmerge(
    lead: Annotated[str, Argument(metavar="ID", help="The lead that was merged into another, by any of its names.")],
    by: By = None,
    as_json: Json = False,
) -> None:
    actor = who(by)

    async def part() -> Unmerged:
        async with session() as here:
            return await unmerges.unmerge(here.database, await duplicates.part(here.database, lead), actor, here.now)

    done = run(part())
    if as_json:
        print_json(done.model_dump())
        return
    echo(f"{done.lead} is a lead of its own again, and no part of {done.survivor}. It has {_events(done.behaviour)}.")
    for sentence in done.stays:
        echo(f"  {sentence}")


def suggested(limit: Limit = 100, as_json: Json = False) -> None:
    async def read() -> tuple[list[dict[str, Any]], int]:
        async with session() as here:
            items, total = await duplicates.suggestions(here.database, limit)
            return [item.model_dump() | {"words": _WHY.get(item.why, item.why)} for item in items], total

    items, total = run(read())
    listing(items, total, _SUGGESTED, as_json=as_json, empty="No two leads seem to be one.")


def distinct(lead: Named, other: Other, by: By = None) -> None:
    actor = who(by)

    async def part() -> list[str]:
        async with session() as here:
            ids = [(await find(here.database, named)).id for named in (lead, other)]
            await duplicates.deny(here.database, ids[0], ids[1], actor, here.now)
            return ids

    echo("{} and {} are two people, and stay two.".format(*run(part())))


def merged(
    lead: Annotated[str, Argument(metavar="[ID]", help="Only what concerns the lead of this id.")] = "",
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    async def read() -> list[dict[str, Any]]:
        async with session() as here:
            return [record.model_dump() for record in await duplicates.records(here.database, lead, limit)]

    items = run(read())
    listing(items, len(items), _RECORDS, as_json=as_json, empty="Nothing was merged.")


def _merged(done: Merged, *, preview: bool) -> list[str]:
    would = "would become" if preview else "is now"
    lines = [f"{done.merged} {would} part of {done.survivor}, who survives: {done.rule}."]
    lines.append(f"  {done.survivor} gets {_events(done.behaviour)}, {done.news} of them still to be considered.")
    if done.took:
        lines.append(f"  It takes what it lacks: {', '.join(done.took)}.")
    if done.journey_ends is not None:
        lines.append(f"  Journey {done.journey_ends} of {done.merged} ends as merged.")
    if done.withdrawn:
        lines.append(f"  {done.withdrawn} of its touches {'is' if done.withdrawn == 1 else 'are'} called back.")
    lines.append("Nothing was changed." if preview else f"`tendril leads unmerge {done.merged}` undoes it.")
    return lines


def _events(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'}"
