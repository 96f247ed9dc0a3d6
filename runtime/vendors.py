"""Connections to vendors: which adapter carries which channel, with what settings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

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
from adapters.vendor import AnyVendor, settings_of
from adapters.webhook import SignedWebhook
from authoring.render import PlaybookRenderer
from domain.audiences import Audiences
from domain.errors import Refused
from domain.ports import CrmConnection, Playbooks, TouchChannel
from domain.words import Channel
from runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Vendors:
    channels: Mapping[Channel, TouchChannel]
    crm: CrmConnection
    #: By network, of which some may only be there to forget everybody (``TENDRIL_ADS_VENDORS`` no longer names them).
    audiences: Mapping[str, Audiences]


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
        email = _email(settings, playbooks)
        direct_mail = _webhook(settings, "direct mail", settings.direct_mail_url)
        alerts = _webhook(settings, "alerts", settings.alert_url)
        for channel in (email, direct_mail, alerts):
            stack.push_async_callback(channel.close)
        channels: dict[Channel, TouchChannel] = {
            Channel.EMAIL: email,
            Channel.SDR_TASK: HandoffTasks(crm, playbooks),
            Channel.DIRECT_MAIL: direct_mail,
            Channel.ALERT: alerts,
        }
        yield Vendors(channels=channels, crm=crm, audiences=audiences)


def _email(settings: Settings, playbooks: Playbooks) -> EmailChannel:
    links = UnsubscribeLinks(settings.public_url, settings.link_secrets)
    questions = QuestionLinks(settings.public_url, settings.link_secrets)
    renderer = PlaybookRenderer(playbooks, questions.url)
    return EmailChannel(
        _carrier(settings), renderer, playbooks, links, _tracking(settings), replies=settings.reply_address
    )


def _carrier(settings: Settings) -> MailCarrier:
    if settings.email_vendor != "smtp":
        vendor = vendors.named(settings.email_vendor, vendors.MAIL, "TENDRIL_EMAIL_VENDOR")
        carrier: MailCarrier = vendor.adapter(settings_of(vendor))
        return carrier
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


def open_crm(settings: Settings) -> CrmConnection:
    """The CRM that the deployment names. Contacts nobody. Raises ``Refused``."""
    vendor = vendors.named(settings.crm_vendor, vendors.CRM, "TENDRIL_CRM_VENDOR")
    own = settings_of(vendor)
    if isinstance(own, HubSpotSettings):
        own = own.model_copy(update={"base_url": settings.hubspot_base_url})
    crm: CrmConnection = vendor.adapter(own)
    return crm


def _audiences(settings: Settings) -> dict[str, Audiences]:
    """Those that the deployment names, and any other that is still set up: it may have people to forget."""
    named = {name: vendors.named(name, vendors.ADS, "TENDRIL_ADS_VENDORS") for name in settings.ads_networks}
    made: dict[str, Audiences] = {}
    for vendor in vendors.ADS:
        with nullcontext() if vendor.name in named else suppress(Refused):
            made[vendor.name] = _network(vendor, settings)
    return made


def _network(vendor: AnyVendor, settings: Settings) -> Audiences:
    own = settings_of(vendor)
    if isinstance(own, LinkedInSettings):
        own = own.model_copy(update={"base_url": settings.linkedin_base_url})
    network: Audiences = vendor.adapter(own)
    return network


def _tracking(settings: Settings) -> Tracking:
    links = TrackedLinks(settings.public_url, settings.link_secrets)
    opens = OpenLinks(settings.public_url, settings.link_secrets)
    return Tracking(links if settings.track_links else None, opens if settings.track_opens else None)


def _webhook(settings: Settings, name: str, url: str) -> SignedWebhook:
    """A receiver is asked what it took only on its own host: another's "never seen" would send a touch twice."""
    lookup = settings.webhook_lookup_url
    own = lookup and urlsplit(lookup).netloc == urlsplit(url).netloc
    return SignedWebhook(name, url, settings.webhook_secret.get_secret_value(), lookup_url=lookup if own else "")
