"""Meta custom audiences, from customer lists: ``/{audience}/users`` of the Marketing API.

Written against Meta's guide "Customer File Custom Audiences" and the reference of ``custom-audience/users``
(developers.facebook.com/documentation/ads-commerce/marketing-api), and against ``facebook-business``, Meta's own
library, which the tests let speak to the same stand-in. Meta has no field for an id of ours, so a list is found again
by its description. Changes take up to 24 hours to show; a membership lasts until it is removed.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.ads.hashing import sha256, trimmed
from adapters.ads.meta_client import MetaClient, proof
from adapters.ads.words import in_words, list_gone
from adapters.budget import Budget
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.audiences import AdsAudience, AudienceState, Fate, Outcome, Taken
from domain.errors import VendorFault

VENDOR_NAME = "meta"
#: "Each request can take up to 10,000 users."
BATCH = 10_000
#: Calls an hour that the least of Meta's tiers allows for custom audiences: 5000, and 40 more for each active audience
#: (developers.facebook.com/docs/graph-api/overview/rate-limiting). What each answer says of it is heeded as well.
PER_HOUR = 5_000
#: People a customer list needs before ads can be shown to it (facebook.com/business/help, "Audience too small").
LEAST = 100
_FIELDS = "id,name,description,approximate_count_lower_bound,operation_status,delivery_status"
#: Error 100 with this subcode: "Unsupported post request. Object with ID … does not exist".
_GONE = "100/33"
#: Of ``operation_status`` and ``delivery_status``: normal, and ready.
_NORMAL = 200


class MetaSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_META_")

    base_url: str = Field("https://graph.facebook.com", description="Graph API.")
    version: str = Field("v26.0", pattern=r"^v\d+\.\d+$", description="Its version; Meta retires one after two years.")
    token: SecretStr = Field(description="Access token of a system user with `ads_management` for the ad account.")
    app_secret: SecretStr = Field(
        SecretStr(""), description="The app's secret: requests then prove that they are the app's."
    )
    account: str = Field(description="Number of the ad account, without `act_`.", pattern=r"^\d+$")
    customer_file_source: Literal["USER_PROVIDED_ONLY", "PARTNER_PROVIDED_ONLY", "BOTH_USER_AND_PARTNER_PROVIDED"] = (
        Field(
            "USER_PROVIDED_ONLY",
            description="Where addresses come from: from the people themselves, from partners, or both.",
        )
    )
    limited_data_use: bool = Field(
        False, description="Ask for Limited Data Use (`LDU`) for everybody; Meta finds out where they are."
    )


class MetaAudiences:
    """``domain.audiences.Audiences`` of one ad account."""

    network = VENDOR_NAME
    batch_size = BATCH
    #: Meta names no number; each request counts against the same hour.
    at_once = 4
    lasts = None

    def __init__(self, client: MetaClient, settings: MetaSettings) -> None:
        self._client = client
        self._settings = settings
        self._lists: dict[str, str] = {}
        secret, token = settings.app_secret.get_secret_value(), settings.token.get_secret_value()
        self._proof = {"appsecret_proof": proof(secret, token)} if secret else {}

    async def close(self) -> None:
        await self._client.close()

    def key(self, email: str) -> str:
        return sha256(trimmed(email))

    async def add(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        known = await self._id(audience)
        found = known or await self._create(audience)
        said = await self._tell("POST", audience, found, keys)
        return said.model_copy(update={"made": not known})

    async def remove(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        found = await self._id(audience)
        return await self._tell("DELETE", audience, found, keys) if found else Taken()

    async def outcome(self, request: str) -> Outcome:  # noqa: ARG002 the port has it
        """Meta counts at once what it can't read; whom it finds it never tells."""
        return Outcome(fate=Fate.DONE)

    async def state(self, audience: AdsAudience) -> AudienceState | None:
        found = next((one for one in await self._find() if _mark(audience.id) in one.get("description", "")), None)
        return _state(audience.id, found) if found else None

    async def lists(self) -> list[AudienceState]:
        """Custom audiences of ours in the ad account."""
        return [_state(_marked(one), one) for one in await self._find() if _marked(one)]

    async def permissions(self) -> frozenset[str]:
        """What the token was granted."""
        said = (await self._get("me/permissions")).get("data", [])
        return frozenset(str(one["permission"]) for one in said if one.get("status") == "granted")

    async def _tell(self, method: str, audience: AdsAudience, found: str, keys: Sequence[str]) -> Taken:
        """Each batch is a session of its own: it is whole, whatever becomes of the others."""
        session = {
            "session_id": secrets.randbits(63),
            "batch_seq": 1,
            "last_batch_flag": True,
            "estimated_num_total": len(keys),
        }
        form = {"payload": json.dumps(self._payload(keys)), "session": json.dumps(session), **self._proof}
        path = f"/{self._settings.version}/{found}/users"
        try:
            answer = await self._client.request(method, path, data=form, harmless_to_repeat=True)
        except VendorFault as fault:
            if fault.code != _GONE:
                raise
            self._lists.pop(audience.id, None)
            raise list_gone(VENDOR_NAME, audience) from None
        return _taken(keys, answer.json())

    def _payload(self, keys: Sequence[str]) -> dict[str, Any]:
        if not self._settings.limited_data_use:
            return {"schema": "EMAIL_SHA256", "data": list(keys)}
        # Several columns a person, the first hashed by us; without country and state Meta finds out where they are.
        return {"schema": ["EMAIL", "DATA_PROCESSING_OPTIONS"], "data": [[key, ["LDU"]] for key in keys]}

    async def _id(self, audience: AdsAudience) -> str:
        """The list's id: remembered, or found. "" when there is none."""
        if audience.id not in self._lists:
            self._lists |= {_marked(one): str(one["id"]) for one in await self._find() if _marked(one)}
        return self._lists.get(audience.id, "")

    async def _find(self) -> list[dict[str, Any]]:
        """All custom audiences of the account, page by page."""
        found: list[dict[str, Any]] = []
        query = {"fields": _FIELDS, "limit": "200"}
        while True:
            said = await self._get(f"act_{self._settings.account}/customaudiences", **query)
            found += said.get("data", [])
            paging = said.get("paging", {})
            if not paging.get("next"):
                return found
            query["after"] = paging["cursors"]["after"]

    async def _get(self, path: str, **query: str) -> dict[str, Any]:
        answer = await self._client.request(
            "GET", f"/{self._settings.version}/{path}", params=query | self._proof, harmless_to_repeat=True
        )
        return dict(answer.json())

    async def _create(self, audience: AdsAudience) -> str:
        form = {
            "name": audience.title,
            "subtype": "CUSTOM",
            "description": f"Kept by Tendril. {_mark(audience.id)}",
            "customer_file_source": self._settings.customer_file_source,
            **self._proof,
        }
        path = f"/{self._settings.version}/act_{self._settings.account}/customaudiences"
        answer = await self._client.request("POST", path, data=form, harmless_to_repeat=False)
        self._lists[audience.id] = str(answer.json()["id"])
        return self._lists[audience.id]


