"""A plain HTML form's fields as who somebody is and what they did. No script on the page is needed for it.

Reserved fields: ``writeKey``, ``redirect``, ``anonymousId``, ``email``, ``consent`` (a box that was ticked) with
``consent_text`` (the words beside it), and the honeypot, which people don't see and so leave empty. Every other field
is a trait of the lead. A submission is told by its content and its minute: pressed twice it counts once.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from api import metrics
from api.schemas.tracking import IdentifyEvent
from api.services.events import Arrival
from api.services.tracking import profile
from domain.words import Channel
from storage import enrolment, history, inbox, leads
from storage.database import Database
from storage.inbox import NewBehaviour
from storage.lead_merge import ConsentInput
from storage.retractions import NOT_COUNTED

#: Name of the behaviour that a sent form is; ``form`` among its properties says which.
SUBMITTED = "Form Submitted"
_RESERVED = ("writeKey", "redirect", "anonymousId", "consent", "consent_text")
_MINUTE = timedelta(minutes=1)
_LONGEST_ID = 200
_SENDER = "forms"
_HTTPS = 443


class NotAForm(ValueError):
    """What was sent can't be taken; the text says why, to whoever filled the form in."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One form as it was sent: ``fields`` are name → text, or texts where a name came several times."""

    form: str
    fields: Mapping[str, str | list[str]]

    def text(self, name: str) -> str:
        value = self.fields.get(name, "")
        return (value if isinstance(value, str) else value[0]).strip()

    def message_ids(self, real: datetime) -> tuple[str, str]:
        """Its id in this minute and in the one before: what is sent again across the stroke of the clock is known."""
        said = {name: value for name, value in self.fields.items() if name != "writeKey"}
        content = json.dumps([self.form, said], sort_keys=True)
        minutes = (real.astimezone(UTC), real.astimezone(UTC) - _MINUTE)
        ids = [hashlib.sha256(f"{at:%Y-%m-%dT%H:%M} {content}".encode()).hexdigest()[:40] for at in minutes]
        return f"form-{ids[0]}", f"form-{ids[1]}"


async def take(
    database: Database,
    sent: Submission,
    honeypot: str,
    arrival: Arrival,
    *,
    enrol: bool = False,
    claims: bool = False,
) -> None:
    """Commit what the form says: the lead, an identify and a “Form Submitted”. Twice is once.

    ``claims``: the key stands in a page (``KeyInfo.claims``). ``enrol``: the lead begins its journey, if it may
    (``storage.enrolment.welcome``).
    One whose honeypot is filled is kept as a behaviour of nobody's that does not count, without its values. Raises
    ``NotAForm``.
    """
    message_id, before = sent.message_ids(arrival.real)
    if sent.text(honeypot):
        await inbox.accept(database, [_quarantined(sent, message_id, honeypot, arrival)], arrival.now, sender=_SENDER)
        metrics.EVENTS.labels("quarantined").inc()
        return
    said = _identify(sent, honeypot)
    async with database.pool.acquire() as connection:
        if await history.known_ids(connection, [message_id, before]):
            metrics.EVENTS.labels("duplicate").inc()
            return
    lead = await _lead(database, sent, said, arrival, claims=claims) if said.traits.email else None
    if lead == "":
        return
    if lead and enrol:
        await enrolment.welcome(database, [lead], arrival.now)
    done = _behaviours(sent, said, message_id, lead, arrival)
    accepted = await inbox.accept(database, done, arrival.now, sender=_SENDER)
    metrics.EVENTS.labels("accepted").inc(accepted.accepted)


def _identify(sent: Submission, honeypot: str) -> IdentifyEvent:
    """What the form says of a person. Raises ``NotAForm``."""
    anonymous_id = sent.text("anonymousId")[:_LONGEST_ID]
    if not sent.text("email") and not anonymous_id:
        raise NotAForm("Please give an e-mail address.")
    others = {name: value for name, value in sent.fields.items() if name not in {*_RESERVED, honeypot} and value}
    try:
        return IdentifyEvent.model_validate({"anonymousId": anonymous_id or sent.form, "traits": others})
    except ValidationError as problem:
        if any("email" in error["loc"] for error in problem.errors()):
            raise NotAForm(f"“{sent.text('email')[:80]}” is not an e-mail address.") from None
        raise NotAForm("Some of what was filled in is not text.") from None


async def _lead(database: Database, sent: Submission, said: IdentifyEvent, arrival: Arrival, *, claims: bool) -> str:
    """The lead's id; "" of somebody who was erased and is not taken in again."""
    anonymous_id = sent.text("anonymousId")[:_LONGEST_ID]
    known = profile(said).model_copy(
        update={"anonymous_ids": (anonymous_id,) if anonymous_id else (), "consent": _consent(sent), "claimed": claims}
    )
    return (await leads.upsert(database, known, arrival.now, enrol=False)).lead_id


def _consent(sent: Submission) -> tuple[ConsentInput, ...]:
    if not sent.text("consent"):
        return ()
    source, wording = f"form {sent.form}", sent.text("consent_text")
    return (ConsentInput(channel=Channel.EMAIL, granted=True, basis="consent", source=source, wording=wording),)


def _behaviours(
    sent: Submission, said: IdentifyEvent, message_id: str, lead: str | None, arrival: Arrival
) -> list[NewBehaviour]:
    who: dict[str, Any] = {
        "lead_id": lead,
        "anonymous_id": sent.text("anonymousId")[:_LONGEST_ID] or None,
        "occurred_at": arrival.now,
    }
    done: dict[str, Any] = {"form": sent.form}
    if sent.text("consent"):
        done["consent"] = {"basis": "consent", "text": sent.text("consent_text")}
    return [
        NewBehaviour(
            message_id=f"{message_id}-who", kind="identify", name="identify", properties=said.traits.others, **who
        ),
        NewBehaviour(message_id=message_id, kind="track", name=SUBMITTED, properties=done, **who),
    ]


def _quarantined(sent: Submission, message_id: str, honeypot: str, arrival: Arrival) -> NewBehaviour:
    reason = {"reason": "a field that people do not see was filled in", "rule": "honeypot"}
    names = sorted(set(sent.fields) - {"writeKey", honeypot})
    properties = {"form": sent.form, "fields": names, NOT_COUNTED: reason}
    return NewBehaviour(
        message_id=message_id,
        kind="track",
        name=SUBMITTED,
        properties=properties,
        occurred_at=arrival.now,
        trusted=False,
    )


def allowed_redirect(url: str, hosts: Sequence[str]) -> str:
    """The address, if a form may lead there: https, at one of the hosts, and nothing that browsers read otherwise."""
    if not url.isascii() or "\\" in url or any(mark <= " " or mark == "\x7f" for mark in url):
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    plain = parts.scheme == "https" and "@" not in parts.netloc and port in {None, _HTTPS}
    return url if plain and (parts.hostname or "") in hosts else ""
