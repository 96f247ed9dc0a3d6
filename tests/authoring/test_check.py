"""Each rule refuses its bad example, at exactly the place where it is written."""

from pathlib import Path

import pytest
import yaml

from authoring.check import check
from authoring.load import load_playbook
from authoring.problems import PlaybookProblems
from tests.authoring.spoil import copy, problems_of, spoil
from tests.fixtures.playbooks import minimal_playbook_dir

EXAMPLES = yaml.safe_load(Path(__file__).with_name("bad_examples.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EXAMPLES["shape"])
def test_a_wrong_shape_is_refused_where_it_is(name, tmp_path):
    rule, words, old, new = EXAMPLES["shape"][name].values()
    place, found = problems_of(tmp_path, old, new)
    if name == "missing section":  # what is not there has no place: the document's beginning stands for it
        place = ("playbook.yaml", 2, 1)
    assert_only(place, rule, words, [p for p in found if p.rule in {"unknown-key", "missing", "value"}])


@pytest.mark.parametrize("name", EXAMPLES["whole"])
def test_a_wrong_whole_is_refused_where_it_is(name, tmp_path):
    rule, words, old, new = EXAMPLES["whole"][name].values()
    place, found = problems_of(tmp_path, old, new)
    if name == "no track":  # the stage is blamed, not the track that is too narrow
        place = ("playbook.yaml", 60, 9)
    seen = {(p.rule, (p.file, p.line, p.column)) for p in found if words in p.message}
    assert (rule, place) in seen, [str(p) for p in found]


@pytest.mark.parametrize("name", EXAMPLES["conditions"])
def test_a_wrong_condition_is_refused_where_it_is(name, tmp_path):
    rule, words, old, new = EXAMPLES["conditions"][name].values()
    place, found = problems_of(tmp_path, old, new)
    assert_only(place, rule, words, found)


@pytest.mark.parametrize("name", EXAMPLES["content"])
def test_wrong_content_is_refused_where_it_is(name, tmp_path):
    rule, words, old, new = EXAMPLES["content"][name].values()
    place, found = problems_of(tmp_path, old, new, "content/guide.md")
    assert_only(place, rule, words, [p for p in found if p.rule != "reference"])


def assert_only(place, rule, words, found):
    assert [(p.rule, (p.file, p.line, p.column)) for p in found] == [(rule, place)], [str(p) for p in found]
    assert words in found[0].message
    assert str(found[0]).startswith(f"{place[0]}:{place[1]}:{place[2]}: {rule}: ")


@pytest.mark.parametrize("name", EXAMPLES["warnings"])
def test_what_is_only_odd_is_a_warning_and_loads(name, tmp_path):
    words, old, new = EXAMPLES["warnings"][name].values()
    directory = copy(tmp_path)
    if name == "unused asset":
        spoil(directory, "      - {id: ent-checklist, asset: checklist, gap: 7d}\n", "# ¦\n")
    spoil(directory, old, new + "¦")
    found = check(directory)
    assert any(words in p.message for p in found), [str(p) for p in found]
    assert {p.severity for p in found} == {"warning"}
    load_playbook(directory)


def test_an_asset_yet_to_be_written_is_named_by_its_file(tmp_path):
    _, found = problems_of(tmp_path, "id: smb-checklist, asset: checklist", "id: smb-checklist, asset: ¦spring-offer")
    assert [p.message for p in found] == ["there is no asset “spring-offer”; write it as content/spring-offer.md"]


@pytest.mark.parametrize("text", ["", "---\nsubject: x\n", "Hello"])
def test_an_asset_that_can_not_be_read_is_not_said_to_be_missing(text, tmp_path):
    directory = copy(tmp_path)
    (directory / "content" / "guide.md").write_text(text)
    assert [(p.file, p.rule) for p in check(directory)] == [("content/guide.md", "front-matter")]


def test_a_file_s_wrong_name_is_told_once(tmp_path):
    directory = copy(tmp_path)
    (directory / "content" / "guide.md").rename(directory / "content" / "Guide.md")
    told = [p.message for p in check(directory) if p.file == "content/Guide.md"]
    assert told == ["“Guide”: use lower-case letters, digits, - and _"]


def test_the_other_ending_is_told_from_no_playbook(tmp_path):
    directory = copy(tmp_path)
    (directory / "playbook.yaml").rename(directory / "playbook.yml")
    assert "rename playbook.yml to playbook.yaml" in check(directory)[0].message


def test_a_button_s_link_says_that_it_is_one(tmp_path):
    place, found = problems_of(tmp_path, '"{{ site }}/guide"', "¦http://www.example.com", "content/guide.md")
    assert_only(place, "https", "the address of the button must begin with https://", found)


def test_a_way_back_after_silence_is_no_circle(tmp_path):
    directory = copy(tmp_path)
    forth = "      - {to: internal_alignment, when: account.active_leads_30d >= 2}\n"
    spoil(directory, forth, forth + "      - {to: comparison, when: days.quiet > 60}¦\n")
    assert check(directory) == []


def test_a_cap_per_account_may_count_sixty_days_and_one_per_lead_any(tmp_path):
    directory = copy(tmp_path)
    spoil(directory, "channel: email, most: 10, within: 7d", "channel: email, most: 10, within: 60d¦")
    spoil(directory, "{most: 3, within: 7d}", "{most: 3, within: 180d}¦")
    assert check(directory) == []


def test_the_minimal_playbook_has_no_problem():
    assert check(minimal_playbook_dir()) == []


def test_all_problems_are_told_at_once_in_order(tmp_path):
    directory = copy(tmp_path)
    spoil(directory, "  reply_to:", "  ¦reply_too:")
    spoil(directory, "Europe/Berlin", "¦Europe/Berln")
    spoil(directory, "when: behaviour.reply >= 1,", "when: ¦behaviour.rply >= 1,")
    spoil(directory, "**three ways**", "{{ ¦nobody }}", "content/guide.md")
    with pytest.raises(PlaybookProblems) as caught:
        load_playbook(directory)
    assert [p.rule for p in caught.value.problems] == ["unknown-key", "cadence", "condition", "template"]
    assert str(caught.value).count("\n") == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name: {when: lead.role.startsWith("a", "b")}', "needs quotes around it; or a } is missing"),
        ("name: [a, b\ntitle: c", "or a ] is missing"),
        ("sender:\n    name: a\n  email: b", "indented otherwise"),
        ("stages:\n  - id: a\n  id: b", "or its - is missing"),
        ('title: "a" b', "goes on after its quote"),
        ("title: *someone", "text that begins with * needs quotes"),
        ('title: "a', "never closed"),
        ("title: %a", "can't begin with this character"),
        ("title: a: b", "a colon here needs quotes"),
    ],
)
def test_what_is_not_yaml_is_said_in_an_authors_words(tmp_path, text, says):
    (tmp_path / "playbook.yaml").write_text(text + "\n", encoding="utf-8")
    (problem,) = check(tmp_path)
    assert problem.rule == "yaml"
    assert says in problem.message


