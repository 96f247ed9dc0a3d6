"""Reading Salesforce back: contacts and opportunities that changed, single records, owners.

What changed is asked for by ``SystemModstamp``, with ``queryAll``, which shows the recycle bin too. A stamp is set when
a record is written and seen when its transaction ends: each reading begins a little before the end of the former.
Pages are followed by the last part of ``nextRecordsUrl`` alone, on the org's own address. They are of one question that
the org keeps ("a server-side cursor", SOAP API Developer Guide, "QueryLocator"), so nobody is passed over. Whether a
later page has values of when it was asked for is not said: what changed after the question is for the next one.

Opportunities are read through their contact roles, of our contacts only: a role added later has a stamp of its own.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ValidationError

from adapters.crm.salesforce_client import SalesforceClient
from adapters.crm.salesforce_fields import FIRST_STAGE, LEAD_ID, TOUCH_KEY, Fields, named
from adapters.crm.salesforce_soql import CONTACT, LEAD, OPPORTUNITY, USER, among, fitting, instant, kind_of, select
from domain.crm_ports import CrmContact, CrmOpportunity, CrmOwner, CrmPage, OpportunityPage
from domain.errors import OurFault

_OVERLAP = timedelta(minutes=2)
_OWN = {
    CONTACT: ("Id", "Email", "OwnerId", LEAD_ID, "SystemModstamp"),
    LEAD: ("Id", "Email", "OwnerId", LEAD_ID, "SystemModstamp", "IsConverted", "ConvertedContactId"),
}
_DEAL = tuple(
    f"Opportunity.{name}" for name in ("IsWon", "IsClosed", "StageName", "SystemModstamp", TOUCH_KEY, FIRST_STAGE)
)
_ROLES = ("OpportunityId", "ContactId", "SystemModstamp", *_DEAL)
_ROLE = "OpportunityContactRole"
_OURS = f"Contact.{LEAD_ID} != null"


class Cursor(BaseModel):
    """How far a stream was read: by kind of record up to when, and in the middle of which pages, asked for when."""

    upto: dict[str, datetime] = {}
    kind: str = ""
    page: str = ""
    newest: datetime | None = None
    asked: datetime | None = None

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Of what was kept; what can't be read begins anew, which is harmless."""
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValidationError:
            return cls()

    def since(self, kind: str, *stamps: str) -> str:
        """The condition, for any of these stamps; of everything when nothing was read yet."""
        at = self.upto.get(kind)
        return " OR ".join(f"{stamp} >= {instant(at)}" for stamp in stamps) if at else f"{stamps[0]} != null"

    def went(self, kind: str, seen: Sequence[datetime], page: str) -> "Cursor":
        newest = max((*seen, *([self.newest] if self.newest else ())), default=None)
        if page:
            asked = self.asked or datetime.now(UTC)
            return Cursor(upto=self.upto, kind=kind, page=page, newest=newest, asked=asked)
        begun = self.upto.get(kind)
        newest = min(newest, self.asked) if newest and self.asked else newest
        upto = newest - _OVERLAP if newest else begun
        return Cursor(upto=self.upto | ({kind: max(upto, begun) if begun else upto} if upto else {}))

    def __str__(self) -> str:
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), separators=(",", ":"))


