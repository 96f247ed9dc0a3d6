"""From a request's profile to a lead and its journey."""

from datetime import datetime

from api.problems import Problem
from api.schemas.leads import LeadBody, LeadTaken
from storage import leads
from storage.database import Database
from storage.leads import ConsentInput, LeadInput


async def take(database: Database, body: LeadBody, now: datetime) -> LeadTaken:
    """Create or update the lead and begin its journey if it may.

    Raises ``NotFound`` for an unknown playbook, a 410 ``Problem`` for a person who was erased.
    """
    outcome = await leads.upsert(database, as_input(body), now, body.playbook or None, enrol=body.enrol)
    if outcome.erased:
        raise Problem(
            410,
            "person-erased",
            "A person of that address or external id was erased and is not taken in again.",
            "If they have asked to hear from you again: tendril leads readmit ADDRESS.",
        )
    cycle = outcome.cycle or await _newest_cycle(database, outcome.lead_id)
    return LeadTaken(
        id=outcome.lead_id,
        created=outcome.created,
        enrolled=outcome.enrolled,
        cycle=cycle,
        note=outcome.note,
        journey=f"/v1/leads/{outcome.lead_id}/journey",
    )


def as_input(body: LeadBody) -> LeadInput:
    return LeadInput(
        external_id=body.external_id,
        email=body.email,
        anonymous_ids=tuple(body.anonymous_ids),
        fields=body.fields,
        country=body.country,
        timezone=body.timezone,
        source=body.source,
        owner=body.owner,
        company=body.company,
        domain=body.domain,
        consent=tuple(
            ConsentInput(channel=channel, granted=word.granted, basis=word.basis, source=word.source)
            for channel, word in body.consent.items()
        ),
    )


async def _newest_cycle(database: Database, lead: str) -> int | None:
    cycle: int | None = await database.pool.fetchval("select max(cycle) from journey where lead_id = $1", lead)
    return cycle
