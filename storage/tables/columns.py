"""Kinds of column that the tables share."""

from typing import Any

from sqlalchemy import Column, DateTime, DefaultClause, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import AutoString, Field, SQLModel


def moment(*, null: bool = False, **options: Any) -> Any:
    return Field(default=None if null else ..., sa_column=Column(DateTime(timezone=True), nullable=null, **options))


def json_column(default: str = "{}") -> Any:
    return Field(sa_column=Column(JSONB, nullable=False, server_default=text(f"'{default}'::jsonb")))


def texts() -> Any:
    return Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")))


def finish_columns() -> None:
    """Make strings ``text``, and let plain SQL leave out every column whose value is merely the model's default."""
    tables = SQLModel.metadata.tables
    fields = [(model, name, field) for model in SQLModel.__subclasses__() for name, field in model.model_fields.items()]
    for model, name, field in fields:
        column = tables[str(model.__tablename__)].columns[name]
        if isinstance(column.type, AutoString):
            column.type = Text()
        if column.server_default is None and isinstance(field.default, str | int | float) and not column.primary_key:
            column.server_default = DefaultClause(str(field.default).lower())
