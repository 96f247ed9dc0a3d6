"""Google Customer Match, by the Data Manager API (``audienceMembers:ingest`` and ``:remove``).

Google has two ways: this API, and offline user data jobs of the Google Ads API. This is the one to take: Google's guide
"Upgrade from the Google Ads API" (developers.google.com/data-manager/api/devguides/audiences/google-ads/customer-match/
upgrade) moves Customer Match here, where a batch is one request instead of a job that is made, filled, run and watched,
there is no developer token to apply for, and what became of each batch can be asked by its request id.

Written against that API's guides and its published messages (``google-ads-datamanager``), to which the tests hold
every body. A list is a ``userList``, found again by its ``integrationCode``, which is the audience's id. Numbers, from
its pages *Limits* and *Best practices*: 10,000 members a request, 300 requests a minute, up to 10 at once.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.ads.google_auth import GoogleAuth, Grant, RefreshToken, ServiceAccount
from adapters.ads.hashing import googles, sha256
from adapters.ads.words import in_words, list_gone
from adapters.budget import Budget
from adapters.http import VendorClient, said
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.audiences import AdsAudience, AudienceState, Fate, Outcome, Taken
from domain.errors import Refused, VendorFault

VENDOR_NAME = "google"
#: Of ten at once five are enough for the rate, and take half the memory.
BATCH, AT_ONCE, PER_MINUTE = 10_000, 5, 300
#: Days that a membership lasts at most (support.google.com/google-ads/answer/6379332).
MOST_DAYS = 540
#: "A minimum of 100 active visitors or users within the last 30 days", on every network
#: (support.google.com/google-ads/answer/7558048).
LEAST = 100
#: Seconds to wait when the quota of a minute is used up.
_EXHAUSTED = 20.0
Signal = Literal["granted", "denied", "unspecified"]
_FATES = {
    "SUCCESS": Fate.DONE,
    "PROCESSING": Fate.UNDER_WAY,
    "REQUEST_STATUS_UNKNOWN": Fate.UNDER_WAY,
    "PARTIAL_SUCCESS": Fate.PARTLY,
    "FAILED": Fate.FAILED,
    "FAILURE": Fate.FAILED,  # as the guide "Diagnostics" calls it
}
#: The networks that a list's size is told for.
_SIZES = ("displayNetworkMembersCount", "searchNetworkMembersCount", "youtubeMembersCount", "gmailMembersCount")


class GoogleSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_GOOGLE_")

    base_url: str = Field("https://datamanager.googleapis.com", description="Data Manager API.")
    token_url: str = Field("https://oauth2.googleapis.com/token", description="Where access tokens are given out.")
    account: str = Field(description="Customer id of the Google Ads account, digits only.", pattern=r"^\d+$")
    login_account: str = Field(
        "", description="Customer id of the manager account that the credentials belong to.", pattern=r"^\d*$"
    )
    service_account: Path | None = Field(None, description="JSON key file of a service account with access to it.")
    client_id: str = Field("", description="OAuth client, in place of a service account.")
    client_secret: SecretStr = Field(SecretStr(""), description="Its secret.")
    refresh_token: SecretStr = Field(SecretStr(""), description="What it was granted, with the scope `datamanager`.")
    membership_days: int = Field(
        MOST_DAYS, ge=1, le=MOST_DAYS, description="Days a membership lasts; it is renewed before they are over."
    )
    ad_user_data: Signal = Field(
        "unspecified", description="Whether those in audiences consented to their data going to Google for ads."
    )
    ad_personalization: Signal = Field(
        "unspecified",
        description="Whether they consented to personalised ads. Google wants both for people in the EEA.",
    )
    terms_accepted: bool = Field(False, description="Say with each request that the Customer Match terms are accepted.")


class GoogleClient(VendorClient):
    """Errors are ``google.rpc.Status`` in JSON: the code is the word of its ``status``."""

    def code(self, response: httpx.Response) -> str:
        try:
            word = str(response.json()["error"]["status"])
        except (ValueError, KeyError, TypeError):
            return ""
        return word if word.replace("_", "").isalpha() else ""

    def wait(self, response: httpx.Response) -> float | None:
        """A used-up quota is one of a minute; Google does not always say how much of it is left to wait."""
        exhausted = response.status_code == httpx.codes.TOO_MANY_REQUESTS
        return super().wait(response) or (_EXHAUSTED if exhausted else None)


class GoogleAudiences:
    """``domain.audiences.Audiences`` of one Google Ads account."""

    network = VENDOR_NAME
    batch_size = BATCH
    at_once = AT_ONCE

    def __init__(self, client: VendorClient, settings: GoogleSettings) -> None:
        self._client = client
        self._settings = settings
        self._parent = f"accountTypes/GOOGLE_ADS/accounts/{settings.account}"
        self._lists: dict[str, str] = {}
        self.lasts = timedelta(days=settings.membership_days)

    async def close(self) -> None:
        await self._client.close()

    def key(self, email: str) -> str:
        return sha256(googles(email))

    async def add(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        known = await self._id(audience)
        found = known or await self._create(audience)
        body = self._members(found, keys) | self._consent()
        if self._settings.terms_accepted:
            body["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
        taken = await self._tell(audience, "ingest", body)
        return taken.model_copy(update={"made": not known})

    async def remove(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        found = await self._id(audience)
        return await self._tell(audience, "remove", self._members(found, keys)) if found else Taken()

    async def outcome(self, request: str) -> Outcome:
        """``requestStatus:retrieve`` tells of each destination; there is one. It may take up to 24 hours (guide
        "Diagnostics"); what is no answer of Google's is as good as none yet.
        """
        answer = await self._client.request(
            "GET", "/v1/requestStatus:retrieve", params={"requestId": request}, harmless_to_repeat=True
        )
        told = said(answer).get("requestStatusPerDestination") or [{}]
        fate = _FATES.get(str(told[0].get("requestStatus", "")), Fate.UNDER_WAY)
        return Outcome(fate=fate, why=_why(told[0]))

    async def state(self, audience: AdsAudience) -> AudienceState | None:
        found = await self._find(f'integrationCode = "{audience.id}"')
        return _state(audience.id, found[0]) if found else None

    async def lists(self) -> list[AudienceState]:
        """Customer Match lists of ours in the account."""
        found = await self._find('ingestedUserListInfo.uploadKeyTypes : "CONTACT_ID"')
        return [_state(one["integrationCode"], one) for one in found if one.get("integrationCode")]

    @property
    def unspecified(self) -> bool:
        """Whether Google is not told of consent."""
        return "unspecified" in (self._settings.ad_user_data, self._settings.ad_personalization)

    async def _tell(self, audience: AdsAudience, what: str, body: Mapping[str, Any]) -> Taken:
        """The answer's request id is all there is: what became of the batch is asked later. Raises
        ``OurFault`` for one without.
        """
        path = f"/v1/audienceMembers:{what}"
        try:
            answer = await self._client.request("POST", path, json=body, harmless_to_repeat=True)
        except VendorFault as fault:
            if fault.status != httpx.codes.NOT_FOUND:
                raise
            self._lists.pop(audience.id, None)
            raise list_gone(VENDOR_NAME, audience) from None
        return Taken(request=str(self._client.answered(answer, "requestId")["requestId"]))

    def _members(self, found: str, keys: Sequence[str]) -> dict[str, Any]:
        destination: dict[str, Any] = {
            "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": self._settings.account},
            "productDestinationId": found,
        }
        if self._settings.login_account:
            login = {"accountType": "GOOGLE_ADS", "accountId": self._settings.login_account}
            destination["loginAccount"] = login
        return {
            "destinations": [destination],
            "audienceMembers": [{"userData": {"userIdentifiers": [{"emailAddress": key}]}} for key in keys],
            "encoding": "HEX",
        }

    def _consent(self) -> dict[str, Any]:
        told = {"adUserData": self._settings.ad_user_data, "adPersonalization": self._settings.ad_personalization}
        signals = {name: f"CONSENT_{word.upper()}" for name, word in told.items() if word != "unspecified"}
        return {"consent": signals} if signals else {}

    async def _id(self, audience: AdsAudience) -> str:
        """The list's id: remembered, or found. "" when there is none."""
        if audience.id not in self._lists and (found := await self._find(f'integrationCode = "{audience.id}"')):
            self._lists[audience.id] = str(found[0]["id"])
        return self._lists.get(audience.id, "")

    async def _find(self, condition: str) -> list[dict[str, Any]]:
        lists: list[dict[str, Any]] = []
        query = {"filter": condition, "pageSize": "1000"}
        while True:
            path = f"/v1/{self._parent}/userLists"
            answer = await self._client.request(
                "GET", path, params=query, headers=self._login(), harmless_to_repeat=True
            )
            page = answer.json()
            lists += page.get("userLists", [])
            if not page.get("nextPageToken"):
                return lists
            query["pageToken"] = page["nextPageToken"]

    async def _create(self, audience: AdsAudience) -> str:
        body = {
            # A display name is unique in the account; labels need not be.
            "displayName": f"{audience.title} ({audience.id})",
            "integrationCode": audience.id,
            "membershipDuration": f"{self._settings.membership_days * 86400}s",
            "ingestedUserListInfo": {
                "uploadKeyTypes": ["CONTACT_ID"],
                "contactIdInfo": {"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY"},
            },
        }
        path = f"/v1/{self._parent}/userLists"
        answer = await self._client.request("POST", path, json=body, headers=self._login(), harmless_to_repeat=False)
        self._lists[audience.id] = str(answer.json()["id"])
        return self._lists[audience.id]

    def _login(self) -> dict[str, str]:
        """Requests about lists name the manager account in a header, those about members in the body."""
        login = self._settings.login_account
        return {"login-account": f"accountTypes/GOOGLE_ADS/accounts/{login}"} if login else {}


