"""docs/api.md and the specification say all that the API does."""

import re
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

import api

DOCS = (Path(api.__file__).parents[1] / "docs" / "api.md").read_text()
PACKAGE = Path(api.__file__).parent


def served(app: FastAPI) -> set[str]:
    """Every ``METHOD path`` that the application answers."""
    found = set()
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, Mount):
            found.add(f"GET {context.path}/")
        else:
            found |= {f"{method} {context.path}" for method in (context.methods or set()) - {"HEAD"}}
    return found


def test_every_route_is_in_the_documentation_and_no_other(app: FastAPI):
    documented = set(re.findall(r"`((?:GET|POST|PUT|DELETE|PATCH) /[^`]*)`", DOCS.split("## Routes")[1].split("##")[0]))

    assert documented == served(app)


def test_every_problem_is_in_the_documentation():
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    kinds = set(re.findall(r"(?:Problem|problem)\(\s*\d{3},\s*\"([a-z-]+)\"", source))

    assert len(kinds) > 12
    assert {kind for kind in kinds if f"`{kind}`" not in DOCS} == set()


def test_every_operation_has_words_and_says_who_may(app: FastAPI):
    specification = app.openapi()

    for path, operations in specification["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation.get("description"), (method, path)
            if path.startswith("/v1/"):
                assert operation["security"], (method, path)


def test_every_body_has_an_example(app: FastAPI):
    schemas = app.openapi()["components"]["schemas"]

    for name in (
        "LeadBody",
        "TrackEvent",
        "PageEvent",
        "IdentifyEvent",
        "ScreenEvent",
        "GroupEvent",
        "AliasEvent",
        "Batch",
        "CommandBody",
        "RejectBody",
    ):
        assert schemas[name]["examples"], name
