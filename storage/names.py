"""Names that leads are known by: external ids, user ids and visitors' ids."""

from collections.abc import Sequence

from storage.database import Database

_KNOWN = """
select external_id as name from lead where external_id = any($1::text[])
union select value from identity where kind = 'user_id' and value = any($1::text[])
union select value from identity where kind = 'anonymous_id' and value = any($2::text[])
"""


async def known(db: Database, user_ids: Sequence[str], anonymous_ids: Sequence[str]) -> set[str]:
    """Those of the names that are a lead's."""
    return {row["name"] for row in await db.pool.fetch(_KNOWN, user_ids, anonymous_ids)}