def meta_audiences(settings: MetaSettings, **options: Any) -> MetaAudiences:
    """The adapter over a connection of its own. ``options`` are ``MetaClient``'s."""
    headers = {"authorization": f"Bearer {settings.token.get_secret_value()}"}
    budget = Budget(VENDOR_NAME, PER_HOUR, 3600)
    # Ten thousand hashes are most of a megabyte: they take a while to send.
    options = {"timeout": 30.0} | options
    client = MetaClient(VENDOR_NAME, settings.base_url, headers=headers, budget=budget, **options)
    return MetaAudiences(client, settings)


def _mark(audience: str) -> str:
    return f"[tendril:{audience}]"


def _marked(found: Mapping[str, Any]) -> str:
    """The audience of ours that a list was made for; "" when it was not."""
    return str(found.get("description", "")).partition("[tendril:")[2].partition("]")[0]


def _taken(keys: Sequence[str], said: Mapping[str, Any]) -> Taken:
    """Meta names some of those that it could not read; where all of them are among these, nobody else was refused."""
    invalid = int(said.get("num_invalid_entries") or 0)
    samples = said.get("invalid_entry_samples") or []
    named = frozenset(map(str, samples.values() if isinstance(samples, Mapping) else samples)) & frozenset(keys)
    return Taken(refused=named if len(named) >= invalid else frozenset(keys), code="invalid") if invalid else Taken()


def _state(audience: str, found: Mapping[str, Any]) -> AudienceState:
    """``size`` is Meta's lower bound; it tells no number (-1) of small lists."""
    size, operation = int(found.get("approximate_count_lower_bound", -1)), found.get("operation_status") or {}
    delivery = (found.get("delivery_status") or {}).get("code", _NORMAL)
    status = str(operation.get("description") or operation.get("code") or "")
    usable = operation.get("code", _NORMAL) == delivery == _NORMAL and size >= LEAST
    return AudienceState(audience=audience, status=status, size=size if size >= 0 else None, least=LEAST, usable=usable)


async def _check(adapter: MetaAudiences) -> list[Finding]:
    granted = "ads_management" in await adapter.permissions()
    remedy = "" if granted else "Give the system user's token the permission ads_management."
    lists = await adapter.lists()
    return [
        Finding("the token may manage ads" if granted else "the token may not manage ads", well=granted, remedy=remedy),
        Finding("Meta lets us read the ad account's custom audiences", well=True),
        *(Finding(in_words(one), well=True) for one in lists),
    ]


VENDOR = Vendor(
    name=VENDOR_NAME,
    title="Meta custom audiences",
    settings=MetaSettings,
    adapter=meta_audiences,
    check=_check,
    carries=("Hashes of the addresses of those who are in an audience; their removal when they leave it.",),
)
