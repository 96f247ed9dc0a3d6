"""A database from before addresses had one spelling."""

import asyncpg
from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from storage.migrate import configuration, upgrade


def _as_before(connection: Connection) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "0006")


async def test_addresses_domains_and_the_list_get_the_spelling_that_is_compared(empty_database_url: str):
    engine = create_async_engine(empty_database_url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.begin() as connection:
        await connection.run_sync(_as_before)
    await engine.dispose()
    connection = await asyncpg.connect(empty_database_url)
    addresses = (
        "ann@bücher.example",
        "bob@gmail.com",
        "bob+x@gmail.com",
        "both@bücher.example",
        "both@xn--bcher-kva.example",
    )
    for number, address in enumerate(addresses):
        await connection.execute(
            "insert into lead (id, email, fields, created_at, updated_at) values ($1, $2, '{}', now(), now())",
            f"ld_{number}",
            address,
        )
    await connection.execute("insert into account (id, domain, created_at) values ('ac', 'bücher.example', now())")
    await connection.execute("insert into suppression (email, reason, at) values ('*@bücher.example', 'manual', now())")

    upgrade(empty_database_url)

    rows = await connection.fetch("select email, mailbox from lead order by id")
    assert [tuple(row) for row in rows] == [
        ("ann@xn--bcher-kva.example", None),
        ("bob@gmail.com", "bob@gmail.com"),
        ("bob+x@gmail.com", "bob@gmail.com"),
        ("both@bücher.example", None),  # the other has it: for a person to merge
        ("both@xn--bcher-kva.example", None),
    ]
    assert await connection.fetchval("select domain from account") == "xn--bcher-kva.example"
    assert await connection.fetchval("select email from suppression") == "*@xn--bcher-kva.example"
    await connection.close()
