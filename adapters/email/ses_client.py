"""How Amazon SES answers a request: its errors by name, and whose fault each is.

Names: botocore's model of ``sesv2``, errors of ``SendEmail``; those of a quota from the developer guide, Errors related
to the sending quotas. What is said of addresses: the messages that users of the API report.
"""

import re
from typing import Any

import httpx

from adapters.http import VendorClient, vendor_code
from domain.errors import LeadFault, OurFault, TransientFault, VendorFault

VENDOR_NAME = "ses"
#: Too much at once, or today. Some come with 400.
_THROTTLED = frozenset(
    {"TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException", "RequestLimitExceeded"}
)
#: Seconds to wait when SES does not say: a rate is over in a second; for a day's quota the guide says ten minutes.
_RATE, _QUOTA = 1.0, 600.0
#: A refusal (BadRequestException) that is about an address. The sender's was verified, so it is the lead's.
_ADDRESS = re.compile(r"missing (final '@domain'|domain)|illegal address|(domain|local address) (contains|starts|ends)")
_MENDING = {
    "MessageRejected": "is the sender verified in this region, and the account out of the SES sandbox?",
    "MailFromDomainNotVerifiedException": "set the DNS records of the sender's MAIL FROM domain",
    "AccountSuspendedException": "Amazon has suspended the account's sending: see its case",
    "SendingPausedException": "sending is paused for the account or the configuration set",
    "NotFoundException": "is the configuration set in this region?",
}


class SesClient(VendorClient):
    """SES's connection: its errors are named in a header, and a throttled request may be answered 400."""

    def code(self, response: httpx.Response) -> str:
        """``MessageRejected`` of ``MessageRejected:http://…``."""
        named = response.headers.get("x-amzn-errortype", "").partition(":")[0].rpartition("#")[2]
        return named if named.isalnum() else vendor_code(response)

    def wait(self, response: httpx.Response) -> float | None:
        told = super().wait(response)
        if told is not None or self.code(response) not in _THROTTLED:
            return told
        return _QUOTA if "quota" in _said(response) else _RATE

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        code, status = self.code(response), response.status_code
        if code == "BadRequestException" and _ADDRESS.match(_said(response)):
            message = "ses refuses the lead's address: it is not valid"
            return LeadFault(message, vendor=VENDOR_NAME, status=status, code="invalid_address")
        found = super().fault(response, path, harmless_to_repeat=harmless_to_repeat)
        if code in _THROTTLED:
            wait = self.wait(response)
            return TransientFault(str(found), vendor=VENDOR_NAME, status=status, code=code, retry_after=wait)
        if code in _MENDING:
            return OurFault(f"{found}: {_MENDING[code]}", vendor=VENDOR_NAME, status=status, code=code)
        return found


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; an empty one when it is none."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _said(response: httpx.Response) -> str:
    """The message of an error, in lower case: only looked at, never quoted."""
    body = json_object(response)
    return str(body.get("message") or body.get("Message") or "").lower()
