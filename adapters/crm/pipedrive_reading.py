"""Reading Pipedrive back: persons and deals that changed, single records, owners.

What changed is a list by ``updated_since``, eldest change first. Its cursor marks "the first item on the next page"
(https://pipedrive.readme.io/docs/core-api-concepts-pagination), and that one may change meanwhile and move to the end:
so each page is a list of its own from the newest seen, and the cursor is for more than a page of the same second. It
shows nobody who was deleted: that is told by webhook, and found when single records are read. Users are of version 1:
version 2 has none.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.crm.pipedrive_client import PAGE, PipedriveClient
from adapters.crm.pipedrive_deals import DEALS, opportunity
from adapters.crm.pipedrive_fields import FIRST_STAGE, LEAD_ID, STANDARD, TOUCH_KEY, Fields
from adapters.crm.pipedrive_persons import PERSONS
from domain.crm_ports import CrmContact, CrmOpportunity, CrmOwner, CrmPage, OpportunityPage

_OVERLAP = timedelta(minutes=2)
#: Pipedrive picks out at most so many custom fields; of more it gives all.
_PICKED = 15


class PipedriveReading:
    """``domain.crm_ports.CrmReading``."""

    def __init__(self, client: PipedriveClient, fields: Fields) -> None:
        self._client = client
        self._fields = fields

    async def owners(self) -> list[CrmOwner]:
        users = await self._client.data("GET", "/api/v1/users")
        return [
            CrmOwner(id=str(one["id"]), email=one.get("email") or "", name=one.get("name") or "")
            for one in users or []
            if one.get("active_flag")
        ]

    async def changed(self, cursor: str, fields: Sequence[str], names: Mapping[str, str], limit: int) -> CrmPage:
        """Persons that have a lead's id, changed since the cursor. A page may hold none of ours."""
        keys = await self._fields.keys("person", [LEAD_ID, *fields], names)
        rows, after, more = await self._page(PERSONS, cursor, _picked(keys), limit)
        ours = [row for row in rows if row["custom_fields"].get(keys[LEAD_ID])]
        return CrmPage(contacts=await self._contacts(ours, keys, fields), cursor=after, more=more)

    async def read(self, ids: Sequence[str], fields: Sequence[str], names: Mapping[str, str]) -> list[CrmContact]:
        if not ids:
            return []
        keys = await self._fields.keys("person", [LEAD_ID, *fields], names)
        rows = [row for row in await self._client.by_ids(PERSONS, ids, _picked(keys)) if not row.get("is_deleted")]
        found = {contact.crm_id: contact for contact in await self._contacts(rows, keys, fields)}
        return [found.get(identity) or CrmContact(crm_id=identity, deleted=True) for identity in ids]

    async def opportunities(self, cursor: str, limit: int) -> OpportunityPage:
        keys = await self._fields.keys("deal", [TOUCH_KEY, FIRST_STAGE])
        rows, after, more = await self._page(DEALS, cursor, _picked(keys), limit)
        return OpportunityPage(opportunities=[opportunity(row, keys) for row in rows], cursor=after, more=more)

    async def read_opportunities(self, ids: Sequence[str]) -> list[CrmOpportunity]:
        if not ids:
            return []
        keys = await self._fields.keys("deal", [TOUCH_KEY, FIRST_STAGE])
        rows = await self._client.by_ids(DEALS, ids, _picked(keys))
        return [opportunity(row, keys) for row in rows if not row.get("is_deleted")]

    async def _page(
        self, path: str, cursor: str, picked: Mapping[str, str], limit: int
    ) -> tuple[list[dict[str, Any]], str, bool]:
        """Rows, the cursor after them, and whether there is more. The cursor is JSON: since and page."""
        at: dict[str, str] = json.loads(cursor) if cursor else {}
        params = {**picked, "sort_by": "update_time", "sort_direction": "asc", "limit": max(1, min(limit, PAGE))}
        params |= {"updated_since": at["since"]} if "since" in at else {}
        params |= {"cursor": at["page"]} if "page" in at else {}
        rows, page = await self._client.page(path, params)
        begun = {"since": at["since"]} if "since" in at else {}
        newest = max((datetime.fromisoformat(row["update_time"]) for row in rows), default=None)
        if not page:
            return rows, json.dumps({"since": _instant(newest - _OVERLAP)} if newest else begun), False
        upto = _instant(newest) if newest else ""
        return rows, json.dumps({"since": upto} if upto > at.get("since", "") else begun | {"page": page}), True

    async def _contacts(
        self, rows: Sequence[dict[str, Any]], keys: Mapping[str, str], fields: Sequence[str]
    ) -> list[CrmContact]:
        organizations: dict[int, str] = {}
        if "company" in fields and "company" not in keys:
            ids = list(dict.fromkeys(str(row["org_id"]) for row in rows if row.get("org_id")))
            found = await self._client.by_ids("/api/v2/organizations", ids, {})
            organizations = {one["id"]: one["name"] for one in found}
        return [_contact(row, keys, fields, organizations.get(row.get("org_id") or 0, "")) for row in rows]


def _picked(keys: Mapping[str, str]) -> dict[str, str]:
    own = {"include_option_labels": "true"}
    return own | ({"custom_fields": ",".join(keys.values())} if len(keys) <= _PICKED else {})


def _contact(row: Mapping[str, Any], keys: Mapping[str, str], fields: Sequence[str], company: str) -> CrmContact:
    return CrmContact(
        crm_id=str(row["id"]),
        email=_first(row.get("emails")),
        lead=row["custom_fields"].get(keys[LEAD_ID]) or "",
        owner=str(row.get("owner_id") or ""),
        fields={
            field: company if field == "company" and field not in keys else _value(row, keys, field) for field in fields
        },
        changed_at=datetime.fromisoformat(row["update_time"]),
    )


def _value(row: Mapping[str, Any], keys: Mapping[str, str], field: str) -> Any:
    name = keys.get(field, field if field in STANDARD else "")
    if name == "phone":
        return _first(row.get("phones"))
    value = row["custom_fields"].get(name, row.get(name))
    return (value.get("label") if isinstance(value, dict) else value) or ""


def _first(values: Sequence[Mapping[str, Any]] | None) -> str:
    ordered = sorted(values or [], key=lambda one: not one.get("primary"))
    return str(ordered[0].get("value") or "") if ordered else ""


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
