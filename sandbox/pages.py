"""What the stand-in vendors hold, as a page for people."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates

from domain.words import RejectReason
from sandbox.stand_in import StandIn
from sandbox.state import CrmRecord, State, Store

_ON_PAGE = 200
#: Contact properties that have a column of their own.
_COLUMNS = (
    "tendril_lead_status",
    "tendril_buyer_stage",
    "tendril_segment",
    "tendril_fit_level",
    "tendril_intent_level",
)


def _words(value: str | None) -> str:
    return (value or "").replace("_", " ")


def _moment(value: str) -> str:
    return value[:19].replace("T", " ")


templates = Jinja2Templates(directory=Path(__file__).parent / "templates")
templates.env.filters |= {"words": _words, "moment": _moment}


def router(store: Store, stand_ins: Sequence[StandIn], *, with_inbox: bool) -> APIRouter:
    """``/vendors``, and ``/`` when no inbox is there to show."""
    routes = APIRouter()

    @routes.get("/vendors", response_class=HTMLResponse)
    async def vendors(request: Request) -> Response:
        sections = [(one.vendor, section) for one in stand_ins for section in one.shown(store)]
        context = _context(store.state) | {"with_inbox": with_inbox, "sections": sections}
        return templates.TemplateResponse(request, "vendors.html", context)

    if not with_inbox:

        @routes.get("/", include_in_schema=False)
        async def front() -> Response:
            return RedirectResponse("/vendors")

    return routes


def _context(state: State) -> dict[str, Any]:
    contacts, tasks = state.records["contacts"], state.records["tasks"]
    return {
        "tab": "vendors",
        "contacts": _newest(contacts),
        "columns": _COLUMNS,
        "contact_count": len(contacts),
        "tasks": [(task, _whose(task, contacts)) for task in _newest(tasks)],
        "task_count": len(tasks),
        "open_tasks": sum(1 for task in tasks.values() if task.properties.get("hs_task_status") != "COMPLETED"),
        "reasons": list(RejectReason),
        "segments": _segments(state),
        "deliveries": sorted(state.deliveries.values(), key=lambda delivery: delivery.received_at, reverse=True)[
            :_ON_PAGE
        ],
        "delivery_count": len(state.deliveries),
    }


def _newest(records: dict[str, CrmRecord]) -> list[CrmRecord]:
    return sorted(records.values(), key=lambda record: record.updated_at, reverse=True)[:_ON_PAGE]


def _whose(task: CrmRecord, contacts: dict[str, CrmRecord]) -> str:
    found = [contact for contact in task.associations if contact in contacts]
    return ", ".join(contacts[contact].properties.get("email", contact) for contact in found)


def _segments(state: State) -> list[dict[str, Any]]:
    """Audiences with those members whose hash belongs to a contact here, as a match would find them."""
    addresses = (record.properties.get("email", "") for record in state.records["contacts"].values())
    known = {hashlib.sha256(address.lower().encode()).hexdigest(): address for address in addresses if address}
    return [
        {
            "segment": segment,
            "matched": sorted(known[member] for member in segment.members if member in known)[:_ON_PAGE],
        }
        for segment in state.segments.values()
    ]
