"""Pipedrive's stand-in over HTTP: version 2 of its API, and version 1 for users and webhooks.

What only the stand-in has begins with ``_``: its users' doings (``_sellers``), its webhooks (``_webhook``, ``_tell``).
"""

import base64
import json
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse

from sandbox.answers import VendorError
from sandbox.limits import Rate
from sandbox.pipedrive_company import ENTITIES, PIPELINES, STAGES, Company, Record
from sandbox.stand_in import Section, StandIn
from sandbox.state import Store

__all__ = ["STAND_IN", "Company"]

Values = Annotated[dict[str, Any], Body()]
_ON_PAGE = 200
_MOST = 500


def error(failure: VendorError) -> Response:
    return JSONResponse({"success": False, "error": failure.message, "code": failure.code or "ERR"}, failure.status)


def router(company: Company) -> APIRouter:
    """The company over HTTP."""
    routes = APIRouter()
    _first_version(routes, company)
    _fields(routes, company)
    _records(routes, company)
    _sellers(routes, company)
    _webhooks(routes, company)
    return routes


def _first_version(routes: APIRouter, company: Company) -> None:
    @routes.get("/api/v1/users")
    async def users() -> dict[str, Any]:
        return {"success": True, "data": company.held.users}

    @routes.get("/api/v1/users/me")
    async def me() -> dict[str, Any]:
        return {"success": True, "data": {"id": 1, "name": "Tendril", "is_admin": 1}}

    @routes.get("/api/v1/webhooks")
    async def webhooks() -> dict[str, Any]:
        return {"success": True, "data": company.held.webhooks}

    @routes.post("/api/v1/webhooks", status_code=201)
    async def subscribe(body: Values) -> dict[str, Any]:
        made = body | {"id": len(company.held.webhooks) + 1, "is_active": 1}
        company.held.webhooks.append(made)
        return {"success": True, "data": made}


def _fields(routes: APIRouter, company: Company) -> None:
    @routes.get("/api/v2/pipelines")
    async def pipelines() -> dict[str, Any]:
        return _page(PIPELINES, {})

    @routes.get("/api/v2/stages")
    async def stages(pipeline_id: int | None = None) -> dict[str, Any]:
        return _page([one for one in STAGES if pipeline_id in (None, one["pipeline_id"])], {})

    @routes.get("/api/v2/{kind}Fields")
    async def fields(kind: str, request: Request) -> dict[str, Any]:
        return _page(company.fields(f"{kind}Fields"), dict(request.query_params))

    @routes.post("/api/v2/{kind}Fields")
    async def add_field(kind: str, body: Values) -> dict[str, Any]:
        return {"success": True, "data": company.add_field(f"{kind}Fields", body)}


def _records(routes: APIRouter, company: Company) -> None:
    @routes.get("/api/v2/persons/search")
    async def search(term: str, fields: str = "", exact_match: bool = False, limit: int = 100) -> dict[str, Any]:
        if not exact_match:
            raise VendorError(400, "The stand-in searches exactly only.")
        items = [{"result_score": 1, "item": _found(one)} for one in company.searched(term, fields)[:limit]]
        return {"success": True, "data": {"items": items}, "additional_data": {"next_cursor": None}}

    @routes.get("/api/v2/{kind}")
    async def some(kind: str, request: Request) -> dict[str, Any]:
        asked = dict(request.query_params)
        rows = company.listed(kind, asked)
        labels = _labels(company, kind) if asked.get("include_option_labels") == "true" else {}
        return _page([_shown(row, asked, labels) for row in rows], asked)

    @routes.post("/api/v2/{kind}")
    async def create(kind: str, body: Values) -> dict[str, Any]:
        return {"success": True, "data": company.create(kind, body)}

    @routes.get("/api/v2/{kind}/{identity}")
    async def one(kind: str, identity: int) -> dict[str, Any]:
        return {"success": True, "data": company.one(kind, identity)}

    @routes.patch("/api/v2/{kind}/{identity}")
    async def update(kind: str, identity: int, body: Values) -> dict[str, Any]:
        return {"success": True, "data": company.update(kind, identity, body)}

    @routes.delete("/api/v2/{kind}/{identity}")
    async def delete(kind: str, identity: int) -> dict[str, Any]:
        company.delete(kind, identity)
        return {"success": True, "data": {"id": identity}}


