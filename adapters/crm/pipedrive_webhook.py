"""Pipedrive's webhooks, version 2: which records have changed. What they are now is read again.

Read on pipedrive.readme.io, "Guide for Webhooks v2": a body of ``data``, ``previous`` and ``meta`` (``action`` create,
change or delete; ``entity``, ``entity_id``, ``timestamp``, ``id``). Nothing is signed: a user name and a password,
which a webhook is made with, come as basic authentication. Two persons merged are one deleted and one changed.
"""

import base64
import binascii
import hmac
from datetime import UTC, datetime
from typing import Any

from adapters.inbound import Changed, Forged, InboundRequest, Reply, Told, Unreadable
from adapters.inbound_json import moment, parsed_object, part, text_or

_RECORDS = {"person": "contact", "organization": "company", "deal": "deal", "activity": "task"}


class PipedriveWebhook:
    """``adapters.inbound.Inbound``."""

    vendor = "pipedrive"

    def __init__(self, username: str, password: str) -> None:
        self._expected = f"{username}:{password}".encode()

    def verify(self, request: InboundRequest) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic" or not given:
            raise Forged("it has no user name and password")
        try:
            said = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            raise Forged("its user name and password can't be read") from None
        if not hmac.compare_digest(said, self._expected):
            raise Forged("its user name or password is not that of this webhook")

    def read(self, request: InboundRequest) -> list[Told]:
        body = parsed_object(request.body)
        meta = part(body, "meta")
        if not meta:
            raise ValueError("Pipedrive's webhooks of version 2 have a “meta”")
        record = _RECORDS.get(text_or(meta, "entity"))
        if record is None:
            return []
        try:
            crm_id, at = _identity(meta), _at(meta.get("timestamp"))
        except ValueError as why:
            return [Unreadable(body, str(why))]
        told = (
            text_or(meta, "id") or f"{meta.get('webhook_id')}:{record}:{crm_id}:{meta.get('action')}:{at.isoformat()}"
        )
        return [Changed(id=told, record=record, crm_id=crm_id, at=at)]

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:  # noqa: ARG002 - the port has them
        return Reply()


def _identity(meta: Any) -> str:
    """It comes as a number, or as one in a text."""
    value = meta.get("entity_id", meta.get("id"))
    if isinstance(value, bool) or not str(value).isascii() or not str(value).isdigit():
        raise ValueError("“entity_id” is missing")
    return str(value)


def _at(value: Any) -> datetime:
    if isinstance(value, str):
        return moment(value, "timestamp")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, OverflowError, OSError, ValueError):
        raise ValueError("“timestamp” is no time") from None
