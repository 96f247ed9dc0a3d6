"""Connections to vendors: which adapter carries which channel, with what settings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from adapters import vendors
from adapters.ads.linkedin import LinkedInSettings
from adapters.crm.handoffs import HandoffTasks
from adapters.crm.hubspot import HubSpotSettings
from adapters.email.carrier import MailCarrier
from adapters.email.channel import EmailChannel
from adapters.email.dkim import signer
from adapters.email.links import OpenLinks, QuestionLinks, TrackedLinks, UnsubscribeLinks
from adapters.email.smtp import SmtpCarrier, SmtpServer
from adapters.email.tracked import Tracking
from adapters.people import calendly
from adapters.vendor import AnyVendor, VendorSettings, settings_of
from adapters.webhook import Webhooks, WebhookSettings
from authoring.render import PlaybookRenderer
from domain.audiences import Audiences
from domain.crm_ports import CrmConnection
from domain.errors import Refused
from domain.ports import Playbooks, TouchChannel
from domain.suppressions import Suppressing
from domain.words import Channel
from runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Vendors:
    channels: Mapping[Channel, TouchChannel]
    crm: CrmConnection
    #: By network, of which some may only be there to forget everybody (``TENDRIL_ADS_VENDORS`` no longer names them).
    audiences: Mapping[str, Audiences]
    #: Who carries mail; it may keep a list of people it won't write to (``domain.suppressions.Suppressing``).
    carrier: MailCarrier | None = None


@asynccontextmanager
async def open_vendors(settings: Settings, playbooks: Playbooks) -> AsyncIterator[Vendors]:
    """Adapters for every vendor. Nothing is contacted until a touch or a push needs it.

    Raises ``Refused`` when a setting names a vendor that is not known, or is wrong, or one lacks settings of its own.
    """
    async with AsyncExitStack() as stack:
        crm = open_crm(settings)
        stack.push_async_callback(crm.close)
        audiences = _audiences(settings)
        for network in audiences.values():
            stack.push_async_callback(network.close)
        carrier = open_carrier(settings)
        email = _email(settings, playbooks, carrier)
        webhooks = Webhooks(_webhook_settings(settings))
        chats = _chats(settings)
        for opened in (email, webhooks, *chats.values()):
            stack.push_async_callback(opened.close)
        channels: dict[Channel, TouchChannel] = {
            Channel.EMAIL: email,
            Channel.SDR_TASK: HandoffTasks(crm, playbooks, chats.get(settings.task_vendor)),
            Channel.DIRECT_MAIL: webhooks.direct_mail,
            Channel.ALERT: chats.get(settings.alert_vendor, webhooks.alerts),
        }
        yield Vendors(channels=channels, crm=crm, audiences=audiences, carrier=carrier)


def _email(settings: Settings, playbooks: Playbooks, carrier: MailCarrier) -> EmailChannel:
    links = UnsubscribeLinks(settings.public_url, settings.link_secrets)
    questions = QuestionLinks(settings.public_url, settings.link_secrets)
    renderer = PlaybookRenderer(playbooks, questions.url)
    calendars = calendly.calendar_links(calendly.CalendlySettings())
    tracking, replies = _tracking(settings), settings.reply_address
    return EmailChannel(carrier, renderer, playbooks, links, tracking, replies=replies, calendars=calendars)


def open_carrier(settings: Settings) -> MailCarrier:
    """Who carries mail. Contacts nobody. Raises ``Refused``."""
    if settings.email_vendor != "smtp":
        vendor = vendors.named(settings.email_vendor, vendors.MAIL, "TENDRIL_EMAIL_VENDOR")
        carrier: MailCarrier = vendor.adapter(settings_of(vendor))
        return carrier
    return smtp_carrier(settings)


def smtp_carrier(settings: Settings) -> SmtpCarrier:
    """Plain SMTP, as the settings have it. Raises ``Refused`` when the key that signs is wrong."""
    server = SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
        lookup_url=settings.mail_lookup_url,
    )
    key = settings.dkim_key.get_secret_value()
    return SmtpCarrier(server, signer(settings.dkim_domain, settings.dkim_selector, key, settings.dkim_key_file))


@asynccontextmanager
async def suppressing(settings: Settings) -> AsyncIterator[Suppressing]:
    """The mail vendor that the settings name, to be read. Raises ``Refused``: keeps no list, or not set up."""
    carrier = open_carrier(settings)
    try:
        if not isinstance(carrier, Suppressing):
            why = f"{carrier.vendor} keeps no list of people it won't write to."
            raise Refused(why, "Name a vendor that does: `tendril connect` lists them.")
        yield carrier
    finally:
        await carrier.close()


def open_crm(settings: Settings) -> CrmConnection:
    """The CRM that the deployment names. Contacts nobody. Raises ``Refused``."""
    vendor = vendors.named(settings.crm_vendor, vendors.CRM, "TENDRIL_CRM_VENDOR")
    crm: CrmConnection = vendor.adapter(own_settings(vendor, settings))
    return crm


def own_settings(vendor: AnyVendor, settings: Settings) -> VendorSettings:
    """The vendor's own settings; where its stand-in is, the deployment knows. Raises ``Refused``."""
    own = settings_of(vendor)
    if isinstance(own, HubSpotSettings):
        return own.model_copy(update={"base_url": settings.hubspot_base_url})
    if isinstance(own, LinkedInSettings):
        return own.model_copy(update={"base_url": settings.linkedin_base_url})
    return own


def _audiences(settings: Settings) -> dict[str, Audiences]:
    """Those that the deployment names, and any other that is still set up: it may have people to forget."""
    named = {name: vendors.named(name, vendors.ADS, "TENDRIL_ADS_VENDORS") for name in settings.ads_networks}
    made: dict[str, Audiences] = {}
    for vendor in vendors.ADS:
        with nullcontext() if vendor.name in named else suppress(Refused):
            made[vendor.name] = vendor.adapter(own_settings(vendor, settings))
    return made


def _tracking(settings: Settings) -> Tracking:
    links = TrackedLinks(settings.public_url, settings.link_secrets)
    opens = OpenLinks(settings.public_url, settings.link_secrets)
    return Tracking(links if settings.track_links else None, opens if settings.track_opens else None)


def _chats(settings: Settings) -> dict[str, Any]:
    """The chats that are named, each a ``TouchChannel``, one connection for all that goes there."""
    named = {
        "TENDRIL_TASK_VENDOR": (settings.task_vendor, "crm"),
        "TENDRIL_ALERT_VENDOR": (settings.alert_vendor, "webhook"),
    }
    chosen = {
        vendor: vendors.named(vendor, vendors.CHATS, f"{setting} (or {usual})")
        for setting, (vendor, usual) in named.items()
        if vendor != usual
    }
    return {name: vendor.adapter(settings_of(vendor)) for name, vendor in chosen.items()}


def _webhook_settings(settings: Settings) -> WebhookSettings:
    return WebhookSettings(**{name: getattr(settings, name) for name in WebhookSettings.model_fields})
