"""Salesforce's stand-in over HTTP: logging in, limits, describe, queries, records alone and by the collection.

What only the stand-in has begins with ``_``: ``_sellers`` is what people do in the org.
"""

import secrets
from typing import Annotated, Any
from urllib.parse import parse_qs

import jwt
from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response

from sandbox.answers import VendorError
from sandbox.salesforce_org import UNIQUE, Org, Refusal, length, selectable
from sandbox.salesforce_soql import parsed
from sandbox.stand_in import Section, StandIn
from sandbox.state import Store

__all__ = ["STAND_IN", "Org"]

_DATA = "/services/data/{version}"
_MOST = 200
_CODES = {400: "MALFORMED_REQUEST", 401: "INVALID_AUTH_HEADER", 404: "NOT_FOUND", 403: "INSUFFICIENT_ACCESS"}
_ON_PAGE = 200
Values = Annotated[dict[str, Any], Body()]


def error(failure: VendorError) -> Response:
    """As Salesforce words it: a list; of logging in, as OAuth does."""
    if failure.code.startswith("invalid_"):
        return JSONResponse({"error": failure.code, "error_description": failure.message}, failure.status)
    code = failure.code or _CODES.get(failure.status, "UNKNOWN_EXCEPTION")
    return JSONResponse([{"message": failure.message, "errorCode": code}], failure.status)


def router(org: Org) -> APIRouter:
    """The org over HTTP. Every request with a token counts for the day."""

    def counted(request: Request, response: Response) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in org.held.tokens:
            raise VendorError(401, "Session expired or invalid", code="INVALID_SESSION_ID")
        if org.held.used >= org.held.most:
            raise VendorError(403, "TotalRequests Limit exceeded.", code="REQUEST_LIMIT_EXCEEDED")
        org.held.used += 1
        response.headers["sforce-limit-info"] = f"api-usage={org.held.used}/{org.held.most}"

    routes, data = APIRouter(), APIRouter(prefix=_DATA, dependencies=[Depends(counted)])
    _login(routes, org)
    _asking(data, org)
    _records(data, org)
    _collections(data, org)
    routes.include_router(data)
    _sellers(routes, org)
    return routes


def _login(routes: APIRouter, org: Org) -> None:
    @routes.post("/services/oauth2/token")
    async def token(request: Request) -> dict[str, Any]:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        _admit(org, form)
        made = secrets.token_hex(8)
        org.held.tokens.add(made)
        instance = str(request.base_url).rstrip("/") + "/salesforce"
        return {"access_token": made, "instance_url": instance, "token_type": "Bearer", "id": f"{instance}/id"}


def _admit(org: Org, form: dict[str, str]) -> None:
    grant = form.get("grant_type", "")
    if grant.endswith(":jwt-bearer"):
        options: Any = {"verify_signature": bool(org.held.certificate), "verify_aud": False, "require": ["exp", "iss"]}
        try:
            jwt.decode(form.get("assertion", ""), org.held.certificate, algorithms=["RS256"], options=options)
        except jwt.PyJWTError:
            raise VendorError(400, "invalid assertion", code="invalid_grant") from None
    elif grant not in ("client_credentials", "refresh_token"):
        raise VendorError(400, "grant type not supported", code="invalid_grant_type")
    elif "wrong" in (form.get("client_secret"), form.get("refresh_token")):
        raise VendorError(400, "invalid client credentials", code="invalid_client")


def _asking(routes: APIRouter, org: Org) -> None:
    @routes.get("/limits")
    @routes.get("/limits/", include_in_schema=False)
    async def limits() -> dict[str, Any]:
        return {"DailyApiRequests": {"Max": org.held.most, "Remaining": org.held.most - org.held.used}}

    @routes.get("/sobjects/{kind}/describe")
    async def describe(kind: str) -> dict[str, Any]:
        org.of(kind)
        return {"name": kind, "createable": True, "updateable": True, "fields": [_field(f) for f in org.fields(kind)]}

    @routes.get("/query")
    @routes.get("/queryAll")
    @routes.get("/query/", include_in_schema=False)
    @routes.get("/queryAll/", include_in_schema=False)
    async def query(version: str, q: str, request: Request) -> dict[str, Any]:
        asked = parsed(q)
        selectable(asked.kind)
        rows = org.asked(asked, deleted="queryAll" in request.url.path)
        return _page(org, rows, 0, version, _size(request))

    @routes.get("/query/{locator}")
    @routes.get("/queryAll/{locator}")
    async def more(version: str, locator: str, request: Request) -> dict[str, Any]:
        name, _, at = locator.rpartition("-")
        if name not in org.held.pages:
            raise VendorError(400, "invalid query locator", code="INVALID_QUERY_LOCATOR")
        return _page(org, org.held.pages[name], int(at), version, _size(request), name)


def _page(org: Org, rows: list[Any], at: int, version: str, size: int, name: str = "") -> dict[str, Any]:
    done = at + size >= len(rows)
    answer = {"totalSize": len(rows), "done": done, "records": rows[at : at + size]}
    if done:
        return answer
    name = name or f"01g{len(org.held.pages):012d}AAA"
    org.held.pages[name] = rows
    return answer | {"nextRecordsUrl": f"/services/data/{version}/query/{name}-{at + size}"}


def _size(request: Request) -> int:
    return int(request.headers.get("sforce-query-options", "batchSize=2000").partition("=")[2])


