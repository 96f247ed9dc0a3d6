"""JSON Schemas made from the models, for editors: they complete keys and check values as one types.

A schema knows the shape. What needs the whole playbook (names that must exist, conditions, content) only
``tendril playbook check`` can say.
"""

import importlib
from collections.abc import Callable, Iterator
from datetime import time, timedelta
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from authoring.content import KEYS
from authoring.examples import EXAMPLES
from authoring.includes import INCLUDE
from authoring.reference import inner_models, models
from authoring.source import Document, read_yaml
from domain.durations import format_duration
from domain.playbook.models import Asset, Playbook

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = {
    "type": "string",
    "pattern": r"^([0-9]+[wdhms])+$|^P(?=[0-9T])([0-9]+W)?([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+S)?)?$",
    "patternErrorMessage": "a duration is written 14d, 36h, 90m, 2w, 1d12h or P14D",
}
_TIME = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"}
_CONDITION = 'A condition in CEL, true or false: `lead.country == "US" && behaviour.pricing_visit >= 1`.'
_PATH = {"type": "string", "pattern": r"^[^/\\].*\.ya?ml$", "maxLength": 300}
_INCLUDE = {
    "description": "Takes over what another .yaml file holds; the path is seen from this file.",
    "examples": ["shared/fields.yaml", "../shared/holidays.yaml"],
    "anyOf": [_PATH, {"type": "array", "items": _PATH}],
}
#: What a model's validators say beyond its fields, as far as a schema can say it.
_MORE: dict[str, JsonSchemaValue] = {
    "Pattern": {"oneOf": [{"required": [name]} for name in ("all", "sequence", "any")]},
    "Length": {"anyOf": [{"required": [name]} for name in ("preset", "limit", "factor")]},
    "TriageRule": {
        "if": {"properties": {"then": {"const": "disqualify"}}, "required": ["then"]},
        "then": {"required": ["reason"]},
    },
}


def playbook_schema() -> JsonSchemaValue:
    """Of ``playbook.yaml``."""
    schema = Playbook.model_json_schema(schema_generator=_Generator)
    del schema["properties"]["assets"], schema["$defs"]["Asset"]
    for name, part in {"Playbook": schema, **schema["$defs"]}.items():
        if "properties" in part:  # a model, not one of the lists of words
            _show_examples(part, name)
            _allow_include(part, name)
    schema["$defs"]["Include"] = _INCLUDE
    return _titled(schema, "playbook", "Tendril playbook")


def content_schema() -> JsonSchemaValue:
    """Of the front matter of a content file."""
    schema = Asset.model_json_schema(schema_generator=_Generator)
    schema["properties"] = {name: part for name, part in schema["properties"].items() if name in KEYS}
    schema["required"] = [name for name in schema["required"] if name in KEYS]
    schema["description"] = "The front matter of one content file."
    _show_examples(schema, "Asset")
    return _titled(schema, "content", "Front matter of Tendril content")


def scenario_schema() -> JsonSchemaValue:
    """Of a file of scenarios: a playbook's own tests."""
    scenario = importlib.import_module("authoring.scenarios.models").Scenario
    return _titled(scenario.model_json_schema(schema_generator=_Generator), "scenario", "Tendril scenario")


SCHEMAS: dict[str, Callable[[], JsonSchemaValue]] = {
    "playbook": playbook_schema,
    "content": content_schema,
    "scenario": scenario_schema,
}


def _titled(schema: JsonSchemaValue, name: str, title: str) -> JsonSchemaValue:
    return {"$schema": DRAFT, "$id": f"urn:tendril:{name}"} | schema | {"title": title}


