"""A playbook shown to people says all of it in words, and nothing that people wrote breaks the page or a diagram."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from authoring.load import load_playbook
from authoring.show import as_data, as_html, as_markdown, as_text
from authoring.show.labels import label
from domain.playbook.models import Playbook
from domain.playbook.places import touches
from tests.authoring.everything import everything
from tests.fixtures.playbooks import minimal_playbook, minimal_playbook_dir

PLAYBOOKS = minimal_playbook_dir().parents[2] / "playbooks"
SHIPPED = ("b2b-saas", "education")
HOSTILE = """<script>alert(1)</script> "quote" [a] {b} (c) | ; # `code` --> %% $$x$$ end & <img src=x>"""


def readable(source: str) -> str:
    """Mermaid with its entities as the characters they stand for."""
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), source)


def hostile() -> Playbook:
    """Every text a playbook's author writes is made of what breaks pages and diagrams."""
    document = everything()
    assets = {
        name: one.model_copy(update={"subject": HOSTILE, "question": HOSTILE}) for name, one in document.assets.items()
    }
    triggers = tuple(one.model_copy(update={"alert": HOSTILE}) for one in document.triggers)
    segments = tuple(one.model_copy(update={"label": HOSTILE}) for one in document.segments)
    stages = tuple(one.model_copy(update={"question": HOSTILE}) for one in document.stages)
    changes = {"title": HOSTILE, "assets": assets, "triggers": triggers, "segments": segments, "stages": stages}
    return document.model_copy(update=changes)


class Tags(HTMLParser):
    """Which elements a page has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 — the parser’s own names
        self.names.add(tag)


@pytest.mark.parametrize("document", [*map(load_playbook, map(PLAYBOOKS.joinpath, SHIPPED)), everything()])
def test_the_diagrams_name_every_stage_step_trigger_and_audience(document: Playbook):
    source = readable(as_markdown(document))
    for stage in document.stages:
        assert stage.id.replace("_", " ").capitalize() in source
    names = [step.id for _, step in touches(document)]
    names += [trigger.id for trigger in document.triggers]
    names += [audience.id for audience in document.audiences]
    assert [name for name in names if not re.search(rf"(?<![\w-]){name}(?![\w-])", source)] == []


@pytest.mark.parametrize("document", [*map(load_playbook, map(PLAYBOOKS.joinpath, SHIPPED)), everything()])
def test_the_page_has_a_row_for_every_touch(document: Playbook):
    page = as_html(document)
    for _, step in touches(document):
        assert f"<code>{step.id}</code></td>" in page
    for trigger in document.triggers:
        assert (f"<code>trigger-{trigger.id}</code></td>" in page) == (trigger.touch is not None)


def test_every_line_of_a_diagram_is_an_arrow_a_box_or_a_style():
    text = r'"(?:[^"#]|#\d+;|<b>|</b>|<br/>)*"'
    box = rf"\w+(?:\[|\(\[|\{{\{{|\[/|\[\()+{text}(?:\]|\]\)|\}}\}}|/\]|\)\])+(?::::\w+)?"
    arrow = rf"(?:{box}|\w+) (?:-->|-\.->|-\.-)(?:\|{text}\|)? (?:{box}|\w+)"
    other = rf"flowchart (?:TD|LR)|end|direction TB|subgraph \w+ \[{text}\]|(?:classDef|style) \w+ [\w:#,\- ]+"
    source = as_markdown(hostile())
    for diagram in re.findall(r"```mermaid\n(.*?)\n```", source, re.DOTALL):
        for line in diagram.split("\n"):
            assert re.fullmatch(rf"\s*(?:{box}|{arrow}|{other})", line), line
    assert source.count("```") == 2 * (1 + len(everything().segments))


@pytest.mark.parametrize("text", [HOSTILE, "1. one", "- one", "* one", "# one", "1) one", "www.example.com", "a__b__"])
def test_a_label_holds_nothing_that_means_something_to_markdown_or_html(text: str):
    inside = label(text)[1:-1]
    assert readable(inside).replace("\u2060", "") == text
    assert not re.search(r"""["<>\[\]{}|`*$&;]|^\d+[.)]|^[-+#]""", re.sub(r"#\d+;", "", inside))
    assert "$$" not in readable(inside)


