"""A playbook whose one track has as many touches as a test needs, one every three days, at any hour."""

from datetime import time, timedelta

from domain.playbook.models import Cadence, Playbook, Touch, Track
from domain.words import BuyerStage
from tests.fixtures.playbooks import minimal_playbook


def long_track(touches: int) -> Playbook:
    """The minimal playbook with ``touches`` pieces of content for small companies, and a sunset right after them."""
    base = minimal_playbook()
    piece = base.assets["hidden-cost"]
    names = [f"piece-{number}" for number in range(1, touches + 1)]
    steps = tuple(Touch(id=f"step-{name}", asset=name, gap=timedelta(days=3)) for name in names)
    track = Track(segment="smb", stage=BuyerStage.PROBLEM_AWARENESS, touches=steps)
    cadence = Cadence(
        days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
        opens=time(0),
        closes=time(23, 59),
        least_gap=timedelta(hours=1),
    )
    return base.model_copy(
        update={
            "assets": {**base.assets, **{name: piece.model_copy(update={"id": name}) for name in names}},
            "tracks": (track, *base.tracks[2:]),
            "cadence": cadence,
            "length_limit": timedelta(days=3 * touches + 10),
        }
    )
