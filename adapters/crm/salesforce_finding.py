"""Which record a lead is in Salesforce, and which contact a converted Lead has become.

A lead is, in this order: the contact with its id, the Lead with its id, the contact with its address, the Lead with its
address; of several the eldest. A Lead that sales has converted is the contact it became (``ConvertedContactId``; Object
Reference, "Lead"): Salesforce lets nobody change it any more.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.crm.salesforce_client import SalesforceClient
from adapters.crm.salesforce_fields import LEAD_ID
from adapters.crm.salesforce_soql import CONTACT, LEAD, among, fitting, kind_of, quoted, select
from domain.crm_ports import CrmChange

_OF = {CONTACT: ("Id", "Email"), LEAD: ("Id", "Email", "IsConverted", "ConvertedContactId")}


class Who(NamedTuple):
    """A record that a task can hang on: a contact with its account, or a Lead."""

    id: str
    account: str = ""


class Finder:
    """``kinds``: where leads are looked for, ``Contact`` and perhaps ``Lead``."""

    def __init__(self, client: SalesforceClient, kinds: Sequence[str]) -> None:
        self._client = client
        self._kinds = kinds

    async def find(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        """Lead → id of its record, for those that there are. Raises a ``VendorFault``."""
        found: dict[str, str] = {}
        for part in fitting([(change.lead, change.email) for change in changes]):
            by_id: dict[str, str] = {}
            by_address: dict[str, str] = {}
            for kind in self._kinds:
                for row in await self._rows(kind, part):
                    identity = _current(row)
                    if identity and row[LEAD_ID]:
                        by_id.setdefault(row[LEAD_ID], identity)
                    if identity and row["Email"]:
                        by_address.setdefault(row["Email"].casefold(), identity)
            for lead, email in part:
                if identity := by_id.get(lead) or by_address.get(email.casefold(), ""):
                    found[lead] = identity
        return found

    async def who(self, identity: str) -> Who | None:
        """The record of an id as it is now; None when it is gone."""
        kind = kind_of(identity)
        if kind == LEAD:
            rows = await self._client.query(select(_OF[LEAD], LEAD, f"Id = {quoted(identity)}"))
            current = _current(rows[0]) if rows else ""
            return await self.who(current) if kind_of(current) == CONTACT else Who(current) if current else None
        if kind != CONTACT:
            return None
        rows = await self._client.query(select(("Id", "AccountId"), CONTACT, f"Id = {quoted(identity)}"))
        return Who(rows[0]["Id"], rows[0]["AccountId"] or "") if rows else None

    async def _rows(self, kind: str, part: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
        leads, emails = among(lead for lead, _ in part), among(email for _, email in part if email)
        where = f"{LEAD_ID} IN {leads} OR Email IN {emails}"
        return await self._client.query(select((LEAD_ID, *_OF[kind]), kind, where, "CreatedDate, Id"))


def _current(row: dict[str, Any]) -> str:
    """The record's own id, or that of the contact it was converted into; "" when that is gone."""
    return str((row["ConvertedContactId"] or "") if row.get("IsConverted") else row["Id"])
