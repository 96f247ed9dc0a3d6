"""Where vendors tell what became of what was sent, and what happened there."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import APIKeyHeader

from adapters.email.links import TrackedLinks
from adapters.inbound import Forged, Inbound, InboundRequest
from api.context import ApiContext, Context
from api.problems import Problem
from api.services import webhooks
from api.specification import problems
from domain.errors import TransientFault

#: In the specification only: each vendor signs in its own way, in headers of its own or in the body.
_SIGNED = APIKeyHeader(
    name="webhook-signature", scheme_name="VendorSignature", description="As the vendor signs.", auto_error=False
)
router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], dependencies=[Depends(_SIGNED)])
_BODY = {"requestBody": {"required": True, "content": {"*/*": {"schema": {}}}}}


@router.post(
    "/{vendor}",
    summary="A vendor's webhook",
    response_class=Response,
    responses=problems(401, 404, 413, 503),
    openapi_extra=_BODY,
)
async def take(vendor: str, request: Request, context: Context) -> Response:
    """For the vendors that docs/channels.md names, signed as each of them signs. Answered once it is stored.

    What comes again changes nothing. What can't be understood is kept as a dead letter, and answered all the same.
    """
    inbound = _inbound(request, vendor)
    came = InboundRequest(
        body=await request.body(),
        headers={name.lower(): value for name, value in request.headers.items()},
        at=datetime.now(UTC),
        url=_public(context, request),
        query=dict(request.query_params),
    )
    settings = context.settings
    links = TrackedLinks(settings.public_url, settings.link_secrets)
    try:
        reply = await webhooks.take(context.database, context.clock, inbound, came, settings.scanners, links)
    except Forged as forged:
        raise Problem(
            401,
            "forged-webhook",
            f"This is not a request of {vendor}: {forged}.",
            f"Check that the secret set here is what {vendor} signs with, and that nothing on the way changes bodies.",
        ) from None
    except TransientFault as fault:  # what proves that it is the vendor's could not be fetched
        remedy = f"{vendor.capitalize()} tells it again."
        raise Problem(503, "unverified-webhook", f"{fault}.", remedy, headers={"Retry-After": "30"}) from None
    return Response(reply.body, reply.status, media_type=reply.media_type)


def _inbound(request: Request, vendor: str) -> Inbound:
    inbounds: dict[str, Inbound] = request.app.state.inbounds
    if vendor not in inbounds:
        known = ", ".join(sorted(inbounds)) or "none"
        raise Problem(
            404,
            "unknown-vendor",
            f"No webhook of “{vendor[:40]}” is set up here.",
            f"Set its secret (docs/settings.md) and restart. Set up now: {known}.",
        )
    return inbounds[vendor]


def _public(context: ApiContext, request: Request) -> str:
    """The address as the vendor called it: behind a proxy the request itself does not know."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{context.settings.public_url.rstrip('/')}{request.url.path}{query}"