def _sellers(routes: APIRouter, company: Company) -> None:
    """What people do in the company."""

    @routes.post("/_sellers", status_code=201)
    async def join(body: Values) -> dict[str, Any]:
        company.held.users.append(body | {"id": 900 + len(company.held.users), "active_flag": True})
        return {"id": company.held.users[-1]["id"]}

    @routes.patch("/_sellers/{kind}/{identity}", status_code=204)
    async def edit(kind: str, identity: int, body: Values) -> None:
        company.update(kind, identity, body)


def _webhooks(routes: APIRouter, company: Company) -> None:
    @routes.post("/_webhook", status_code=204)
    async def configure(url: Annotated[str, Body(embed=True)]) -> None:
        company.held.webhook = url

    @routes.post("/_tell")
    async def tell() -> list[int]:
        """Everything that happened and was not told, one request each; the status of each."""
        if not company.held.webhook:
            raise VendorError(409, "No webhook is configured: POST its url to _webhook first.")
        events, company.held.events = company.held.events, []
        headers = signed("tendril", "sandbox")
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            sent = [await client.post(company.held.webhook, content=json.dumps(e), headers=headers) for e in events]
        return [answer.status_code for answer in sent]


def signed(username: str, password: str) -> dict[str, str]:
    """The headers of a webhook: Pipedrive signs nothing."""
    given = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"content-type": "application/json", "authorization": f"Basic {given}"}


def _page(rows: list[Any], asked: dict[str, str]) -> dict[str, Any]:
    limit, start = int(asked.get("limit", 100)), int(asked.get("cursor") or 0)
    if not 1 <= limit <= _MOST:
        raise VendorError(400, "Validation failed: limit")
    following = str(start + limit) if start + limit < len(rows) else None
    return {"success": True, "data": rows[start : start + limit], "additional_data": {"next_cursor": following}}


def _shown(row: Record, asked: dict[str, str], labels: dict[str, dict[int, str]]) -> Record:
    """With the custom fields asked for; where labels are wanted, of an option its label too."""
    if "custom_fields" not in row:
        return row
    wanted = asked["custom_fields"].split(",") if "custom_fields" in asked else list(row["custom_fields"])
    custom = {key: row["custom_fields"].get(key) for key in wanted}
    custom |= {k: {"id": v, "label": labels[k][v]} for k, v in custom.items() if k in labels and v is not None}
    return row | {"custom_fields": custom}


def _labels(company: Company, kind: str) -> dict[str, dict[int, str]]:
    known = company.fields(f"{ENTITIES[kind]}Fields") if kind in ("persons", "deals") else []
    return {one["field_code"]: {o["id"]: o["label"] for o in one["options"]} for one in known if one["options"]}


def _found(row: Record) -> Record:
    emails = [one["value"] for one in row["emails"]]
    return {"id": row["id"], "type": "person", "name": row["name"], "emails": emails, "owner": {"id": row["owner_id"]}}


def _admitted(request: Request, token: str) -> bool:
    given = request.headers.get("x-api-token") or request.query_params.get("api_token")
    return "/_" in request.url.path or given == token


def _sections(store: Store) -> list[Section]:
    company = Company(store)
    columns = {"persons": ("name", "job_title"), "activities": ("subject", "done"), "deals": ("title", "status")}
    sections = []
    for kind, names in columns.items():
        rows = company.listed(kind, {})
        shown = [(row["update_time"], *(row.get(name) for name in names)) for row in rows[-_ON_PAGE:]]
        sections.append(Section(kind.capitalize(), ("at", *names), shown, len(rows)))
    return [section for section in sections if section.count]


#: The stand-in's plan is not the smallest: 120 requests within two seconds.
STAND_IN = StandIn(
    vendor="pipedrive",
    router=lambda store: router(Company(store)),
    error=error,
    admitted=_admitted,
    rate=lambda: Rate(120, 2),
    unauthorized="unauthorized access",
    shown=_sections,
)
