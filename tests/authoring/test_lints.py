"""Every rule has its page, and the page's own examples show what it means."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from authoring.check import check
from authoring.lints import ContentRule, content_lints
from domain.playbook.checks.finding import Rule
from tests.authoring.lint_pages import PAGES, Edit, apply, read_page
from tests.authoring.spoil import copy
from tests.fixtures.playbooks import minimal_playbook_dir

RULES = sorted(path.stem for path in PAGES.glob("*.md") if path.name != "README.md")
#: What a page can't show: files that are missing, huge or in another encoding.
WITHOUT_EXAMPLE = {"encoding", "file", "size"}
#: Which argument of what authoring calls holds the rule.
_RULE_AT = {"blame": (1, 2), "blame_at": (1,), "Problem": (3,), "faults": (2,)}
AUTHORING = Path(__file__).parents[2] / "authoring"


def examples():
    for rule in RULES:
        page = read_page(PAGES / f"{rule}.md")
        for number, (bad, good) in enumerate(zip(page.bad, page.good, strict=True)):
            yield pytest.param(page, bad, good, id=f"{rule}-{number}")


@pytest.mark.parametrize(("page", "bad", "good"), list(examples()))
def test_the_bad_example_breaks_exactly_its_rule_and_the_good_one_none(page, bad, good, tmp_path):
    for name, edits in (("bad", [*page.set_up, bad]), ("good", [*page.set_up, good])):
        directory = copy(tmp_path / name)
        for edit in edits:
            apply(directory, edit)
        found = check(directory)
        told = {(problem.rule, problem.severity) for problem in found}
        wanted = {(page.rule, page.severity.lower())} if name == "bad" else set()
        assert told == wanted, [str(problem) for problem in found]


@pytest.mark.parametrize("rule", sorted(set(RULES) - WITHOUT_EXAMPLE))
def test_a_page_has_a_bad_and_a_good_example(rule):
    page = read_page(PAGES / f"{rule}.md")
    assert page.rule == rule
    assert page.bad
    assert len(page.bad) == len(page.good)


def test_every_rule_has_a_page_and_every_page_a_rule():
    assert set(RULES) == {*get_args(Rule), *get_args(ContentRule), *rules_of_reading()}


def test_the_index_says_what_each_page_says():
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    rows = [line for line in index.split("\n") if line.startswith("| [")]
    pages = [read_page(PAGES / f"{rule}.md") for rule in RULES]
    assert rows == [f"| [{p.rule}]({p.rule}.md) | {p.severity.lower()} | {p.says} |" for p in pages]


@pytest.mark.parametrize("name", ["b2b-saas", "education"])
def test_the_playbooks_that_come_with_tendril_give_no_cause_for_any(name):
    assert [str(problem) for problem in check(minimal_playbook_dir().parents[2] / "playbooks" / name)] == []


@pytest.mark.parametrize(
    "text",
    [
        "{{ lead.company | default('your team') }}",
        "{{ lead.company | default('your team') | title }}",
        "{{ lead.company or 'your team' }}",
        "{{ lead.company if lead.company else 'your team' }}",
        "{{ 'your team' if not lead.company else lead.company }}",
        "{% if lead.company %}at {{ lead.company }}{% endif %}",
        "{% if lead.company and lead.role %}{{ lead.role }} at {{ lead.company }}{% endif %}",
        "{% if lead.company is defined %}{{ lead.company }}{% endif %}",
        "{% if lead.company == 'x' %}only asked about{% endif %}",
    ],
)
def test_a_field_that_is_known_where_it_is_printed_is_not_missing(text):
    assert missing(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "{{ lead.company }}",
        "{{ lead.company | title }}",
        "{{ lead.role or lead.company }}",
        "{{ lead.role | default(lead.company) }}",
        "{% if lead.role %}{{ lead.company }}{% endif %}",
        "{% if lead.company or lead.role %}{{ lead.company }}{% endif %}",
        "{% if lead.company %}{% else %}{{ lead.company }}{% endif %}",
        "{% if not lead.company %}{{ lead.company }}{% endif %}",
    ],
)
def test_a_field_that_may_be_unknown_where_it_is_printed_is_missing(text):
    assert missing(text) == ["maybe-missing"]


def missing(text):
    return [lint.rule for lint in content_lints({"body": text}, {}, {})]


def test_the_length_of_a_subject_is_that_of_what_readers_get():
    def long(subject, **variables):
        return bool(list(content_lints({"subject": subject}, variables, {"company": {"type": "string"}})))

    assert not long("What {{ product }} costs", product="Acme")
    assert long("What {{ product }} costs", product="Acme Workflow Automation for Distributed Teams")
    assert long("{{ lead.company | default('you') }}: " + "x" * 40)
    assert not long("{% if false %}" + "x" * 60 + "{% endif %}short")


def test_an_experiments_subjects_are_content_as_well(tmp_path):
    directory = copy(tmp_path)
    variants = "variants: [{id: a}, {id: b, subject: 'What {{ nobody }} costs'}, {id: c, subject: '" + "x" * 51 + "'}]"
    apply(directory, Edit("playbook.yaml", "", f"experiments:\n  - id: e\n    steps: [guide]\n    {variants}\n"))
    assert [problem.rule for problem in check(directory)] == ["template", "long-subject"]


def rules_of_reading():
    """The rules that reading files and shapes names, where no type lists them: from the calls that name them."""
    modules = [ast.parse(path.read_text(encoding="utf-8")) for path in AUTHORING.glob("*.py")]
    named = {
        node.targets[0].id: node.value.value
        for module in modules
        for node in module.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    found = [one for module in modules for node in ast.walk(module) for one in rules_in(node)]
    rules = {named.get(one.id) if isinstance(one, ast.Name) else getattr(one, "value", None) for one in found}
    return {rule for rule in rules if isinstance(rule, str) and re.fullmatch("[a-z]+(-[a-z]+)*", rule)}


def rules_in(node):
    pair = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "(rule, message)"
    if pair and isinstance(node.value, ast.Tuple):
        yield node.value.elts[0]
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for at in _RULE_AT.get(called.removeprefix("_"), ()):
            yield from node.args[at : at + 1]
