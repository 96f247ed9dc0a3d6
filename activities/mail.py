"""``read_mail``: what came back into the mailbox: replies, machines' answers, bounces."""

from dataclasses import dataclass

from temporalio import activity

from activities.reconciling import later
from domain.errors import VendorFault
from domain.mailbox import MailReading

READ_MAIL = "read_mail"


@dataclass(frozen=True, slots=True)
class ReadingMail:
    mailbox: MailReading

    @activity.defn(name=READ_MAIL)
    async def read_mail(self) -> int:
        """How much of it was news. Raises ``ApplicationError`` when the mailbox could not be read."""
        try:
            return await self.mailbox.read()
        except VendorFault as fault:
            raise later(fault) from None
