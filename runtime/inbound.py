"""Whose webhooks are heard here: every vendor's that the deployment has set up."""

from collections.abc import Mapping

from adapters.inbound import Inbound
from adapters.vendor import AnyVendor, settings_of
from adapters.vendors import ALL
from domain.errors import Refused


def inbounds(vendors: Mapping[str, AnyVendor] = ALL) -> dict[str, Inbound]:
    """Vendor → what reads its webhooks. Those are left out whose settings, or the webhook's secret, are not there."""
    found = {name: _inbound(vendor) for name, vendor in vendors.items()}
    return {name: inbound for name, inbound in found.items() if inbound is not None}


def _inbound(vendor: AnyVendor) -> Inbound | None:
    try:
        settings = settings_of(vendor)
    except Refused:  # nothing, or not all, is set: whoever uses the vendor is told so by ``runtime.vendors``
        return None
    return vendor.inbound(settings)
