"""A witness in the database: when each claim of a touch was asked for, which the ledger itself forgets once it is sent.

``statement_timestamp()`` is when the claim's statement arrived, before its snapshot: a claim later than an opt-out's
commit has seen it.
"""

from storage.database import Database

_INSTALL = """
create table chaos_claim (key text not null, claim_id text not null, at timestamptz not null);
create function chaos_claimed() returns trigger language plpgsql as $$
begin
    insert into chaos_claim values (new.key, new.claim_id, statement_timestamp());
    return null;
end $$;
create trigger chaos_claimed after update on touch for each row
when (new.status = 'claimed' and (old.status, old.claim_id, old.leased_until)
    is distinct from (new.status, new.claim_id, new.leased_until))
execute function chaos_claimed();
"""


async def install(database: Database) -> None:
    """Before anything runs."""
    await database.pool.execute(_INSTALL)
