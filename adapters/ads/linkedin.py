"""LinkedIn matched audiences: members streamed into DMP segments as hashes of their addresses.

Written against LinkedIn's versioned Marketing API (``/rest/dmpSegments``). One segment an audience, found again by its
``sourceSegmentId``, which is the audience's id in the playbook. Adding someone twice or removing someone absent is
answered with 201 like any other, so a push may be repeated.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.http import VendorClient
from domain.errors import PartialFault, RecordsRefused, TransientFault
from domain.ports import AudienceChange

VENDOR = "linkedin"
#: Members a request. LinkedIn's pages name a rate (600 requests a minute) but no size: this one is ours.
BATCH = 500
#: LinkedIn wants this many seconds between making a segment and filling it.
SETTLING = 5.0
_SEGMENTS = "/rest/dmpSegments"
_TAKEN = frozenset({200, 201, 204})


def linkedin_client(base_url: str, token: str, *, version: str = "202608", **options: Any) -> VendorClient:
    """The connection of ``LinkedInAudiences``. ``version`` is LinkedIn's month of the API, which it retires yearly."""
    headers = {
        "authorization": f"Bearer {token}",
        "linkedin-version": version,
        "x-restli-protocol-version": "2.0.0",
    }
    return VendorClient(VENDOR, base_url, headers=headers, **options)


def hashed(email: str) -> str:
    """What LinkedIn matches on: lower-case hex SHA-256 of the trimmed, lower-case address."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


class LinkedInAudiences:
    """``domain.ports.Audiences``. ``account`` is the ad account's number; ``platform`` LinkedIn's name for us."""

    batch_size = BATCH

    def __init__(self, client: VendorClient, account: str, *, platform: str = "TENDRIL") -> None:
        self._client = client
        self._account = f"urn:li:sponsoredAccount:{account}"
        self._platform = platform
        self._segments: dict[str, str] = {}

    async def push(self, audience: str, changes: Sequence[AudienceChange]) -> None:
        """Add and remove members. A lead without an address can't be matched and counts as done.

        Raises ``TransientFault`` when the segment was only just made, and ``PartialFault`` or ``RecordsRefused``
        when some or all were refused.
        """
        segment = await self._segment(audience)
        matchable = [change for change in changes if change.email]
        if not matchable:
            return
        answer = await self._client.request(
            "POST",
            f"{_SEGMENTS}/{segment}/users",
            headers={"x-restli-method": "BATCH_CREATE"},
            json={"elements": [_element(change) for change in matchable]},
            harmless_to_repeat=True,
        )
        _raise_unless_all_taken(changes, matchable, answer.json()["elements"])

    async def _segment(self, audience: str) -> str:
        """The segment's id: remembered, found, or made. A segment just made takes no members yet."""
        if audience not in self._segments:
            found = await self._find(audience)
            if not found:
                await self._create(audience)
                raise TransientFault(
                    f"the linkedin segment of audience {audience} was just made and takes members in {SETTLING:.0f} s",
                    vendor=VENDOR,
                    code="segment_made",
                    retry_after=SETTLING,
                )
            self._segments[audience] = found
        return self._segments[audience]

    async def _find(self, audience: str) -> str:
        query = {
            "q": "account",
            "account": self._account,
            "sourceSegmentId": audience,
            "sourcePlatform": self._platform,
        }
        answer = await self._client.request("GET", _SEGMENTS, params=query, harmless_to_repeat=True)
        segments = answer.json()["elements"]
        return str(segments[0]["id"]) if segments else ""

    async def _create(self, audience: str) -> None:
        body = {
            "name": f"Tendril: {audience.replace('_', ' ')}",
            "sourcePlatform": self._platform,
            "sourceSegmentId": audience,
            "account": self._account,
            "accessPolicy": "PRIVATE",
            "type": "USER",
            "destinations": [{"destination": "LINKEDIN"}],
        }
        await self._client.request("POST", _SEGMENTS, json=body, harmless_to_repeat=False)


def _element(change: AudienceChange) -> dict[str, Any]:
    return {
        "action": "ADD" if change.member else "REMOVE",
        "userIds": [{"idType": "SHA256_EMAIL", "idValue": hashed(change.email)}],
    }


def _raise_unless_all_taken(
    changes: Sequence[AudienceChange], asked: Sequence[AudienceChange], elements: Sequence[Mapping[str, Any]]
) -> None:
    """Elements answer the changes asked for, in their order."""
    refused = {c.lead for c, element in zip(asked, elements, strict=False) if element.get("status") not in _TAKEN}
    refused |= {change.lead for change in asked[len(elements) :]}
    if not refused:
        return
    message = f"linkedin refused {len(refused)} of {len(asked)} members"
    if len(refused) == len(asked):
        raise RecordsRefused(message, vendor=VENDOR, code="elements")
    taken = frozenset(change.lead for change in changes) - refused
    raise PartialFault(message, vendor=VENDOR, code="elements", taken=taken)
