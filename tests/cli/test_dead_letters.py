"""What could not be understood is found, mended, taken in and forgotten from the command line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage import dead_letters
from storage.database import Database
from tests.cli.terminal import Terminal

CAME = datetime.now(UTC) - timedelta(days=3)
BAD = {"type": "track", "userId": "crm-1", "properties": {"percent": 90}}
GOOD = BAD | {"event": "Demo Watched"}
COMMAND = ("events", "dead-letters")


async def kept(database: Database, *bodies: dict[str, Any]) -> list[int]:
    return await dead_letters.add_many(database, "batch", [("/track/event: missing", body) for body in bodies], CAME)


async def stored(database: Database) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.pool.fetch("select * from behaviour order by id")]


async def left(database: Database) -> int:
    return (await dead_letters.newest(database))[1]


async def test_they_are_listed_with_their_reasons(tendril: Terminal, database: Database):
    first, second = await kept(database, BAD, {"text": "x"})

    listed = (await tendril(*COMMAND, "list", "--json")).json
    table = (await tendril(*COMMAND, "list")).out

    assert [item["id"] for item in listed["items"]] == [second, first]
    assert listed["items"][1]["body"] == BAD
    assert "/track/event: missing" in table
    assert "track" in table


async def test_none_is_said_so(tendril: Terminal, database: Database):
    assert "No event was set aside" in (await tendril(*COMMAND, "list")).out


async def test_one_is_shown_whole_or_as_the_event_alone(tendril: Terminal, database: Database):
    (number,) = await kept(database, BAD)

    assert (await tendril(*COMMAND, "show", str(number))).json["reason"] == "/track/event: missing"
    assert (await tendril(*COMMAND, "show", str(number), "--body")).json == BAD


async def test_one_that_is_understood_by_now_is_taken_in_at_its_time(tendril: Terminal, database: Database):
    (number,) = await kept(database, GOOD)

    answer = await tendril(*COMMAND, "replay", str(number))

    assert "1 taken in" in answer.out
    (row,) = await stored(database)
    assert (row["name"], row["occurred_at"]) == ("Demo Watched", CAME)
    assert await left(database) == 0


async def test_its_senders_clock_is_corrected_by_when_it_came(tendril: Terminal, database: Database):
    wrong = CAME + timedelta(days=100)
    times = {"timestamp": (wrong - timedelta(hours=1)).isoformat(), "sentAt": wrong.isoformat()}
    await kept(database, GOOD | times)

    await tendril(*COMMAND, "replay", "--all")

    assert (await stored(database))[0]["occurred_at"] == CAME - timedelta(hours=1)


async def test_a_corrected_event_takes_its_place(tendril: Terminal, database: Database, tmp_path: Path):
    (number,) = await kept(database, BAD)
    (tmp_path / "event.json").write_text('{"type": "track", "userId": "crm-1", "event": "Mended"}')

    await tendril(*COMMAND, "replay", str(number), "--body", tmp_path / "event.json")

    assert [row["name"] for row in await stored(database)] == ["Mended"]
    assert await left(database) == 0


async def test_one_that_is_still_bad_stays_with_its_new_reason(tendril: Terminal, database: Database):
    bad, _ = await kept(database, BAD | {"type": "dance"}, GOOD)

    answer = await tendril(*COMMAND, "replay", "--all", "--json", code=1)

    assert (answer.json["accepted"], answer.json["rejected"]) == (1, 1)
    assert "dance" in answer.json["items"][0]["reason"]
    assert "dance" in (await dead_letters.get(database, bad)).reason
    assert await left(database) == 1


async def test_cut_off_half_way_it_still_counts_once(tendril: Terminal, database: Database):
    (number,) = await kept(database, GOOD)
    await tendril(*COMMAND, "replay", str(number))
    await database.pool.execute(
        "insert into dead_letter (id, source, reason, body, received_at) overriding system value"
        " values ($1, 'batch', 'r', $2, $3)",
        number,
        GOOD,
        CAME,
    )

    answer = await tendril(*COMMAND, "replay", str(number))

    assert "0 taken in, 1 known already" in answer.out
    assert len(await stored(database)) == 1


async def test_many_are_taken_in_from_the_oldest_on(tendril: Terminal, database: Database):
    await kept(database, *(GOOD | {"event": f"E{n}"} for n in range(7)))

    await tendril(*COMMAND, "replay", "--all")

    assert [row["name"] for row in await stored(database)] == [f"E{n}" for n in range(7)]


async def test_they_are_forgotten_on_request(tendril: Terminal, database: Database):
    first, *_ = await kept(database, BAD, BAD, BAD)

    assert "1 forgotten" in (await tendril(*COMMAND, "drop", str(first))).out
    told = ("--all", "--reason", "a broken form", "--by", "ann")
    assert "2 forgotten" in (await tendril(*COMMAND, "drop", *told)).out
    assert await left(database) == 0
    one, rest = await database.pool.fetch("select * from operator_action order by id")
    assert (one["action"], one["subject"], one["detail"]) == ("dead_letters_dropped", str(first), {"letters": 1})
    assert (rest["by"], rest["subject"], rest["detail"]) == ("ann", "", {"letters": 2, "reason": "a broken form"})


@pytest.mark.parametrize(
    "words",
    [("replay",), ("drop",), ("replay", "1", "--all"), ("replay", "--all", "--body", "x"), ("show", "nine")],
)
async def test_what_is_not_said_clearly_is_not_done(tendril: Terminal, database: Database, words: tuple[str, ...]):
    await tendril(*COMMAND, *words, code=2)


async def test_numbers_that_are_none_are_named(tendril: Terminal, database: Database):
    for command in ("show", "replay", "drop"):
        assert "no dead letter 99" in (await tendril(*COMMAND, command, "99", code=1)).said


@pytest.mark.parametrize("text", ["{", "[]", "\xff"])
async def test_a_body_that_is_no_event_is_refused(tendril: Terminal, database: Database, tmp_path: Path, text: str):
    (number,) = await kept(database, BAD)
    (tmp_path / "event.json").write_bytes(text.encode("latin-1"))

    assert "JSON" in (await tendril(*COMMAND, "replay", str(number), "--body", tmp_path / "event.json", code=1)).said
    assert await left(database) == 1
