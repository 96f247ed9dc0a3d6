"""Alembic's entry: runs migrations on the connection that ``storage.migrate`` supplies."""

from alembic import context
from sqlmodel import SQLModel

from storage import tables

assert tables.Lead.metadata is SQLModel.metadata  # noqa: S101 - the import registers every table
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
