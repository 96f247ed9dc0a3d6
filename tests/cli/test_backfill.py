"""History goes in once, where it belongs in time, and sends nothing; news does what news does."""

import csv
import json
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.core.decide import decide
from domain.state import JourneyState
from storage.database import Database
from storage.journeys import PgJourneys
from storage.leads import LeadInput, upsert
from storage.wakes import lagging, reenter
from tests.cli.csv_files import read
from tests.cli.terminal import Terminal
from tests.fixtures.playbooks import minimal_compiled

_DEADLINE = 60.0
_SOME_REJECTED = 3
NOW = datetime.now(UTC)
PRICING = {"type": "page", "userId": "crm-1", "properties": {"path": "/pricing"}}


@pytest.fixture
async def lead(database: Database, playbook: str) -> str:
    """A lead in a journey, whose wakes are all done."""
    taken = await upsert(database, LeadInput(external_id="crm-1", email="lead1@company1.example"), NOW, playbook)
    await database.pool.execute("delete from pending_wake")
    return taken.lead_id


def ago(**parts: float) -> str:
    return (NOW - timedelta(**parts)).isoformat()


def ndjson(directory: Path, *lines: dict[str, Any] | str, name: str = "history.ndjson") -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (directory / name).write_text(text, encoding="utf-8")
    return directory / name


