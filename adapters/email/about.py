"""Whose mail an event is about, by what a vendor gave back of it."""

from typing import Any

from adapters.email.carrier import key_of
from adapters.inbound import About
from domain.words import DeliveryKind

#: What is so of the address itself, whoever sent the mail. That somebody else's mail was opened says nothing of ours.
_OF_THE_ADDRESS = frozenset({DeliveryKind.BOUNCED_HARD, DeliveryKind.COMPLAINED, DeliveryKind.UNSUBSCRIBED})


def about(kind: DeliveryKind, reference: Any, vendor_id: str, email: str) -> About:
    """By our reference, else by the vendor's id of the mail; by the address only what is so of the address."""
    return About(touch=_touch(reference), vendor_id=vendor_id, email=email if kind in _OF_THE_ADDRESS else "")


def _touch(reference: Any) -> str:
    """The touch's key; "" when somebody else put something of theirs in the same place."""
    key = key_of(reference) if isinstance(reference, str) else ""
    return key if key.isprintable() and "/" in key else ""