def google_audiences(settings: GoogleSettings, **options: Any) -> GoogleAudiences:
    """The adapter over a connection of its own. ``options`` are ``VendorClient``'s. Raises ``Refused``."""
    auth = GoogleAuth(_grant(settings), settings.token_url)
    budget = Budget(VENDOR_NAME, PER_MINUTE, 60)
    # Ten thousand members are about a megabyte: it takes a while to send.
    options = {"timeout": 30.0} | options
    client = GoogleClient(VENDOR_NAME, settings.base_url, auth=auth, budget=budget, **options)
    return GoogleAudiences(client, settings)


def _grant(settings: GoogleSettings) -> Grant:
    if settings.service_account is not None:
        return ServiceAccount(_key(settings.service_account))
    secret, token = settings.client_secret.get_secret_value(), settings.refresh_token.get_secret_value()
    if not (settings.client_id and secret and token):
        raise Refused(
            "Google Customer Match is not set up: there are no credentials.",
            "Set TENDRIL_GOOGLE_SERVICE_ACCOUNT, or TENDRIL_GOOGLE_CLIENT_ID, _CLIENT_SECRET and _REFRESH_TOKEN.",
        )
    return RefreshToken(settings.client_id, secret, token)


def _key(file: Path) -> dict[str, Any]:
    try:
        key = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        key = {}
    if not {"client_email", "private_key"} <= key.keys():
        raise Refused(
            f"TENDRIL_GOOGLE_SERVICE_ACCOUNT: {file} is no key of a service account.",
            "Download one as JSON in the Google Cloud console, under IAM, Service accounts, Keys.",
        )
    return dict(key)


