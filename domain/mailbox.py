"""A mailbox that replies come to, as activities see it."""

from typing import Protocol


class MailReading(Protocol):
    """What came into the mailbox since it was last looked into, taken into the behaviour of those who wrote."""

    async def due(self) -> bool: ...

    async def read(self) -> int:
        """How much of it was news. Raises a ``VendorFault``; what was read stays read."""
        ...
