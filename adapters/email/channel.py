"""E-mail as a channel: renders a touch, makes links its own, builds the message, and gives it to a carrier."""

from datetime import UTC, datetime

from adapters.email.calendars import CalendarLinks
from adapters.email.carrier import Mail, MailCarrier, Sought
from adapters.email.links import UnsubscribeLinks
from adapters.email.message import build, message_id, recipient, ways_out
from adapters.email.reply_address import reply_address
from adapters.email.tracked import Tracking
from domain.errors import NotFound, OurFault
from domain.playbook.models import Playbook
from domain.ports import OutboundTouch, Playbooks, Receipt, Renderer


class EmailChannel:
    """``domain.ports.TouchChannel`` for e-mail. The sender is the one the ledger chose of the playbook's.

    Without ``tracking`` links lead where the playbook says, and nobody hears of it when they are followed.
    ``replies`` says where replies go (``reply_address``), and requests to unsubscribe by mail. "" leaves replies to the
    sender, and offers no way out by mail: nobody would read it. ``calendars`` marks links to calendars with the touch.
    """

    def __init__(
        self,
        carrier: MailCarrier,
        renderer: Renderer,
        playbooks: Playbooks,
        links: UnsubscribeLinks,
        tracking: Tracking | None = None,
        *,
        replies: str = "",
        calendars: CalendarLinks | None = None,
    ) -> None:
        self._carrier = carrier
        self._renderer = renderer
        self._playbooks = playbooks
        self._links = links
        self._tracking = tracking
        self._replies = replies
        self._calendars = calendars

    async def send(self, touch: OutboundTouch) -> Receipt:
        """Hand the touch's mail to the carrier. Raises a ``VendorFault``."""
        vendor_id = await self._carrier.carry(await self._mail(touch))
        return Receipt(vendor=self._carrier.vendor, vendor_id=vendor_id)

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        """Ask the carrier about the address of the attempt. Raises ``CannotTell`` when it can't be asked."""
        sender = (await self._playbook(touch)).sender
        to = recipient(touch.attempted_to).addr_spec if touch.attempted_to else ""
        sought = Sought(touch.key, message_id(touch.key, sender), to, touch.attempted_at)
        vendor_id = await self._carrier.carried(sought)
        return None if vendor_id is None else Receipt(vendor=self._carrier.vendor, vendor_id=vendor_id)

    async def close(self) -> None:
        await self._carrier.close()

    async def _mail(self, touch: OutboundTouch) -> Mail:
        playbook = await self._playbook(touch)
        sender, url = playbook.sender, self._links.url(touch.lead, touch.key)
        replies = reply_address(self._replies, sender, touch.key)
        rendered = await self._renderer.email(touch, url)
        if self._calendars is not None:
            rendered = self._calendars.marked(touch, rendered)
        if self._tracking is not None:
            rendered = self._tracking.tracked(touch, rendered, playbook)
        message = build(
            touch, rendered, sender, unsubscribe_url=url, mailbox=replies, reply_to=replies, now=datetime.now(UTC)
        )
        return Mail(
            key=touch.key,
            message_id=message_id(touch.key, sender),
            sender=sender,
            to=recipient(touch.email).addr_spec,
            reply_to=replies or sender.reply_to,
            rendered=rendered,
            headers=ways_out(url, replies),
            message=message,
        )

    async def _playbook(self, touch: OutboundTouch) -> Playbook:
        try:
            return (await self._playbooks.compiled(touch.playbook)).document.sent_by(touch.sender)
        except NotFound:
            raise OurFault("the touch's playbook is not stored", vendor=self._carrier.vendor, code="playbook") from None
