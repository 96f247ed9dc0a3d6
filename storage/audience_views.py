"""What each ads network holds of each audience, for people to read: numbers only, nobody's name."""

from datetime import datetime

from pydantic import BaseModel, Field

from storage.database import Database

#: One reading of all memberships: of a million about a second. A list that was never read back has no time.
_HELD = """
with member as (
    select network, audience, count(*) filter (where wanted) as wanted, count(*) filter (where held) as held,
        count(*) filter (where pushed_version < version and refusals = 0) as waiting,
        count(*) filter (where pushed_version < version and refusals > 0) as refused
    from network_member group by network, audience
)
select network, audience, coalesce(a.status, '') as status, a.size, coalesce(a.least, 0) as least,
    coalesce(a.usable, false) as usable, coalesce(a.problem, '') as problem,
    coalesce(m.wanted, 0) as wanted, coalesce(m.held, 0) as held, coalesce(m.waiting, 0) as waiting,
    coalesce(m.refused, 0) as refused, nullif(a.read_real_at, 'epoch') as read_real_at
from network_audience a full join member m using (network, audience) order by audience, network
"""


class AudienceAtNetwork(BaseModel):
    """One audience as one network has it."""

    audience: str
    network: str
    status: str = Field(description="In the network's own words; empty until it was read.")
    size: int | None = Field(description="People whom the network found, by its own count; null where it tells none.")
    least: int = Field(description="People that it needs before it shows ads to them.")
    usable: bool = Field(description="Whether it says that ads can be shown.")
    problem: str = Field(description="What stands in the way; empty when nothing does.")
    wanted: int = Field(description="Leads who belong there.")
    held: int = Field(description="Leads whom the network has acknowledged.")
    waiting: int = Field(description="Leads of whom it has yet to be told.")
    refused: int = Field(description="Leads whom it refused; it is asked again.")
    read_real_at: datetime | None = Field(description="When the network was last asked, on the wall clock.")


async def at_networks(db: Database) -> list[AudienceAtNetwork]:
    """Every audience at every network that holds or should hold anybody, by audience and network."""
    return [AudienceAtNetwork.model_validate(dict(row)) for row in await db.pool.fetch(_HELD)]
