"""A university's export, from the command to the inbox: imported, lived for days, and nobody written to who said no.

The rows are invented, in the export's shape. Where the export itself lies beside us, its first rows are taken too.
"""

import csv
from collections.abc import AsyncIterator
from datetime import time, timedelta
from itertools import islice
from pathlib import Path

import pytest
import pytest_asyncio

from authoring.load import load_playbook
from domain.playbook.models import Playbook
from tests.cli.terminal import ROOT, Terminal
from tests.playbooks.education_extract import write_extract
from tests.whole.processes import eventually
from tests.whole.stack import Stack, whole_stack

EDUCATION = ROOT / "playbooks" / "education"
EXPORT = ROOT.parent / "shared" / "data" / "leads-education.csv"
WORDS = ("--map-file", EDUCATION / "map.yaml", "--playbook", "education", "--synthesise-email", "example.com")
ANY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: Deployment seconds a second: eight hours. The first mails leave after a day or two, which is a few seconds.
SCALE = 8 * 3600.0
_FROM_EXPORT, _INVENTED = 60, 40

#: Whoever is nurtured, may be written to, and still waits for the first mail.
_UNWRITTEN = """
select count(*) from journey j
where phase = 'nurture' and segment <> 'by_phone'
    and not exists (select from consent c where c.lead_id = j.lead_id and c.channel = 'email' and not c.granted)
    and not exists (select from touch t where t.lead_id = j.lead_id and t.channel = 'email' and t.status = 'sent')
"""
#: Mail in the ledger, in whatever status, for whoever declined.
_PLANNED_ANYWAY = """
select count(*) from touch t join consent c on c.lead_id = t.lead_id and c.channel = 'email' and not c.granted
where t.channel = 'email'
"""
_ADRIFT = "select count(*) from journey where ended_at is null and next_wake_at is null"


@pytest_asyncio.fixture
async def stack(database_url: str, tmp_path: Path) -> AsyncIterator[Stack]:
    async with whole_stack(database_url, tmp_path, _at_any_hour(load_playbook(EDUCATION)), scale=SCALE) as running:
        running.start_worker()
        yield running


@pytest.mark.parametrize("source", ["invented", "export"] if EXPORT.exists() else ["invented"])
async def test_nobody_who_declined_is_written_to_and_nobody_is_left_adrift(
    stack: Stack, database_url: str, tmp_path: Path, source: str
):
    file = _first_rows(tmp_path) if source == "export" else write_extract(tmp_path / "extract.csv", _INVENTED, seed=7)
    people = _rows(file)
    declined = {_address(person) for person in people if person["Do Not Email"] == "Yes"}
    assert declined

    tendril = Terminal(database_url, tmp_path)
    answer = (await tendril("leads", "import", file, *WORDS, "--json")).json

    assert answer["enrolled"] == len(people)
    await _nobody_more(stack, _ADRIFT, "some journeys neither ended nor have a next wake")
    await _nobody_more(stack, _UNWRITTEN, "some who may be written to never got a first mail")
    written_to = {address for mail in await stack.mails() for address in mail["to"]}
    assert len(written_to) > len(people) / 2
    assert written_to <= {_address(person) for person in people} - declined
    assert await stack.repeated() == 0
    for count in (_PLANNED_ANYWAY, _ADRIFT):
        assert await stack.database.pool.fetchval(count) == 0, count
    assert await _outcomes_known(stack) == 0


def _at_any_hour(playbook: Playbook) -> Playbook:
    """Hurried days leave too little of a send window for hundreds of mails; everything else is as shipped."""
    cadence = playbook.cadence.model_copy(update={"days": ANY_DAY, "opens": time.min, "closes": time.max})
    assert cadence.least_gap > timedelta()
    return playbook.model_copy(update={"cadence": cadence})


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _first_rows(directory: Path) -> Path:
    """The export's header and first rows, as they stand there."""
    with EXPORT.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(islice(csv.reader(stream), _FROM_EXPORT + 1))
    file = directory / "export.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return file


def _address(person: dict[str, str]) -> str:
    """What ``--synthesise-email`` makes of the external id."""
    return f"{person['Prospect ID']}@example.com".lower()


async def _nobody_more(stack: Stack, count: str, otherwise: str) -> None:
    async def nobody() -> bool:
        return int(await stack.database.pool.fetchval(count)) == 0

    await eventually(nobody, otherwise)


async def _outcomes_known(stack: Stack) -> int:
    """Leads of whom anything is kept that the import must not read: the outcome, and what gives it away."""
    kept = "array['origin', 'occupation', 'specialisation', 'visits', 'seconds_on_site', 'last_activity']"
    query = f"select count(*) from lead where fields - {kept} <> '{{}}'::jsonb"  # noqa: S608 constant
    return int(await stack.database.pool.fetchval(query))
