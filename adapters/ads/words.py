"""What all networks' lists have in common, in words."""

from domain.audiences import AdsAudience, AudienceState
from domain.errors import TransientFault

#: Seconds after which a list that somebody deleted is looked for again, and made.
_AGAIN = 1.0


def in_words(state: AudienceState) -> str:
    """A list as ``tendril connect`` tells of it. That it is small is no error: it grows."""
    people = "size not known yet" if state.size is None else f"{state.size} people"
    small = "" if state.usable or not state.least else f"; ads are shown from {state.least} on"
    return f"audience {state.audience}: {state.status.lower() or 'there'}, {people}{small}"


def list_gone(network: str, audience: AdsAudience) -> TransientFault:
    """Somebody deleted the list at the network: it is made anew."""
    return TransientFault(
        f"the {network} list of audience {audience.id} is gone", vendor=network, code="list_gone", retry_after=_AGAIN
    )
