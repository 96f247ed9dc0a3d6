"""Conditions and templates made to harm are refused with a clear problem, within little memory, and never rendered."""

import pytest

from authoring.compile import ContentFault, compile_asset
from authoring.load import load_playbook
from domain.playbook.bounds import MOST_PATTERNS
from tests.authoring.bounded import Bounded
from tests.authoring.spoil import copy
from tests.fixtures.playbooks import minimal_playbook_dir


@pytest.fixture(scope="module")
def bounded():
    made = Bounded()
    yield made
    made.close()


@pytest.fixture
def directory(tmp_path):
    return copy(tmp_path)


GROWS = '"a"' + '.replace("a", "aaaaaaaaaa")' * 40 + ".size() > 1"
LIST = f"[{', '.join(['1'] * 40)}]"


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "says"),
        [
            ("true && " * 400 + "true", "longer than 2000"),
            ("(" * 900 + "true" + ")" * 900, "brackets go at most"),
            ("!" * 1_900 + "true", ""),
            (" ? true : ".join(["true"] * 190), ""),
            (GROWS, "can't call “replace”"),
            ("known" + ".map(k, k + k)" * 60 + " == []", "can't call “map”"),
            (f"{LIST}.all(a, {LIST}.all(b, {LIST}.all(c, a + b + c > 0)))", "at most 2 deep"),
            ('lead.role.matches("(((a{30}){30}){30}){30}")', "not a regular expression"),
            ('lead.role.matches("' + "(a|b?)*" * 200 + '")', ""),
            (" || ".join(['lead.role.matches(".{900}x")'] * 50), f"may have {MOST_PATTERNS}"),
            ('"%1000000000s".format(["a"]) == ""', "can't call “format”"),
        ],
    )
    def test_one_that_would_take_for_ever_or_grow(self, bounded, directory, condition, says):
        path = directory / "playbook.yaml"
        quoted = condition.replace("'", "''")
        path.write_text(path.read_text().replace("when: behaviour.reply >= 1,", f"when: '{quoted}',"))
        found = bounded.check(directory)
        assert all(says in p.message for p in found[:1])
        assert bool(found) or not says

    def test_thousands_of_conditions(self, bounded, directory):
        path = directory / "playbook.yaml"
        rules = "".join(f"  - {{id: r{n}, when: lead.nobody == {n}, reason: competitor}}\n" for n in range(3_000))
        path.write_text(path.read_text().replace("disqualify:\n", "disqualify:\n" + rules))
        assert sum(p.rule == "condition" for p in bounded.check(directory)) == 3_000


class TestTemplates:
    ATTACKS = (
        "{{ lead.__class__ }}",
        "{{ lead.first_name.__class__.__mro__ }}",
        "{{ lead|attr('__class__') }}",
        "{{ lead['__class__'] }}",
        "{{ ''.__class__ }}",
        "{{ ''.format.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ cycler }}",
        "{{ cycler('a').next() }}",
        "{{ joiner }}",
        "{{ namespace() }}",
        "{{ lipsum(1000000) }}",
        "{{ dict(a=1) }}",
        "{{ range(10**9) }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{{ 'x' * 10**9 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ [0] * 10**9 }}",
        "{{ 1 + 1 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'x'|center(10**9) }}",
        "{{ 'x'|indent(1000000000) }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ lead|list }}",
        "{{ lead|pprint }}",
        "{{ lead|map(attribute='__class__') }}",
        "{{ site|safe }}",
        "{{ site|replace('h', 'hhhhhhhhhh') }}",
        "{{ config }}",
        "{{ request }}",
        "{% set x = 1 %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% macro x() %}{% endmacro %}",
        "{% filter upper %}x{% endfilter %}",
        "{% call x() %}{% endcall %}",
        "{% block x %}{% endblock %}",
        "{% with x = 1 %}{% endwith %}",
        "{% do x %}",
        "{% debug %}",
    )

    @pytest.mark.parametrize("attack", ATTACKS)
    @pytest.mark.parametrize("key", ["subject", "body"])
    def test_one_that_reaches_for_more_than_it_may(self, bounded, directory, attack, key):
        path = directory / "content" / "guide.md"
        text = path.read_text()
        if key == "subject":
            lines = [f"subject: |-\n  {attack}" if line.startswith("subject:") else line for line in text.split("\n")]
            path.write_text("\n".join(lines))
        else:
            path.write_text(f"{text}\n{attack}\n")
        found = [p for p in bounded.check(directory) if p.severity == "error"]
        assert found
        assert {(p.file, p.rule) for p in found} == {("content/guide.md", "template")}, [str(p) for p in found]

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_it_is_not_rendered_either(self, attack):
        playbook = load_playbook(minimal_playbook_dir())
        asset = playbook.assets["guide"].model_copy(update={"body": attack})
        with pytest.raises(ContentFault):
            compile_asset(playbook, asset)

    @pytest.mark.parametrize(
        ("more", "says"),
        [
            ("{{ " + "(" * 5_000 + "site" + ")" * 5_000 + " }}", "nested too deeply"),
            ("{{ site }} " * 5_000, "more than 200"),
        ],
    )
    def test_more_than_a_mail_can_need(self, bounded, directory, more, says):
        path = directory / "content" / "guide.md"
        path.write_text(path.read_text() + more)
        (problem,) = bounded.check(directory)
        assert (problem.file, problem.rule) == ("content/guide.md", "template")
        assert says in problem.message

    @pytest.mark.parametrize(
        "text",
        ["[" * 50_000, "*a_" * 30_000, "> " * 20_000, "{{" * 30_000, "{% if " * 20_000, "<" * 90_000, "`" * 60_000],
    )
    def test_markdown_made_to_be_slow_is_judged(self, bounded, directory, text):
        path = directory / "content" / "guide.md"
        path.write_text(f"{path.read_text()}\n{text}\n")
        assert isinstance(bounded.check(directory), list)