def columns(directory: Path, *rows: tuple[str, ...]) -> Path:
    with (directory / "visits.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return directory / "visits.csv"


async def decided(database: Database, lead: str) -> Any:
    """What the journey's first decision is now."""
    state = JourneyState.begin(lead, 1, minimal_compiled().hash, NOW)
    return decide(minimal_compiled(), state, await PgJourneys(database).gather(state, NOW), NOW)


def fired(decision: Any) -> set[str]:
    triggers = {trigger.id for trigger in minimal_compiled().document.triggers}
    return triggers & {reason.rule for reason in decision.reasons}


async def test_history_keeps_its_time_and_wakes_nobody(tendril: Terminal, database: Database, lead: str):
    file = ndjson(tendril.directory, PRICING | {"timestamp": ago(days=400)}, PRICING | {"timestamp": ago(hours=1)})

    answer = await tendril("events", "import", file, "--json")

    assert (answer.json["stored"], answer.json["waiting"], answer.json["rejected"]) == (2, 0, 0)
    rows = await database.pool.fetch("select * from behaviour order by position")
    assert [(row["lead_id"], row["name"], row["occurred_at"].isoformat()) for row in rows] == [
        (lead, "/pricing", ago(days=400)),
        (lead, "/pricing", ago(hours=1)),
    ]
    assert await lagging(database, datetime.now(UTC) + timedelta(days=1)) in ([], [lead])  # it has yet to begin
    await database.pool.execute("update journey set decision_number = 1")
    await database.pool.execute("delete from pending_wake")
    assert await lagging(database, datetime.now(UTC) + timedelta(days=1)) == []


async def test_history_counts_for_scores_but_fires_no_trigger(tendril: Terminal, database: Database, lead: str):
    before = await decided(database, lead)
    file = ndjson(tendril.directory, *(PRICING | {"timestamp": ago(hours=hours)} for hours in (1, 2)))

    await tendril("events", "import", file)
    after = await decided(database, lead)

    assert after.scores.intent > before.scores.intent
    assert after.state.cursor == 0
    assert not fired(after)
    assert not after.state.pending


async def test_with_wake_the_same_file_is_news(tendril: Terminal, database: Database, lead: str):
    file = ndjson(tendril.directory, PRICING | {"timestamp": ago(hours=1)})

    await tendril("events", "import", file, "--wake")

    assert await database.pool.fetchval("select types from pending_wake where lead_id = $1", lead) == ["/pricing"]
    after = await decided(database, lead)
    assert after.state.cursor == 1
    assert fired(after)


async def test_history_brings_nobody_back(tendril: Terminal, database: Database, lead: str):
    await database.pool.execute("update journey set ended_at = $1, ending = 'sunset'", NOW - timedelta(days=300))
    file = ndjson(tendril.directory, PRICING | {"timestamp": ago(days=2)})

    await tendril("events", "import", file)

    assert await reenter(database, lead, NOW) is None


async def test_what_is_imported_later_stands_where_it_belongs(tendril: Terminal, database: Database, lead: str):
    newer = ndjson(
        tendril.directory, PRICING | {"timestamp": "2026-03-02T10:00:00Z", "messageId": "new"}, name="a.json"
    )
    same = {"timestamp": "2025-03-02T10:00:00Z"}
    older = ndjson(
        tendril.directory,
        *(PRICING | same | {"messageId": name} for name in ("first", "second")),
        PRICING | {"timestamp": "2025-03-02T09:59:59Z", "messageId": "before"},
        name="b.json",
    )
    third = ndjson(tendril.directory, PRICING | same | {"messageId": "third"}, name="c.json")

    for file in (newer, older, third):
        await tendril("events", "import", file)

    rows = await database.pool.fetch("select message_id, position from behaviour order by position")
    assert [row["message_id"] for row in rows] == ["before", "first", "second", "third", "new"]
    assert rows[-1]["position"] < 0


async def test_an_event_is_taken_once_with_or_without_an_id(tendril: Terminal, database: Database, lead: str):
    named = PRICING | {"timestamp": ago(days=9), "messageId": "m-1"}
    nameless = PRICING | {"timestamp": ago(days=8)}
    first = ndjson(tendril.directory, named, named, nameless, nameless, name="a.ndjson")
    second = ndjson(tendril.directory, nameless, named, PRICING | {"timestamp": ago(days=7)}, name="b.ndjson")

    answers = [(await tendril("events", "import", file, "--json")).json for file in (first, second)]

    assert [(answer["stored"], answer["duplicates"]) for answer in answers] == [(2, 2), (1, 2)]
    assert await database.pool.fetchval("select count(*) from behaviour") == 3


async def test_the_file_itself_says_who_its_visitors_are(tendril: Terminal, database: Database, lead: str):
    at = {"timestamp": ago(days=30)}
    page = {"type": "page", "properties": {"path": "/"}} | at
    file = ndjson(
        tendril.directory,
        page | {"anonymousId": "v-1"},
        {"type": "identify", "anonymousId": "v-1", "userId": "crm-1"} | at,
        page | {"anonymousId": "v-2"},
        {"type": "identify", "anonymousId": "v-2", "traits": {"email": "Lead1@company1.example", "role": "x"}} | at,
        page | {"anonymousId": "shared"},
        {"type": "identify", "anonymousId": "shared", "userId": "crm-1"} | at,
        {"type": "identify", "anonymousId": "shared", "userId": "crm-2"} | at,
    )

    answer = await tendril("events", "import", file, "--json")

    rows = await database.pool.fetch("select anonymous_id, lead_id from behaviour where kind = 'page'")
    assert {row["anonymous_id"]: row["lead_id"] for row in rows} == {"v-1": lead, "v-2": lead, "shared": None}
    assert answer.json["waiting"] == 2
    assert await database.pool.fetchval("select fields from lead") == {}
    assert await database.pool.fetchval("select count(*) from lead") == 1


async def test_history_of_nobody_known_waits_for_its_owner(tendril: Terminal, database: Database, lead: str):
    file = ndjson(tendril.directory, PRICING | {"userId": "crm-9", "timestamp": ago(days=30)})

    answer = await tendril("events", "import", file)
    later = await upsert(database, LeadInput(external_id="crm-9"), NOW)

    assert "1 belong to nobody known yet" in answer.out
    found = tuple(await database.pool.fetchrow("select lead_id, position < 0 from behaviour"))
    assert found == (later.lead_id, True), "it is history still"


async def test_who_was_erased_does_not_come_back_by_their_history(tendril: Terminal, database: Database, lead: str):
    await tendril("leads", "erase", lead, "--yes")
    before = await database.pool.fetchval("select count(*) from behaviour")
    at = {"timestamp": ago(days=30)}
    file = ndjson(
        tendril.directory,
        PRICING | at,
        {"type": "page", "anonymousId": "v-1", "properties": {"path": "/"}} | at,
        {"type": "identify", "anonymousId": "v-1", "traits": {"email": "lead1@company1.example"}} | at,
    )

    foretold = await tendril("events", "import", file, "--dry-run", "--json")
    answer = await tendril("events", "import", file, "--json")

    for said in (foretold.json, answer.json):
        assert (said["stored"], said["duplicates"], said["waiting"], said["erased"]) == (0, 0, 0, 3)
    assert await database.pool.fetchval("select count(*) from behaviour") == before

    for dry in (("--dry-run",), ()):
        said = (await tendril("events", "import", file, "--wake", *dry, "--json")).json
        assert (said["stored"], said["erased"]) == (1, 2), "a visitor's page view says of itself nobody's name"


async def test_lines_that_cannot_be_taken_go_to_a_file_with_the_reasons(
    tendril: Terminal, database: Database, lead: str
):
    good = PRICING | {"timestamp": ago(days=9)}
    file = ndjson(
        tendril.directory,
        "{broken",
        "[1]",
        PRICING,
        good | {"timestamp": "soon"},
        good | {"timestamp": "2099-01-01T00:00:00Z"},
        good | {"timestamp": "2026-01-01T00:00:00"},
        good | {"type": "dance"},
        good | {"userId": None},
        good | {"userId": None, "email": "nobody@company.example"},
        good | {"properties": {"text": "x" * 40_000}},
        good,
    )

    answer = await tendril("events", "import", file, code=_SOME_REJECTED)

    assert "10 lines can't be taken: history.rejected.csv has them with the reasons." in answer.out
    reasons = {int(row["line"]): row["reason"] for row in read(tendril.directory / "history.rejected.csv")}
    expected = [
        "not JSON", "not a JSON object", "timestamp: missing", "'soon' is not a time", "is in the future",
        "has no time zone; say which with --timezone", "dance", "one of userId and anonymousId",
        "no lead has this address", "larger than 32 KB",
    ]  # fmt: skip
    for line, words in enumerate(expected, start=1):
        assert words in reasons[line]
    assert await database.pool.fetchval("select count(*) from behaviour") == 1


async def test_a_dry_run_counts_and_writes_nothing(tendril: Terminal, database: Database, lead: str):
    known = PRICING | {"timestamp": ago(days=3), "messageId": "known"}
    await tendril("events", "import", ndjson(tendril.directory, known, name="before.ndjson"))
    demo = {"type": "track", "event": "Demo Watched", "anonymousId": "v-9"}
    lines = (
        known,
        demo | {"timestamp": ago(days=2)},
        demo | {"timestamp": ago(days=2)},
        PRICING | {"timestamp": ago(days=50)},
    )
    file = ndjson(tendril.directory, *lines, "broken")

    answer = await tendril("events", "import", file, "--dry-run", "--json", code=_SOME_REJECTED)
    words = await tendril("events", "import", file, "--dry-run", code=_SOME_REJECTED)

    said = answer.json
    assert said["kinds"] == {"track Demo Watched": 1, "page /pricing": 1}
    assert (said["stored"], said["duplicates"], said["waiting"], said["recent"], said["rejected"]) == (2, 2, 1, 1, 1)
    assert (said["first"][:10], said["last"][:10]) == (ago(days=50)[:10], ago(days=2)[:10])
    assert "Nothing was written." in words.out
    assert await database.pool.fetchval("select count(*) from behaviour") == 1
    assert await database.pool.fetchval("select count(*) from import_run") == 1


async def test_columns_are_mapped_and_cells_are_read(tendril: Terminal, database: Database, lead: str):
    file = columns(
        tendril.directory,
        ("Contact", "Mail", "What", "When", "Kind", "Minutes"),
        ("crm-1", "", "Webinar Attended", "2026-03-02 10:00", "", "40"),
        ("", "LEAD1@company1.example", "/pricing", "2026-03-02T10:00:00Z", "page", ""),
        ("", "nobody@company.example", "/pricing", "2026-03-02T10:00:00Z", "page", ""),
    )
    named = ("Contact", "Mail", "What", "When", "Kind", "Minutes")
    members = ("userId", "email", "event", "timestamp", "type", "properties.minutes")
    maps = [word for pair in zip(members, named, strict=True) for word in ("--map", "=".join(pair))]

    await tendril("events", "import", file, *maps, "--timezone", "Europe/Berlin", code=_SOME_REJECTED)

    rows = await database.pool.fetch(
        "select lead_id, kind, name, properties, occurred_at from behaviour order by position"
    )
    assert [tuple(row) for row in rows] == [
        (lead, "track", "Webinar Attended", {"minutes": 40}, datetime(2026, 3, 2, 9, tzinfo=UTC)),
        (lead, "page", "/pricing", {"path": "/pricing"}, datetime(2026, 3, 2, 10, tzinfo=UTC)),
    ]
    (rejected,) = read(tendril.directory / "visits.rejected.csv")
    assert (rejected["row"], rejected["Mail"]) == ("4", "nobody@company.example")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--map", "userid=Contact"), "An event has no 'userid'. Did you mean 'userId'?"),
        (("--map", "event=Kontakt"), "has no column 'Kontakt' (for event)"),
        ((), "No column says whose behaviour a row is."),
        (("--map", "userId=Contact"), "No column is mapped to event."),
    ],
)
async def test_columns_that_are_not_there_refuse_the_file(tendril: Terminal, words: tuple[str, ...], said: str):
    file = columns(tendril.directory, ("Contact", "What"), ("crm-1", "x"))

    answer = await tendril("events", "import", file, *words, code=1)

    assert said in answer.err


