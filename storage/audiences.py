"""Who should be on which list at which network, and what each network has acknowledged (DESIGN decision 5).

A decision writes one desired membership (``audience_member``). It is spread to the networks that the audience is for,
each of which has a row of its own (``network_member``): with its own version, errors and retry, so that none waits for
another. A network that is added later is spread to like any other; of one that is taken away everybody is to be
forgotten. Who is refused comes again after 5 minutes, then 10, up to a day, or as soon as they change.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.audiences import AdsAudience, AudienceChange, AudienceState, Fate, Outcome
from storage import audiences_sql as sql
from storage.database import Connection, Database

#: Memberships that are spread in one transaction, and of how many ``due`` takes up at most.
_SPREAD, _QUICK = 5_000, 4
#: Memberships that are noted in one statement.
_AT_A_TIME = 500
#: Memberships that are renewed at a time.
_RENEWED = 20_000
#: Lists change within hours: LinkedIn takes up to 48, Meta and Google up to 24.
_READ_EVERY = timedelta(hours=6)
#: How long a batch is given before anybody asks what became of it.
_FIRST_LOOK = timedelta(minutes=15)
#: What became of a batch takes Google "up to 24 hours" (developers.google.com/data-manager/api/devguides/diagnostics).
#: Who was in one that tells nothing for three times as long is told again.
_GIVEN_UP = timedelta(days=3)


class PgAudiences:
    """``domain.audiences.DesiredAudiences``. ``networks`` are those that the deployment names."""

    def __init__(self, db: Database, networks: Sequence[str]) -> None:
        self._db = db
        self._networks = sorted(set(networks))

    async def due(self) -> list[str]:
        for _ in range(_QUICK):
            if not await self.spread():
                break
        rows = await self._db.pool.fetch(sql.DUE, self._networks, _READ_EVERY)
        return [row["network"] for row in rows]

    async def spread(self) -> bool:
        async with self._db.pool.acquire() as connection, connection.transaction():
            only = await self._reach(connection)
            pairs = [(audience, network) for audience, networks in only.items() for network in networks]
            spread: int = await connection.fetchval(
                sql.SPREAD,
                self._networks,
                _SPREAD,
                [audience for audience, _ in pairs],
                [network for _, network in pairs],
            )
        return spread == _SPREAD

    async def renew(self, network: str, lasts: timedelta) -> int:
        """At nine tenths of the time: what the network does not take at once is tried again for weeks."""
        return _rows(await self._db.pool.execute(sql.RENEW, network, lasts * 0.9, _RENEWED))

    async def lists(self, network: str, *, leaving: bool) -> list[AdsAudience]:
        return await self._named(
            await self._db.pool.fetch(sql.LEAVING_LISTS if leaving else sql.JOINING_LISTS, network)
        )

    async def page(
        self, network: str, audience: str, limit: int, *, leaving: bool, after: str = ""
    ) -> list[AudienceChange]:
        rows = await self._db.pool.fetch(sql.LEAVING if leaving else sql.JOINING, network, audience, after, limit)
        return [AudienceChange.model_construct(**dict(row)) for row in rows]

    async def joined(self, changes: Sequence[AudienceChange], keys: Sequence[str], request: str, now: datetime) -> None:
        if not changes:
            return
        network, audience = changes[0].network, changes[0].audience
        async with self._db.pool.acquire() as connection, connection.transaction():
            for part in _parts(changes):
                told = _told(changes[part], keys[part])
                await connection.execute(sql.JOINED, network, audience, told, request, now)
            await connection.execute(sql.FILLED, network, audience)
            if request:
                await connection.execute(sql.ASKED, network, request, audience, _FIRST_LOOK)

    async def left(self, changes: Sequence[AudienceChange], now: datetime) -> None:
        """Who is still known by a key that is theirs (``known_as``, not ``stale``) keeps it."""
        if not changes:
            return
        kept = [change.known_as if change.member and not change.stale else "" for change in changes]
        network, audience = changes[0].network, changes[0].audience
        async with self._db.pool.acquire() as connection, connection.transaction():
            for part in _parts(changes):
                await connection.execute(sql.LEFT, network, audience, _told(changes[part], kept[part]), now)

    async def removing(
        self, changes: Sequence[AudienceChange], keys: Sequence[str], request: str, now: datetime
    ) -> None:
        if not changes:
            return
        network, audience = changes[0].network, changes[0].audience
        async with self._db.pool.acquire() as connection, connection.transaction():
            for part in _parts(changes):
                told = _told(changes[part], keys[part])
                await connection.execute(sql.REMOVING, network, audience, told, request, now)
            await connection.execute(sql.ASKED, network, request, audience, _FIRST_LOOK)

    async def known(self, network: str, audience: str, keys: Sequence[str]) -> frozenset[str]:
        parts = [keys[start : start + _AT_A_TIME] for start in range(0, len(keys), _AT_A_TIME)]
        rows = [row for part in parts for row in await self._db.pool.fetch(sql.KNOWN, network, audience, part)]
        return frozenset(row["known_as"] for row in rows)

    async def refused(self, changes: Sequence[AudienceChange], reason: str) -> None:
        """``reason``: the network's, in opaque words."""
        if changes:
            network, audience = changes[0].network, changes[0].audience
            told = _told(changes, [""] * len(changes))
            await self._db.pool.execute(sql.REFUSED, network, audience, told, reason)

    async def requests(self, network: str) -> list[str]:
        return [row["request"] for row in await self._db.pool.fetch(sql.REQUESTS, network)]

    async def became(self, network: str, request: str, outcome: Outcome) -> None:
        if outcome.fate is Fate.UNDER_WAY:
            if not await self._db.pool.fetchval(sql.LOOK_LATER, network, request, _FIRST_LOOK, _GIVEN_UP):
                return
            outcome = Outcome(fate=Fate.FAILED, why=f"{network} does not say what became of a batch")
        async with self._db.pool.acquire() as connection, connection.transaction():
            await connection.execute(sql.LOCK_REQUEST, network, request)
            if outcome.fate is not Fate.DONE:
                whole = outcome.fate is Fate.FAILED
                await connection.execute(sql.FAILED, network, request, outcome.why, whole)
            await connection.execute(sql.DONE, network, request)
            audience = await connection.fetchval(sql.FORGET_REQUEST, network, request)
            if audience and outcome.fate is not Fate.DONE:
                await connection.execute(sql.PROBLEM, network, audience, outcome.why)

    async def unread(self, network: str) -> list[AdsAudience]:
        return await self._named(await self._db.pool.fetch(sql.UNREAD, network, _READ_EVERY))

    async def read(self, network: str, audience: str, state: AudienceState | None, problem: str = "") -> None:
        if state is None:
            await self._unread(network, audience, problem)
            return
        await self._db.pool.execute(sql.READ, network, audience, state.status, state.size, state.least, state.usable)

    async def _unread(self, network: str, audience: str, problem: str) -> None:
        """A list that somebody deleted there is filled again, as a new one."""
        async with self._db.pool.acquire() as connection, connection.transaction():
            await connection.execute(sql.PROBLEM, network, audience, problem or "no longer there")
            if not problem:
                await connection.execute(sql.REFILL, network, audience)

    async def refill(self, network: str, audience: str) -> None:
        await self._db.pool.execute(sql.REFILL, network, audience)

    async def _reach(self, connection: Connection) -> dict[str, list[str]]:
        """Audiences that are not for all networks → those they are for. Where that changed, all is spread anew."""
        only = {
            row["id"]: sorted({network for networks in row["networks"] for network in networks})
            for row in await connection.fetch(sql.PLAYBOOKS)
            if not row["everywhere"]
        }
        rule: dict[str, Any] = {"networks": self._networks, "only": only}
        if await connection.fetchval(sql.RULE) != rule:
            await connection.execute(sql.KEEP_RULE, rule)
            await connection.execute(sql.UNSPREAD)
        return only

    async def _named(self, rows: Sequence[Any]) -> list[AdsAudience]:
        """Audiences with the labels that playbooks in force give them."""
        if not rows:
            return []
        labels = {row["id"]: row["label"] for row in await self._db.pool.fetch(sql.PLAYBOOKS)}
        return [AdsAudience(id=row["audience"], label=labels.get(row["audience"]) or "") for row in rows]


def _parts(changes: Sequence[AudienceChange]) -> Iterator[slice]:
    """Some hundreds at a time: a statement's plan is for so many at most, whatever is known of a list by then."""
    return (slice(start, start + _AT_A_TIME) for start in range(0, len(changes), _AT_A_TIME))


def _told(changes: Sequence[AudienceChange], keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Lead → version that the network was told, key."""
    return {change.lead: (change.version, key) for change, key in zip(changes, keys, strict=True)}


def _rows(status: str) -> int:
    return int(status.rpartition(" ")[2])
