"""Playbooks in force and their versions: to look at. Versions are put in force by ``tendril playbook apply``."""

from dataclasses import asdict

from fastapi import APIRouter

from api.auth import Reader
from api.context import Context
from api.schemas.playbooks import (
    ChangeList,
    ChangeView,
    FromVersion,
    PlaybookList,
    PlaybookView,
    ToVersion,
    VersionList,
    VersionView,
)
from authoring.changes import differences
from storage import playbook_versions, playbooks

router = APIRouter(prefix="/v1/playbooks", tags=["playbooks"])


@router.get("", summary="List the playbooks in force")
async def in_force(context: Context, _key: Reader) -> PlaybookList:
    """By name, each with how many journeys are in flight."""
    items = [PlaybookView.model_validate(row) for row in await playbooks.in_force(context.database)]
    return PlaybookList(total=len(items), items=items)


@router.get("/{name}/versions", summary="List the versions of a playbook")
async def versions(name: str, context: Context, _key: Reader) -> VersionList:
    """The one put in force last first: when, by whom, why, with which policy, and how many journeys run it."""
    await playbooks.active(context.database, name)
    items = [VersionView.model_validate(row) for row in await playbook_versions.versions(context.database, name)]
    return VersionList(total=len(items), items=items)


@router.get("/{name}/diff", summary="Say what differs between two versions")
async def diff(name: str, context: Context, _key: Reader, old: FromVersion, new: ToVersion = None) -> ChangeList:
    """In words: steps, conditions, thresholds and texts. Nothing when both are the same version."""
    hashes = [await playbook_versions.named(context.database, name, which or "") for which in (old, new)]
    one, other = [await playbooks.read(context.database.pool, found) for found in hashes]
    items = [ChangeView.model_validate(asdict(change)) for change in differences(one, other)]
    return ChangeList(from_=hashes[0], to=hashes[1], total=len(items), items=items)
