"""What stops the embedded stack from running, in words for the person who started it."""

from domain.errors import Refused


class CannotRun(Refused):
    """The embedded stack can't start, or can't go on. The message names thing and place; ``remedy`` what to do."""
