"""The reference and the guide say what the models say."""

import re
from pathlib import Path

import pytest
import yaml

from authoring.check import check
from authoring.content import KEYS, read_content
from authoring.examples import EXAMPLES
from authoring.jsonschema import instances
from authoring.load import load_playbook
from authoring.reference import FILE, models, reference
from authoring.source import Document, read_yaml
from domain.playbook.bounds import FUNCTIONS
from domain.playbook.checks.content import CONTENT_VARIABLES, LAYOUT_VARIABLES
from domain.playbook.conditions import COMMON, PER_BEHAVIOUR, SCORED, SETTLED, Conditions
from domain.playbook.models import Situation
from tests.fixtures.playbooks import minimal_playbook_dir

GUIDE = FILE.parent.parent / "playbooks" / "README.md"


def test_the_reference_is_in_step_with_the_models():
    assert FILE.read_text(encoding="utf-8") == reference(), "run: python -m authoring.reference"


@pytest.mark.parametrize("path", models())
def test_every_key_of_a_model_is_in_the_reference_with_its_meaning(path):
    section = reference().split(f"## `{path or 'playbook.yaml'}`\n")[1].split("\n## ")[0]
    for name, field in models()[path].model_fields.items():
        if name != "assets":
            assert f"| `{name}` |" in section
            assert field.description
            assert field.description in section


def test_every_variable_is_in_the_reference():
    text = reference()
    names = [
        *COMMON,
        *SCORED,
        *SETTLED,
        *FUNCTIONS,
        "situation.NAME",
        *CONTENT_VARIABLES,
        *LAYOUT_VARIABLES,
        *(f"behaviour.NAME{s}" for s in PER_BEHAVIOUR),
        *KEYS,
    ]
    assert [name for name in names if f"| `{name}` |" not in text] == []


def test_every_link_in_the_reference_leads_to_a_section():
    text = reference()
    anchors = {
        line[4:-1].lower().replace(".", "").replace("[]", "") for line in text.split("\n") if line.startswith("## `")
    }
    links = {part.split(")")[0] for part in text.split("](#")[1:]}
    assert links <= anchors


def test_every_model_has_an_example_and_no_other():
    assert set(EXAMPLES) == {model.__name__ for model in models().values()} | {"Asset"}


@pytest.mark.parametrize("path", models())
def test_an_example_is_read_by_its_model_and_shows_every_key(path):
    model = models()[path]
    shown = instances(model.__name__)
    for part in shown:
        model.model_validate(part)
    assert {key for part in shown for key in part} == model.model_fields.keys() - {"assets"}


def test_the_conditions_shown_are_conditions():
    blocks = "\n".join([*EXAMPLES.values(), *reference().split("```yaml")[1:]])
    shown = re.findall(r"when: ('[^'\n]*'|[^'\n]*?)(?:  +#|, [a-z_]+: |}?\n)", blocks)
    assert len(shown) > 20
    compiler = Conditions(_declaring(" ".join(shown)))
    for text in shown:
        compiler.compile(_read(f"when: {text}")["when"])


def _declaring(text):
    """A playbook that has the behaviours and situations a text names."""
    playbook = load_playbook(minimal_playbook_dir())
    behaviour, situation = playbook.behaviours["reply"], {"label": "Shown", "when": "true"}
    return playbook.model_copy(
        update={
            "behaviours": dict.fromkeys(re.findall(r"behaviour\.([a-z_]+)", text), behaviour),
            "situations": tuple(Situation(id=name, **situation) for name in re.findall(r"situation\.([a-z_]+)", text)),
        }
    )


def test_the_example_of_content_is_read(tmp_path: Path):
    path = tmp_path / "guide.md"
    path.write_text(EXAMPLES["Asset"].lstrip(), encoding="utf-8")
    assert read_content(path).problems == []


def _read(text):
    document = Document("example", text)
    read_yaml(document)
    assert document.problems == []
    return document.data


def test_the_guide_builds_a_playbook_that_has_no_problem(tmp_path: Path):
    """The guide's own files, taken out of it."""
    build_the_guide(tmp_path)
    assert [str(problem) for problem in check(tmp_path)] == []


#: The guide's line that is for a later section.
COMMENTED = "  # - {id: unknown"


def test_the_guide_s_first_eleven_sections_are_a_sound_playbook(tmp_path):
    build_the_guide(tmp_path, GUIDE.read_text(encoding="utf-8").split("## 12. ")[0], asks=False)
    assert [str(problem) for problem in check(tmp_path)] == []


def build_the_guide(directory: Path, guide: str = "", *, asks: bool = True) -> None:
    """The blocks of YAML one after the other, files under their own names, and its mail for every other asset."""
    guide = guide or GUIDE.read_text(encoding="utf-8")
    blocks = [block.split("\n", 1) for block in guide.split("```")[1::2]]
    yaml_text = "".join(text for kind, text in blocks if kind == "yaml")
    assert COMMENTED in yaml_text
    if asks:
        yaml_text = yaml_text.replace(COMMENTED, "  - {id: unknown")
    mail = next(text for kind, text in blocks if kind == "markdown")
    files = {f"content/{touch['asset']}.md": mail for touch in _touches(yaml.safe_load(yaml_text)) if "asset" in touch}
    files |= {"playbook.yaml": yaml_text} | {kind.split()[1]: text for kind, text in blocks if " " in kind}
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _touches(data):
    tracks = [touch for track in data["tracks"] for touch in track["touches"]]
    tracks += data.get("profile", {}).get("touches", [])
    return [*tracks, *data["re_engagement"]["touches"], *(t["touch"] for t in data["triggers"] if "touch" in t)]
