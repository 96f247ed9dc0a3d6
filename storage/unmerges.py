"""A merge undone: the other lead is its own again, with its names, what it did, and its word.

What happened since stays true. A touch that was sent stays sent; a journey that ended stays ended, and the lead may be
enrolled again at once; a refusal given while both were one person's holds for both. What cannot be undone is said.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.addresses import mailbox
from domain.errors import NotFound, Refused
from storage import merges_sql as sql
from storage import turns
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.merges import move
from storage.operators_log import note
from storage.permission import FORBID


class Unmerged(BaseModel):
    """``lead`` is its own again and no part of ``survivor``. ``behaviour`` is how many events it got back.

    ``stays``: what cannot be undone, in sentences.
    """

    model_config = ConfigDict(frozen=True)

    lead: str
    survivor: str
    behaviour: int
    stays: tuple[str, ...] = ()


async def unmerge(db: Database, lead: str, by: str, now: datetime) -> Unmerged:
    """Undo the merge by which ``lead`` became part of another. ``by`` is an opaque actor.

    Raises ``NotFound`` when it is part of none, ``Refused`` when the person was erased since.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        await turns.keep_names_still(connection)
        row = await connection.fetchrow(sql.IN_FORCE, lead)
        if row is None:
            raise NotFound(f"{lead} is part of no other lead.", "`tendril leads merges` shows what was merged.")
        for statement in sql.LOCKS:
            await connection.execute(statement, [lead, row["root"]])
        if await connection.fetchval("select exists (select from erasure where lead_id = $1)", lead):
            raise Refused(f"{lead} was erased.", "There is nothing left that could be given back.")
        await note(connection, by, "leads_unmerged", row["root"], now, {"merged": lead})
        return await _undo(connection, row, by, now)


async def _undo(connection: Connection, merge: Any, by: str, now: datetime) -> Unmerged:
    lead, root = merge["merged"], merge["root"]
    journey = await connection.fetchrow(
        "select coalesce(max(cursor), 0) as cursor from journey where lead_id = $1", root
    )
    given = await _behaviour(connection, merge, journey["cursor"])
    await _profile(connection, merge, now)
    await connection.execute(sql.ON_ITS_OWN, lead, now)
    if "away_until" in merge["kept"].get("columns", ()):
        before = merge["kept"]["away_until"]
        await connection.execute(sql.AWAY_BACK, lead, root, before and datetime.fromisoformat(before))
    await connection.execute(sql.UNDONE, merge["id"], now, by)
    await connection.execute(sql.DENIED, *sorted((lead, merge["survivor"])), merge["why"], now, by)
    await wake_running(connection, [lead, root], "unmerged")
    await _permission(connection, merge)
    return Unmerged(lead=lead, survivor=root, behaviour=given, stays=tuple(await _stays(connection, merge)))


async def _behaviour(connection: Connection, merge: Any, cursor: int) -> int:
    """What it had, to the places it had; and what came since under its names."""
    lead, root, ids = merge["merged"], merge["root"], merge["behaviour_ids"]
    users, visitors = await _names(connection, merge)
    since = await connection.fetch(sql.SINCE, root, lead, merge["at"], ids, users, visitors)
    back = await connection.fetchrow(sql.GIVE_BACK, root, lead, ids, merge["positions"], cursor)
    await connection.execute(sql.CONSIDERED, lead, back["considered"])
    await move(connection, root, lead, cursor, [row["id"] for row in since])
    number: int = back["number"] + len(since)
    return number


async def _names(connection: Connection, merge: Any) -> tuple[list[str], list[str]]:
    """User ids and visitors' ids that are the merged lead's."""
    names = [tuple(name) for name in merge["kept"].get("identities", ())]
    external = merge["kept"].get("moved", {}).get("external_id")
    external = external or await connection.fetchval("select external_id from lead where id = $1", merge["merged"])
    users = [value for kind, value in names if kind == "user_id"] + ([external] if external else [])
    return users, [value for kind, value in names if kind == "anonymous_id"]


async def _profile(connection: Connection, merge: Any, now: datetime) -> None:
    lead, root, kept = merge["merged"], merge["root"], merge["kept"]
    moved: dict[str, str] = kept.get("moved", {})
    held = await connection.fetchrow(sql.PROFILE, root)
    back = [name for name, value in moved.items() if held[name] == value]
    if "email" in back:
        await connection.execute(sql.AUDIENCES_BACK, root, lead, now)
    await connection.execute(sql.CRM_IDENTITY_BACK, root, lead)
    await connection.execute(sql.LET_GO, root, back)
    values = {name: moved[name] for name in back}
    email = values.get("email", "")
    names = values.get("external_id", ""), email, mailbox(email), values.get("crm_id", "")
    await connection.execute(sql.TAKE_UP, lead, *names, now)
    identities = kept.get("identities", ())
    await connection.execute(sql.IDENTITIES_BACK, root, lead, *_pairs(identities))
    await connection.execute(sql.USER_ID_BACK, root, lead)
    await connection.execute(sql.ANSWERS_BACK, root, lead, kept.get("answers", []))
    await connection.execute(sql.EMPTY, lead, root, kept.get("fields", []), kept.get("columns", []), now)


def _pairs(identities: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
    return [kind for kind, _ in identities], [value for _, value in identities]


async def _permission(connection: Connection, merge: Any) -> None:
    """Takes the turn that claims share, last of all."""
    lead, root, kept = merge["merged"], merge["root"], merge["kept"]
    await connection.execute(FORBID)
    for statement in sql.REFUSED_SINCE:
        await connection.execute(statement, root, lead, merge["at"])
    await connection.execute(sql.CONSENT_BACK, root, lead, kept.get("consent", []), merge["at"])
    changed = await connection.fetchval("select at > $2 from preference where lead_id = $1", root, merge["at"])
    if changed:
        await connection.execute(sql.UNITE_PREFERENCE, root, lead)
    elif before := kept.get("preference"):
        wish = [before["paused_until"] and datetime.fromisoformat(before["paused_until"]), before["least_days"]]
        wish.append(before.get("declined_topics", []))
        await connection.execute(sql.PREFERENCE_BACK, root, *wish, datetime.fromisoformat(before["at"]))
    else:
        await connection.execute(sql.PREFERENCE_GONE, root)


async def _stays(connection: Connection, merge: Any) -> list[str]:
    stays = []
    sent = await connection.fetchval(sql.SENT_SINCE, [merge["merged"], merge["root"]], merge["at"])
    if sent:
        stays.append(f"{sent} touch{'es' if sent > 1 else ''} sent since the merge can't be called back.")
    ended = "select max(cycle) from journey where lead_id = $1 and ending = 'merged'"
    cycle = await connection.fetchval(ended, merge["merged"])
    if cycle:
        stays.append(f"Journey {cycle} of {merge['merged']} has ended; it may be enrolled again.")
    return stays
