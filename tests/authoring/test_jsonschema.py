"""What the schemas accept and refuse is what the models accept and refuse, so that editors tell the truth."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from authoring.content import KEYS
from authoring.examples import EXAMPLES
from authoring.jsonschema import SCHEMAS
from authoring.reference import models
from authoring.source import Document, read_yaml
from tests.fixtures.playbooks import minimal_playbook_dir

PLAYBOOKS = Path(__file__).parent.parent.parent / "playbooks"
SCHEMA = SCHEMAS["playbook"]()
CHECK = jsonschema.Draft202012Validator(SCHEMA)
DEFINITIONS = {"Playbook": SCHEMA} | {name: part for name, part in SCHEMA["$defs"].items() if "properties" in part}


def read(path):
    return read_text(path.read_text(encoding="utf-8"))


def read_text(text):
    document = Document("a file", text)
    read_yaml(document)
    return document.data


@pytest.fixture
def minimal():
    return read(minimal_playbook_dir() / "playbook.yaml")


@pytest.mark.parametrize("of", SCHEMAS)
def test_each_is_a_schema_of_the_latest_draft(of):
    schema = SCHEMAS[of]()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$id"] == f"urn:tendril:{of}"
    assert schema["title"]


@pytest.mark.parametrize("file", [*sorted(PLAYBOOKS.glob("*/playbook.yaml")), minimal_playbook_dir() / "playbook.yaml"])
def test_the_playbooks_we_ship_are_valid(file):
    assert [error.message for error in CHECK.iter_errors(read(file))] == []


@pytest.mark.parametrize("directory", sorted(path.parent for path in PLAYBOOKS.glob("*/playbook.yaml")))
def test_the_content_we_ship_is_valid(directory):
    check = jsonschema.Draft202012Validator(SCHEMAS["content"]())
    for path in directory.glob("content/*.md"):
        front = path.read_text(encoding="utf-8").split("\n---")[0].removeprefix("---\n")
        assert [error.message for error in check.iter_errors(read_text(front))] == [], path


def test_the_scenarios_we_ship_are_valid():
    check = jsonschema.Draft202012Validator(SCHEMAS["scenario"]())
    for path in PLAYBOOKS.glob("*/tests/*.yaml"):
        for text in path.read_text(encoding="utf-8").split("\n---"):
            if data := read_text(text.removeprefix("---")):
                assert [error.message for error in check.iter_errors(data)] == [], path


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_key_has_a_meaning_and_an_example_that_is_valid(name):
    for key, part in DEFINITIONS[name]["properties"].items():
        if key == "include":
            continue
        assert part["description"], key
        assert part["examples"], key
        check = CHECK.evolve(schema=SCHEMA | {"$ref": f"#/$defs/{name}"}) if name != "Playbook" else CHECK
        for example in part["examples"]:
            errors = list(check.evolve(schema={"$defs": SCHEMA["$defs"]} | part).iter_errors(example))
            assert errors == [], (key, example)


def test_what_only_the_files_give_is_left_out():
    assert "assets" not in SCHEMA["properties"]
    assert set(SCHEMAS["content"]()["properties"]) == set(KEYS)


def test_every_model_of_the_reference_is_defined():
    assert set(DEFINITIONS) == {model.__name__ for model in models().values()}
    assert set(EXAMPLES) == {*DEFINITIONS, "Asset"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["length_limit"], "12months"),
        (["length_limit"], 365),
        (["length_limit"], "P"),
        (["cadence", "opens"], "nine"),
        (["cadence", "days"], ["mon", "thursday"]),
        (["cadence", "least_gapp"], "20h"),
        (["cadence", "caps", 0, "channel"], "fax"),
        (["scoring", "mql"], 140),
        (["segments"], []),
        (["segments", 0, "when"], ""),
        (["assets"], {}),
        (["lead_fields", "Company Name"], {"type": "string"}),
        (["lead_fields", "company"], {"type": "text"}),
        (["handoff", "recycle", "reasons"], {"bored": {}}),
        (["patterns"], {"both": {"label": "did both", "within": "7d"}}),
        (["patterns"], {"both": {"label": "x", "within": "7d", "any": ["reply"], "all": ["reply", "visit"]}}),
        (["lengths"], [{"id": "smb"}]),
        (["triage"], [{"id": "bot", "when": "true", "then": "disqualify"}]),
        (["variables", "include"], "shared.json"),
        (["cadence", "days"], [{"includes": "days.yaml"}]),
    ],
)
def test_a_wrong_value_is_refused(minimal, path, value):
    assert not list(CHECK.iter_errors(minimal))
    part = minimal
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert list(CHECK.iter_errors(minimal))


@pytest.mark.parametrize("key", ["sender", "tracks", "cadence"])
def test_a_missing_key_is_refused_unless_something_is_included(minimal, key):
    del minimal[key]
    assert [error.message for error in CHECK.iter_errors(minimal)] == [f"'{key}' is a required property"]
    minimal["include"] = "../shared/base.yaml"
    assert not list(CHECK.iter_errors(minimal))


def test_includes_are_valid_wherever_the_reader_takes_them(minimal):
    included = copy.deepcopy(minimal)
    included["sender"] = {"include": "sender.yaml"}
    included["variables"]["include"] = ["a.yaml", "b.yml"]
    included["segments"].insert(0, {"include": "segments.yaml"})
    included["cadence"]["days"] = [{"include": "days.yaml"}]
    included["handoff"]["recycle"]["reasons"] = {"include": "reasons.yaml"}
    included["experiments"] = [{"id": "one", "steps": ["guide"], "variants": [{"include": "variants.yaml"}]}]
    assert [error.message for error in CHECK.iter_errors(included)] == []


def test_durations_are_judged_as_the_models_judge_them():
    from domain.durations import parse_duration  # noqa: PLC0415 — only here

    check = jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"]} | SCHEMA["properties"]["length_limit"])
    for text in ("14d", "1d12h", "P14D", "PT36H", "P1DT2H", "P2W", "0d"):
        assert parse_duration(text) is not None
        assert check.is_valid(text), text
    for text in ("P", "PT", "P1DT", "14", "d", "P1M", "1y", "", "14 d"):
        with pytest.raises(ValueError, match="duration"):
            parse_duration(text)
        assert not check.is_valid(text), text


def test_a_schema_is_plain_json():
    for make in SCHEMAS.values():
        assert json.loads(json.dumps(make())) == make()
