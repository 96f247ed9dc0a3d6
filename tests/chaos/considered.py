"""Every acknowledged behaviour is stored once, in order, and considered once; every command was applied once."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from temporalio.service import RPCError

from domain.state import JourneyState
from tests.chaos.scene import Scene
from tests.chaos.told import Ordered, Person, Told
from tests.chaos.verdict import Check
from workflows.messages import STATE, workflow_id

_BEHAVIOURS = "select lead_id, message_id, position from behaviour where lead_id = any($1)"
#: Of the ids that visitors' clients give. Others are Tendril's own: what became of a mail, what sales answered.
_THEIRS = "visitor-"
_CHAIN = """
select d.lead_id, d.cycle, d.number, coalesce((d.commands ->> 'rewound_to')::int, d.number - 1) as base,
    coalesce((d.state ->> 'cursor')::bigint, 0) as cursor
from decision d where not d.superseded order by d.lead_id, d.cycle, d.number
"""
_JOURNEYS = """
select distinct on (j.lead_id) j.lead_id, j.cycle, j.decision_number, j.cursor, j.ended_at is not null as ended,
    l.inbox_position
from journey j join lead l on l.id = j.lead_id order by j.lead_id, j.cycle desc
"""
#: The commands that a decision considered: of each number the highest revision counts, superseded or not.
_APPLIED = """
select d.lead_id, d.cycle, d.number, reason -> 'evidence' ->> 'command' as command
from (select distinct on (lead_id, cycle, number) * from decision order by lead_id, cycle, number, revision desc) d,
    jsonb_array_elements(d.reasons) reason
