"""Reading HubSpot back: contacts and deals that changed, single records, owners.

Limits, as HubSpot documents them (https://developers.hubspot.com/docs/api-reference/search/guide, "Limitations"): five
searches a second for the whole account, 200 records a page, and no page beyond the 10,000th record of a search.

HubSpot's own pages are counted, and a record that changes meanwhile moves to the end: one behind it would be passed
over. So none of them is asked for: each search begins at the newest record of the one before. Of more records than a
page that changed in the same millisecond (HubSpot changes many at once: https://github.com/airbytehq/airbyte/issues/43317)
those follow by id. New values show in a search only after a moment: each reading begins a little before the end of the
former, and what comes twice is the same.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.budget import Budget
from adapters.crm.hubspot_contacts import BATCH, CONTACTS
from adapters.crm.hubspot_deals import DEALS, PROPERTIES, opportunity
from adapters.crm.hubspot_properties import LEAD_ID, Properties, named, ours
from adapters.http import VendorClient
from domain.crm_ports import CrmContact, CrmOpportunity, CrmOwner, CrmPage, OpportunityPage

_PAGE = 200
#: Milliseconds by which searches overlap.
_OVERLAP = 120_000
_OWNERS = "/crm/v3/owners"
_DEALS_CONTACTS = "/crm/v4/associations/deals/contacts/batch/read"


class HubSpotReading:
    """``domain.crm_ports.CrmReading``. ``searches`` is the account's budget of them."""

    def __init__(self, client: VendorClient, known: Properties, searches: Budget) -> None:
        self._client = client
        self._properties = known
        self._searches = searches

    async def owners(self) -> list[CrmOwner]:
        return [
            CrmOwner(
                id=str(item["id"]),
                email=item.get("email") or "",
                name=" ".join(part for part in (item.get("firstName"), item.get("lastName")) if part),
            )
            async for item in self._listed(_OWNERS)
        ]

    async def changed(self, cursor: str, fields: Sequence[str], names: Mapping[str, str], limit: int) -> CrmPage:
        """Contacts that have a lead's id, changed since the cursor."""
        wanted = named(fields, names)
        await self._properties.ensure("contacts", ours(LEAD_ID) | wanted)
        mine = {"propertyName": LEAD_ID, "operator": "HAS_PROPERTY"}
        search = _Search(CONTACTS, "lastmodifieddate", [*_CONTACT, *wanted], [mine], cursor, limit)
        found, after, more = await self._search(search)
        return CrmPage(contacts=[_contact(one, wanted) for one in found], cursor=after, more=more)

    async def read(self, ids: Sequence[str], fields: Sequence[str], names: Mapping[str, str]) -> list[CrmContact]:
        wanted = named(fields, names)
        if ids:
            await self._properties.ensure("contacts", ours(LEAD_ID) | wanted)
        found = {one["id"]: _contact(one, wanted) for one in await self._batches(CONTACTS, ids, [*_CONTACT, *wanted])}
        return [found.get(identity) or CrmContact(crm_id=identity, deleted=True) for identity in ids]

    async def opportunities(self, cursor: str, limit: int) -> OpportunityPage:
        search = _Search(DEALS, "hs_lastmodifieddate", [*PROPERTIES], [], cursor, limit)
        await self._properties.ensure("deals", ours(*PROPERTIES & _OURS))
        found, after, more = await self._search(search)
        return OpportunityPage(opportunities=await self._with_contacts(found), cursor=after, more=more)

    async def read_opportunities(self, ids: Sequence[str]) -> list[CrmOpportunity]:
        if ids:
            await self._properties.ensure("deals", ours(*PROPERTIES & _OURS))
        return await self._with_contacts(await self._batches(DEALS, ids, [*PROPERTIES]))

    async def _with_contacts(self, deals: Sequence[dict[str, Any]]) -> list[CrmOpportunity]:
        contacts: dict[str, tuple[str, ...]] = {}
        for chunk in _chunks([deal["id"] for deal in deals]):
            body = {"inputs": [{"id": identity} for identity in chunk]}
            answer = await self._client.request("POST", _DEALS_CONTACTS, json=body, harmless_to_repeat=True)
            for one in answer.json()["results"]:
                contacts[str(one["from"]["id"])] = tuple(str(to["toObjectId"]) for to in one["to"])
        return [opportunity(deal, contacts.get(deal["id"], ())) for deal in deals]

    async def _batches(self, path: str, ids: Sequence[str], properties: Sequence[str]) -> list[dict[str, Any]]:
        """The records that are there, read by the hundred."""
        found: list[dict[str, Any]] = []
        for chunk in _chunks(ids):
            inputs = [{"id": identity} for identity in chunk]
            body = {"inputs": inputs, "properties": list(properties), "propertiesWithHistory": []}
            answer = await self._client.request("POST", f"{path}/batch/read", json=body, harmless_to_repeat=True)
            found += answer.json()["results"]
        return found

    async def _search(self, search: "_Search") -> tuple[list[dict[str, Any]], str, bool]:
        """One page, the cursor after it, and whether there is more."""
        await self._searches.turn()
        answer = await self._client.request("POST", f"{search.path}/search", json=search.body, harmless_to_repeat=True)
        body = answer.json()
        return body["results"], *search.went(body)

    async def _listed(self, path: str) -> AsyncIterator[dict[str, Any]]:
        after: str | None = None
        while True:
            params = {"limit": BATCH} | ({"after": after} if after else {})
            answer = await self._client.request("GET", path, params=params, harmless_to_repeat=True)
            body = answer.json()
            for item in body["results"]:
                yield item
            after = body.get("paging", {}).get("next", {}).get("after")
            if not after:
                return


