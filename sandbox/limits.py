"""Rate limits as the vendors publish them: so many requests in a rolling window."""

import time
from collections import deque
from dataclasses import dataclass, field


@dataclass
class Rate:
    """At most ``most`` requests within ``seconds``."""

    most: int
    seconds: float
    _seen: deque[float] = field(default_factory=deque)

    def admit(self) -> float:
        """Count a request: 0 when it may pass, else seconds until one may."""
        now = time.monotonic()
        while self._seen and self._seen[0] <= now - self.seconds:
            self._seen.popleft()
        if len(self._seen) >= self.most:
            return self._seen[0] + self.seconds - now
        self._seen.append(now)
        return 0.0
