"""What may stand in the way of a touch, as answers carry it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.core.touchpoints import Touchpoint


class Verdict(StrEnum):
    """What stands in the way, or does not. Values are what answers carry; they never change meaning."""

    SENT = "sent"
    ON_ITS_WAY = "on_its_way"
    UNKNOWN = "unknown"
    FAILED = "failed"
    UNDECIDED = "undecided"
    ENDED = "ended"
    SUPPRESSED = "suppressed"
    PAUSED = "paused"
    HELD = "held"
    PHASE = "phase"
    NOT_ON_TRACK = "not_on_track"
    NOT_TRIGGERED = "not_triggered"
    PASSED_OVER = "passed_over"
    KNOWN = "known"
    CONSENT = "consent"
    NO_ADDRESS = "no_address"
    DECLINED_TOPIC = "declined_topic"
    ASSET_SEEN = "asset_seen"
    HOLDOUT = "holdout"
    CONDITION = "condition"
    OUTRANKED = "outranked"
    BEHIND = "behind"
    HELD_BACK = "held_back"
    WILL_BE_SENT = "will_be_sent"


@dataclass(frozen=True, slots=True)
class Answer:
    """One touchpoint's answer. ``until``: when it may leave at the earliest, where that is known. ``values`` are the
    variables that a condition asked about. ``key`` and ``at`` are the ledger's.
    """

    point: Touchpoint
    verdict: Verdict
    why: str
    until: datetime | None = None
    key: str = ""
    at: datetime | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
