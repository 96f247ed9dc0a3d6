"""LinkedIn matched audiences: members streamed into DMP segments as hashes of their addresses.

Written against LinkedIn's versioned Marketing API (``/rest/dmpSegments``), as its pages describe it
(learn.microsoft.com/linkedin/marketing/matched-audiences: *DMP Segments*, *DMP Segment Users*, *FAQ*). One segment an
audience, found again by its ``sourceSegmentId``, which is the audience's id in the playbook. Adding someone twice or
removing someone absent is answered with 201 like any other, so a push may be repeated.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.ads.hashing import sha256, trimmed
from adapters.ads.words import in_words, list_gone
from adapters.budget import Budget
from adapters.http import VendorClient
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.audiences import LIST_MADE, AdsAudience, AudienceState, Fate, Outcome, Taken
from domain.errors import TransientFault, VendorFault

VENDOR_NAME = "linkedin"
#: Members a request. LinkedIn's pages name a rate but no size: this one is ours.
BATCH = 500
#: LinkedIn wants this many seconds between making a segment and filling it (*DMP Segment Users*, note).
SETTLING = 5.0
#: "The minimum audience size that can be used in a campaign is 300 members."
LEAST = 300
_SEGMENTS = "/rest/dmpSegments"
_TAKEN = frozenset({200, 201, 204})
#: *FAQ*: "not allowed to be included/excluded in a campaign's targeting".
_UNUSABLE = frozenset({"EXPIRED", "FAILED", "ERROR"})


class LinkedInSettings(VendorSettings):
    """By default LinkedIn's stand-in, as a newcomer's deployment has it."""

    model_config = SettingsConfigDict(env_prefix="TENDRIL_LINKEDIN_")

    base_url: str = Field(
        "http://127.0.0.1:8025/linkedin", description="`https://api.linkedin.com`, or by default its stand-in."
    )
    token: SecretStr = Field(SecretStr("sandbox"), description="Access token with `rw_dmp_segments`.")
    account: str = Field("1", description="Number of the ad account.")
    platform: str = Field("TENDRIL", description="The `sourcePlatform` that LinkedIn gave you with the access.")
    version: str = Field("202608", description="Month of the API, `YYYYMM`: LinkedIn retires one after about a year.")
    per_minute: int = Field(
        600, ge=1, description="Requests a minute: LinkedIn allows 600 for users, to some accounts 300."
    )


class LinkedInAudiences:
    """``domain.audiences.Audiences``. ``account`` is the ad account's number; ``platform`` LinkedIn's name for us."""

    network = VENDOR_NAME
    batch_size = BATCH
    at_once = 10
    lasts = None

    def __init__(self, client: VendorClient, account: str, *, platform: str = "TENDRIL") -> None:
        self._client = client
        self._account = f"urn:li:sponsoredAccount:{account}"
        self._platform = platform
        self._segments: dict[str, str] = {}

    async def close(self) -> None:
        await self._client.close()

    def key(self, email: str) -> str:
        return sha256(trimmed(email))

    async def add(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        """Raises ``TransientFault`` when the segment was only just made, and takes nobody yet."""
        segment = await self._id(audience)
        if not segment:
            await self._create(audience)
            raise TransientFault(
                f"the linkedin segment of audience {audience.id} was just made and takes members in {SETTLING:.0f} s",
                vendor=VENDOR_NAME,
                code=LIST_MADE,
                retry_after=SETTLING,
            )
        return await self._stream(audience, segment, "ADD", keys)

    async def remove(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        segment = await self._id(audience)
        return await self._stream(audience, segment, "REMOVE", keys) if segment else Taken()

    async def outcome(self, request: str) -> Outcome:  # noqa: ARG002 the port has it
        """LinkedIn answers at once."""
        return Outcome(fate=Fate.DONE)

    async def state(self, audience: AdsAudience) -> AudienceState | None:
        """``size`` is ``audienceSize``: whom LinkedIn found and may show ads to, of all that was ever sent."""
        found = await self._find(audience.id)
        return _state(audience.id, found[0]) if found else None

    async def segments(self) -> list[AudienceState]:
        """Every segment of ours in the ad account."""
        return [_state(str(one.get("sourceSegmentId") or one["name"]), one) for one in await self._find()]

    async def _stream(self, audience: AdsAudience, segment: str, action: str, keys: Sequence[str]) -> Taken:
        elements = [{"action": action, "userIds": [{"idType": "SHA256_EMAIL", "idValue": key}]} for key in keys]
        try:
            answer = await self._client.request(
                "POST",
                f"{_SEGMENTS}/{segment}/users",
                headers={"x-restli-method": "BATCH_CREATE"},
                json={"elements": elements},
                harmless_to_repeat=True,
            )
        except VendorFault as fault:
            if fault.status != httpx.codes.NOT_FOUND:
                raise
            self._segments.pop(audience.id, None)
            raise list_gone(VENDOR_NAME, audience) from None
        said = answer.json()["elements"]
        taken = {key for key, element in zip(keys, said, strict=False) if element.get("status") in _TAKEN}
        return Taken(refused=frozenset(keys) - taken, code="elements")

    async def _id(self, audience: AdsAudience) -> str:
        """The segment's id: remembered, or found. "" when there is none."""
        if audience.id not in self._segments and (found := await self._find(audience.id)):
            self._segments[audience.id] = str(found[0]["id"])
        return self._segments.get(audience.id, "")

    async def _find(self, source: str = "") -> list[dict[str, Any]]:
        """Without ``start`` and ``count`` all of them come in one answer (*DMP Segments*, pagination)."""
        query = {"q": "account", "account": self._account, "sourcePlatform": self._platform}
        query |= {"sourceSegmentId": source} if source else {}
        answer = await self._client.request("GET", _SEGMENTS, params=query, harmless_to_repeat=True)
        return list(answer.json()["elements"])

    async def _create(self, audience: AdsAudience) -> None:
        body = {
            "name": audience.title,
            "sourcePlatform": self._platform,
            "sourceSegmentId": audience.id,
            "account": self._account,
            "accessPolicy": "PRIVATE",
            "type": "USER",
            "destinations": [{"destination": "LINKEDIN"}],
        }
        await self._client.request("POST", _SEGMENTS, json=body, harmless_to_repeat=False)


