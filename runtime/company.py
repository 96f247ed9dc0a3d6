"""Whether somebody is alone: who floods may use everything while nobody else is there, and else leaves room."""

#: Whoever had something to say within so many seconds is there.
_SECONDS = 10.0


class Company:
    """Times are monotonic seconds, and never go back."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}  # who → when last, oldest first

    def heard(self, who: str, now: float) -> None:
        self._heard.pop(who, None)
        self._heard[who] = now

    def there(self, now: float) -> bool:
        """True while there is more than one."""
        while self._heard and now >= self._heard[oldest := next(iter(self._heard))] + _SECONDS:
            del self._heard[oldest]
        return len(self._heard) > 1
