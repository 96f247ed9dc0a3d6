"""Whatever is taken out of the default playbook, whoever is in flight migrates to a place there is, and goes on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from authoring.load import load_playbook
from domain.core.decide import decide
from domain.core.outlook import NOTHING_LEFT, Standing, outlook, position, settled
from domain.core.phases import NURTURING
from domain.core.simulate import steps
from domain.core.steps import step_of
from domain.facts import Behaviour, Facts, LeadFacts, OperatorCommand
from domain.playbook.check import problems
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from domain.playbook.places import touches
from domain.words import BuyerStage, CommandKind, Phase

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DIRECTORY = Path(__file__).parents[2] / "playbooks" / "b2b-saas"
PAGES = ("/pricing", "/customers/one", "/product", "/blog/post", "/security")
Edit = Callable[[dict[str, Any], Random], None]


@cache
def default() -> CompiledPlaybook:
    return CompiledPlaybook(load_playbook(DIRECTORY))


def lived(seed: int) -> list[tuple[Standing, datetime]]:
    """Every moment of one life, as a journey in flight with the time of its last decision."""
    draw = Random(seed)
    fields = {
        "department": draw.choice(["finance", "it", "operations"]),
        "role": draw.choice(["CFO", "Engineer", "Analyst", "CEO"]),
        "employees": draw.choice([20, 300, 4000]),
        "inquiry": draw.choice(["sales", "", "", ""]),
    }
    known = {name: value for name, value in fields.items() if draw.random() < 0.6}
    entry = Facts(lead=LeadFacts(id=f"ld_{seed}", fields=known, has_email=True, country="DE", created_at=START))
    days = sorted(draw.uniform(0, 150) for _ in range(draw.choice([0, 2, 5, 9, 20])))
    asked = [Behaviour(position=1, kind="track", name=draw.choice(["Trial Started", "Session Started"]), at=START)]
    behaviours = [
        Behaviour(position=number, kind="page", name=draw.choice(PAGES), at=START + timedelta(days=day))
        for number, day in enumerate(days, start=2)
    ]
    found = []
    commands = _commands(draw)
    for step in steps(default(), entry, [*asked, *behaviours], START, START + timedelta(days=200), commands):
        if not step.decision.state.ended and step.decision.next_wake is not None:
            state, facts = settled(step.decision.state, step.facts)
            found.append((Standing(state, facts, step.decision.next_wake.at), step.decision.at))
    return found


def _commands(draw: Random) -> dict[datetime, list[OperatorCommand]]:
    """A seller gives some back, an operator pauses some."""
    day = draw.randint(1, 100)
    asked = {
        CommandKind.HAND_OFF: day,
        CommandKind.SALES_REJECT: day + 1,
        CommandKind.PAUSE: draw.randint(1, 150),
        CommandKind.SKIP_WAIT: draw.randint(1, 100),
    }
    return {
        START + timedelta(days=after, minutes=number): [OperatorCommand(id=kind.value, kind=kind, reason="timing")]
        for number, (kind, after) in enumerate(asked.items())
        if draw.random() < 0.3
    }


@cache
def in_flight() -> list[tuple[Standing, datetime]]:
    """Journeys in every phase, stage and segment that some hundred lives come by, one for each kind of place."""
    places: dict[tuple[object, ...], tuple[Standing, datetime]] = {}
    for seed in range(80):
        for standing, at in lived(seed):
            state = standing.state
            paused, waiting = state.paused_since is not None, bool(state.pending)
            places.setdefault(
                (state.phase, state.stage, state.segment, state.profiling, paused, waiting), (standing, at)
            )
    return list(places.values())


def _some(items: list[Any], draw: Random, least: int = 1) -> list[Any]:
    return draw.sample(items, draw.randint(least, len(items)))


def without_steps(data: dict[str, Any], draw: Random) -> None:
    for track in data["tracks"]:
        track["touches"] = _some(track["touches"], draw)


def without_tracks(data: dict[str, Any], draw: Random) -> None:
    data["tracks"] = _some(data["tracks"], draw)


def without_triggers(data: dict[str, Any], draw: Random) -> None:
    data["triggers"] = _some(data["triggers"], draw, 0)
    data["experiments"] = []


def without_stages(data: dict[str, Any], draw: Random) -> None:
    kept = {stage["id"] for stage in _some(data["stages"], draw)}
    data["stages"] = [stage for stage in data["stages"] if stage["id"] in kept]
    for stage in data["stages"]:
        stage["transitions"] = [way for way in stage["transitions"] if way["to"] in kept]
    data["tracks"] = [track for track in data["tracks"] if track["stage"] in kept]
    for part in (*data["triggers"], *data["handoff"]["recycle"]["reasons"].values()):
        part["stage"] = part["stage"] if part["stage"] in kept else None


def without_segments(data: dict[str, Any], draw: Random) -> None:
    data["segments"] = [*_some(data["segments"][:-1], draw, 0), data["segments"][-1]]
    kept = {"*", *(segment["id"] for segment in data["segments"])}
    data["tracks"] = [track for track in data["tracks"] if track["segment"] in kept]


def without_profile(data: dict[str, Any], _: Random) -> None:
    data["profile"] = None
    data["triage"] = [rule for rule in data["triage"] if rule["then"] != "profile"]
    for track in data["tracks"]:
        track["touches"] = [step for step in track["touches"] if not step["ask"]] or track["touches"][:1]


def retimed(data: dict[str, Any], draw: Random) -> None:
    for track in data["tracks"]:
        for step in track["touches"]:
            step["gap"] = draw.choice(["0d", "2d", "40d"])
    data["re_engagement"]["after"] = draw.choice(["10d", "200d"])
    data["length_limit"] = draw.choice(["60d", "700d"])


EDITS: list[Edit] = [
    without_steps, without_tracks, without_triggers, without_stages, without_segments, without_profile, retimed
]  # fmt: skip


def edited(seed: int) -> CompiledPlaybook:
    """The default playbook with up to three edits, such as would be applied."""
    draw = Random(seed)
    while True:
        data = default().document.model_dump(mode="json")
        for edit in draw.sample(EDITS, draw.randint(1, 3)):
            edit(data, draw)
        if data["tracks"]:
            document = Playbook.model_validate(data)
            if all(finding.severity != "error" for finding in problems(document)):
                return CompiledPlaybook(document)


def test_the_journeys_are_of_every_phase():
    phases = {standing.state.phase for standing, _ in in_flight()}
    stages = {standing.state.stage for standing, _ in in_flight()}

    assert phases == set(Phase) - {Phase.ENTRY, Phase.ENDED}
    assert stages == set(BuyerStage)
    assert any(standing.state.profiling for standing, _ in in_flight())
    assert any(standing.state.pending for standing, _ in in_flight())


@pytest.mark.parametrize("seed", range(14))
def test_whoever_migrates_stands_at_a_place_there_is_and_goes_on(seed: int):
    version = edited(seed)
    there = {touch.id for _, touch in touches(version.document)}
    there |= {step_of(one.id) for one in version.document.triggers if one.touch} | {NOTHING_LEFT}
    command = OperatorCommand(id="move", kind=CommandKind.MIGRATE, playbook=version.hash)

    for standing, at in in_flight():
        now = at + timedelta(minutes=1)
        decision = decide(version, standing.state, standing.facts, now, [command])
        state = decision.state

        assert state.playbook == version.hash
        assert state.ended or decision.next_wake.at > now
        assert state.stage in version.stages
        assert state.segment in version.segments
        if not state.ended and state.phase in NURTURING:
            assert position(version, state, standing.facts, now).step in there


def test_their_lives_go_on_for_months_or_end():
    version = edited(3)
    command = OperatorCommand(id="move", kind=CommandKind.MIGRATE, playbook=version.hash)

    for standing, at in in_flight():
        found = outlook(version, standing, at, at + timedelta(days=90), [command])
        assert found.first.stage in version.stages