def _why(told: Mapping[str, Any]) -> str:
    """Reasons with the number of people each is about. Google names nobody."""
    counts = (told.get("errorInfo") or {}).get("errorCounts", [])
    return "; ".join(f"{one.get('reason', 'unknown')}: {one.get('recordCount', '?')}" for one in counts)


def _state(audience: str, found: Mapping[str, Any]) -> AudienceState:
    """The largest of the networks: ads are shown where there are enough. Google rounds small sizes down to 0."""
    info = found.get("sizeInfo") or {}
    sizes = [int(info[name]) for name in _SIZES if name in info]
    size, status = max(sizes, default=None), str(found.get("membershipStatus", "OPEN"))
    usable = status == "OPEN" and (size or 0) >= LEAST
    return AudienceState(audience=audience, status=status, size=size, least=LEAST, usable=usable)


async def _check(adapter: GoogleAudiences) -> list[Finding]:
    lists = await adapter.lists()
    consent = Finding("Google is told that those in audiences consented", well=True)
    if adapter.unspecified:
        consent = Finding("Google is not told of consent: in the EEA it then matches nobody", well=True)
    return [
        Finding("Google lets us read the account's Customer Match lists", well=True),
        consent,
        *(Finding(in_words(one), well=True) for one in lists),
    ]


VENDOR = Vendor(
    name=VENDOR_NAME,
    title="Google Customer Match",
    settings=GoogleSettings,
    adapter=google_audiences,
    check=_check,
    carries=("Hashes of the addresses of those who are in an audience; their removal when they leave it.",),
)
