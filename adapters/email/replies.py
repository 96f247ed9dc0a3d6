"""What an SMTP reply means: whose fault a refusal is (RFC 5321 replies, RFC 3463 enhanced codes).

=========================  ======================================  ==============
where                      reply                                   fault
=========================  ======================================  ==============
anywhere                   4xx                                     TransientFault
RCPT TO, or after DATA     5xx about the mailbox (x.1.y, x.2.y)     LeadFault
RCPT TO                    550–554 without a policy code           LeadFault
RCPT TO, or after DATA     mailbox full (x.2.2, or a bare 552)     LeadFault, not for good
RCPT TO                    5xx of policy (x.7.y), "relay"          OurFault
greeting, login, MAIL      any 5xx                                 OurFault
after DATA                 any other 5xx: content, reputation      OurFault
=========================  ======================================  ==============

A refusal to relay looks like an unknown mailbox to a careless reader, and would suppress every lead of a deployment.
"""

import re
from enum import StrEnum

from domain.errors import LeadFault, OurFault, TransientFault, VendorFault

_ENHANCED = re.compile(r"^\s*([245]\.\d{1,3}\.\d{1,3})\b")
_MAILBOX_CLASSES = (".1.", ".2.")
_MAILBOX_REPLIES = range(550, 555)
_PERMANENT = 500


class Step(StrEnum):
    """How far the conversation had come."""

    CONNECT = "connect"
    LOGIN = "login"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"


def fault(step: Step, reply: int, text: str) -> VendorFault:
    """The fault that a reply of 400 or more means at this step.

    ``text`` is only looked at, never quoted: servers put addresses into it.
    """
    enhanced = code_of(text)
    code = enhanced or str(reply)
    message = f"the SMTP server answered {reply}{f' {enhanced}' if enhanced else ''} at {step.value}"
    if reply < _PERMANENT:
        return TransientFault(message, vendor="smtp", status=reply, code=code)
    if _means_the_lead(step, reply, enhanced, text):
        return LeadFault(message, vendor="smtp", status=reply, code=code, for_good=not _full(code))
    if step is Step.LOGIN:
        message += ": check the user and the password"
    return OurFault(message, vendor="smtp", status=reply, code=code)


def code_of(text: str) -> str:
    """The enhanced status code at the start of a reply's text; "" when there is none."""
    found = _ENHANCED.match(text)
    return found[1] if found else ""


def _means_the_lead(step: Step, reply: int, enhanced: str, text: str) -> bool:
    if step not in (Step.RECIPIENT, Step.DATA):
        return False
    if enhanced:
        # x.1.7 and x.1.8 are about the sender's address.
        about_sender = enhanced.endswith((".1.7", ".1.8"))
        return not about_sender and any(part in enhanced[1:] for part in _MAILBOX_CLASSES) and not _relaying(text)
    return step is Step.RECIPIENT and reply in _MAILBOX_REPLIES and not _relaying(text)


def _full(code: str) -> bool:
    """A full mailbox may be emptied: the address is right, and stays one to write to."""
    return code in ("5.2.2", "552")


def _relaying(text: str) -> bool:
    return "relay" in text.lower()