def _field(name: str) -> dict[str, Any]:
    custom = name.endswith("__c")
    writable = custom or name not in ("Id", "SystemModstamp", "CreatedDate", "IsDeleted", "IsClosed", "IsWon")
    known = {"name": name, "type": "string", "length": length(name), "createable": writable, "updateable": writable}
    return known | {"custom": custom, "externalId": name in UNIQUE, "unique": name in UNIQUE}


def _records(routes: APIRouter, org: Org) -> None:
    @routes.post("/sobjects/{kind}", status_code=201)
    @routes.post("/sobjects/{kind}/", status_code=201, include_in_schema=False)
    async def create(kind: str, values: Values) -> dict[str, Any]:
        try:
            return {"id": org.create(kind, values), "success": True, "errors": []}
        except Refusal as refusal:
            raise VendorError(400, str(refusal), code=refusal.error["statusCode"]) from None

    @routes.get("/sobjects/{kind}/{identity}")
    async def one(kind: str, identity: str) -> dict[str, Any]:
        row = org.of(kind).get(identity)
        if row is None or identity in org.held.deleted:
            raise VendorError(404, "The requested resource does not exist")
        return {"attributes": {"type": kind}} | row

    @routes.patch("/sobjects/{kind}/{identity}", status_code=204)
    async def edit(kind: str, identity: str, values: Values) -> None:
        _or_error(lambda: org.update(kind, identity, values))

    @routes.delete("/sobjects/{kind}/{identity}", status_code=204)
    async def delete(kind: str, identity: str) -> None:
        org.of(kind)
        _or_error(lambda: org.delete(identity))


def _collections(routes: APIRouter, org: Org) -> None:
    @routes.post("/composite/sobjects")
    async def create(body: Values) -> list[dict[str, Any]]:
        return [_result(lambda one=one: (org.create(*_split(one)), True)) for one in _some(body)]

    @routes.patch("/composite/sobjects")
    async def update(body: Values) -> list[dict[str, Any]]:
        return [_updated(org, one) for one in _some(body)]

    @routes.patch("/composite/sobjects/{kind}/{name}")
    async def upsert(kind: str, name: str, body: Values) -> list[dict[str, Any]]:
        if name not in UNIQUE or name not in org.fields(kind):
            raise VendorError(404, f"Provided external ID field does not exist or is not accessible: {name}")
        records = [_split(one)[1] for one in _some(body)]
        return [_result(lambda one=one: org.upsert(kind, name, one), created=True) for one in records]

    @routes.delete("/composite/sobjects")
    async def delete(ids: str) -> list[dict[str, Any]]:
        return [_result(lambda one=one: (org.delete(one) or one, False)) for one in ids.split(",")]  # type: ignore[func-returns-value]


def _some(body: dict[str, Any]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = body["records"]
    if len(records) > _MOST:
        raise VendorError(400, f"record limit reached: the limit is {_MOST}", code="LIMIT_EXCEEDED")
    return records


def _split(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Kind, and values."""
    return record["attributes"]["type"], {k: v for k, v in record.items() if k not in ("attributes", "id")}


def _updated(org: Org, record: dict[str, Any]) -> dict[str, Any]:
    kind, values = _split(record)
    return _result(lambda: (org.update(kind, record["id"], values) or record["id"], False))  # type: ignore[func-returns-value]


def _result(written: Any, *, created: bool = False) -> dict[str, Any]:
    try:
        identity, new = written()
    except Refusal as refusal:
        return {"success": False, "errors": [refusal.error]}
    return {"id": identity, "success": True, "errors": []} | ({"created": new} if created else {})


def _or_error(act: Any) -> None:
    try:
        act()
    except Refusal as refusal:
        code = refusal.error["statusCode"]
        raise VendorError(404 if code == "ENTITY_IS_DELETED" else 400, str(refusal), code=code) from None


def _sellers(routes: APIRouter, org: Org) -> None:
    @routes.post("/_sellers/{kind}", status_code=201)
    async def make(kind: str, values: Values) -> dict[str, str]:
        org.of(kind)
        return {"id": org.add(kind, values)}

    @routes.patch("/_sellers/{kind}/{identity}", status_code=204)
    async def edit(kind: str, identity: str, values: Values) -> None:
        _or_error(lambda: org.update(kind, identity, values))

    @routes.delete("/_sellers/{kind}/{identity}", status_code=204)
    async def delete(kind: str, identity: str) -> None:
        org.of(kind)
        _or_error(lambda: org.delete(identity))

    @routes.post("/_convert/{lead}", status_code=201)
    async def convert(lead: str) -> dict[str, str]:
        return {"id": org.convert(lead)}


def _shown(store: Store) -> list[Section]:
    org = Org(store)
    columns = {
        "Contact": ("LastName", "Email", "Tendril_Lead_Status__c"),
        "Lead": ("LastName", "Email", "Tendril_Lead_Status__c"),
        "Task": ("Subject", "Status", "Tendril_Outcome__c"),
        "Opportunity": ("Name", "StageName", "CloseDate"),
    }
    sections = []
    for kind, names in columns.items():
        there = [row for identity, row in org.of(kind).items() if identity not in org.held.deleted]
        rows = [tuple(row.get(name) or "" for name in names) for row in there[-_ON_PAGE:]]
        sections.append(Section(f"{kind} records", names, rows, len(there)))
    return [section for section in sections if section.count]


STAND_IN = StandIn(
    vendor="salesforce", router=lambda store: router(Org(store)), error=error, admitted=None, shown=_shown
)
