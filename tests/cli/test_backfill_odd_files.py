"""Whatever stands in a file of behaviour, each line is stored or set aside with a reason, and the import ends well."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.database import Database
from tests.api.generated import PATIENCE, Do, examined, profile
from tests.api.hostile import TIMES, as_json, events, likely, odd_text, values
from tests.cli.terminal import Answer, Terminal

pytestmark = pytest.mark.timeout(PATIENCE)
_SOME_REJECTED = 3
dated = st.builds(lambda event, at: event | {"timestamp": at}, likely, st.sampled_from(TIMES))
lines = st.one_of(
    (dated | events | values).map(as_json),
    st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")),
)
cells = st.one_of(
    odd_text, st.sampled_from([str(time) for time in TIMES]), st.sampled_from(["ann", "page", "{}", "[", "1e999"])
)
HEADER = ["type", "event", "userId", "email", "timestamp", "messageId", "properties", "properties.value"]
#: A line that is good and one that is not: how an import ends is known.
GOOD = b'{"type": "track", "event": "Demo Seen", "userId": "ann", "timestamp": "2026-01-01T00:00:00Z"}'
BAD = b"?"


async def test_odd_lines_of_json(tendril: Terminal, database: Database, playbook: str):
    def files(do: Do[Any]) -> None:
        @profile(5)
        @given(odd=st.lists(lines, max_size=40))
        def ends_well(odd: list[bytes]) -> None:
            (tendril.directory / "history.ndjson").write_bytes(b"\n".join([GOOD, BAD, *odd]))
            _adds_up(do, tendril, database, "history.ndjson")

        ends_well()

    await examined(files)


async def test_odd_rows_of_columns(tendril: Terminal, database: Database, playbook: str):
    rows = st.lists(cells.map(lambda cell: cell.encode(errors="replace").decode()), max_size=len(HEADER) + 1)

    def files(do: Do[Any]) -> None:
        @profile(5)
        @given(odd=st.lists(rows, max_size=40))
        def ends_well(odd: list[list[str]]) -> None:
            text = io.StringIO()
            good = ["page", "/pricing", "ann", "", "2026-01-01T00:00:00Z"]
            csv.writer(text).writerows([HEADER, [*good, "", "", ""], ["no more"], *odd])
            (tendril.directory / "history.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
            _adds_up(do, tendril, database, "history.csv")

        ends_well()

    await examined(files)


def _adds_up(do: Do[Any], tendril: Terminal, database: Database, file: str) -> None:
    """What is said to be stored is there, and nothing is lost between stored, known and rejected."""
    count = "select count(*) from behaviour"
    before = do(database.pool.fetchval(count))
    answer: Answer = do(
        tendril("events", "import", file, "--timezone", "UTC", "--again", "--json", code=_SOME_REJECTED)
    )
    assert "Traceback" not in answer.err, answer.err
    told = answer.json
    assert do(database.pool.fetchval(count)) - before == told["stored"]
    assert told["lines"] == told["stored"] + told["duplicates"] + told["rejected"] + told["erased"]
