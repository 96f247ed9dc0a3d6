"""Every vendor there is, by what it stands behind. Another one is its module and its line here.

SMTP is older than this list: ``runtime.vendors`` makes it.
"""

from collections.abc import Mapping

from adapters import webhook, webhook_inbound
from adapters.ads import google, linkedin, meta
from adapters.crm import hubspot, pipedrive, salesforce
from adapters.email import brevo, imap, mail_in, mailgun, postmark, resend, sendgrid, ses
from adapters.people import calendly, slack
from adapters.vendor import AnyVendor
from domain.errors import Refused

MAIL: tuple[AnyVendor, ...] = (
    brevo.VENDOR,
    mailgun.VENDOR,
    postmark.VENDOR,
    resend.VENDOR,
    sendgrid.VENDOR,
    ses.VENDOR,
)
CRM: tuple[AnyVendor, ...] = (hubspot.VENDOR, pipedrive.VENDOR, salesforce.VENDOR)
ADS: tuple[AnyVendor, ...] = (linkedin.VENDOR, google.VENDOR, meta.VENDOR)
#: How mail that comes back is heard of.
MAIL_IN: tuple[AnyVendor, ...] = (imap.VENDOR, *mail_in.VENDORS)
#: Where sellers are told of handoffs and alerts, and answer.
CHATS: tuple[AnyVendor, ...] = (slack.VENDOR,)
#: Those who speak to people, or hear them: chats, calendars, receivers of webhooks.
PEOPLE: tuple[AnyVendor, ...] = (*CHATS, calendly.VENDOR, webhook.VENDOR, webhook_inbound.VENDOR)
ALL: Mapping[str, AnyVendor] = {vendor.name: vendor for vendor in (*MAIL, *MAIL_IN, *CRM, *ADS, *PEOPLE)}


def named(name: str, among: tuple[AnyVendor, ...], setting: str) -> AnyVendor:
    """The vendor of that name. Raises ``Refused`` when there is none."""
    found = next((vendor for vendor in among if vendor.name == name), None)
    if found is None:
        known = ", ".join(vendor.name for vendor in among)
        raise Refused(f"{setting} names “{name}”, which is no vendor known here.", f"Use one of: {known}.")
    return found