async def test_an_array_is_refused_with_the_way_to_mend_it(tendril: Terminal):
    answer = await tendril("events", "import", ndjson(tendril.directory, "[{}]"), code=1)

    assert "is a JSON array" in answer.err
    assert "jq -c" in answer.err


@pytest.mark.parametrize("wake", [(), ("--wake",)], ids=["history", "news"])
async def test_a_killed_import_goes_on_and_doubles_nothing(
    tendril: Terminal, database: Database, lead: str, wake: tuple[str, ...]
):
    lines = [
        PRICING | {"timestamp": ago(days=300, seconds=-number), "messageId": f"m-{number}"}
        if number % 100
        else "broken"
        for number in range(10_000)
    ]
    words: tuple[str | Path, ...] = ("events", "import", ndjson(tendril.directory, *lines), *wake, "--json")
    process = tendril.start(*words)
    deadline = time.monotonic() + _DEADLINE
    while not await database.pool.fetchval("select max(rows_done) from import_run"):
        assert time.monotonic() < deadline, "no batch was committed"
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=_DEADLINE)

    answer = await tendril(*words, code=_SOME_REJECTED)

    assert answer.json["continued_after_line"] > 0
    assert answer.json["rejected"] == len(read(tendril.directory / "history.rejected.csv")) == 100
    assert await database.pool.fetchval("select count(*) from behaviour") == 9_900
    assert await database.pool.fetchval("select count(distinct position) from behaviour") == 9_900


async def test_a_finished_import_is_not_made_again(tendril: Terminal, database: Database, lead: str):
    words = ("events", "import", ndjson(tendril.directory, PRICING | {"timestamp": ago(days=9)}))
    await tendril(*words)

    second, again = await tendril(*words), await tendril(*words, "--again", "--json")

    assert "imported to its end before" in second.err
    assert (again.json["stored"], again.json["duplicates"]) == (0, 1)
