"""Meetings that leads book or cancel in Calendly, told by its webhooks.

Sources (developer.calendly.com, read in November 2026): "Webhook Signatures" for ``Calendly-Webhook-Signature``,
``t=`` and ``v1=``, HMAC-SHA256 over the time, a dot and the raw body, three minutes of tolerance; "Webhook payload" for
``invitee.created`` and ``invitee.canceled``. Calendly tries again for a day and signs each attempt anew.

=============================  =====================================================================
invitee.created                the behaviour "Meeting Booked"; "Meeting Rescheduled" where it takes another's place
invitee.canceled               "Meeting Canceled", unless it is the old date of a meeting that was moved
all others                     nothing
=============================  =====================================================================

Whose it is, is told by ``utm_content`` where a link to the calendar carried a touch (its key, or its reference: links
in mail carry it by themselves, ``adapters.email.calendars``), else by the address.
What invitees wrote into the form, their names and the reason of a cancellation are not kept.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.email.calendars import CalendarLinks
from adapters.email.carrier import key_of
from adapters.inbound import About, Forged, Happened, InboundRequest, Reply, Told, Unreadable
from adapters.inbound_json import instant, parsed_object, part, text, text_or
from adapters.vendor import Finding, OnlyHeard, Vendor, VendorSettings

NAME = "calendly"
SIGNATURE = "calendly-webhook-signature"
TOLERANCE = timedelta(minutes=3)
#: As playbooks name them (``behaviours`` with ``on: track``).
BOOKED, MOVED, CANCELED = "Meeting Booked", "Meeting Rescheduled", "Meeting Canceled"
_NAMES = {"invitee.created": BOOKED, "invitee.canceled": CANCELED}


class CalendlySettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_CALENDLY_")

    signing_key: SecretStr = Field(
        SecretStr(""), description="Signing key of the webhook subscription; empty: no meeting is heard of."
    )
    mark_links: bool = Field(
        True, description="Add the touch's opaque reference to links to Calendly in mail (`utm_content`)."
    )
    hosts: str = Field(
        "calendly.com",
        pattern=r"^\s*[a-z0-9.-]+(\s*,\s*[a-z0-9.-]+)*\s*$",
        description="Hosts of these links, commas between: pages of your own that embed Calendly pass it on, too.",
    )


def calendar_links(settings: CalendlySettings) -> CalendarLinks | None:
    return CalendarLinks([host.strip() for host in settings.hosts.split(",")]) if settings.mark_links else None


class CalendlyInbound:
    """``adapters.inbound.Inbound`` for the subscription's signing key."""

    vendor = NAME

    def __init__(self, signing_key: str) -> None:
        self._key = signing_key.encode()

    def verify(self, request: InboundRequest) -> None:
        timestamp, given = _signature(request.headers.get(SIGNATURE, ""))
        right = hmac.new(self._key, timestamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right.encode(), given.encode(errors="replace")):
            raise Forged("its signature is not made with this signing key")
        if abs(request.at.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
            raise Forged("its timestamp is more than three minutes from now")

    def read(self, request: InboundRequest) -> list[Told]:
        """A meeting, or nothing. Raises ``ValueError`` when the body is not Calendly's."""
        body = parsed_object(request.body)
        event, invitee = text(body, "event"), part(body, "payload")
        moved = invitee.get("rescheduled") is True or bool(invitee.get("old_invitee"))
        name = MOVED if moved and event == "invitee.created" else _NAMES.get(event)
        if name is None or (moved and name == CANCELED):
            return []
        try:
            return [_meeting(name, body, invitee)]
        except ValueError as problem:
            return [Unreadable({"event": name}, f"an event of Calendly: {problem}")]

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:  # noqa: ARG002 - the protocol's
        return Reply()


def _signature(header: str) -> tuple[str, str]:
    """Its time and its value. Raises ``Forged``."""
    parts = dict(one.strip().partition("=")[::2] for one in header.split(","))
    timestamp, value = parts.get("t", ""), parts.get("v1", "")
    if not (value and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004
        raise Forged("it has no signature with a timestamp")
    return timestamp, value


def _meeting(name: str, body: Mapping[str, Any], invitee: Mapping[str, Any]) -> Happened:
    meeting, content = part(invitee, "scheduled_event"), text_or(part(invitee, "tracking"), "utm_content")
    touch = content if "/" in content else key_of(content)
    given = {
        "meeting": text_or(meeting, "name"),
        "starts_at": text_or(meeting, "start_time"),
        "ends_at": text_or(meeting, "end_time"),
        "canceled_by": text_or(part(invitee, "cancellation"), "canceler_type"),
    }
    return Happened(
        id=f"{name}:{text(invitee, 'uri')}",
        about=About(touch=touch if "/" in touch and touch.isprintable() else "", email=text(invitee, "email")),
        kind="track",
        name=name,
        at=instant(body, "created_at"),
        properties={key: value for key, value in given.items() if value},
    )


def _inbound(settings: CalendlySettings) -> CalendlyInbound | None:
    key = settings.signing_key.get_secret_value()
    return CalendlyInbound(key) if key else None


async def _check(_heard: OnlyHeard) -> list[Finding]:
    """Calendly is told nothing and asked nothing: who signs with the key is heard."""
    return []


VENDOR = Vendor(
    name=NAME,
    title="Calendly",
    settings=CalendlySettings,
    adapter=lambda _settings: OnlyHeard(),
    check=_check,
    inbound=_inbound,
    carries=("meetings booked and canceled, by webhook",),
)
