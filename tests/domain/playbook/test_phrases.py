"""Conditions in plain words: what each common shape becomes, and that nothing is ever lost or cut off unsaid."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authoring.load import load_playbook
from domain.playbook.models import Length, Playbook, Situation
from domain.playbook.phrases import Phrases
from domain.playbook.places import conditions
from domain.playbook.syntax import demands, read
from tests.fixtures.playbooks import minimal_playbook

DEFAULT = Path(__file__).parents[3] / "playbooks" / "b2b-saas"


def playbook() -> Playbook:
    situation = Situation(id="approval", label="Needs approval.", when="true")
    length = Length(id="smb", label="Small companies", preset="smb")
    return minimal_playbook().model_copy(update={"situations": (situation,), "lengths": (length,)})


PHRASES = Phrases(playbook())


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        # Behaviours: how often, since when.
        ("behaviour.pricing_visit >= 1", "looked at pricing"),
        ("behaviour.pricing_visit.in_30d >= 1", "looked at pricing in the last 30 days"),
        ("behaviour.pricing_visit.in_30d > 0", "looked at pricing in the last 30 days"),
        ("behaviour.pricing_visit.in_7d >= 3", "looked at pricing 3 times in the last 7 days"),
        ("behaviour.pricing_visit > 1", "looked at pricing twice"),
        ("behaviour.pricing_visit == 0", "never looked at pricing"),
        ("behaviour.pricing_visit.in_7d < 3", "looked at pricing at most twice in the last 7 days"),
        ("behaviour.pricing_visit == 2", "looked at pricing exactly twice"),
        ("behaviour.meeting.days_ago <= 1", "booked a meeting in the last 2 days"),
        ("behaviour.meeting.days_ago < 1", "booked a meeting in the last 24 hours"),
        ("behaviour.meeting.days_ago >= 14", "never booked a meeting in the last 14 days"),
        ("behaviour.meeting.days_ago < 9999", "booked a meeting"),
        ("behaviour.meeting.days_ago == 9999", "never booked a meeting"),
        ("behaviour.click + behaviour.reply >= 2", "clicked a link or replied twice in all"),
        ("behaviour.click.in_7d >= 1 || behaviour.reply.in_7d >= 1", "clicked a link or replied in the last 7 days"),
        ("1 <= behaviour.meeting", "booked a meeting"),
        # Scores, days, accounts.
        ("score.intent >= 55 && score.fit >= 55", "intent at least 55 and fit at least 55"),
        ("score.fit < 35", "fit below 35"),
        ('score.grade in ["A", "B"]', "grade is A or B"),
        ("days.quiet >= 45", "quiet for 45 days"),
        ("days.quiet < 30", "active in the last 30 days"),
        ("days.in_stage > 20", "21 days in this stage"),
        ("days.in_journey >= 180", "180 days after entry"),
        ("touches.sent >= 2", "at least 2 touches sent"),
        ("account.active_leads_30d >= 1", "a colleague active in the last 30 days"),
        ("account.active_leads_30d >= 2", "at least 2 colleagues active in the last 30 days"),
        ("account.open_opportunity", "an opportunity is open at the company"),
        # Fields, segments, situations.
        ('"role" in known', "role is known"),
        ('!("role" in known)', "role is not known"),
        ('"employees" in known && lead.employees < 10', "employees: fewer than 10"),
        ("lead.employees >= 50 && lead.employees < 200", "employees: at least 50 and fewer than 200"),
        ('lead.role == "cfo"', "role is cfo"),
        ('lead.role != ""', "role is known"),
        ('lead.role in ["a", "b", "c", "d", "e"]', "role is a, b, c or 2 others"),
        ('!(lead.role in ["cfo", "coo"])', "role is not cfo or coo"),
        ("lead.free_mail", "free mail: yes"),
        ("!lead.has_email", "no address is known"),
        ('lead.email_domain.endsWith(".edu")', "e-mail domain ends in “.edu”"),
        (r'lead.role.matches(r"(?i)\b(chief|head of it)\b")', "role mentions “chief” or “head of it”"),
        (r'lead.role.matches(r"^c.o$")', "role matches “^c.o$”"),
        ('stage == "problem_awareness"', "in problem awareness"),
        ('segment == "smb"', "segment Small and medium"),
        ('length == "smb"', "length Small companies"),
        ("situation.approval", "needs approval"),
        ("!situation.approval", "not “needs approval”"),
        ('"no_budget" in sales.rejections', "sales gave it back for: no budget"),
        # Together.
        ('!(lead.role == "cfo" || score.fit < 5)', "role is not cfo and fit at least 5"),
        (
            "(score.fit >= 5 || days.quiet < 9) && behaviour.meeting == 0 // not yet",
            "never booked a meeting, and either fit at least 5 or active in the last 9 days",
        ),
        ("true", "always"),
        # Beyond words: its own text.
        ("days.in_stage % 2 == 0", "days.in_stage % 2 == 0"),
        ("score.fit > 5 ? true : false", "score.fit > 5 ? true : false"),
        ("known.exists(name, name == 'role')", "known.exists(name, name == 'role')"),
        ("known.size() > 3 && score.fit >= 5", "known.size() > 3 and fit at least 5"),
    ],
)
def test_a_condition_in_words(condition, words):
    assert PHRASES.say(condition) == words


def test_every_condition_of_the_default_playbook_has_words_short_enough_for_a_screen():
    document = load_playbook(DEFAULT)
    phrases = Phrases(document)
    for _, text, _ in conditions(document):
        words = phrases.say(text)
        assert len(words) <= 160
        assert not re.search(r"[&|=<>]|behaviour\.|score\.|situation\.|…$", words), f"{text}: {words}"


def test_alternatives_that_do_not_fit_are_counted():
    long = " || ".join(f'lead.role == "the role number {number}"' for number in range(9))
    assert PHRASES.say(long, 75) == "role is the role number 0, role is the role number 1 or in 7 other ways"
    both = f"score.fit >= 50 && ({long})"
    assert PHRASES.say(both, 80) == "fit at least 50, and either role is the role number 0 or in 8 other ways"


def test_what_must_hold_together_can_be_asked_one_by_one():
    assert demands('(score.fit > 1 || days.quiet < 3) && lead.role == "a && b"') == (
        "(score.fit > 1 || days.quiet < 3)",
        'lead.role == "a && b"',
    )
    assert demands("score.fit > 1 || days.quiet < 3") == ("score.fit > 1 || days.quiet < 3",)


@given(st.text(st.sampled_from("ab.1\"' ()[]!&|=<>+-*/%,?:\n\\r{}") | st.characters(), max_size=60), st.integers(1, 50))
def test_any_text_has_words_within_the_limit(text, most):
    assert len(PHRASES.say(text, most)) <= most
    assert read(text).text in text


@pytest.mark.parametrize("text", ["(" * 2000, "//" * 1000, "// " * 600, "!" * 2000, '"' + "\\" * 1999, "a." * 1000])
def test_hostile_text_is_read_in_no_time(text):
    assert PHRASES.say(text, 20)
