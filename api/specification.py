"""The specification, completed: FastAPI knows what an operation gives when all is well, and this what else it may give.

What follows from an operation's shape is added here (a key may be missing, a body malformed, a path name nothing);
what is an operation's own its route declares with :func:`problems` or :func:`pages`. Tests send requests made from the
specification and find every answer in it.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from api.problems import MEDIA_TYPE
from api.schemas.problems import ProblemDocument

#: As FastAPI takes what a route may answer beside its success.
Answers = dict[int | str, dict[str, Any]]
_PROBLEM = "#/components/schemas/Problem"
#: These look at nothing that could be away, or say what is away in their own words.
_ALWAYS_THERE = ("/healthz", "/readyz", "/metrics")
_FASTAPIS_OWN = ("HTTPValidationError", "ValidationError")


def problems(*statuses: int) -> Answers:
    """Answers that are problem documents."""
    return {status: _answer(status, MEDIA_TYPE, {"$ref": _PROBLEM}) for status in statuses}


def pages(*statuses: int) -> Answers:
    """Answers that are pages for people."""
    return {status: _answer(status, "text/html", {"type": "string"}) for status in statuses}


def _answer(status: int, media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase, "content": {media: {"schema": schema}}}


class Specified(FastAPI):
    """FastAPI whose ``/openapi.json`` names every answer."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    for name in _FASTAPIS_OWN:
        schemas.pop(name, None)
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    return document


def _complete(path: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if HTTPStatus.UNPROCESSABLE_ENTITY in map(int, answers):
        answers["422"]["content"].pop("application/json", None)  # FastAPI's word for what is ours to say
    for status, answer in problems(*_follows(path, operation)).items():
        known = answers.setdefault(str(status), answer)
        known["content"] = {**known.get("content", {}), **answer["content"]}
    operation["responses"] = dict(sorted(answers.items()))


def _follows(path: str, operation: dict[str, Any]) -> Iterator[int]:
    """What may go wrong with any operation of this shape."""
    if operation.get("security"):
        yield from (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    if "{" in path:
        yield HTTPStatus.NOT_FOUND
    if "requestBody" in operation:
        yield from (
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        )
    if operation.get("parameters"):
        yield HTTPStatus.UNPROCESSABLE_ENTITY
    if path not in _ALWAYS_THERE:
        yield HTTPStatus.SERVICE_UNAVAILABLE