def test_the_page_escapes_what_people_wrote():
    page = as_html(hostile())
    assert "script" not in Tags(page).names
    assert "img" not in Tags(page).names
    assert HOSTILE in unescape(page)


def test_the_page_needs_nothing_from_elsewhere():
    page = as_html(everything())
    assert Tags(page).names.isdisjoint({"script", "link", "img", "iframe"})
    assert not re.search(r"@import|url\(|https?://", page)


def test_steps_are_told_with_day_gap_condition_wait_question_and_experiment():
    told = as_text(everything())
    assert "day 22, after 14 days: ent-letter, Direct mail, letter\n      only if fit at least 75" in told
    assert (
        "experiment cost-subject: control (as written) or asking (subject “What does it cost you?” and after 2 days)"
        in told
    )
    assert (
        "passed over if the lead clicked a link meanwhile (up to 2 days before counts), else sent when the gap ends"
        in told
    )
    assert "asks for Role" in told
    assert "no step left: begins re-engagement at once" in told


def test_of_a_pool_the_best_step_comes_first():
    lane = next(lane for lane in as_data(everything())["segments"][0]["lanes"] if lane["pool"])
    assert [(step["id"], step["priority"], step["day"]) for step in lane["steps"]] == [
        ("customer-story", 90, 7.0),
        ("guide", 0, 10.0),
    ]
    assert "Pool: the best possible step goes next" in readable(as_markdown(everything()))


def test_rules_are_told_in_words():
    told = as_text(everything())
    for words in (
        "any other reason: 30 days of quiet, then nurture goes on",
        "no budget: 90 days of quiet, then nurture goes on in research",
        "looked at prices and proof: looked at pricing and read a case study; 7 days; 0",
        "came often: clicked a link or looked at pricing: 3 times in all, from 2 groups",
        "clicked and looked: clicked a link, then looked at pricing",
        "for 28 days; × 0.5",
        "looked at prices and proof for the first time",
        "leaves “High intent”",
        "spread over 2 hours after opening",
        "public holidays of the lead’s country, of DE where that is unknown and of FR for everyone",
        "3 e-mails and letters to one lead within 7 days",
        "Needs approval: role is analyst; Help.",
        "How many are you?; Few or Many",
        "5 % get none of it",
    ):
        assert words in told, words


def test_a_subject_is_shown_as_somebody_unknown_would_read_it():
    page = as_html(minimal_playbook())
    assert "What manual reporting costs your team" in page
    assert "{{" not in page.split('id="diagrams"')[0]


def test_one_segment_alone_leaves_out_the_others():
    whole, alone = as_markdown(minimal_playbook()), as_markdown(minimal_playbook(), "smb")
    assert "ent-letter" in whole
    assert "ent-letter" not in alone
    assert "smb-cost" in alone
    assert "ent-letter" not in as_html(minimal_playbook(), "smb")


def test_a_shared_track_is_listed_once_with_all_who_get_it():
    rows = [row for row in as_data(minimal_playbook())["touches"] if row["id"] == "guide"]
    assert [row["segment"] for row in rows] == ["Everyone"]


def test_a_segment_that_is_called_everyone_else_is_not_explained_by_that():
    document = minimal_playbook()
    *first, last = document.segments
    named = document.model_copy(update={"segments": (*first, last.model_copy(update={"label": "Everyone else"}))})
    other = document.model_copy(update={"segments": (*first, last.model_copy(update={"label": "The rest"}))})

    assert "## Everyone else\n" in as_markdown(named)
    assert '<p class="soft who"></p>' not in as_html(named)
    assert "## The rest: everyone else\n" in as_markdown(other)
