"""Whatever a playbook says, every life in it ends or keeps a future wake, never spins, and never doubles anything."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.core.simulate import simulate
from domain.facts import Behaviour, OperatorCommand
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from domain.words import DIRECT_CHANNELS, CommandKind
from tests.domain.core.life import DAY, facts, lead
from tests.fixtures.playbooks import minimal_playbook

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CONDITIONS = st.sampled_from(
    [
        "true",
        "false",
        "score.fit >= 0",
        "days.in_stage >= 3",
        "days.in_stage % 2 == 0",
        "days.quiet >= 5",
        "behaviour.pricing_visit.days_ago >= 2",
        "score.intent >= 20",
        "touches.sent >= 2 // not before",
    ]
)
CONDITION_OR_NONE = st.none() | CONDITIONS
GAPS = st.sampled_from(["0d", "1s", "2h", "3d", "40d"])
QUIET = st.sampled_from(["0d", "1h", "4d", "30d", "90d"])
ASSETS = st.sampled_from(sorted(minimal_playbook().assets))
CAPS = st.lists(
    st.fixed_dictionaries(
        {
            "per": st.sampled_from(["lead", "account"]),
            "channel": st.sampled_from(["any", "email"]),
            "most": st.integers(1, 3),
            "within": st.sampled_from(["0d", "1d", "7d", "90d"]),
        }
    ),
    max_size=2,
)
WINDOWS = st.sampled_from([("09:00", "17:00"), ("02:30", "03:30"), ("00:00", "23:59"), ("12:00", "12:01")])
LIMITS = st.sampled_from(["0d", "1h", "20d", "120d", "365d"])


def _touches(draw, prefix, most):
    steps = []
    for number in range(draw(st.integers(1, most))):
        channel = draw(st.sampled_from(["email", "email", "sdr_task", "direct_mail"]))
        step = {"id": f"{prefix}{number}", "channel": channel, "gap": draw(GAPS), "when": draw(CONDITION_OR_NONE)}
        steps.append(step | ({"note": "Look."} if channel == "sdr_task" else {"asset": draw(ASSETS)}))
    return steps


def _triggers(draw):
    triggers = []
    for number, behaviour in enumerate(draw(st.lists(st.sampled_from(["pricing_visit", "open", "page_view"])))):
        channel = draw(st.sampled_from(["email", "sdr_task"]))
        touch = {"channel": channel, "delay": draw(GAPS)}
        touch |= {"asset": draw(ASSETS)} if channel == "email" else {"note": "Look."}
        trigger = {"id": f"on{number}", "behaviour": behaviour, "cool_down": draw(GAPS), "touch": touch}
        triggers.append(trigger | {"alert": draw(st.sampled_from(["", "Look now."])), "when": draw(CONDITION_OR_NONE)})
    return triggers[:3]


@st.composite
def playbooks(draw):
    """The minimal playbook with its numbers, rules and tracks drawn anew."""
    document = minimal_playbook().model_dump(mode="json", by_alias=True)
    stages = document["stages"]
    for stage in stages:
        others = [other["id"] for other in stages if other["id"] != stage["id"]]
        stage["transitions"] = [{"to": draw(st.sampled_from(others)), "when": draw(CONDITIONS)}]
    opens, closes = draw(WINDOWS)
    days = draw(st.sampled_from([["mon"], ["sat", "sun"], ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]]))
    rule = {"id": "ready", "when": draw(CONDITIONS), "label": "Ready."}
    recycle = {"cool_down": draw(QUIET), "most": draw(st.integers(0, 3))}
    document |= {
        "tracks": [
            {"segment": "*", "stage": s["id"], "touches": _touches(draw, f"t{n}-", 7)} for n, s in enumerate(stages)
        ],
        "triggers": _triggers(draw),
        "disqualify": [{"id": "out", "when": draw(st.sampled_from(["false", "false", "true"])), "reason": "other"}],
        "triage": [{"id": "door", "when": draw(CONDITIONS), "then": draw(st.sampled_from(["sales", "nurture"]))}],
        "cadence": {
            "opens": opens,
            "closes": closes,
            "days": days,
            "least_gap": draw(GAPS),
            "caps": draw(CAPS),
            "timezone": "Europe/Berlin",
        },
        "handoff": {"rules": [rule], "remind": "1h", "sla": "1d", "expires": "2d", "recycle": recycle},
        "re_engagement": {"after": draw(QUIET), "touches": _touches(draw, "again", 3), "sunset": draw(QUIET)},
        "length_limit": draw(LIMITS),
    }
    return CompiledPlaybook(Playbook.model_validate(document))


HAPPENINGS = st.lists(
    st.tuples(
        st.integers(0, 150 * 24 * 60),
        st.sampled_from([("page", "/pricing"), ("page", "/blog"), ("delivery", "opened"), ("crm", "sales_rejected")]),
        st.integers(0, 40),
    ),
    max_size=12,
)
COMMANDS = st.lists(st.tuples(st.integers(0, 150), st.sampled_from(list(CommandKind))), max_size=4)


def _live(playbook, happenings, commands):
    behaviours = [
        Behaviour(
            position=number,
            kind=kind,
            name=name,
            at=START + timedelta(minutes=minute),
            properties={"handoff": f"ld_test-1-{number % 3 + 1}", "reason": "timing"},
        )
        for number, (minute, (kind, name), _) in enumerate(sorted(happenings), start=1)
    ]
    asked = {
        START + day * DAY + timedelta(minutes=number): [
            OperatorCommand(id=str(number), kind=kind, stage="evaluation", reason="timing")
        ]
        for number, (day, kind) in enumerate(commands)
    }
    return list(simulate(playbook, facts(lead()), behaviours, START, START + 500 * DAY, asked))


@settings(max_examples=150, deadline=None)
@given(playbooks(), HAPPENINGS, COMMANDS)
def test_every_life_in_any_playbook_keeps_the_promises(playbook, happenings, commands):
    decisions = _live(playbook, happenings, commands)
    last = decisions[-1]
    assert last.state.ended or last.state.handoff, "neither ended nor with sales when time is up"
    for decision in decisions:
        assert decision.state.ended == (decision.next_wake is None)
        assert decision.next_wake is None or decision.next_wake.at > decision.at

    moments = [decision.at for decision in decisions]
    for number, moment in enumerate(moments):
        in_a_day = sum(moment <= other < moment + DAY for other in moments[number : number + 200])
        assert in_a_day <= 30 + 2 * len(happenings) + 2 * len(commands), "decisions follow each other without end"

    keys = Counter(touch.key for decision in decisions for touch in decision.send)
    assert all(times == 1 for times in keys.values()), "a key was used twice"
    direct = [(d.at, touch) for d in decisions for touch in d.send if touch.channel in DIRECT_CHANNELS]
    assert max(Counter(touch.asset for _, touch in direct).values(), default=0) <= 1, "an asset went out twice"
    _assert_caps_hold(playbook.document.cadence, direct)
    opened = {d.open_handoff.id for d in decisions if d.open_handoff}
    resolved = [d.resolve_handoff.id for d in decisions if d.resolve_handoff]
    assert sorted(opened - {last.state.handoff.id if last.state.handoff else ""}) == sorted(resolved)


def _assert_caps_hold(cadence, direct):
    for number, (at, touch) in enumerate(direct):
        assert number == 0 or at - direct[number - 1][0] >= cadence.least_gap, "two touches too close"
        for cap in cadence.caps:
            if cap.channel in ("any", touch.channel):
                counted = [c for when, c in direct[: number + 1] if when > at - cap.within or when == at]
                counted = [c for c in counted if cap.channel in ("any", c.channel)]
                assert not cap.within or len(counted) <= cap.most, "a cap was exceeded"


@settings(max_examples=60, deadline=None)
@given(playbooks(), HAPPENINGS)
def test_without_operators_every_life_ends_by_the_length_limit_and_one_handoff(playbook, happenings):
    last = _live(playbook, happenings, [])[-1]
    assert last.state.ended
    assert last.at <= START + playbook.document.length_limit + playbook.document.handoff.expires + DAY
