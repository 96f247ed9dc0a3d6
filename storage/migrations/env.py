"""Alembic's entry: runs migrations on the connection that ``storage.migrate`` supplies, each in its own transaction."""

from typing import Any

from alembic import context
from sqlalchemy import text
from sqlmodel import SQLModel

from storage import tables


def _note_contract(step: Any, ctx: Any, **_: Any) -> None:
    """A migration that takes something away says from which build on (``contract``); the database keeps that."""
    for script in step.up_revisions if step.is_upgrade else ():
        if least := getattr(script.module, "contract", ""):
            ctx.connection.execute(
                text("update schema_floor set revision = greatest(revision, :least)"), {"least": least}
            )


assert tables.Lead.metadata is SQLModel.metadata  # noqa: S101 - the import registers every table
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    compare_server_default=True,
    transaction_per_migration=True,
    on_version_apply=_note_contract,
)
with context.begin_transaction():
    context.run_migrations()
