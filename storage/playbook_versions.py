"""The versions of playbooks that are kept: all that were ever in force, since journeys may run any of them."""

from typing import Any

from domain.errors import NotFound
from storage import playbook_changes, playbooks
from storage.database import Database

#: Names the version that the one in force replaced.
PREVIOUS = "previous"

#: Each with the change that put it in force last. Those from before changes were kept have none.
_VERSIONS = """
select v.hash, v.name, a.hash is not null as in_force, coalesce(c.at, v.created_at) as at, coalesce(c.by, '') as by,
    coalesce(c.policy, '') as policy, coalesce(c.rollback, false) as rollback, coalesce(c.reason, '') as reason,
    c.from_hash as replaced, v.followed_by, coalesce(c.operation_id, '') as operation,
    coalesce(j.journeys, 0) as journeys
from playbook_version v
left join playbook_active a on a.hash = v.hash and a.name = v.name
left join lateral (select * from playbook_change where to_hash = v.hash and name = v.name order by id desc limit 1) c
    on true
left join (select playbook_hash, count(*) as journeys from journey where ended_at is null group by 1) j
    on j.playbook_hash = v.hash
where $1 = '' or v.name = $1 order by v.name, c.id desc nulls last, v.created_at desc
"""
_MATCHING = (
    "select hash from playbook_version where starts_with(hash, $1) and ($2 = '' or name = $2) order by 1 limit 4"
)


async def versions(db: Database, name: str = "") -> list[dict[str, Any]]:
    """Of one playbook or of all, the one put in force last first: ``hash``, ``name``, ``in_force``, ``at``, ``by``,
    ``policy`` (what was chosen for journeys in flight then), ``rollback``, ``reason``, ``replaced``, ``followed_by``,
    ``operation`` and ``journeys`` (in flight, that run it).
    """
    return [dict(row) for row in await db.pool.fetch(_VERSIONS, name)]


async def named(db: Database, name: str, which: str = "") -> str:
    """Hash of a playbook's version: the one in force for "", the one before for ``PREVIOUS``, or the one whose hash
    begins so. Raises ``NotFound``.
    """
    _, active = await playbooks.active(db, name)
    if not which:
        return active
    if which != PREVIOUS:
        return await by_prefix(db, which, name)
    before = await playbook_changes.before(db, name, active)
    if before is None:
        remedy = f"Name one that `tendril playbook versions {name}` lists."
        raise NotFound(f"Nobody knows of a version of {name} before {active}.", remedy)
    return before


async def by_prefix(db: Database, prefix: str, name: str = "") -> str:
    """The one version whose hash begins so. Raises ``NotFound`` when there is none, or several."""
    found = [row["hash"] for row in await db.pool.fetch(_MATCHING, prefix, name)]
    if len(found) == 1:
        return str(found[0])
    of = f" of {name}" if name else ""
    if not found:
        raise NotFound(f"There is no version{of} {prefix}.", "`tendril playbook versions` lists those there are.")
    raise NotFound(f"Several versions{of} begin with {prefix}: {', '.join(found)}.", "Give more of the hash.")
