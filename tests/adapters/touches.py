"""Invented touches."""

from typing import Any

from domain.ports import OutboundTouch
from domain.words import Channel
from tests.fixtures.playbooks import minimal_compiled

#: What must never appear in an error: errors reach Temporal.
PERSONAL = ("ada.sample", "Ada", "Sample", "example.com")


def touch(channel: Channel, **given: Any) -> OutboundTouch:
    """A touch for an invented lead."""
    values: dict[str, Any] = {
        "key": "ld_aaaabbbbcccc/1/0/guide",
        "lead": "ld_aaaabbbbcccc",
        "channel": channel,
        "step": "guide",
        "asset": "guide",
        "note": "Call about the pricing page",
        "playbook": minimal_compiled().hash,
        "email": "ada.sample@example.com",
        "attempted_to": "ada.sample@example.com",
        "fields": {"first_name": "Ada", "last_name": "Sample"},
    }
    return OutboundTouch(**(values | given))


class OnePlaybook:
    """``domain.ports.Playbooks`` that holds the small playbook of the tests."""

    async def compiled(self, content_hash: str) -> Any:
        compiled = minimal_compiled()
        assert content_hash == compiled.hash
        return compiled
