"""The playbook of these tests: the minimal one, at any hour, its first mail at once."""

from datetime import time, timedelta

from domain.playbook.models import Cadence, Playbook, Touch, Track
from domain.words import BuyerStage
from tests.fixtures.playbooks import minimal_playbook

_ANY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def at_any_hour(*, gap: timedelta = timedelta(days=30)) -> Playbook:
    """The first mail at once, the next ``gap`` after it; a trigger's mail an hour after its behaviour."""
    base = minimal_playbook()
    touches = (
        Touch(id="first", asset="hidden-cost", gap=timedelta()),
        Touch(id="second", asset="checklist", gap=gap),
        Touch(id="third", asset="guide", gap=gap),
    )
    track = Track(stage=BuyerStage.PROBLEM_AWARENESS, touches=touches)
    others = [one for one in base.tracks if one.stage not in (BuyerStage.PROBLEM_AWARENESS, BuyerStage.COMPARISON)]
    cadence = Cadence(days=_ANY_DAY, opens=time.min, closes=time.max, least_gap=timedelta(), caps=())
    return base.model_copy(update={"tracks": (track, *others), "cadence": cadence})
