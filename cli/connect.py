"""``tendril connect``: whether a vendor is set up and lets us in, and what will go there."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from typer import Argument, Exit, echo

from adapters.email import smtp
from adapters.vendor import AnyVendor, Closable, Finding, settings_of
from adapters.vendors import ADS, ALL, CRM, MAIL, MAIL_IN, PEOPLE
from cli.output import Json, listing, print_json
from cli.session import run
from cli.settings import read_settings
from domain.errors import Refused, VendorFault
from runtime.embedded.where import located_vendors
from runtime.inbound import inbounds
from runtime.vendors import own_settings, smtp_carrier

_KINDS = {"e-mail": MAIL, "mail in": MAIL_IN, "CRM": CRM, "ads": ADS, "people": PEOPLE}
_WELL, _NOT_WELL = "✓", "✗"

Which = Annotated[
    str | None, Argument(metavar="[VENDOR]", help="A vendor's name; without it, all there are are listed.")
]


def connect(vendor: Which = None, as_json: Json = False) -> None:
    """Check a vendor: its settings, whether it can be reached and lets us in, and what will be sent or synced there.

    Nothing is changed at the vendor. Exits with code 1 when something is not in order, and says what to do.

    Example: `TENDRIL_SENDGRID_API_KEY=… tendril connect sendgrid`
    """
    if vendor is None:
        _list(as_json=as_json)
        return
    chosen = _named(vendor)
    findings = run(_found(chosen))
    _tell(chosen, findings, as_json=as_json)
    if not all(finding.well for finding in findings):
        raise Exit(1)


def _named(name: str) -> AnyVendor:
    if name == "smtp":
        return _smtp()
    if name not in ALL:
        raise Refused(f"There is no vendor “{name}”.", f"Known are: smtp, {', '.join(ALL)}.")
    return ALL[name]


def _smtp() -> AnyVendor:
    return smtp.vendor(lambda: smtp_carrier(located_vendors(read_settings())))


async def _found(vendor: AnyVendor) -> list[Finding]:
    """The vendor's own findings. Whatever it answers is one: no fault of a vendor ends in a stack trace."""
    adapter: Closable = vendor.adapter(own_settings(vendor, located_vendors(read_settings())))
    try:
        found: list[Finding] = await vendor.check(adapter)
    except VendorFault as fault:
        return [Finding(str(fault), well=False, remedy="Check the credentials, then try again.")]
    finally:
        await adapter.close()
    return found if vendor.name == "smtp" else [*found, _hearing(vendor)]


def _hearing(vendor: AnyVendor) -> Finding:
    if vendor.name in inbounds({vendor.name: vendor}):
        return Finding(
            f"its webhooks are heard at {located_vendors(read_settings()).public_url}/v1/webhooks/{vendor.name}",
            well=True,
        )
    return Finding("its webhooks are not heard: no secret for them is set, or it has none", well=True)


def _tell(vendor: AnyVendor, findings: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        well = all(finding.well for finding in findings)
        print_json(
            {
                "vendor": vendor.name,
                "well": well,
                "findings": [asdict(one) for one in findings],
                "carries": vendor.carries,
            }
        )
        return
    echo(vendor.title)
    for finding in findings:
        echo(f"  {_WELL if finding.well else _NOT_WELL} {finding.what}")
        if not finding.well and finding.remedy:
            echo(f"    {finding.remedy}")
    for line in vendor.carries:
        echo(f"  → {line}")


def _list(*, as_json: bool) -> None:
    items = [_line("e-mail", _smtp())]
    items += [_line(kind, vendor) for kind, vendors in _KINDS.items() for vendor in vendors]
    columns = {"vendor": "Vendor", "kind": "For", "set_up": "Set up", "title": "Which is", "lacks": "Lacks"}
    listing(items, len(items), columns, as_json=as_json, empty="No vendor is known.")


def _line(kind: str, vendor: AnyVendor) -> dict[str, Any]:
    line = {"vendor": vendor.name, "kind": kind, "title": vendor.title}
    try:
        settings_of(vendor)
    except Refused as lacking:
        return line | {"set_up": False, "lacks": str(lacking).partition(": ")[2]}
    return line | {"set_up": True, "lacks": ""}
