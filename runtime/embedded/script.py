"""The bundled sample as a script: who enters and who does what, on which day.

The files of ``sample/`` hold it; days count from a Monday at 09:00 UTC.
"""

import csv
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from runtime.embedded.datadir import DataDirectory, read_json

SAMPLE = Path(__file__).parent / "sample"
#: Columns of leads.csv that are the lead's own; all others are lead fields of the playbook.
_OWN = frozenset(
    ["external_id", "email", "anonymous_id", "enters_day", "country", "timezone", "source", "owner", "do_not_email"]
)
_MONDAY_HOUR = 9

Row = dict[str, str]


@dataclass(frozen=True)
class Act:
    """One request to the API at ``day``. ``lead`` is set on commands: the external id whose id goes into ``path``."""

    day: float
    path: str
    body: dict[str, Any]
    lead: str = ""


@dataclass(frozen=True)
class SellersAnswer:
    """What a seller will say to a lead's ``number``-th handoff, so long after it was opened."""

    after: timedelta
    accepts: bool
    reason: str


def acts(directory: Path = SAMPLE) -> list[Act]:
    """Everything that happens, in order. A lead enters before anything else of the same moment."""
    leads = rows(directory / "leads.csv")
    visitors = {lead["external_id"]: lead["anonymous_id"] for lead in leads}
    entries = [_entry(lead) for lead in leads]
    rest = [_behaviour(row, number, visitors) for number, row in enumerate(rows(directory / "behaviour.csv"), 1)]
    return sorted([*entries, *rest], key=lambda act: act.day)


def sellers_answers(directory: Path = SAMPLE) -> dict[tuple[str, int], SellersAnswer]:
    """By external id and number of the handoff, from 1."""
    return {
        (row["lead"], int(row["handoff"])): SellersAnswer(
            timedelta(hours=float(row["after_hours"])), row["answer"] == "accept", row["reason"]
        )
        for row in rows(directory / "sellers.csv")
    }


def story_told(directory: DataDirectory) -> bool:
    """Whether the visitors have done everything that the sample has for them."""
    done = read_json(directory.demo).get("done")
    return isinstance(done, list) and len(done) >= _number_of_acts()


@cache
def _number_of_acts() -> int:
    return len(acts())


def first_day(now: datetime) -> datetime:
    """The script's day 0: the Monday at 09:00 nearest to ``now``, so that weekdays are as written.

    Up to half a week of it may be past already and is played at once, or is waited for: seconds on the demo's clock.
    """
    monday = (now - timedelta(days=now.weekday())).replace(hour=_MONDAY_HOUR, minute=0, second=0, microsecond=0)
    return monday if now - monday <= timedelta(days=3.5) else monday + timedelta(days=7)


def rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _entry(lead: Row) -> Act:
    body: dict[str, Any] = {
        name: lead[name] for name in ("external_id", "email", "country", "timezone", "source", "owner")
    }
    body["anonymous_ids"] = [lead["anonymous_id"]]
    body["company"] = lead["company"]
    body["fields"] = {name: _value(text) for name, text in lead.items() if name not in _OWN and text}
    if lead["do_not_email"]:
        body["consent"] = {"email": {"granted": False, "source": "sample"}}
    return Act(float(lead["enters_day"]), "/v1/leads", body)


def _behaviour(row: Row, number: int, visitors: dict[str, str]) -> Act:
    """A page or an event comes from the visitor's browser, which knows no more than its own id."""
    day, lead = float(row["day"]), row["lead"]
    if row["type"] == "command":
        return Act(day, f"/v1/leads/{{lead}}/commands/{row['name']}", {"reason": "asked us to stop"}, lead)
    common = {"messageId": f"sample-{number}", "anonymousId": visitors[lead]}
    properties = json.loads(row["properties"] or "{}")
    if row["type"] == "page":
        return Act(day, "/v1/page", common | {"properties": properties | {"path": row["name"]}})
    return Act(day, "/v1/track", common | {"event": row["name"], "properties": properties})


def _value(text: str) -> str | int | bool:
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if text.isdigit() else text