class _Search:
    """A search for what changed, page by page.

    The cursor is ``since,id``: milliseconds from which to search, or with an id, in which to go on behind that record.
    """

    def __init__(
        self,
        path: str,
        changed: str,
        properties: Sequence[str],
        filters: Sequence[dict[str, str]],
        cursor: str,
        limit: int,
    ) -> None:
        since, _, self._behind = cursor.partition(",")
        self.path = path
        self._changed = changed
        self._since = int(since or 0)
        self.body = {
            "filterGroups": [{"filters": [*self._part(), *filters]}],
            "sorts": ["hs_object_id" if self._behind else changed],
            "properties": [changed, *properties],
            "limit": max(1, min(limit, _PAGE)),
            "after": "0",
        }

    def _part(self) -> list[dict[str, str]]:
        begun = _asked(self._changed, "GTE", self._since)
        if not self._behind:
            return [begun]
        return [begun, _asked(self._changed, "LTE", self._since), _asked("hs_object_id", "GT", self._behind)]

    def went(self, body: dict[str, Any]) -> tuple[str, bool]:
        """The next cursor, and whether there is more now."""
        found, more = body["results"], bool(body.get("paging", {}).get("next"))
        if self._behind:
            last = max((int(one["id"]) for one in found), default=0)
            return (f"{self._since},{last}" if more and last else f"{self._since + 1},"), True
        newest = max((_milliseconds(one["properties"][self._changed]) for one in found), default=self._since)
        if more:
            return (f"{newest}," if newest > self._since else f"{self._since},0"), True
        return f"{max(0, newest - _OVERLAP) if found else self._since},", False


def _asked(name: str, operator: str, value: object) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


_CONTACT = ("email", "hubspot_owner_id", LEAD_ID)
_OURS = frozenset({name for name in PROPERTIES if name.startswith("tendril_")})


def _contact(record: dict[str, Any], wanted: Mapping[str, str]) -> CrmContact:
    values = record["properties"]
    return CrmContact(
        crm_id=str(record["id"]),
        email=values.get("email") or "",
        lead=values.get(LEAD_ID) or "",
        owner=values.get("hubspot_owner_id") or "",
        fields={field: values.get(name) or "" for name, field in wanted.items()},
        changed_at=datetime.fromisoformat(record["updatedAt"]),
        deleted=bool(record.get("archived")),
    )


def _milliseconds(value: str) -> int:
    """HubSpot writes times as ISO 8601, and as milliseconds in places."""
    if value.isdigit():
        return int(value)
    at = datetime.fromisoformat(value)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
