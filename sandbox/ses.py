"""Amazon SES's stand-in, API version 2: mail, the account and its suppression list, and the SNS topic that tells of it.

Requests must be signed (Signature Version 4) with the access key ``sandbox`` and the secret ``sandbox``.
"""

import base64
import binascii
import re
import uuid
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import Annotated, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from sandbox import mailers, ses_events
from sandbox.answers import VendorError
from sandbox.mailers import Mailer, SentMail, Teller, Unwilling
from sandbox.stand_in import StandIn
from sandbox.state import Store

KEY = SECRET = "sandbox"  # noqa: S105 - the sandbox's public one
#: The only configuration set there is.
CONFIGURATION_SET = "tendril"
#: What the account may send in a second and in 24 hours.
SEND_RATE, QUOTA = 200.0, 50_000.0
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/ses/aws4_request, "
    r"SignedHeaders=(?P<headers>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_AGE = timedelta(minutes=5)
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_CODES = {
    400: "BadRequestException",
    403: "SignatureDoesNotMatch",
    404: "NotFoundException",
    429: "TooManyRequestsException",
}
_REASONS = {"hard_bounced": "BOUNCE", "complained": "COMPLAINT"}


class Ses:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.held = store.of("ses", Mailer)

    def take(self, body: dict[str, Any]) -> str:
        """Send a raw message; returns SES's id of it. Raises ``VendorError`` as SES words it."""
        [to] = body["Destination"]["ToAddresses"]
        try:
            message = message_from_bytes(base64.b64decode(body["Content"]["Raw"]["Data"]), policy=policy.default)
        except binascii.Error:
            raise VendorError(400, "Raw.Data is not base64") from None
        sender = parseaddr(str(message["From"]))[1]
        if not mailers.verified(sender):
            said = f"Email address is not verified. The following identities failed the check: {sender}"
            raise VendorError(400, said, code="MessageRejected")
        if not re.fullmatch(r"[A-Za-z0-9.-]+", to.rpartition("@")[2]):
            raise VendorError(400, "Domain contains illegal character")
        tags = {tag["Name"]: tag["Value"] for tag in body.get("EmailTags", [])}
        if not all(_TAG.fullmatch(word) for pair in tags.items() for word in pair):
            raise VendorError(400, "Invalid tag")
        if body.get("ConfigurationSetName", CONFIGURATION_SET) != CONFIGURATION_SET:
            raise VendorError(404, f"Configuration set <{body['ConfigurationSetName']}> does not exist.")
        identity = f"0100{uuid.uuid4().hex[:12]}-{uuid.uuid4()}-000000"
        mail = SentMail(
            id=identity,
            to=to,
            subject=str(message["Subject"]),
            reference=tags.get(ses_events.TAG, ""),
            at=mailers.now(),
            body=body,
        )
        mailers.taken(self._store, self.held, mail)
        return identity

    def suppressed(self, since: datetime | None) -> list[dict[str, Any]]:
        """The suppression list, by address; SES keeps no opt-outs."""
        listed = [one for one in self.held.unwilling.values() if one.reason in _REASONS]
        return [_entry(one) for one in sorted(listed, key=lambda one: one.email) if _late(one, since)]


async def signed(request: Request) -> None:
    """Raises ``VendorError`` unless the request is signed with the key, a short while ago."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        raise VendorError(403, "Request is missing Authentication Token", code="MissingAuthenticationToken")
    if found["key"] != KEY:
        said = "The security token included in the request is invalid."
        raise VendorError(403, said, code="UnrecognizedClientException")
    date = request.headers.get("x-amz-date", "")
    headers = {name: request.headers.get(name, "") for name in found["headers"].split(";")}
    rebuilt = AWSRequest(request.method, str(request.url), headers=headers, data=await request.body())
    rebuilt.context["timestamp"] = date
    signer = SigV4Auth(Credentials(KEY, SECRET), "ses", found["region"])
    right = signer.signature(signer.string_to_sign(rebuilt, signer.canonical_request(rebuilt)), rebuilt)
    at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if right != found["signature"] or abs(datetime.now(UTC) - at) > _AGE:
        raise VendorError(403, "The request signature we calculated does not match the signature you provided.")


def router(ses: Ses) -> APIRouter:
    routes = APIRouter(prefix="/v2/email", dependencies=[Depends(signed)])

    @routes.post("/outbound-emails")
    async def send(body: dict[str, Any]) -> dict[str, str]:
        return {"MessageId": ses.take(body)}

    @routes.get("/account")
    async def account() -> dict[str, Any]:
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": "HEALTHY",
            "ProductionAccessEnabled": True,
            "SendingEnabled": True,
            "SendQuota": {"Max24HourSend": QUOTA, "MaxSendRate": SEND_RATE, "SentLast24Hours": len(ses.held.mails)},
            "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        }

    @routes.get("/suppression/addresses")
    async def suppressed(
        size: Annotated[int, Query(alias="PageSize", le=1000)] = 1000,
        token: Annotated[int, Query(alias="NextToken")] = 0,
        since: Annotated[datetime | None, Query(alias="StartDate")] = None,
    ) -> dict[str, Any]:
        found = ses.suppressed(since)
        more = {"NextToken": str(token + size)} if len(found) > token + size else {}
        return {"SuppressedDestinationSummaries": found[token : token + size], **more}

    @routes.get("/configuration-sets/{name}/event-destinations")
    async def destinations(name: str) -> dict[str, Any]:
        if name != CONFIGURATION_SET:
            raise VendorError(404, f"Configuration set <{name}> does not exist.")
        return {"EventDestinations": [ses_events.DESTINATION]}

    return routes


def error(failure: VendorError) -> Response:
    """SES's: what it is in a header, and a message."""
    code = failure.code or _CODES.get(failure.status, "InternalServiceErrorException")
    headers = {"x-amzn-errortype": f"{code}:http://internal.amazon.com/", "x-amzn-requestid": str(uuid.uuid4())}
    return JSONResponse({"message": failure.message}, failure.status, headers)


def _entry(one: Unwilling) -> dict[str, Any]:
    at = datetime.fromisoformat(one.at).timestamp()
    return {"EmailAddress": one.email, "Reason": _REASONS[one.reason], "LastUpdateTime": at}


def _late(one: Unwilling, since: datetime | None) -> bool:
    return since is None or datetime.fromisoformat(one.at) >= since


def _router(store: Store) -> APIRouter:
    ses = Ses(store)
    routes = mailers.telling(store, ses.held, Teller(ses_events.bodies, ses_events.headers))
    routes.include_router(router(ses))
    routes.include_router(ses_events.router())
    return routes


STAND_IN = StandIn(
    vendor="ses",
    router=_router,
    error=error,
    admitted=None,
    shown=lambda store: mailers.shown(store.of("ses", Mailer)),
)
