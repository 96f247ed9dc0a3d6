"""A CRM's owners: whose address is which id. Asked for once in a while."""

import time
from collections.abc import Awaitable, Callable

from domain.crm_ports import CrmOwner
from domain.errors import OurFault

#: Seconds after which owners are asked for anew.
_FRESH = 600.0
_MAY_NOT = 403


class Sellers:
    """Finds the id of an owner by id, address or name. ``owners`` asks the CRM; ``is_id`` knows an id by its look."""

    def __init__(
        self, owners: Callable[[], Awaitable[list[CrmOwner]]], is_id: Callable[[str], bool] = str.isdigit
    ) -> None:
        self._owners = owners
        self._is_id = is_id
        self._ids: dict[str, str] = {}
        self._until = 0.0

    async def id_of(self, owner: str) -> str:
        """The CRM's id; "" where it knows no such owner. Raises a ``VendorFault``."""
        if not owner or self._is_id(owner):
            return owner
        if time.monotonic() > self._until:
            await self._read()
        return self._ids.get(owner.casefold(), "")

    async def _read(self) -> None:
        try:
            owners = await self._owners()
        except OurFault as error:
            if error.status != _MAY_NOT:
                raise
            owners = []  # the token may not read owners: tasks name them in words
        self._ids = {name.casefold(): one.id for one in owners for name in (one.name, one.email) if name}
        self._until = time.monotonic() + _FRESH
