"""Invented mails, as a channel makes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.email.carrier import Mail, Sought
from adapters.email.message import build, message_id, recipient, ways_out
from domain.playbook.models import Sender
from domain.ports import RenderedEmail
from domain.words import Channel
from tests.adapters.touches import touch
from tests.fixtures.playbooks import minimal_compiled

KEY = "ld_aaaabbbbcccc/1/0/guide"
WAY_OUT = "https://nurture.example/u/token"
#: Every stand-in refuses to send in the name of this domain: nobody has shown there that it is theirs.
UNVERIFIED = "unverified.example"
RENDERED = RenderedEmail(subject="A guide", html="<p>Hello <b>Ada</b></p>", text="Hello Ada\n")


def mail(key: str = KEY, *, to: str = "ada.sample@example.com", **given: Any) -> Mail:
    """A mail for an invented lead. ``given``: ``sender`` (its fields) and ``rendered``."""
    sender = minimal_compiled().document.sender.model_copy(update=given.pop("sender", {}))
    rendered: RenderedEmail = given.pop("rendered", RENDERED)
    return _made(key, to, sender, rendered)


def sought(wanted: Mail, *, ago: timedelta | None = timedelta(hours=1)) -> Sought:
    """The same mail when it is asked about, first attempted so long ago; None when that is not known."""
    since = None if ago is None else datetime.now(UTC) - ago
    return Sought(wanted.key, wanted.message_id, wanted.to, since)


def _made(key: str, to: str, sender: Sender, rendered: RenderedEmail) -> Mail:
    outbound = touch(Channel.EMAIL, key=key, email=to)
    message = build(outbound, rendered, sender, unsubscribe_url=WAY_OUT, mailbox="", now=datetime.now(UTC))
    return Mail(
        key=key,
        message_id=message_id(key, sender),
        sender=sender,
        to=recipient(to).addr_spec,
        reply_to=sender.reply_to,
        rendered=rendered,
        headers=ways_out(WAY_OUT, ""),
        message=message,
    )