def linkedin_audiences(settings: LinkedInSettings, **options: Any) -> LinkedInAudiences:
    """The adapter over a connection of its own. ``options`` are ``VendorClient``'s."""
    headers = {
        "authorization": f"Bearer {settings.token.get_secret_value()}",
        "linkedin-version": settings.version,
        "x-restli-protocol-version": "2.0.0",
    }
    budget = Budget(VENDOR_NAME, settings.per_minute, 60)
    client = VendorClient(VENDOR_NAME, settings.base_url, headers=headers, budget=budget, **options)
    return LinkedInAudiences(client, settings.account, platform=settings.platform)


def _state(audience: str, segment: Mapping[str, Any]) -> AudienceState:
    at: Mapping[str, Any] = next(iter(segment.get("destinations") or []), {})
    status, size = str(at.get("status") or segment.get("status") or ""), at.get("audienceSize")
    usable = status not in _UNUSABLE and (size or 0) >= LEAST
    return AudienceState(audience=audience, status=status, size=size, least=LEAST, usable=usable)


async def _check(adapter: LinkedInAudiences) -> list[Finding]:
    segments = await adapter.segments()
    return [
        Finding("LinkedIn lets us read the ad account's segments", well=True),
        *(Finding(in_words(segment), well=True) for segment in segments),
    ]


VENDOR = Vendor(
    name=VENDOR_NAME,
    title="LinkedIn matched audiences",
    settings=LinkedInSettings,
    adapter=linkedin_audiences,
    check=_check,
    carries=("Hashes of the addresses of those who are in an audience; their removal when they leave it.",),
)