def test_every_error_of_one_condition_is_told(tmp_path):
    directory = copy(tmp_path)
    spoil(directory, "when: lead.employees >= 200, points", 'when: lead.rolle == "x" && ¦lead.country == 3, points')
    assert [(p.rule, p.message.partition(";")[0]) for p in check(directory)] == [
        ("condition", "there is no “lead.rolle”"),
        ("condition", "“==” can't be used on string and int"),
    ]


def test_a_key_that_is_one_of_a_few_words_is_put_right(tmp_path):
    directory = copy(tmp_path)
    reasons = (directory / "playbook.yaml").read_text(encoding="utf-8").partition("reasons: {")[2].partition(":")[0]
    place = spoil(directory, f"reasons: {{{reasons}:", "reasons: {¦no_budgt:")
    (problem,) = check(directory)
    assert (problem.file, problem.line, problem.column) == place
    assert "did you mean “no_budget”?" in problem.message


def test_a_directory_without_a_playbook_says_so(tmp_path):
    with pytest.raises(PlaybookProblems, match="there is no playbook"):
        load_playbook(tmp_path)


def test_words_that_old_yaml_reads_as_something_else_are_read_as_written(tmp_path):
    directory = copy(tmp_path)
    spoil(directory, "  site: https://www.example.com", "  site: https://www.example.com\n  answer: no\n  hour: 17:00¦")
    found = load_playbook(directory)
    assert (found.variables["answer"], found.variables["hour"]) == ("no", "17:00")
    assert found.cadence.closes.hour == 17
    assert found.behaviours["reply"].on == "delivery"
