"""Migrations only add, so that the build before works while they run and after: each statement is read as it is sent.

A migration that must take something away says ``contract = "NNNN"`` (docs/decisions/0022-schema-and-builds.md).
"""

import re
from collections.abc import Collection
from typing import Any

import pytest
from alembic import command
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import create_async_engine

from storage.schema import configuration

#: The last migration before builds ran side by side.
BEFORE = "0016"
#: Tables with a handful of rows, in which writers may be kept out for a moment.
SMALL = {"api_key", "deployment", "playbook_version", "schema_floor"}
_CONSTANT = r"('[^']*'(::[\w\[\]]+)?|-?[\d.]+|true|false|now\(\))"
#: What adds, whatever the table; and what may be done to new and small ones, which ``table`` names.
ANYWHERE = [
    r"create table (if not exists )?\w+ ",
    r"create (unique )?index concurrently ",
    r"drop index concurrently if exists ",  # only what an interrupted attempt left: nobody works with an index's name
    r"comment on ",
    r"with few as \( ?select .* limit \d+ for update( of \w+)? ?\) update ",  # fills, a few rows at a time
    rf"alter table \w+ add (column )?\w+ [\w ()\[\]]+? default {_CONSTANT}( not null)?$",
    r"alter table \w+ add (column )?(?!constraint)\w+ (?!.*(not null|default|unique|references)).+$",
    r"alter table \w+ add .* not valid$",
]
ON_SMALL = [
    r"create (unique )?index \w+ on (?P<table>\w+) ",
    r"insert into (?P<table>\w+) ",
    r"update (?P<table>\w+) ",
    r"alter table (?P<table>\w+) add ",
]


def adds_only(statement: str, small: Collection[str] = ()) -> bool:
    """Whether the build before goes on with its work while this runs, and after it."""
    if any(re.match(one, statement) for one in ANYWHERE):
        return True
    return any(found["table"] in small for one in ON_SMALL if (found := re.match(one, statement)))


@pytest.mark.parametrize(
    "statement",
    [
        "alter table lead drop column email",
        "alter table lead rename to person",
        "alter table lead alter column email set not null",
        "alter table lead add column age integer not null",
        "alter table lead add column key text default gen_random_uuid() not null",
        "alter table lead add column owner text references account (id)",
        "alter table lead add constraint one unique (email)",
        "create index lead_email on lead (email)",
        "update lead set email = lower(email)",
        "drop table lead",
        "delete from lead",
    ],
)
def test_what_takes_away_or_keeps_writers_out_is_found(statement: str):
    assert not adds_only(statement, SMALL)


@pytest.mark.parametrize(
    "statement",
    [
        "create table note (id text not null, primary key (id))",
        "alter table lead add column seen_at timestamp with time zone",
        "alter table lead add column kind text default '' not null",
        "alter table lead add column tags text[] default '{}'::text[] not null",
        "create index concurrently lead_seen on lead (seen_at)",
        "create index api_key_name on api_key (name)",
        "with few as (select id from lead where seen_at is null limit 500 for update) update lead set seen_at = now()",
    ],
)
def test_what_adds_is_let_through(statement: str):
    assert adds_only(statement, SMALL)


async def test_every_migration_adds_only_or_says_which_builds_it_leaves_behind(empty_database_url: str):
    engine = create_async_engine(empty_database_url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        await connection.run_sync(_migrate, BEFORE, lambda *_: None)
        said: list[tuple[str, str]] = []
        await connection.run_sync(_migrate, "head", lambda revision, statement: said.append((revision, statement)))
    await engine.dispose()

    contracts = {one.revision for one in _scripts() if getattr(one.module, "contract", "")}
    new = SMALL | {match[2] for _, one in said if (match := re.match(r"create table (if not exists )?(\w+)", one))}
    assert [(at, one) for at, one in said if at not in contracts and not adds_only(one, new)] == []
    assert len(said) > 5


def test_a_contract_names_a_build_that_there_is_and_that_looks_at_it():
    scripts = list(_scripts())
    known = {one.revision for one in scripts}
    named = [getattr(one.module, "contract", "") for one in scripts]
    assert [name for name in named if name and (name not in known or name < "0023")] == []


def _scripts() -> Any:
    return ScriptDirectory.from_config(configuration()).walk_revisions()


def _migrate(connection: Connection, revision: str, tell: Any) -> None:
    """Tells each statement of each migration, in one line and lower case, with the revision it brings."""
    config = configuration()
    config.attributes["connection"] = connection
    heard: list[str] = []

    def hear(*told: Any) -> None:
        statement = " ".join(told[2].lower().split())
        if statement.startswith("update alembic_version"):
            number = told[3][0] if told[3] else re.findall(r"'(\w+)'", statement)[0]
            for one in heard:
                tell(number, one)
            heard.clear()
        elif not re.match(r"(select|set lock_timeout|begin|rollback|commit)\b", statement):
            heard.append(statement)

    MigrationContext.configure(connection).get_current_heads()
    connection.rollback()
    event.listen(connection.engine, "before_cursor_execute", hear)
    command.upgrade(config, revision)
    event.remove(connection.engine, "before_cursor_execute", hear)
