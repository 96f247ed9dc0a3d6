"""What migrations use to add to large tables while everybody works on them."""

from typing import Any

from alembic import op

from storage.migrate import LOCK_SECONDS


def create_index_online(name: str, table: str, columns: list[Any], **options: Any) -> None:
    """Build an index without keeping writers out; a broken one that an earlier attempt left is replaced.

    Runs outside of the migration's transaction, which ends here: put nothing else into the same migration. It waits
    for transactions older than itself, however long they take, and holds up nobody meanwhile.
    """
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = 0")
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)
        op.execute(f"set lock_timeout = '{LOCK_SECONDS}s'")
