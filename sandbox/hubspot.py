"""HubSpot's stand-in over HTTP: contacts, companies, deals and tasks as CRM v3 answers; owners, pipelines, webhooks.

What only the stand-in has begins with ``_``: what sellers do (``_sellers``), its webhooks (``_webhook``, ``_tell``).
"""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Body, Request
from fastapi.responses import JSONResponse

from sandbox import answers
from sandbox.answers import VendorError
from sandbox.hubspot_account import HubSpot
from sandbox.hubspot_rules import BUILT_IN, PIPELINE, STAGES
from sandbox.limits import Rate
from sandbox.stand_in import Section, StandIn, bearer
from sandbox.state import Store, timestamp

__all__ = ["STAND_IN", "HubSpot"]

Inputs = Annotated[list[dict[str, Any]], Body(embed=True)]
Word = Annotated[str, Body(embed=True)]
_ON_PAGE = 200


def router(account: HubSpot) -> APIRouter:
    """The account over HTTP."""
    routes = APIRouter()
    _properties(routes, account)
    _objects(routes, account)
    _batches(routes, account)
    _others(routes, account)
    _sellers(routes, account)
    _webhooks(routes, account)
    return routes


def _properties(routes: APIRouter, account: HubSpot) -> None:
    @routes.get("/crm/v3/properties/{kind}")
    async def list_properties(kind: str) -> dict[str, Any]:
        return {"results": account.properties(_known(kind))}

    @routes.post("/crm/v3/properties/{kind}/groups", status_code=201)
    async def create_group(kind: str, name: Word, label: Word) -> dict[str, Any]:
        account.create_group(_known(kind), name)
        return {"name": name, "label": label, "archived": False}

    @routes.post("/crm/v3/properties/{kind}/batch/create", status_code=201)
    async def create_properties(kind: str, inputs: Inputs) -> dict[str, Any]:
        account.create_properties(_known(kind), inputs)
        return _batch_answer(inputs)


def _objects(routes: APIRouter, account: HubSpot) -> None:
    @routes.post("/crm/v3/objects/{kind}", status_code=201)
    async def create(kind: str, body: dict[str, Any]) -> dict[str, Any]:
        record = account.create(_known(kind), body)
        return account.one(kind, record.id, list(record.properties), [])

    @routes.get("/crm/v3/objects/{kind}")
    async def some(kind: str, limit: int = 10) -> dict[str, Any]:
        ids = list(account.records(_known(kind)))[:limit]
        return {"results": [account.one(kind, identity, [], []) for identity in ids]}

    @routes.get("/crm/v3/objects/{kind}/{identity}")
    async def one(kind: str, identity: str, properties: str = "", associations: str = "") -> dict[str, Any]:
        return account.one(_known(kind), identity, _words(properties), _words(associations))

    @routes.patch("/crm/v3/objects/{kind}/{identity}")
    async def change(
        kind: str, identity: str, properties: Annotated[dict[str, str], Body(embed=True)]
    ) -> dict[str, Any]:
        account.edit(_known(kind), identity, properties)
        return account.one(kind, identity, list(properties), [])

    @routes.delete("/crm/v3/objects/{kind}/{identity}", status_code=204)
    async def archive(kind: str, identity: str) -> None:
        """What is not there is archived already."""
        if identity in account.records(_known(kind)):
            account.delete(kind, identity)

    @routes.post("/crm/v3/objects/{kind}/search")
    async def search(kind: str, body: dict[str, Any]) -> dict[str, Any]:
        return account.search(_known(kind), body)

    @routes.post("/crm/v3/objects/contacts/gdpr-delete", status_code=204)
    async def purge(body: dict[str, Any]) -> None:
        account.purge(str(body["objectId"]))


def _batches(routes: APIRouter, account: HubSpot) -> None:
    @routes.post("/crm/v3/objects/{kind}/batch/upsert")
    async def upsert(kind: str, inputs: Inputs) -> dict[str, Any]:
        return _batch_answer(account.upsert(_known(kind), inputs))

    @routes.post("/crm/v3/objects/{kind}/batch/update")
    async def update(kind: str, inputs: Inputs) -> JSONResponse:
        return _multi_status(*account.update(_known(kind), inputs))

    @routes.post("/crm/v3/objects/{kind}/batch/read")
    async def read(kind: str, body: dict[str, Any]) -> JSONResponse:
        return _multi_status(*account.read(_known(kind), body))


