"""Two leads become one. What survives how, ``domain.merging`` says; how it is undone, ``storage.unmerges``.

The merged lead keeps its row, its journey's story and its touches: history stays history. It is only marked as part of
the survivor (``merged_into``), to whom everything that is meant for it goes from then on; its names are found there,
and refusals of either hold for both (``storage.permission``). Its journey ends at its next decision; nothing can be
claimed for it any more. What it did goes to the survivor: what its journey had considered as history, which fires
nothing twice, and the rest as news.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.errors import NotFound, Refused
from domain.merging import Choice, Said, Standing, choose, differ, doubt
from domain.words import LeadStatus, Phase
from storage import merges_sql as sql
from storage import turns
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.operators_log import note
from storage.permission import FORBID

_COLUMNS = ("country", "timezone", "source", "owner", "account_id")


class Merged(BaseModel):
    """What a merge did, or would do. ``rule`` says why ``survivor`` survives; ``behaviour`` is how many events it got,
    ``news`` how many of them its journey has still to consider; ``withdrawn`` touches of the other will never leave.

    ``journey_ends`` is the cycle of the journey that ends (None when none was running). ``took`` names what the
    survivor lacked and has now: ``email``, ``external_id``, ``crm_id``, columns, ``fields.NAME``.
    """

    model_config = ConfigDict(frozen=True)

    survivor: str
    merged: str
    rule: str
    behaviour: int = 0
    news: int = 0
    withdrawn: int = 0
    journey_ends: int | None = None
    took: tuple[str, ...] = ()


async def current(connection: Connection, lead: str) -> str:
    """The lead that this one is part of: itself, unless it was merged. An id of nobody's comes back as it is."""
    found = await connection.fetchval("select coalesce(merged_into, id) from lead where id = $1", lead)
    return found or lead


async def everyone(connection: Connection, lead: str) -> list[str]:
    """The lead that this one is part of, and then all that are part of it."""
    survivor = await current(connection, lead)
    rows = await connection.fetch("select id from lead where merged_into = $1 order by id", survivor)
    return [survivor, *(row["id"] for row in rows)]


async def merge(
    db: Database, one: str, other: str, by: str, why: str, now: datetime, *, preview: bool = False
) -> Merged:
    """Make two leads one; with ``preview`` only say what would become of them. ``by`` is an opaque actor.

    Either may be merged already: then its survivor is meant. Raises ``NotFound``, and ``Refused`` for one and the same
    lead and for somebody erased.
    """
    async with db.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await turns.keep_names_still(connection)
            leads = await _held(connection, await current(connection, one), await current(connection, other))
            outcome = await _merge(connection, leads, by, why, now)
            await note(connection, by, "leads_merged", outcome.survivor, now, {"merged": outcome.merged})
        except BaseException:
            await transaction.rollback()
            raise
        await (transaction.rollback() if preview else transaction.commit())
    return outcome