class _Generator(GenerateJsonSchema):
    """Durations and times as people write them; no titles that only repeat the key."""

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:  # noqa: ARG002 — pydantic's own shape
        return dict(_DURATION)

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:  # noqa: ARG002 — pydantic's own shape
        return dict(_TIME)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 — likewise
        return False

    def encode_default(self, dft: Any) -> Any:
        match dft:
            case timedelta():
                return format_duration(dft)
            case time():
                return f"{dft:%H:%M}"
        return super().encode_default(dft)

    def generate(self, schema: Any, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        whole = super().generate(schema, mode)
        for part in _all_schemas(whole):
            _close(part)
            _say_condition(part)
            if "description" in part:
                part["description"] = " ".join(part["description"].split())
        return whole


def _all_schemas(schema: JsonSchemaValue) -> Iterator[JsonSchemaValue]:
    """Every schema within one, itself first."""
    yield schema
    for key in ("properties", "$defs", "patternProperties"):
        for part in schema.get(key, {}).values():
            yield from _all_schemas(part)
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from _all_schemas(schema[key])
    for part in schema.get("anyOf", ()):
        yield from _all_schemas(part)


def _close(schema: JsonSchemaValue) -> None:
    """A mapping whose keys follow a pattern has no others."""
    for pattern, value in schema.pop("patternProperties", {}).items():
        schema["propertyNames"] = {"pattern": pattern}
        schema["additionalProperties"] = value


def _say_condition(schema: JsonSchemaValue) -> None:
    when = schema.get("properties", {}).get("when")
    if when is not None:
        when["description"] = f"{when['description']} {_CONDITION}"


def _allow_include(schema: JsonSchemaValue, name: str) -> None:
    """A model, and each mapping and list in it, may include; what is required may then be in the other file."""
    own = [inner for part in schema["properties"].values() for inner in _all_schemas(part)]
    required = schema.pop("required", [])
    rules = ({"required": required} if required else {}) | _MORE.get(name, {})
    if rules:
        schema |= {"if": {"not": {"required": [INCLUDE]}}, "then": rules}
    for part in (schema, *own):
        if part.get("type") == "object":
            part.setdefault("properties", {})[INCLUDE] = {"$ref": "#/$defs/Include"}
        if "propertyNames" in part:
            part["propertyNames"] = {"anyOf": [part["propertyNames"], {"const": INCLUDE}]}
        if part.get("type") == "array":
            _allow_item(part)


def _allow_item(schema: JsonSchemaValue) -> None:
    """One item may stand for several. A model allows the include itself."""
    if "minItems" in schema:
        schema["minItems"] = 1
    if "$ref" not in schema["items"]:
        only = {"type": "object", "properties": {INCLUDE: {"$ref": "#/$defs/Include"}}, "required": [INCLUDE]}
        schema["items"] = {"anyOf": [schema["items"], only | {"additionalProperties": False}]}


def _show_examples(schema: JsonSchemaValue, name: str) -> None:
    for key, part in schema["properties"].items():
        part["examples"] = _key_examples(name, key)


@cache
def _models() -> dict[str, tuple[str, type[BaseModel]]]:
    return {model.__name__: (path, model) for path, model in models().items()} | {"Asset": ("", Asset)}


def _key_examples(name: str, key: str) -> list[Any]:
    """Values of one key in the examples of its model, each once."""
    found: list[Any] = []
    for instance in instances(name):
        if key in instance and instance[key] not in found:
            found.append(instance[key])
    return found[:3]


@cache
def instances(name: str) -> list[dict[str, Any]]:
    """The parts that the example of a model shows, with what they leave out (…) filled in from its own example."""
    fields = _models()[name][1].model_fields
    return [{key: _whole(value, fields[key]) for key, value in part.items()} for part in _parts(name)]


def _parts(name: str) -> list[dict[str, Any]]:
    part = _example(name)
    if _models()[name][0].endswith(".NAME"):
        return list(part.values())
    return part if isinstance(part, list) else [part]


@cache
def _example(name: str) -> Any:
    """What the example of a model writes under its key."""
    text = EXAMPLES[name].split("---")[1] if name == "Asset" else EXAMPLES[name]
    document = Document("example", text)
    read_yaml(document)
    return document.data if name in {"Playbook", "Asset"} else next(iter(document.data.values()))


def _whole(value: Any, field: FieldInfo) -> Any:
    """A value in which … stands for a part that has an example of its own: that example."""
    if value not in ({"…": None}, ["…"]):
        return value
    name = next(inner_models(field.annotation))[1].__name__
    example, filled = _example(name), instances(name)
    if isinstance(example, list):
        return filled
    return dict(zip(example, filled, strict=True)) if _models()[name][0].endswith(".NAME") else filled[0]