def _others(routes: APIRouter, account: HubSpot) -> None:
    @routes.get("/crm/v3/owners")
    async def owners() -> dict[str, Any]:
        return {"results": [_owner(owner.id, owner.email, owner.name) for owner in account.beside.owners]}

    @routes.get("/crm/v3/pipelines/deals")
    async def pipelines() -> dict[str, Any]:
        stages = [{"id": stage, "label": stage, "displayOrder": order} for order, stage in enumerate(STAGES)]
        return {"results": [{"id": PIPELINE, "label": "Sales Pipeline", "displayOrder": 0, "stages": stages}]}

    @routes.post("/crm/v4/associations/{kind}/{other}/batch/read")
    async def associations(kind: str, other: str, inputs: Inputs) -> dict[str, Any]:
        records = account.records(_known(kind))
        found = {str(one["id"]): records.get(str(one["id"])) for one in inputs}
        ends = {i: account.associated(record, _known(other)) for i, record in found.items() if record}
        return _batch_answer([{"from": {"id": i}, "to": _ends(ids)} for i, ids in ends.items() if ids])


def _sellers(routes: APIRouter, account: HubSpot) -> None:
    """What people do in the CRM."""

    @routes.post("/_sellers", status_code=201)
    async def join(email: Word, name: Word) -> dict[str, str]:
        return {"id": account.join(email, name)}

    @routes.post("/_sellers/{kind}", status_code=201)
    async def make(
        kind: str, properties: Annotated[dict[str, str], Body()], associations: Annotated[list[str], Body()]
    ) -> dict[str, str]:
        return {"id": account.make(_known(kind), properties, associations).id}

    @routes.patch("/_sellers/{kind}/{identity}", status_code=204)
    async def edit(kind: str, identity: str, properties: dict[str, str]) -> None:
        account.edit(_known(kind), identity, properties)

    @routes.delete("/_sellers/{kind}/{identity}", status_code=204)
    async def delete(kind: str, identity: str) -> None:
        account.delete(_known(kind), identity)


def _webhooks(routes: APIRouter, account: HubSpot) -> None:
    @routes.post("/_webhook", status_code=204)
    async def configure(url: Word) -> None:
        account.beside.webhook = url

    @routes.post("/_tell")
    async def tell() -> list[int]:
        """Everything that happened and was not told, in one request; the status it was answered with."""
        if not account.beside.webhook:
            raise VendorError(409, "No webhook is configured: POST its url to _webhook first.")
        events, account.beside.events = account.beside.events, []
        body = json.dumps(events).encode()
        headers = signed(account.beside.webhook, body, account.beside.secret, datetime.now(UTC))
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            return [(await client.post(account.beside.webhook, content=body, headers=headers)).status_code]


def signed(url: str, body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """The headers of a webhook, as HubSpot signs version 3."""
    timestamp_ = str(round(at.timestamp() * 1000))
    digest = hmac.new(secret.encode(), f"POST{url}{body.decode()}{timestamp_}".encode(), hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "x-hubspot-request-timestamp": timestamp_,
        "x-hubspot-signature-v3": base64.b64encode(digest).decode(),
    }


def _known(kind: str) -> str:
    if kind not in BUILT_IN:
        raise VendorError(404, f"Unable to infer object type from: {kind}")
    return kind


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _owner(identity: str, email: str, name: str) -> dict[str, Any]:
    first, _, last = name.partition(" ")
    at = "2030-01-01T00:00:00Z"
    return {
        "id": identity,
        "email": email,
        "type": "PERSON",
        "firstName": first,
        "lastName": last,
        "createdAt": at,
        "updatedAt": at,
        "archived": False,
    }


def _ends(ids: list[str]) -> list[dict[str, Any]]:
    kind = {"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}
    return [{"toObjectId": int(identity), "associationTypes": [kind]} for identity in ids]


def _batch_answer(results: list[dict[str, Any]]) -> dict[str, Any]:
    now = timestamp()
    return {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}


def _multi_status(results: list[dict[str, Any]], missing: list[str]) -> JSONResponse:
    """200, or 207 with one error that names what is missing."""
    answer = _batch_answer(results)
    if not missing:
        return JSONResponse(answer)
    failure = {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some objects, they may be deleted or not exist. Check that ids are valid.",
        "context": {"ids": missing},
        "errors": [],
        "links": {},
    }
    return JSONResponse(answer | {"numErrors": 1, "errors": [failure]}, 207)


def _admitted(request: Request, token: str) -> bool:
    """What only the stand-in has is open to all."""
    return "/_" in request.url.path or bearer(request, token)


def _shown(store: Store) -> list[Section]:
    """Deals; contacts and tasks have tables of their own on the page."""
    account = HubSpot(store)
    deals = list(account.records("deals").values())
    rows = [(d.updated_at[:19], d.properties["dealname"], d.properties["dealstage"]) for d in deals[-_ON_PAGE:]]
    return [Section("Deals", ("at", "name", "stage"), rows, len(deals))]


#: 190 requests in 10 s: a private app of a professional account.
STAND_IN = StandIn(
    vendor="hubspot",
    router=lambda store: router(HubSpot(store)),
    error=answers.hubspot,
    admitted=_admitted,
    rate=lambda: Rate(190, 10),
    shown=_shown,
)
