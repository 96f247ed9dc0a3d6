"""How soon a journey may be told again: at once after a pause, ever more seldom in a flood.

Each wake costs a signal, a workflow task and a decision, and one decision considers all that has come. Someone who
clicks through a site is heard within a tenth of a second; a script that fires for minutes is heard every five seconds.
"""

_SHORTEST, _LONGEST = 0.1, 5.0
#: Leads remembered before those that have paused are forgotten.
_MANY = 10_000


class Spacing:
    """Times are seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[float, float]] = {}  # lead → when it was last told, and the space after that

    def wait(self, lead: str, now: float) -> float:
        """Seconds until the lead may be told; 0 when it may be now."""
        at, space = self._told.get(lead, (now, 0.0))
        return max(at + space - now, 0.0)

    def told(self, lead: str, now: float) -> None:
        """The space doubles while one telling follows the other closely, and starts small again after a pause."""
        at, space = self._told.get(lead, (now, 0.0))
        follows = space and now < at + 2 * space
        self._told[lead] = (now, min(2 * space, _LONGEST) if follows else _SHORTEST)
        if len(self._told) > _MANY:
            self._told = {lead: (at, space) for lead, (at, space) in self._told.items() if now < at + 2 * space}
