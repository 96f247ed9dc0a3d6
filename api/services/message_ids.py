"""Ids for events that came without one, so that a retry counts once wherever it can be told from a second event.

Such an event is told by what it says and when it happened (``timestamp``, else ``sentAt``): sent again it gets the same
id. Several alike in one request are several events, and are again when the request is repeated. An event that says
nothing of time can't be told from the next one like it: each counts.

A sender can't take the ids of what Tendril itself will have to say: an unsubscribe or a seller's answer would then
count as known already.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from api.schemas.tracking import AnyEvent

#: How the ids of our own events begin (``storage``: inbox, trust, answers, retractions).
_OURS = ("delivery:", "sales:", "answer:", "retracted:", "restored:")
_OF_THE_SENDING = {"message_id", "timestamp", "original_timestamp", "sent_at", "context"}


def message_ids(events: Sequence[AnyEvent], sent_at: datetime | None) -> list[str]:
    """The id of each event; ``sent_at`` is the request's."""
    seen: Counter[str] = Counter()
    return [_given(event.message_id) if event.message_id else _made(event, sent_at, seen) for event in events]


def _given(message_id: str) -> str:
    return f"sender:{message_id}" if message_id.startswith(_OURS) else message_id


def _made(event: AnyEvent, sent_at: datetime | None, seen: Counter[str]) -> str:
    moment = event.happened or event.sent_at or sent_at
    if moment is None:
        return f"tendril-{uuid4().hex}"
    said = f"{moment.timestamp()} {_canonical(event)}"
    seen[said] += 1
    return f"tendril-{hashlib.sha256(f'{seen[said]} {said}'.encode()).hexdigest()[:40]}"


def _canonical(event: AnyEvent) -> str:
    return json.dumps(event.model_dump(mode="json", exclude=_OF_THE_SENDING), sort_keys=True)