async def unite(db: Database, one: str, other: str, said: Said, now: datetime) -> str:
    """Two leads are said to be one: do it where nothing speaks against it, else keep it as a suggestion.

    Returns the survivor's id, "" where they stay two. What a person has denied is not suggested again, and a computer
    that two people share suggests nothing.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        await turns.keep_names_still(connection)
        ids = await current(connection, one), await current(connection, other)
        if ids[0] == ids[1]:
            return ids[0]
        rows = await connection.fetch(sql.STANDING, list(ids))
        if len(rows) < len(ids) or any(row["erased"] for row in rows) or await _denied(connection, ids):
            return ""
        leads = standing(rows[0]), standing(rows[1])
        if doubt(*leads, said):
            if said is not Said.VISITOR or not differ(*leads):
                await suggest(connection, *ids, said, now)
            return ""
        return (await _merge(connection, await _held(connection, *ids), said.value, said.value, now)).survivor


async def suggest(connection: Connection, one: str, other: str, said: Said, now: datetime) -> None:
    """Let a person decide whether these two are one. The first reason stays."""
    await connection.execute(
        "insert into same_person (one, other, why, at) values ($1, $2, $3, $4) on conflict do nothing",
        *sorted((one, other)),
        said,
        now,
    )


def standing(row: Any) -> Standing:
    """What ``merges_sql.STANDING`` read."""
    found = {name: row[name] for name in Standing.__dataclass_fields__}
    words = {"phase": row["phase"] and Phase(row["phase"]), "status": row["status"] and LeadStatus(row["status"])}
    return Standing(**found | words)


async def move(
    connection: Connection, source: str, target: str, cursor: int, events: Sequence[int] | None = None
) -> Any:
    """Give behaviour to another lead: ``ids`` and their old ``positions``, and how many are ``news`` there."""
    return await connection.fetchrow(sql.MOVE, source, target, cursor, None if events is None else list(events))


async def _denied(connection: Connection, leads: Sequence[str]) -> bool:
    query = "select exists (select from same_person where one = $1 and other = $2 and denied_at is not null)"
    denied: bool = await connection.fetchval(query, *sorted(leads))
    return denied


async def _held(connection: Connection, one: str, other: str) -> list[Any]:
    """Both, locked. Raises ``NotFound`` and ``Refused``."""
    if one == other:
        raise Refused(f"{one} is one lead already.", "Name two.")
    for statement in sql.LOCKS:
        await connection.execute(statement, [one, other])
    rows = {row["lead"]: row for row in await connection.fetch(sql.STANDING, [one, other])}
    for lead in (one, other):
        if lead not in rows:
            raise NotFound(f"There is no lead {lead}.", "`tendril leads list --search TEXT` finds leads.")
        if rows[lead]["erased"]:
            raise Refused(f"{lead} was erased.", "Somebody erased is never merged with anybody.")
    return [rows[one], rows[other]]


async def _merge(connection: Connection, leads: Sequence[Any], by: str, why: str, now: datetime) -> Merged:
    choice = choose(standing(leads[0]), standing(leads[1]))
    gone = next(row for row in leads if row["lead"] == choice.merged)
    given = await move(connection, choice.merged, choice.survivor, gone["cursor"])
    withdrawn = await connection.fetch(sql.CALL_BACK, choice.merged)
    kept = await _profile(connection, choice, now)
    await _lists(connection, choice, kept["moved"], now)
    await connection.execute(sql.PART_OF, choice.merged, choice.survivor, now)
    await wake_running(connection, [choice.survivor, choice.merged], "merged")
    kept |= await _permission(connection, choice)
    await connection.execute(
        sql.WRITE, choice.survivor, choice.merged, by, why, choice.rule, now, given["ids"], given["positions"], kept
    )
    await connection.execute(sql.SETTLED, *sorted((choice.survivor, choice.merged)))
    return Merged(
        survivor=choice.survivor,
        merged=choice.merged,
        rule=choice.rule,
        behaviour=len(given["ids"]),
        news=given["news"],
        withdrawn=len(withdrawn),
        journey_ends=gone["cycle"] if gone["cycle"] and gone["ended_at"] is None else None,
        took=(*kept["moved"], *kept["columns"], *(f"fields.{name}" for name in kept["fields"])),
    )


async def _profile(connection: Connection, choice: Choice, now: datetime) -> dict[str, Any]:
    """Names and what the survivor lacks. Returns what of it changed, for the undoing."""
    gone, stays = [await connection.fetchrow(sql.PROFILE, lead) for lead in (choice.merged, choice.survivor)]
    identities = await connection.fetch(sql.IDENTITIES, choice.merged, choice.survivor)
    moved = {name: gone[name] for name in ("external_id", "email", "crm_id") if gone[name] and not stays[name]}
    if "crm_id" not in moved:
        await connection.execute(sql.CRM_IDENTITY, choice.merged, choice.survivor, now)
    if moved:
        await connection.execute(sql.LET_GO, choice.merged, list(moved))
        names = [moved.get(name, "") for name in ("external_id", "email")]
        await connection.execute(sql.TAKE_UP, choice.survivor, *names, gone["mailbox"], moved.get("crm_id", ""), now)
    await connection.execute(sql.FILL, choice.merged, choice.survivor, now)
    answers = await connection.fetch(sql.ANSWERS, choice.merged, choice.survivor)
    longer = gone["away_until"] and (stays["away_until"] is None or gone["away_until"] > stays["away_until"])
    return {
        "moved": moved,
        "identities": [[row["kind"], row["value"]] for row in identities],
        "columns": [name for name in _COLUMNS if gone[name] and not stays[name]] + ["away_until"] * bool(longer),
        "away_until": stays["away_until"] and stays["away_until"].isoformat(),
        "fields": sorted(set(gone["fields"]) - set(stays["fields"])),
        "answers": [row["field"] for row in answers],
    }


async def _lists(connection: Connection, choice: Choice, moved: dict[str, str], now: datetime) -> None:
    if "email" in moved:
        await connection.execute(sql.HAND_OVER_AUDIENCES, choice.merged, choice.survivor)
    await connection.execute(sql.LEAVE_AUDIENCES, choice.merged, now)
    if "crm_id" in moved:
        await connection.execute(sql.TELL_CRM, choice.survivor, now)


async def _permission(connection: Connection, choice: Choice) -> dict[str, Any]:
    """The stricter of both wishes holds. Takes the turn that claims share, last of all."""
    await connection.execute(FORBID)
    consent = [dict(row) for row in await connection.fetch(sql.CONSENT, choice.survivor)]
    preference = await connection.fetchrow(sql.PREFERENCE, choice.survivor)
    await connection.execute(sql.UNITE_CONSENT, choice.merged, choice.survivor)
    await connection.execute(sql.UNITE_PREFERENCE, choice.merged, choice.survivor)
    return {"consent": consent, "preference": dict(preference) if preference else None}
