"""Playbooks drawn at random, with every part of the language in them: any of them must be safe to run."""

from typing import Any

from hypothesis import strategies as st

from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from tests.fixtures.playbooks import minimal_playbook

CONDITIONS = st.sampled_from(
    [
        "true",
        "false",
        "score.fit >= 0",
        "days.in_stage >= 3",
        "days.in_stage % 2 == 0",
        "days.quiet >= 5",
        "behaviour.pricing_visit.days_ago >= 2",
        "behaviour.several.in_30d >= 1",
        "situation.busy || length == 'short'",
        "score.intent >= 20",
        "touches.sent >= 2 // not before",
    ]
)
_OR_NONE = st.none() | st.none() | CONDITIONS
#: What lengths and situations may ask about.
_EARLY = st.sampled_from(["score.intent >= 20", "days.quiet >= 5", "touches.sent >= 3", "lead.employees >= 200"])
# Lives that end on the first day show little: what ends them is drawn seldom.
_GAPS = st.sampled_from(["3d", "2h", "0d", "1s", "40d", "1d"])
_QUIET = st.sampled_from(["30d", "90d", "30d", "4d", "1h", "0d"])
_ENDS = st.sampled_from(["false"] * 15 + ["true"])
_READY = st.sampled_from(["false"] * 6 + ["score.intent >= 60", "behaviour.again >= 3", "days.in_stage >= 3"])
_LIMITS = st.sampled_from(["365d"] * 4 + ["120d", "20d", "0d", "1h"])
_BODIES = {f"extra-{number}": {"id": f"extra-{number}", "body": "Read me."} for number in range(8)}
_ASSETS = st.sampled_from(sorted({*minimal_playbook().assets, *_BODIES}))
_BEHAVIOURS = st.sampled_from(["pricing_visit", "open", "page_view", "several", "again"])
_CAPS = st.lists(
    st.fixed_dictionaries(
        {
            "per": st.sampled_from(["lead", "account"]),
            "channel": st.sampled_from(["any", "email"]),
            "most": st.integers(1, 3),
            "within": st.sampled_from(["7d", "1d", "60d", "0d"]),
        }
    ),
    max_size=2,
)
_WINDOWS = st.sampled_from([("09:00", "17:00"), ("02:30", "03:30"), ("00:00", "23:59"), ("12:00", "12:01")])
_DAYS = st.sampled_from(
    [["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ["tue", "wed", "fri"], ["sat", "sun"], ["mon"]]
)
_HOLIDAYS = (
    st.fixed_dictionaries(
        {
            "lead": st.booleans(),
            "countries": st.sampled_from([[], ["JP", "DE"]]),
            "unknown": st.sampled_from(["US", None]),
        }
    )
    | st.none()
)
_CHANNELS = st.sampled_from(["email", "email", "direct_mail", "sdr_task"])
_WAITS = st.none() | st.builds(
    lambda behaviours, lookback, ways: {
        "behaviours": behaviours,
        "lookback": lookback,
        "then": ways[0],
        "otherwise": ways[1],
    },
    st.lists(_BEHAVIOURS, min_size=1, max_size=2, unique=True),
    _GAPS,
    st.sampled_from([("send", "send"), ("send", "skip"), ("skip", "send")]),
)
_FACTORS = st.sampled_from([0.25, 0.7, 1, 4])
_PACES = st.lists(st.builds(lambda when, factor: {"when": when, "factor": factor}, CONDITIONS, _FACTORS), max_size=2)
_LENGTHS = st.lists(
    st.builds(
        lambda when, preset, limit: {"when": when, "preset": preset, "limit": limit},
        _EARLY,
        st.sampled_from(["smb", "enterprise", "continuous"]),
        st.sampled_from([None, None, "10d", "0d"]),
    ),
    max_size=2,
)
_PATTERNS = st.sampled_from(
    [
        {"any": ["page_view", "open"], "times": 2},
        {"all": ["pricing_visit", "open"]},
        {"sequence": ["page_view", "pricing_visit"]},
    ]
)
Draw = Any


def _named(parts, prefix):
    return [{"id": f"{prefix}{number}", **part} for number, part in enumerate(parts)]


def _touches(draw: Draw, prefix: str, most: int, *, asks: bool = False) -> list[dict[str, Any]]:
    steps = []
    for number in range(draw(st.integers(1, most) if most < 3 else st.integers(2, most))):
        channel = draw(_CHANNELS)
        step = {"id": f"{prefix}{number}", "channel": channel, "gap": draw(_GAPS), "when": draw(_OR_NONE)}
        step |= {"wait": draw(_WAITS), "priority": draw(st.integers(0, 3))}
        step["window"] = draw(st.sampled_from(["cadence", "cadence", "any"]))
        step["ask"] = draw(st.sampled_from(["next", "role", "company"] if asks else [None, None, None, "role"]))
        steps.append(step | ({"note": "Look."} if channel == "sdr_task" else {"asset": draw(_ASSETS)}))
    return steps


def _triggers(draw: Draw) -> list[dict[str, Any]]:
    triggers = []
    for number, behaviour in enumerate(draw(st.lists(_BEHAVIOURS, max_size=3))):
        channel = draw(st.sampled_from(["email", "sdr_task"]))
        touch = {"channel": channel, "delay": draw(_GAPS), "expires": draw(st.sampled_from(["0d", "1d", "90d"]))}
        touch["window"] = draw(st.sampled_from(["cadence", "any"]))
        touch |= {"asset": draw(_ASSETS)} if channel == "email" else {"note": "Look."}
        trigger = {"id": f"on{number}", "behaviour": behaviour, "cool_down": draw(_GAPS), "touch": touch}
        trigger |= {"first_only": draw(st.booleans()), "priority": draw(st.integers(0, 3))}
        triggers.append(trigger | {"alert": draw(st.sampled_from(["", "Look now."])), "when": draw(_OR_NONE)})
    return triggers


def _experiments(draw: Draw, steps: list[str]) -> list[dict[str, Any]]:
    experiments = []
    for number in range(draw(st.integers(1, 2))):
        variant = {"asset": draw(st.none() | _ASSETS), "gap": draw(st.none() | _GAPS), "subject": "Other words"}
        if variant["asset"]:  # without one a letter would be empty, which the check refuses
            variant["channel"] = draw(st.sampled_from([None, "direct_mail"]))
        variant["weight"] = draw(st.integers(0, 3))
        experiments.append(
            {
                "id": f"exp{number}",
                "steps": draw(st.lists(st.sampled_from(steps), min_size=2, max_size=5, unique=True)),
                "when": draw(_OR_NONE),
                "holdout": draw(st.sampled_from([0, 0, 50])),
                "variants": [{"id": "control"}, {"id": "other", **variant}],
            }
        )
    return experiments


def _cadence(draw: Draw) -> dict[str, Any]:
    opens, closes = draw(_WINDOWS)
    return {
        "opens": opens,
        "closes": closes,
        "days": draw(_DAYS),
        "least_gap": draw(_GAPS),
        "caps": draw(_CAPS),
        "holidays": draw(_HOLIDAYS),
        "spread": draw(st.sampled_from(["5h", "20m", "0d"])),
        "paces": _named(draw(_PACES), "pace"),
        "timezone": "Europe/Berlin",
    }


def _tracks(draw: Draw, stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "stage": stage["id"],
            "touches": _touches(draw, f"t{number}-", 4),
            "order": draw(st.sampled_from(["sequence", "priority"])),
            "exhausted": draw(st.sampled_from(["wait", "wait", "advance", "advance", "re_engage", "end"])),
        }
        for number, stage in enumerate(stages)
    ]


def _profile(draw: Draw) -> dict[str, Any]:
    return {
        "questions": [{"field": field, "ask": "Who are you?"} for field in ("role", "company")],
        "consent": "Used to send what fits what you do.",
        "touches": _touches(draw, "ask", 2, asks=True),
        "patience": draw(_QUIET),
        "otherwise": draw(st.sampled_from(["nurture", "sales_review"])),
    }


def _handoff(draw: Draw) -> dict[str, Any]:
    recycle = {"cool_down": draw(_QUIET), "most": draw(st.integers(0, 3))}
    recycle["reasons"] = {"timing": {"cool_down": draw(_QUIET), "stage": draw(st.sampled_from([None, "research"]))}}
    rule = {"id": "ready", "when": draw(_READY), "label": "Ready."}
    return {"rules": [rule], "remind": "1h", "sla": "1d", "expires": "2d", "recycle": recycle}


@st.composite
def documents(draw: Draw) -> dict[str, Any]:
    """The minimal playbook with its numbers, rules and steps drawn anew, as written in a file."""
    document = minimal_playbook().model_dump(mode="json")
    stages = document["stages"]
    for stage in stages:
        others = [other["id"] for other in stages if other["id"] != stage["id"]]
        moves = draw(st.sampled_from([False, False, True]))
        stage["transitions"] = [{"to": draw(st.sampled_from(others)), "when": draw(CONDITIONS)}] if moves else []
    document |= {
        "tracks": _tracks(draw, stages),
        "triggers": _triggers(draw),
        "patterns": {
            name: {"label": "did it", "within": draw(st.sampled_from(["1d", "30d"])), "points": 10, **draw(_PATTERNS)}
            for name in ("several", "again")
        },
        "situations": [{"id": "busy", "label": "Busy", "when": draw(_EARLY)}],
        "lengths": [part | {"id": name} for part, name in zip(draw(_LENGTHS), ("short", "other"), strict=False)],
        "profile": _profile(draw),
        "disqualify": [{"id": "out", "when": draw(_ENDS), "reason": "other"}],
        "triage": [
            {"id": "first", "when": draw(CONDITIONS), "then": draw(st.sampled_from(["profile", "nurture"]))},
            {"id": "door", "when": draw(_READY), "then": draw(st.sampled_from(["sales", "sales_review"]))},
        ],
        "cadence": _cadence(draw),
        "handoff": _handoff(draw),
        "re_engagement": {"after": draw(_QUIET), "touches": _touches(draw, "again", 3), "sunset": draw(_QUIET)},
        "length_limit": draw(_LIMITS),
        "assets": document["assets"] | _BODIES,
    }
    steps = [touch["id"] for track in document["tracks"] for touch in track["touches"]]
    steps += [f"trigger-{trigger['id']}" for trigger in document["triggers"]] + ["again0", "ask0"]
    return document | {"experiments": _experiments(draw, steps)}


def compiled(document: dict[str, Any]) -> CompiledPlaybook:
    return CompiledPlaybook(Playbook.model_validate(document))


playbooks = documents().map(compiled)
