"""Triggers that compete, go stale, or answer only the first time."""

from tests.domain.core.life import (
    DAY,
    HOUR,
    event,
    facts,
    lead,
    live,
    page,
    playbook_with,
    rejections,
    step,
    steps,
    track,
)

ONLY = track(step("only", "guide", "80d"))


def on(name, behaviour, asset=None, delay="0d", **more):
    touch = {"delay": delay, **({"asset": asset} if asset else {"channel": "sdr_task", "note": "Look."})}
    touch |= {key: more.pop(key) for key in ("window", "expires") if key in more}
    return {"id": name, "behaviour": behaviour, "cool_down": "1d", "touch": touch, **more}


def test_of_those_that_are_due_the_highest_priority_goes_first():
    triggers = [
        on("low", "page_view", "letter", "2h", priority=10),
        on("high", "click", "compare", "2h", priority=90),
        on("usual", "case_study", "checklist", "2h"),
    ]
    playbook = playbook_with(ONLY, triggers=triggers, cadence={"least_gap": "1d"})
    happened = page("/blog", DAY), page("/customers/a", DAY), event("delivery", "clicked", DAY)
    names = ["trigger-high", "trigger-usual", "trigger-low", "only"]
    decisions = live(*happened, playbook=playbook)
    assert [name for _, name in steps(decisions)] == names
    assert ("letter", "the touch for usual goes first") in rejections(decisions, "outranked")


def test_what_is_due_does_not_wait_for_something_more_important_that_is_not():
    triggers = [on("low", "page_view", "letter", "1h", priority=10), on("high", "click", "compare", "2d", priority=90)]
    decisions = live(
        page("/blog", DAY), event("delivery", "clicked", DAY), playbook=playbook_with(ONLY, triggers=triggers)
    )
    assert [name for _, name in steps(decisions)][:2] == ["trigger-low", "trigger-high"]


def test_a_task_for_sales_does_not_wait_behind_a_mail_that_is_held():
    triggers = [on("mail", "page_view", "letter", priority=90, expires="30d"), on("task", "page_view", priority=10)]
    night = {"days": ["mon"], "opens": "09:00", "closes": "12:00"}
    decisions = live(page("/blog", DAY), playbook=playbook_with(ONLY, triggers=triggers, cadence=night))
    assert steps(decisions)[:2] == [(1, "trigger-task"), (6 + 23 / 24, "trigger-mail")]


def test_what_can_not_leave_before_it_expires_is_dropped_and_blocks_nothing():
    triggers = [on("late", "page_view", "letter", "1h", expires="2d")]
    weekly = {"days": ["mon"], "opens": "09:00", "closes": "12:00"}
    playbook = playbook_with(track(step("only", "guide", "3d")), triggers=triggers, cadence=weekly)
    decisions = live(page("/blog", DAY), playbook=playbook)
    assert [name for _, name in steps(decisions)] == ["only"]
    assert rejections(decisions, "expired") == [
        ("trigger-late", "could not leave before it would answer nothing any more")
    ]


def test_a_trigger_for_any_hour_does_not_wait_for_the_window():
    weekly = {"days": ["mon"], "opens": "09:00", "closes": "12:00"}
    playbook = playbook_with(ONLY, triggers=[on("now", "page_view", "letter", "1h", window="any")], cadence=weekly)
    assert steps(live(page("/blog", 23 * HOUR), playbook=playbook))[0] == (1, "trigger-now")


def test_a_first_time_is_answered_once():
    playbook = playbook_with(ONLY, triggers=[on("first", "page_view", first_only=True)])
    decisions = live(page("/blog", DAY), page("/blog", 20 * DAY), playbook=playbook)
    assert steps(decisions) == [(1, "trigger-first"), (81, "only")]
    assert rejections(decisions, "first_only") == [("first", "it was not the first time")]


def test_a_first_time_of_which_two_are_read_together_is_one():
    playbook = playbook_with(ONLY, triggers=[on("first", "page_view", first_only=True)])
    assert steps(live(page("/blog", DAY), page("/faq", DAY), playbook=playbook))[0] == (1, "trigger-first")


def test_a_pattern_fires_a_trigger_when_its_last_part_happens():
    pattern = {"label": "came back after a click", "sequence": ["click", "page_view"], "within": "3d"}
    playbook = playbook_with(ONLY, patterns={"came_back": pattern}, triggers=[on("back", "came_back")])
    early = page("/blog", DAY), event("delivery", "clicked", 2 * DAY), page("/blog", 4 * DAY)
    assert steps(live(*early, playbook=playbook))[0] == (4, "trigger-back")
    late = page("/blog", DAY), event("delivery", "clicked", 2 * DAY), page("/blog", 6 * DAY)
    assert steps(live(*late, playbook=playbook)) == [(80, "only")]


def test_a_lead_without_an_address_drops_the_mail_and_says_so():
    playbook = playbook_with(ONLY, triggers=[on("mail", "page_view", "letter")])
    decisions = live(page("/blog", DAY), playbook=playbook, entry=facts(lead(has_email=False)))
    assert ("trigger-mail", "no address is known") in rejections(decisions, "channel")
