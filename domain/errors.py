"""Whose fault a failure is, in four classes. The class decides what happens next; nothing else does.

=============  =====================================  ====================================================
class          meaning                                what follows
=============  =====================================  ====================================================
TransientFault timeout, 429, 5xx, connection refused  retried with backoff for hours; ``retry_after`` honoured
OurFault       bad key, malformed request, no scope   alert, hold, retried slowly: a person must mend it
LeadFault      invalid address, full mailbox          becomes a delivery event; the journey decides
=============  =====================================  ====================================================

``NotSent`` on a fault says whether it is certain that nothing left: only then may a claim be released.
"""


class VendorFault(Exception):
    """A vendor did not do what was asked. ``vendor``, ``status``, ``code`` are kept; messages carry no personal data.

    ``certainly_not_sent`` is true when the failure proves that nothing was delivered (connection refused, a 4xx
    answer); false when it is not known (a timeout after the body was handed over).
    """

    def __init__(
        self,
        message: str,
        *,
        vendor: str,
        status: int | None = None,
        code: str = "",
        retry_after: float | None = None,
        certainly_not_sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.vendor = vendor
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.certainly_not_sent = certainly_not_sent


class TransientFault(VendorFault):
    """Nobody's fault for long: try again, after ``retry_after`` seconds where the vendor said so."""


class OurFault(VendorFault):
    """Credentials, scopes or a malformed request: a person must mend it."""


class RecordsRefused(OurFault):
    """The vendor answered, and took none of these records for what they say; others may still be welcome."""


class LeadFault(VendorFault):
    """The lead can't be reached this way: for good (no such address), or not now (a mailbox that is full)."""

    def __init__(
        self, message: str, *, vendor: str, status: int | None = None, code: str = "", for_good: bool = True
    ) -> None:
        super().__init__(message, vendor=vendor, status=status, code=code)
        self.for_good = for_good


class CannotTell(Exception):
    """The vendor can't be asked whether a touch was delivered: a person must look."""


class Refused(Exception):
    """A request that can't be honoured, in words for the one who asked. ``remedy`` says what to do instead."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class NotFound(Refused):
    """The thing named does not exist."""