where reason -> 'evidence' ? 'command'
"""
_OPERATIONS = "select id, kind, status from operation"
_OPERATED = "select operation_id, lead_id, status, number_after from operation_lead"
_AT_ONCE = 20


async def behaviours(scene: Scene, told: Told) -> Check:
    """Stored once each, in the order in which they were sent."""
    people = told.enrolled()
    rows = await scene.database.pool.fetch(_BEHAVIOURS, [person.lead for person in people])
    stored: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in rows:
        stored[row["lead_id"]].append((row["message_id"], row["position"]))
    broken = [problem for person in people for problem in _unlike(person, stored[person.lead])]
    return Check("0 lost behaviours", f"{sum(len(person.taken) for person in people):,} acknowledged", broken)


def _unlike(person: Person, rows: Sequence[tuple[str, int]]) -> Iterator[str]:
    places = dict(rows)
    for id_ in person.taken:
        if id_ not in places:
            yield f"{person.lead}: {id_} was acknowledged and is not there"
    for id_, number in Counter(id_ for id_, _ in rows).items():
        if number > 1:
            yield f"{person.lead}: {id_} is there {number} times"
    for id_ in {one for one in places if one.startswith(_THEIRS)} - {*person.taken, *person.given_up}:
        yield f"{person.lead}: {id_} was never sent"
    in_order = [places[id_] for id_ in person.taken if id_ in places]
    if in_order != sorted(in_order):
        yield f"{person.lead}: not in the order in which it was sent"
    if sorted(places.values()) != list(range(1, len(places) + 1)):
        yield f"{person.lead}: its positions have a gap"


async def decisions(scene: Scene) -> Check:
    """The decisions in force go on one from the other, and together they considered the whole inbox once."""
    chains: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for row in await scene.database.pool.fetch(_CHAIN):
        chains[row["lead_id"], row["cycle"]].append(row)
    broken = [problem for (lead, cycle), chain in chains.items() for problem in _torn(f"{lead} {cycle}", chain)]
    broken += [
        f"{journey['lead_id']}: considered {journey['cursor']} of {journey['inbox_position']}"
        for journey in await _in_flight(scene)
        if journey["cursor"] != journey["inbox_position"]
    ]
    return Check("each considered once, in order", f"{sum(map(len, chains.values())):,} decisions in force", broken)


def _torn(whose: str, chain: Sequence[Any]) -> Iterator[str]:
    if chain[0]["base"] != 0:
        yield f"{whose}: begins with decision {chain[0]['number']}, which goes on from {chain[0]['base']}"
    for before, after in pairwise(chain):
        if after["base"] != before["number"]:
            yield f"{whose}: decision {after['number']} goes on from {after['base']}, not from {before['number']}"
        if after["cursor"] < before["cursor"]:
            yield f"{whose}: decision {after['number']} went back in the inbox"


async def workflows(scene: Scene, rounds: int = 12) -> Check:
    """Temporal tells the same story of every journey in flight, asked one by one; who moves meanwhile, again."""
    journeys, differing = await _in_flight(scene), dict[str, str]()
    for number in range(rounds):
        turns = asyncio.Semaphore(_AT_ONCE)
        asked = [row for row in await _in_flight(scene) if not number or row["lead_id"] in differing]
        answers = await asyncio.gather(*(_differs(scene, row, turns) for row in asked))
        differing = {row["lead_id"]: how for row, how in zip(asked, answers, strict=True) if how}
        if not differing or number == rounds - 1:
            break
        await asyncio.sleep(1)
    broken = [f"{lead}: {how}" for lead, how in differing.items()]
    return Check("database and Temporal agree", f"{len(journeys):,} journeys in flight", broken)


async def _in_flight(scene: Scene) -> list[Any]:
    return [row for row in await scene.database.pool.fetch(_JOURNEYS) if not row["ended"]]


async def _differs(scene: Scene, row: Any, turns: asyncio.Semaphore) -> str:
    async with turns:
        try:
            handle = scene.client.get_workflow_handle(workflow_id(row["lead_id"]))
            state = await handle.query(STATE, result_type=JourneyState)
        except RPCError as error:
            return str(error.message)
    here, there = (row["cycle"], row["decision_number"], row["cursor"]), (state.cycle, state.number, state.cursor)
    return "" if here == there else f"recorded {here}, the workflow is at {there}"


async def commands(scene: Scene, told: Told) -> Check:
    """Acknowledged: considered by one decision, the one of the answer. Refused or unanswered: by one at most."""
    applied = await _applied(scene)
    known = {one.id: one for one in told.commands}
    broken = [problem for one in told.commands for problem in _misapplied(one, applied.get((one.lead, one.id), ()))]
    strange = {id_ for _, id_ in applied if id_.startswith("command-") and id_ not in known}
    broken += [f"{id_} was considered and never asked for" for id_ in strange]
    return Check(
        "acknowledged commands applied once", f"{sum(o.decision is not None for o in told.commands):,}", broken
    )


def _misapplied(order: Ordered, places: Sequence[tuple[int, int]]) -> Iterator[str]:
    numbers = [number for _, number in places]
    if len(places) > 1:
        yield f"{order.lead}: {order.kind} {order.id} was considered {len(places)} times: {places}"
    if order.decision is not None and order.decision not in numbers:
        yield f"{order.lead}: {order.kind} {order.id} was answered with decision {order.decision}, found in {numbers}"


async def operations(scene: Scene, told: Told) -> Check:
    """Each is over, and each lead that it says is done was commanded once."""
    applied, rows = await _applied(scene), await scene.database.pool.fetch(_OPERATIONS)
    there = {row["id"] for row in rows}
    broken = [f"{id_} was acknowledged and is not there" for id_ in told.operations if id_ not in there]
    broken += [f"{row['id']} {row['kind']} is {row['status']}" for row in rows if row["status"] != "done"]
    members = await scene.database.pool.fetch(_OPERATED)
    for row in members:
        places = applied.get((row["lead_id"], f"operation-{row['operation_id']}"), ())
        wanted = {"done": (1,), "refused": (0,)}.get(row["status"], (0, 1))
        if len(places) not in wanted:
            broken.append(f"{row['operation_id']} {row['lead_id']} is {row['status']} and was considered {places}")
        if row["status"] in {"failed", "waiting"}:
            broken.append(f"{row['operation_id']} {row['lead_id']} is {row['status']}")
    return Check("operations carried out once", f"{len(rows)} over {len(members):,} leads", broken)


async def _applied(scene: Scene) -> Mapping[tuple[str, str], Sequence[tuple[int, int]]]:
    """(lead, command) → the decisions that considered it, as (cycle, number)."""
    return _grouped(await scene.database.pool.fetch(_APPLIED))


def _grouped(rows: Iterable[Any]) -> dict[tuple[str, str], list[tuple[int, int]]]:
    found: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        found[row["lead_id"], row["command"]].append((row["cycle"], row["number"]))
    return found
