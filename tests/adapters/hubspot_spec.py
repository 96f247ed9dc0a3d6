"""HubSpot's published specification, where it lies beside the checkout: what we send and what our stand-in answers."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator

SPECS = Path(__file__).parents[2].parent / "shared" / "specs"
#: Later additions of HubSpot's, which the specification at hand does not have: they take the shape of this one.
_LIKE = {"/crm/v3/objects/contacts/batch/upsert": "/crm/v3/objects/contacts/batch/update"}


class Checked(httpx.AsyncHTTPTransport):
    """A transport that holds every request and answer to the specification. ``seen`` are the operations it knew."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/hubspot")
        operation = _operation(request.method, path)
        if operation is not None:
            self.seen.add(path)
            if "requestBody" in operation:
                _check(_content(operation["requestBody"]), json.loads(request.content))
        response = await super().handle_async_request(request)
        await response.aread()
        told = operation["responses"].get(str(response.status_code), {}) if operation else {}
        if told.get("content"):
            _check(_content(told), json.loads(response.content))
        return response


def available() -> bool:
    return (SPECS / "hubspot-contacts-v3.json").exists()


@cache
def _spec() -> dict[str, Any]:
    """All in one: schemas of the same name are the same in each."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for name in ("objects", "companies", "deals", "contacts"):
        part = json.loads((SPECS / f"hubspot-{name}-v3.json").read_text())
        paths |= part["paths"]
        schemas |= part["components"]["schemas"]
    return {"paths": paths, "components": {"schemas": _modern(schemas)}}


def _operation(method: str, path: str) -> dict[str, Any] | None:
    wanted = _LIKE.get(path, path)
    for template, operations in sorted(_spec()["paths"].items(), key=lambda item: item[0].count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), wanted) and method.lower() in operations:
            return dict(operations[method.lower()])
    return None


def _content(part: dict[str, Any]) -> dict[str, Any]:
    return dict(part["content"]["application/json"]["schema"])


def _check(schema: dict[str, Any], body: Any) -> None:
    Draft202012Validator(schema | {"components": _spec()["components"]}).validate(body)


def _modern(schema: Any) -> Any:
    """OpenAPI 3.0's ``nullable`` as JSON Schema has it."""
    if isinstance(schema, list):
        return [_modern(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: _modern(value) for name, value in schema.items() if name not in ("nullable", "example")}
    if schema.get("nullable") and isinstance(schema.get("type"), str):
        result["type"] = [schema["type"], "null"]
    return result
