"""How many leads are where: by stage and status, by path and ending, and of when. One pass over the journeys."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.words import BuyerStage, Ending, LeadStatus, Phase
from storage.database import Database

#: Weeks that trends go back.
WEEKS = 8
_WEEK = timedelta(days=7)
#: Journeys counted by all that they are told apart by. ``week``: in which of the last weeks they began (ended, once
#: they have), 1 for the oldest, 0 for before. Times are only compared: arithmetic with them took half of the query.
_COUNT = """
select status, phase, stage, ending, count(*) as number, width_bucket(coalesce(ended_at, started_at), $1) as week
from journey{where} group by status, phase, stage, ending, week
"""


class Row(BaseModel):
    """One word and how many leads it is true of. ``share`` is of its whole, 0–1.

    ``weeks``: of these, how many began (for an ending: ended) in each of the last weeks, the oldest first.
    """

    model_config = ConfigDict(frozen=True)

    word: str
    number: int
    share: float
    weeks: tuple[int, ...]


class StageRow(Row):
    """A buyer stage; ``statuses`` are its leads by status."""

    statuses: dict[str, int]


class Funnel(BaseModel):
    """Where everybody is. ``stages`` and ``paths``: of those in flight; ``endings``: of the rest; ``statuses``: of all.

    ``began`` and ``ended`` count journeys by week, the oldest first. Every stage is there; other words that count
    nobody are left out.
    """

    model_config = ConfigDict(frozen=True)

    total: int
    in_flight: int
    stages: tuple[StageRow, ...]
    statuses: tuple[Row, ...]
    paths: tuple[Row, ...]
    endings: tuple[Row, ...]
    began: tuple[int, ...]
    ended: tuple[int, ...]


async def funnel(db: Database, now: datetime, *, playbook: str = "", segment: str = "") -> Funnel:
    """As of now, of one playbook (by name) or segment or of all."""
    bounds = [now - number * _WEEK for number in range(WEEKS, 0, -1)]
    given = {"playbook_name": playbook, "segment": segment}
    asked = {name: value for name, value in given.items() if value}
    where = " and ".join(f"{name} = ${number}" for number, name in enumerate(asked, 2))
    rows = await db.pool.fetch(_COUNT.format(where=f" where {where}" if where else ""), bounds, *asked.values())
    flying, gone = [row for row in rows if not row["ending"]], [row for row in rows if row["ending"]]
    return Funnel(
        total=sum(row["number"] for row in rows),
        in_flight=sum(row["number"] for row in flying),
        stages=_stages(flying),
        statuses=_by(rows, "status", LeadStatus),
        paths=_by(flying, "phase", Phase),
        endings=_by(gone, "ending", Ending),
        began=_weeks(flying),
        ended=_weeks(gone),
    )


def _stages(rows: Iterable[Mapping[str, Any]]) -> tuple[StageRow, ...]:
    statuses: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        statuses[row["stage"]][row["status"]] += row["number"]
    known = {row.word: row for row in _by(rows, "stage", BuyerStage)}
    none = Row(word="", number=0, share=0, weeks=(0,) * WEEKS)
    return tuple(
        StageRow(
            **known.get(stage, none).model_dump() | {"word": stage.value},
            statuses={word.value: statuses[stage][word] for word in LeadStatus if statuses[stage][word]},
        )
        for stage in BuyerStage
    )


def _by(rows: Iterable[Mapping[str, Any]], what: str, words: Iterable[str]) -> tuple[Row, ...]:
    """Rows by one of their words, in the words' own order; without those that count nobody."""
    grouped: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row[what]].append(row)
    whole = sum(row["number"] for row in rows) or 1
    return tuple(_row(str(word), grouped[word], whole) for word in words if grouped[word])


def _row(word: str, rows: list[Mapping[str, Any]], whole: int) -> Row:
    number = sum(row["number"] for row in rows)
    return Row(word=word, number=number, share=number / whole, weeks=_weeks(rows))


def _weeks(rows: Iterable[Mapping[str, Any]]) -> tuple[int, ...]:
    counted: Counter[int] = Counter()
    for row in rows:
        counted[row["week"]] += row["number"]
    return tuple(counted[week] for week in range(1, WEEKS + 1))
