"""Whether this build and the database's schema fit each other, in either direction (docs/decisions/0022).

Migrations only add (expand), so a build works with schemas that are newer than it knows: that is what lets two builds
run side by side while one replaces the other. A migration that takes away what an older build uses says which build may
still run (``contract``); the database keeps the newest such word in ``schema_floor``. So:

=============================  =================================================================
the database                   the build
=============================  =================================================================
is older than the build        refuses, until ``tendril migrate`` has run
is the build's own             runs
is newer, floor at most ours   runs
is newer, floor above ours     refuses
=============================  =================================================================

Revisions are migrations' numbers; a build is called by the newest it knows.
"""

from collections.abc import Collection
from functools import cache
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

from domain.errors import Refused
from storage.database import Connection


class DatabaseTooNew(Refused):
    """The database was migrated by a newer Tendril that this build can't work beside, or is not Tendril's."""


class DatabaseTooOld(Refused):
    """The database lacks migrations that this build needs."""


async def require_fitting(connection: Connection) -> None:
    """Raises ``DatabaseTooNew`` or ``DatabaseTooOld`` when this build must not work on the database."""
    found = await _column(connection, "select version_num from alembic_version")
    floor = await _column(connection, "select revision from schema_floor")
    refuse_newer(found, next(iter(floor), None))
    newest = newest_known()
    if not found:
        raise DatabaseTooOld("The database has no tables of Tendril's.", "Run `tendril migrate`.")
    if max(found) < newest:
        raise DatabaseTooOld(
            f"The database's schema is at {', '.join(sorted(found))}; this build needs {newest}.",
            "Run `tendril migrate` of this build; builds that run meanwhile go on.",
        )


def refuse_newer(found: Collection[str], floor: str | None) -> None:
    """Raises ``DatabaseTooNew`` when the schema ``found`` is unknown here and its ``floor`` does not let us run."""
    newest = newest_known()
    for revision in set(found) - known():
        if not revision.isdigit() or revision < newest:
            raise DatabaseTooNew(
                f"The database's schema is at {revision!r}, which no build of Tendril's is.",
                "Point TENDRIL_DATABASE_URL at another database.",
            )
        if floor is None or floor > newest:
            raise DatabaseTooNew(
                f"The database's schema is at {revision} and works with builds from {floor or revision} on;"
                f" this one is {newest}.",
                "Start the newer Tendril that made it, or point TENDRIL_DATABASE_URL at another database.",
            )


def configuration() -> Config:
    """Alembic's configuration: where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


@cache
def known() -> frozenset[str]:
    """The migrations of this build."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions())


def newest_known() -> str:
    """What this build is called: its newest migration."""
    return max(known())


async def _column(connection: Connection, query: str) -> list[str]:
    """The one column of a table's rows; nothing when there is no such table yet."""
    try:
        return [row[0] for row in await connection.fetch(query)]
    except asyncpg.UndefinedTableError:
        return []
