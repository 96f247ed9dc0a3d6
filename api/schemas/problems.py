"""The document that every error is (RFC 9457)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class BadField(BaseModel):
    """One field that is not as required: ``pointer`` into the body, or ``parameter`` of path, query or header."""

    in_: Literal["body", "path", "query", "header", "cookie"] | None = Field(None, alias="in")
    pointer: str | None = Field(None, description="A JSON pointer into the body.")
    parameter: str | None = None
    message: str


class ProblemDocument(BaseModel):
    """An error: what happened, where, and what to do about it."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(pattern="^urn:tendril:problem:", description="Which kind of error; docs/api.md lists them.")
    title: str
    status: int
    detail: str = Field(description="What happened, in words.")
    instance: str = Field(description="The path that was asked for.")
    remedy: str = Field(description="What to do about it.")
    errors: list[BadField] | None = Field(None, description="Of a 422: each bad field.")
    code: str | None = Field(None, description="Of tracking routes: the kind, where Segment's libraries look for it.")
    message: str | None = Field(None, description="Of tracking routes: the detail, likewise.")
