"""LinkedIn's stand-in: DMP segments and their members."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response

from sandbox import answers
from sandbox.answers import VendorError
from sandbox.limits import Rate
from sandbox.stand_in import StandIn
from sandbox.state import Segment, Store

_VERSION = re.compile(r"20\d{2}(0[1-9]|1[0-2])")
_HASH = re.compile(r"[0-9a-f]{64}")
AccountUrn = Annotated[str, Query(alias="account")]
SourceId = Annotated[str, Query(alias="sourceSegmentId")]
Platform = Annotated[str, Query(alias="sourcePlatform")]
#: People that a segment needs before it can be used.
_LEAST = 300
_CLOSED = frozenset({"EXPIRED", "FAILED", "ERROR"})
_REQUIRED = ("name", "account", "sourcePlatform", "type", "destinations")


def _versioned(linkedin_version: Annotated[str, Header()] = "") -> None:
    if not _VERSION.fullmatch(linkedin_version):
        raise VendorError(
            400, "A version must be present. Please specify a version by adding the LinkedIn-Version header."
        )


class LinkedIn:
    """The ad account's audiences."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, account: str, source_id: str, platform: str) -> list[dict[str, Any]]:
        return [
            _shown(segment)
            for segment in self._store.state.segments.values()
            if segment.account == account
            and platform in ("", segment.platform)
            and source_id in ("", segment.source_id)
        ]

    def create(self, body: dict[str, Any]) -> str:
        if missing := [name for name in _REQUIRED if not body.get(name)]:
            raise VendorError(400, f"Required fields are missing: {', '.join(missing)}")
        segment = Segment(
            id=self._store.state.new_id(),
            name=body["name"],
            account=body["account"],
            platform=body["sourcePlatform"],
            source_id=body.get("sourceSegmentId", ""),
        )
        self._store.state.segments[segment.id] = segment
        self._store.changed()
        return segment.id

    def stream(self, segment_id: str, elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One status an element, in order. Adding twice or removing the absent is 201 like any other."""
        segment = self._store.state.segments.get(segment_id)
        if segment is None:
            raise VendorError(404, f"DMP segment {segment_id} does not exist")
        if segment.status in _CLOSED:
            raise VendorError(400, f"DMP segment {segment_id} is {segment.status}")
        statuses = [{"status": 201 if _apply(segment, element) else 400} for element in elements]
        self._store.changed()
        return statuses


def router(account: LinkedIn) -> APIRouter:
    """The account over HTTP, below ``/rest``."""
    routes = APIRouter(prefix="/rest/dmpSegments", dependencies=[Depends(_versioned)])

    @routes.get("")
    async def find(q: str, account_urn: AccountUrn, source: SourceId = "", platform: Platform = "") -> dict[str, Any]:
        if q != "account":
            raise VendorError(400, "Unknown finder")
        elements = account.find(account_urn, source, platform)
        return {"elements": elements, "paging": {"start": 0, "count": 10, "total": len(elements), "links": []}}

    @routes.post("", status_code=201)
    async def create(body: dict[str, Any], response: Response) -> None:
        response.headers["x-restli-id"] = account.create(body)

    @routes.post("/{segment}/users")
    async def stream(
        segment: str, body: dict[str, Any], x_restli_method: Annotated[str, Header()] = ""
    ) -> dict[str, Any]:
        if x_restli_method.upper() != "BATCH_CREATE":
            raise VendorError(400, "Several elements need X-RestLi-Method: BATCH_CREATE")
        return {"elements": account.stream(segment, body["elements"])}

    return routes


def _apply(segment: Segment, element: dict[str, Any]) -> bool:
    """Whether the element made sense."""
    hashes = [user["idValue"] for user in element.get("userIds", []) if user.get("idType") == "SHA256_EMAIL"]
    if not hashes or not all(_HASH.fullmatch(value) for value in hashes):
        return False
    if element.get("action") == "ADD":
        segment.members.update(hashes)
    elif element.get("action") == "REMOVE":
        segment.members.difference_update(hashes)
    else:
        return False
    return True


def _shown(segment: Segment) -> dict[str, Any]:
    """Everybody is found at once, where LinkedIn takes up to 48 hours."""
    found = len(segment.members)
    return {
        "id": int(segment.id),
        "name": segment.name,
        "account": segment.account,
        "sourceSegmentId": segment.source_id,
        "sourcePlatform": segment.platform,
        "type": "USER",
        "accessPolicy": "PRIVATE",
        "inputCount": found,
        "destinations": [
            {
                "destination": "LINKEDIN",
                "destinationSegmentId": f"urn:li:adSegment:{segment.id}",
                "status": segment.status or ("READY" if found >= _LEAST else "BUILDING"),
                **({"audienceSize": found, "matchedCount": found} if found else {}),
            }
        ],
    }


#: 600 requests in a minute.
STAND_IN = StandIn(
    vendor="linkedin",
    router=lambda store: router(LinkedIn(store)),
    error=answers.linkedin,
    rate=lambda: Rate(600, 60),
)
