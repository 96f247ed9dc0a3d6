"""Taking events in: who visitors are is written first, then the behaviour, then what could not be understood."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from api import metrics
from api.context import ApiContext
from api.schemas.leads import ZONES
from api.schemas.tracking import AnyEvent, IdentifyEvent, Taken
from api.services.events import Arrival, BadEvent, behaviour, is_lead_id
from storage import dead_letters, inbox, leads
from storage.leads import LeadInput

_COMPANY_NAMES = ("name", "company")
_COMPANY_DOMAINS = ("domain", "website")


async def take(context: ApiContext, events: Sequence[AnyEvent], arrival: Arrival) -> Taken:
    """Commit the events; only then return. An identify never enrols: ``POST /v1/leads`` does."""
    profiles = [await _profile(context, event) for event in events if isinstance(event, IdentifyEvent)]
    known = [profile for profile in profiles if profile]
    if known:
        await leads.upsert_many(context.database, known, arrival.now, enrol=False)
    done = await inbox.accept(context.database, [behaviour(event, arrival) for event in events], arrival.now)
    metrics.EVENTS.labels("accepted").inc(done.accepted)
    metrics.EVENTS.labels("duplicate").inc(done.duplicates)
    return Taken(accepted=done.accepted, duplicates=done.duplicates)


async def keep(context: ApiContext, bad: Sequence[BadEvent], now: datetime) -> None:
    """Keep what could not be understood, for a person to look at."""
    for event in bad:
        await dead_letters.add(context.database, "batch", event.reason, event.body, now)
    metrics.EVENTS.labels("rejected").inc(len(bad))


async def _profile(context: ApiContext, event: IdentifyEvent) -> LeadInput | None:
    """What an identify says of a lead; None when it names nobody: an unknown user id without an address."""
    if event.traits.email is None:
        found = event.user_id and await leads.find(context.database, external_id=event.user_id)
        if not found:
            return None
    return profile(event)


def profile(event: IdentifyEvent) -> LeadInput:
    """Reserved traits become the lead's own columns; the rest become fields, if a condition could ask about them."""
    others = event.traits.others
    company = others.pop("company", None)
    address = others.pop("address", None)
    country = others.pop("country", None) or _part(address, ("country",))
    zone = others.pop("timezone", None)
    return LeadInput(
        external_id=None if is_lead_id(event.user_id) else event.user_id,
        email=event.traits.email,
        anonymous_ids=(event.anonymous_id,) if event.anonymous_id else (),
        fields={name: value for name, value in others.items() if _is_field(value)},
        country=country.upper() if _is_country(country) else "",
        timezone=zone if zone in ZONES else "",
        company=company if isinstance(company, str) else _part(company, _COMPANY_NAMES),
        domain=_part(company, _COMPANY_DOMAINS),
    )


def _part(value: Any, names: Sequence[str]) -> str:
    found = [value[name] for name in names if isinstance(value.get(name), str)] if isinstance(value, dict) else []
    return found[0] if found else ""


def _is_country(value: Any) -> bool:
    return isinstance(value, str) and len(value) == len("DE") and value.isalpha()


def _is_field(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, str | int | float | bool)
