"""Taking events in: who visitors are is written first, then the behaviour, then what could not be understood."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from api import metrics
from api.context import ApiContext
from api.schemas.leads import ZONES
from api.schemas.tracking import (
    AliasEvent,
    AnyEvent,
    IdentifyEvent,
    Taken,
)
from api.services.events import Arrival, BadEvent, behaviours, is_lead_id
from storage import aliases, dead_letters, enrolment, groups, inbox, leads, names
from storage.aliases import Pair
from storage.database import Database
from storage.inbox import Accepted, NewBehaviour
from storage.keys import KeyInfo
from storage.leads import LeadInput, Upserted
from storage.retractions import NOT_COUNTED

#: What the source of a dead letter begins with that came in a batch, and of one whose key only claims; the sender
#: follows.
FROM_BATCH, FROM_PAGE = "batch/", "page/"
#: Types of events that say what somebody did.
_BEHAVIOUR = frozenset({"track", "page", "screen"})
_COMPANY_NAMES = ("name", "company")
_COMPANY_DOMAINS = ("domain", "website")
_ONLY_CLAIMED = {"reason": "a company that only a page's key names", "rule": "claimed"}


async def receive(
    context: ApiContext, key: KeyInfo, events: Sequence[AnyEvent], arrival: Arrival, bad: Sequence[BadEvent] = ()
) -> Taken:
    """As ``take``, in the key's turn; behaviour that says of nobody who they are shares a transaction with others.

    ``bad`` are kept as dead letters, before the others are taken: cut off between the two, a request that is sent again
    may set a letter aside twice, and counts nothing twice. Raises a 429 or 503 ``Problem`` when the key, or all of them
    together, send more than is taken.
    """
    if bad or not all(map(_is_plain, events)):
        async with context.rates.turn(key, len(events) + len(bad)):
            await _keep(context.database, bad, arrival.now, key)
            enrol = context.settings.enrols("identify")
            taken = await take(context.database, events, arrival, key.name, enrol=enrol, claims=key.claims)
            return taken.model_copy(update={"rejected": len(bad)})
    context.rates.spend(key, len(events))
    return _counted(await context.accepting.accept(key, behaviours(events, arrival), arrival.now))


def _is_plain(event: AnyEvent) -> bool:
    """Whether the event is behaviour alone, and says nothing of who somebody is."""
    return event.type in _BEHAVIOUR and not (event.context and event.spoken_email)


async def take(
    database: Database,
    events: Sequence[AnyEvent],
    arrival: Arrival,
    sender: str,
    *,
    enrol: bool = False,
    claims: bool = False,
) -> Taken:
    """Commit the events; only then return. ``sender`` is the key's name.

    With ``enrol`` whoever an identify gives an address begins a journey, if they may. What only ``claims`` who somebody
    is (``KeyInfo.claims``) adds to people and neither changes nor unites them. What is said of somebody who was erased
    is left out whole, whichever visitor's id stands beside it.
    """
    told = await _profiles(database, events)
    profiles = [said.model_copy(update={"claimed": claims}) for said in told.values()]
    taken_in = await leads.upsert_many(database, profiles, arrival.now, enrol=False) if profiles else []
    done = dict(zip(told, taken_in, strict=True))
    if enrol and done:
        await enrolment.welcome(database, _introduced(events, done), arrival.now)
    left = [number for number in range(len(events)) if number not in done or not done[number].erased]
    if not claims:
        await aliases.unite(database, _pairs([events[number] for number in left]), arrival.now)
    taken = behaviours(events, arrival)
    stored = await _store(database, [taken[number] for number in left], arrival.now, sender, claims=claims)
    return _counted(stored.model_copy(update={"erased": stored.erased + len(events) - len(left)}))


async def _store(
    database: Database, taken: Sequence[NewBehaviour], now: datetime, sender: str, *, claims: bool
) -> Accepted:
    if claims:
        return await inbox.accept(database, list(map(_claim, taken)), now, sender=sender)
    said = [behaviour.message_id for behaviour in taken if behaviour.kind == "group"]
    also = partial(groups.join_said, message_ids=said, sender=sender, now=now) if said else None
    return await inbox.accept(database, taken, now, also, sender)


def _claim(behaviour: NewBehaviour) -> NewBehaviour:
    """As it is kept of a key that only claims. Which company somebody belongs to, and what it is called, servers say:
    a page's word is shown and never read (``storage.groups``), now or when a visitor becomes known.
    """
    if behaviour.kind != "group":
        return behaviour
    properties = {**behaviour.properties, NOT_COUNTED: _ONLY_CLAIMED}
    return behaviour._replace(properties=properties, trusted=False)


def _counted(done: Accepted) -> Taken:
    metrics.EVENTS.labels("accepted").inc(done.accepted)
    metrics.EVENTS.labels("duplicate").inc(done.duplicates)
    metrics.EVENTS.labels("erased").inc(done.erased)
    return Taken(accepted=done.accepted, duplicates=done.duplicates)


def _introduced(events: Sequence[AnyEvent], done: Mapping[int, Upserted]) -> list[str]:
    """The leads whose address an identify said, and not what stood beside other behaviour."""
    said = {number for number, event in enumerate(events) if isinstance(event, IdentifyEvent) and event.traits.email}
    return [became.lead_id for number, became in done.items() if number in said and not became.erased]


async def _keep(database: Database, bad: Sequence[BadEvent], now: datetime, key: KeyInfo) -> None:
    """Keep what could not be taken, for a person to look at."""
    if bad:
        source = f"{FROM_PAGE if key.claims else FROM_BATCH}{key.name}"
        await dead_letters.add_many(database, source, [(event.reason, event.body) for event in bad], now)
        metrics.EVENTS.labels("rejected").inc(len(bad))


async def _profiles(database: Database, events: Sequence[AnyEvent]) -> dict[int, LeadInput]:
    """What the events say of leads, by their numbers. One without an address says it only of somebody known."""
    identifies = [event for event in events if isinstance(event, IdentifyEvent) and event.traits.email is None]
    known = await _known(database, identifies) if identifies else set()
    return {
        number: said
        for number, event in enumerate(events)
        if (said := _profile(event)) and (said.email or not known.isdisjoint(said.names()))
    }


def _pairs(events: Sequence[AnyEvent]) -> Iterator[Pair]:
    """Names that are one person's: an alias says so, and an identify by Tendril's own id of the lead."""
    for event in events:
        if isinstance(event, AliasEvent):
            yield Pair(event.previous_id, event.user_id)
        elif isinstance(event, IdentifyEvent) and event.user_id and is_lead_id(event.user_id) and event.anonymous_id:
            yield Pair(event.anonymous_id, event.user_id)


async def _known(database: Database, events: Sequence[AnyEvent]) -> set[str]:
    """Those of the events' ids that are a lead's."""
    users = [event.user_id for event in events if event.user_id]
    visitors = [event.anonymous_id for event in events if event.anonymous_id]
    return await names.known(database, users, visitors)


def _profile(event: AnyEvent) -> LeadInput | None:
    """An identify says all it knows; another event says at most whose address the ids are (``context.traits``)."""
    if isinstance(event, IdentifyEvent):
        return profile(event)
    email = event.spoken_email if event.context else None
    return LeadInput(email=email, **_names(event)) if email else None


def _names(event: AnyEvent) -> dict[str, Any]:
    return {
        "external_id": None if is_lead_id(event.user_id) else event.user_id,
        "anonymous_ids": (event.anonymous_id,) if event.anonymous_id else (),
    }


def profile(event: IdentifyEvent) -> LeadInput:
    """Reserved traits become the lead's own columns; the rest become fields, if a condition could ask about them."""
    others = event.traits.others
    company = others.pop("company", None)
    address = others.pop("address", None)
    country = others.pop("country", None) or _part(address, ("country",))
    zone = others.pop("timezone", None)
    return LeadInput(
        **_names(event),
        email=event.traits.email,
        fields={name: value for name, value in others.items() if _is_field(value)},
        country=country.upper() if _is_country(country) else "",
        timezone=zone if isinstance(zone, str) and zone in ZONES else "",
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
