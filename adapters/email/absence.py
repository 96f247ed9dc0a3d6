"""When a vendor that does not find a mail may be believed that it never took it.

Vendors' searches lag behind what they took, and forget what is old. In between, "not found" means "not taken"; before,
the vendor is asked again; after, nobody can tell.
"""

from datetime import UTC, datetime, timedelta

from adapters.email.carrier import Sought
from domain.errors import CannotTell, TransientFault


def written_to(vendor: str, sought: Sought) -> str:
    """The address that the mail would have gone to, for vendors that find mail by it only.

    Raises ``CannotTell`` where it is not known: that nothing went to another address says nothing.
    """
    if not sought.to:
        raise CannotTell(f"{vendor} finds mail by its address only, and the one of that attempt is not known any more")
    return sought.to


def not_taken(vendor: str, sought: Sought, *, lag: timedelta, kept: timedelta) -> None:
    """Returns when a mail that was looked for in vain was certainly not taken.

    ``lag`` is the longest that a mail takes to be found, ``kept`` how long it is found at least. Raises
    ``TransientFault`` when it is too early to say, ``CannotTell`` when it is too late or the attempt's time is not
    known.
    """
    if sought.since is None:
        raise CannotTell(f"{vendor} does not find the mail, and since when to look is not known")
    age = datetime.now(UTC) - sought.since
    if age > kept:
        raise CannotTell(f"{vendor} does not find the mail, and no longer knows all mail of that time")
    if age < lag:
        wait = (lag - age).total_seconds()
        raise TransientFault(f"{vendor} may not know the mail yet", vendor=vendor, code="too_early", retry_after=wait)
