"""How far imports have come, written in the transactions of their batches."""

from pydantic import BaseModel, ConfigDict

from storage.database import Connection, Database


class Progress(BaseModel):
    """Rows up to number ``rows_done`` are taken or rejected for good; ``rejected`` of them were not taken."""

    model_config = ConfigDict(frozen=True)

    rows_done: int = 0
    rejected: int = 0
    finished: bool = False


async def begin(db: Database, import_id: str) -> Progress:
    """How far the import of that id has come; nowhere, when it is new."""
    await db.pool.execute("insert into import_run (id) values ($1) on conflict do nothing", import_id)
    row = await db.pool.fetchrow("select rows_done, rejected, finished from import_run where id = $1", import_id)
    return Progress.model_validate(dict(row))


async def advance(connection: Connection, import_id: str, rows_done: int, rejected: int) -> None:
    """Record progress in the transaction that made it. Of two runs at once the one that is further ahead counts."""
    await connection.execute(
        "update import_run set rows_done = $2, rejected = $3 where id = $1 and rows_done < $2",
        import_id,
        rows_done,
        rejected,
    )


async def finish(db: Database, import_id: str) -> None:
    await db.pool.execute("update import_run set finished = true where id = $1", import_id)


async def forget(db: Database, import_id: str) -> None:
    """Let the same import be made again from its first row. What it took is kept."""
    await db.pool.execute("delete from import_run where id = $1", import_id)
