"""Where replies to one mail go: an address of its own, so that whose they are is never guessed."""

from domain.mail import name_of
from domain.playbook.models import Sender

#: In the setting's place: the sender's own mailbox, which people read and Tendril looks into.
SENDERS_OWN = "sender"


def reply_address(setting: str, sender: Sender, key: str) -> str:
    """``replies+NAME@example.com``; "" when replies are not read.

    ``setting`` is ``TENDRIL_REPLY_ADDRESS``: an address, ``sender`` for the playbook's own, "" for none. The mailbox
    must take mail for plus addresses (RFC 5233).
    """
    base = (sender.reply_to or sender.email) if setting == SENDERS_OWN else setting
    local, at, domain = base.rpartition("@")
    return f"{local}+{name_of(key)}{at}{domain}" if at else ""
