"""Desired state reaching vendors: with how many calls, and how much of their rate is used.

The vendors' limits have their published rates in shorter windows, so that a window fills: HubSpot's 190 requests in
10 s are 19 in 1 s here, LinkedIn's 600 a minute 50 in 5 s, Google's 300 a minute 25 in
5 s, Meta's 5,000 an hour 7 in 5 s.
The activities of the worker run in this process, on a database of their own, without Temporal between.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from pydantic import SecretStr
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.audiences import Pushing
from activities.reconciling import Reconciling
from adapters.ads.google import GoogleAudiences, GoogleClient, GoogleSettings
from adapters.ads.google_auth import GoogleAuth, RefreshToken
from adapters.ads.linkedin import LinkedInAudiences, LinkedInSettings
from adapters.ads.meta import MetaAudiences, MetaSettings
from adapters.ads.meta_client import MetaClient
from adapters.budget import Budget
from adapters.crm.hubspot import HubSpot, hubspot_client
from adapters.crm.hubspot_contacts import BATCH
from adapters.http import VendorClient
from bench.report import Figure, Progress
from bench.stack import Stack, stack
from bench.standing import Limit, Standing, ideal, standing
from domain.audiences import Audiences
from domain.clock import ScaledClock
from storage.audiences import PgAudiences
from storage.database import Database
from storage.inbox import PgInbox
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks

_CHANGES, _MEMBERS = 10_000, 100_000
_LIMITS: dict[str, Limit] = {"hubspot": (19, 1.0), "linkedin": (50, 5.0), "google": (25, 5.0), "meta": (7, 5.0)}
_WINDOWS = 3
_LEADS = """
insert into lead (id, email, created_at, updated_at)
select 'ld_bench' || n, 'lead' || n || '@company' || n || '.example', now(), now() from generate_series(1, $1::int) n
"""
_FIRST = """
insert into crm_record (lead_id, desired, changed_at)
select id, jsonb_build_object('lead_status', 'nurture'), now() from lead order by id limit $1
"""
_CHANGED = """update crm_record set version = version + 1, desired = desired || '{"buyer_stage": "research"}'"""
_JOINED = """
insert into audience_member (audience, lead_id, desired, changed_at) select 'retarget', id, true, now() from lead
"""
_LEFT = "update audience_member set desired = false, version = version + 1"


@dataclass(frozen=True)
class Pushed:
    """What a push took: ``calls`` that were answered, ``refused`` for coming too soon, ``seconds``."""

    calls: int
    refused: int
    seconds: float


async def lists(progress: Progress) -> list[Figure]:
    async with stack() as on, standing(on, _LIMITS) as vendors:
        await on.database.pool.execute(_LEADS, _MEMBERS)
        await on.database.pool.execute("analyze lead")
        figures = await _crm(on, vendors, progress)
        for network in (_linkedin(vendors), _google(vendors), _meta(vendors)):
            figures += await _audience(on, vendors, progress, network)
        return figures


async def _crm(on: Stack, vendors: Standing, progress: Progress) -> list[Figure]:
    client = hubspot_client(f"{vendors.url}/hubspot", "sandbox", budget=Budget("hubspot", *_LIMITS["hubspot"]))
    hubspot, db = HubSpot(client), on.database
    pushing = Reconciling(PgLists(db), hubspot, PgPlaybooks(db), PgInbox(db), ScaledClock())
    await db.pool.execute(_FIRST, _CHANGES)
    progress("10,000 contacts are made in HubSpot")
    await _pushed(pushing.push_crm)
    await db.pool.execute(_CHANGED)
    progress("10,000 field changes to HubSpot")
    pushed = await _measured(vendors, "hubspot", pushing.push_crm)
    await hubspot.close()
    await _all(db, "select count(*) from crm_record where pushed_version = version", _CHANGES)
    return _figures("10,000 field changes to HubSpot", pushed, math.ceil(_CHANGES / BATCH), _LIMITS["hubspot"])


async def _audience(on: Stack, vendors: Standing, progress: Progress, network: Audiences) -> list[Figure]:
    db, name = on.database, network.network
    pushing = Pushing(PgAudiences(db, [name]), {name: network}, ScaledClock())
    await db.pool.execute("truncate audience_member, network_member, network_audience, network_reach, network_request")
    await db.pool.execute(f"{_JOINED} where id = 'ld_bench1'")
    await _pushed(*pushing.activities())  # the list is made; a network may want a while before it takes anybody
    await db.pool.execute(f"{_JOINED} on conflict do nothing")
    progress(f"{_MEMBERS:,} members join at {name}")
    joined = await _measured(vendors, name, *pushing.activities())
    await _all(db, "select count(*) from network_member where pushed_version = version", _MEMBERS)
    await db.pool.execute(_LEFT)
    progress(f"{_MEMBERS:,} members leave at {name}")
    left = await _measured(vendors, name, *pushing.activities())
    await _all(db, "select count(*) from network_member where pushed_version = version", _MEMBERS)
    await network.close()
    least, limit = math.ceil(_MEMBERS / network.batch_size), _LIMITS[name]
    return [
        *_figures(f"{_MEMBERS:,} members joining at {name}", joined, least, limit),
        *_figures(f"{_MEMBERS:,} members leaving at {name}", left, least, limit),
    ]


async def _measured(vendors: Standing, vendor: str, push: Callable[[], Awaitable[Any]]) -> Pushed:
    before, began = len(await vendors.came(vendor)), perf_counter()
    await _pushed(push)
    seconds = perf_counter() - began
    statuses = [status for _, _, status in (await vendors.came(vendor))[before:]]
    return Pushed(len(statuses), statuses.count(429), seconds)


async def _pushed(push: Callable[[], Awaitable[Any]]) -> None:
    """As Temporal runs it: again when the activity says."""
    while True:
        try:
            await ActivityEnvironment().run(push)
        except ApplicationError as wait:
            if wait.next_retry_delay is None:
                raise
            await asyncio.sleep(wait.next_retry_delay.total_seconds())
        else:
            return


def _figures(what: str, pushed: Pushed, least: int, limit: Limit) -> list[Figure]:
    """How much of the rate was used is told where several windows of it were filled."""
    figures = [
        Figure(f"{what}: calls, of the fewest that its batches allow", pushed.calls / least, "×", target="<= 1.1"),
        Figure(f"{what}: {pushed.calls} calls, whole", pushed.seconds, "s"),
        Figure(f"{what}: calls refused for coming too soon", pushed.refused, "", target="== 0"),
    ]
    if pushed.calls < _WINDOWS * limit[0]:
        return figures
    share = pushed.calls / pushed.seconds / (limit[0] / limit[1])
    return [
        *figures,
        Figure(f"{what}: calls a second, of those that its limit allows", share, "", target=">= 0.9"),
        Figure(f"{what}: the least time possible, of what it took", ideal(pushed.calls, limit) / pushed.seconds, ""),
    ]


def _linkedin(vendors: Standing) -> Audiences:
    settings = LinkedInSettings()
    headers = {
        "authorization": f"Bearer {settings.token.get_secret_value()}",
        "linkedin-version": settings.version,
        "x-restli-protocol-version": "2.0.0",
    }
    budget = Budget("linkedin", *_LIMITS["linkedin"])
    client = VendorClient("linkedin", f"{vendors.url}/linkedin", headers=headers, budget=budget)
    return LinkedInAudiences(client, settings.account, platform=settings.platform)


def _google(vendors: Standing) -> Audiences:
    url = f"{vendors.url}/google"
    settings = GoogleSettings(base_url=url, token_url=f"{url}/token", account="1234567890")
    auth = GoogleAuth(RefreshToken("bench", "sandbox", "granted"), settings.token_url)
    budget = Budget("google", *_LIMITS["google"])
    return GoogleAudiences(GoogleClient("google", url, auth=auth, budget=budget, timeout=30), settings)


def _meta(vendors: Standing) -> Audiences:
    settings = MetaSettings(base_url=f"{vendors.url}/meta", token=SecretStr("sandbox"), account="1234567890")
    headers = {"authorization": "Bearer sandbox"}
    budget = Budget("meta", *_LIMITS["meta"])
    return MetaAudiences(MetaClient("meta", settings.base_url, headers=headers, budget=budget, timeout=30), settings)


async def _all(db: Database, count: str, wanted: int) -> None:
    """Raises ``RuntimeError`` unless everything was taken: else nothing was measured."""
    found = await db.pool.fetchval(count)
    if found != wanted:
        raise RuntimeError(f"only {found} of {wanted} were taken")
