"""Conditions are bounded before CEL sees them: nothing that grows, nothing that loops in loops in loops."""

import pytest

from domain.playbook.bounds import BRACKETS_DEEP, FUNCTIONS, MOST_PATTERNS, excesses

REGEX = 'lead.role.matches("a")'


@pytest.mark.parametrize(
    "text",
    [
        'lead.role in ["cfo", "coo"] && behaviour.pricing_visit >= 1',
        'lead.role.matches("^head( of)?\\\\b") || (lead.country == "US")',
        "lead.tools.exists(t, t.startsWith('excel'))",
        'known.filter(k, k != "role").size() >= 2',
        '"replace(" in known // and .map( in a comment',
        r"""lead.role == r"\" || lead.role.contains("a.map(x)")""",
        '"""three "quotes".map(x, x)""" in known',
        " || ".join([REGEX] * MOST_PATTERNS),
        "",
        '"',
    ],
)
def test_what_conditions_need_is_allowed(text):
    assert excesses(text) == []


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ('"a".replace("a", "aaaa").size() > 1', "replace", "can't call “replace”"),
        ("known.map(k, k + k) == []", "map", "can't call “map”"),
        ("known .\n  map // here\n  (k, k) == []", "map", "can't call “map”"),
        ('["a"].join("b") == ""', "join", "can't call “join”"),
        ('"%s".format([1]) == ""', "format", "can't call “format”"),
        ('lead.role.startWith("a")', "startWith", "did you mean “startsWith”?"),
        (r"""lead.role == r"\" || known.map(k, k) == [] || lead.role == "\"" """, "map", "can't call “map”"),
        ("known.all(a, known.all(b, known.all(c, a == c)))", "(c", "at most 2 deep"),
        ("(" * (BRACKETS_DEEP + 1) + "true" + ")" * (BRACKETS_DEEP + 1), "(true", f"at most {BRACKETS_DEEP} deep"),
        ("lead.role.matches(lead.source)", "matches", "written out"),
        ('matches(lead.role, "a")', "matches", "written out"),
        ('lead.role.matches("a" + "b")', "matches", "written out"),
        ('lead.role.matches("(")', '"("', "not a regular expression: missing )"),
        ('lead.role.matches("a{2000}")', '"a{', "not a regular expression: "),
        (r'lead.role.matches("(\\pL{31}){31}")', '"(', "too large"),
    ],
)
def test_what_could_grow_or_take_long_is_refused_where_it_stands(text, at, says):
    (found,) = excesses(text)
    assert says in found.message
    assert text.split("\n")[found.line - 1][found.column - 1 :].startswith(at)


def test_regular_expressions_are_counted():
    (found,) = excesses(" || ".join([REGEX] * 60))
    assert f"may have {MOST_PATTERNS}" in found.message


def test_everything_wrong_is_told_at_once():
    assert len(excesses('known.map(k, k) == [] || "a".replace("a", "b") == "b"')) == 2


def test_every_function_has_a_meaning():
    assert all(meaning.endswith((".", "`.")) for meaning in FUNCTIONS.values())
