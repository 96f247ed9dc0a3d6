"""The lead a command is about, by any of its names."""

from typing import Annotated

from typer import Argument

from domain.errors import NotFound
from storage import leads
from storage.database import Database
from storage.tables import Lead

Named = Annotated[str, Argument(metavar="ID", help="The lead's id; its external id or address serves as well.")]


async def find(database: Database, named: str) -> Lead:
    """The lead of that id, external id or address. Raises ``NotFound``."""
    try:
        return await leads.get(database, named)
    except NotFound:
        found = await leads.find(database, external_id=named, email=named if "@" in named else None)
        if found is None:
            raise NotFound(f"There is no lead {named}.", "`tendril leads list --search TEXT` finds leads.") from None
        return found