class SalesforceReading:
    """``domain.crm_ports.CrmReading``. ``kinds``: what leads are there, ``Contact`` and perhaps ``Lead``."""

    def __init__(self, client: SalesforceClient, fields: Fields, kinds: Sequence[str]) -> None:
        self._client = client
        self._fields = fields
        self._kinds = kinds

    async def owners(self) -> list[CrmOwner]:
        rows = await self._client.query(select(("Id", "Email", "Name"), USER, "IsActive = true"))
        return [CrmOwner(id=row["Id"], email=row["Email"] or "", name=row["Name"] or "") for row in rows]

    async def changed(self, cursor: str, fields: Sequence[str], names: Mapping[str, str], limit: int) -> CrmPage:
        """Records that have a lead's id, changed since the cursor: contacts first, then Leads."""
        at = Cursor.read(cursor)
        kind = at.kind or self._kinds[0]
        soql = await self._asked(kind, fields, names, f"{LEAD_ID} != null AND {at.since(kind, 'SystemModstamp')}")
        rows, at = await self._page(soql, at, kind, limit, deleted=True)
        following = self._kinds[self._kinds.index(kind) + 1 :]
        if not at.page and following:
            at = at.model_copy(update={"kind": following[0]})
        contacts = [one for row in rows for one in _contacts(row, named(kind, fields, names))]
        return CrmPage(contacts=contacts, cursor=str(at), more=bool(at.page or at.kind))

    async def read(self, ids: Sequence[str], fields: Sequence[str], names: Mapping[str, str]) -> list[CrmContact]:
        found: dict[str, list[CrmContact]] = {}
        for kind in self._kinds:
            for part in fitting([(identity,) for identity in ids if kind_of(identity) == kind]):
                soql = await self._asked(kind, fields, names, f"Id IN {among(identity for (identity,) in part)}")
                rows = await self._client.query(soql)
                found |= {row["Id"]: _contacts(row, named(kind, fields, names)) for row in rows}
        return [one for identity in ids for one in found.get(identity, [CrmContact(crm_id=identity, deleted=True)])]

    async def opportunities(self, cursor: str, limit: int) -> OpportunityPage:
        await self._fields.ensure(OPPORTUNITY, [TOUCH_KEY, FIRST_STAGE])
        at = Cursor.read(cursor)
        since = at.since(OPPORTUNITY, "Opportunity.SystemModstamp", "SystemModstamp")
        soql = select(_ROLES, _ROLE, f"{_OURS} AND ({since})", "OpportunityId")
        rows, at = await self._page(soql, at, OPPORTUNITY, limit, deleted=False)
        return OpportunityPage(opportunities=_opportunities(rows), cursor=str(at), more=bool(at.page))

    async def read_opportunities(self, ids: Sequence[str]) -> list[CrmOpportunity]:
        ours = [(identity,) for identity in ids if kind_of(identity) == OPPORTUNITY]
        if ours:
            await self._fields.ensure(OPPORTUNITY, [TOUCH_KEY, FIRST_STAGE])
        rows: list[dict[str, Any]] = []
        for part in fitting(ours):
            wanted = among(identity for (identity,) in part)
            rows += await self._client.query(select(_ROLES, _ROLE, f"OpportunityId IN {wanted}"))
        return _opportunities(rows)

    async def _asked(self, kind: str, fields: Sequence[str], names: Mapping[str, str], where: str) -> str:
        wanted = named(kind, fields, names)
        await self._fields.ensure(kind, [LEAD_ID, *wanted])
        return select((*_OWN[kind], "IsDeleted", *wanted), kind, where)

    async def _page(
        self, soql: str, at: Cursor, kind: str, limit: int, *, deleted: bool
    ) -> tuple[list[dict[str, Any]], Cursor]:
        """A page. Salesforce keeps the later ones for a while only: then they are asked for anew from the beginning."""
        try:
            rows, page = await self._client.page(soql, at.page, deleted=deleted, size=limit)
        except OurFault as fault:
            if not at.page or fault.code != "INVALID_QUERY_LOCATOR":
                raise
            rows, page = await self._client.page(soql, "", deleted=deleted, size=limit)
        return rows, at.went(kind, [stamp for row in rows for stamp in _stamps(row)], page)


def _stamps(row: Mapping[str, Any]) -> list[datetime]:
    """When a row was written; of a contact role, its opportunity too."""
    return [datetime.fromisoformat(one["SystemModstamp"]) for one in (row, row.get("Opportunity")) if one]


def _contacts(row: dict[str, Any], wanted: Mapping[str, str]) -> list[CrmContact]:
    """A record; of a converted Lead that it is gone, and the contact in its place, with no values of its own yet."""
    changed_at = datetime.fromisoformat(row["SystemModstamp"])
    if row.get("IsConverted"):
        gone = CrmContact(crm_id=row["Id"], deleted=True)
        became = row["ConvertedContactId"]
        return (
            [gone, CrmContact(crm_id=became, lead=row[LEAD_ID] or "", email=row["Email"] or "")] if became else [gone]
        )
    return [
        CrmContact(
            crm_id=row["Id"],
            email=row["Email"] or "",
            lead=row[LEAD_ID] or "",
            owner=row["OwnerId"] or "",
            fields={field: _value(row, name) for name, field in wanted.items()},
            changed_at=changed_at,
            deleted=bool(row["IsDeleted"]),
        )
    ]


def _value(row: Mapping[str, Any], name: str) -> Any:
    """A field, or a field of the record that it leads to."""
    own, _, rest = name.partition(".")
    value = row.get(own)
    if rest:
        return _value(value, rest) if isinstance(value, dict) else ""
    return "" if value is None else value


def _opportunities(rows: Sequence[dict[str, Any]]) -> list[CrmOpportunity]:
    contacts: dict[str, list[str]] = {}
    deals: dict[str, dict[str, Any]] = {}
    for row in rows:
        contacts.setdefault(row["OpportunityId"], []).append(row["ContactId"])
        deals[row["OpportunityId"]] = row["Opportunity"]
    return [
        CrmOpportunity(
            id=identity,
            contacts=tuple(dict.fromkeys(contacts[identity])),
            outcome=_outcome(deal),
            changed_at=datetime.fromisoformat(deal["SystemModstamp"]),
        )
        for identity, deal in deals.items()
    ]


def _outcome(deal: Mapping[str, Any]) -> str:
    if deal["IsClosed"]:
        return "won" if deal["IsWon"] else "lost"
    untouched = deal[TOUCH_KEY] and deal["StageName"] == deal[FIRST_STAGE]
    return "" if untouched else "opportunity_opened"
