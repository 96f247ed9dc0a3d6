"""How a network wants an address written before it is hashed: each says so in its own words."""

import hashlib

_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def trimmed(email: str) -> str:
    """LinkedIn's and Meta's: no blanks around it, lower case.

    Meta: "Trim leading and trailing whitespace and convert all characters to lowercase"
    (developers.facebook.com/documentation/ads-commerce/marketing-api/audiences/guides/custom-audiences, hash).
    LinkedIn: lower case, SHA-256 as hex
    (learn.microsoft.com/linkedin/marketing/matched-audiences/create-and-manage-segment-users).
    """
    return email.strip().lower()


def googles(email: str) -> str:
    """Google's: no blanks anywhere, lower case; at Gmail no dots before the ``@``, and nothing from a plus on.

    developers.google.com/data-manager/api/devguides/concepts/formatting, ``email_address``: leading, trailing and
    intermediate blanks go; at any other domain than gmail.com and googlemail.com dots and pluses stay.
    """
    mailbox, at, domain = "".join(email.split()).lower().rpartition("@")
    if domain in _GMAIL:
        mailbox = mailbox.partition("+")[0].replace(".", "")
    return f"{mailbox}{at}{domain}"


def sha256(text: str) -> str:
    """Lower-case hex digits of the digest."""
    return hashlib.sha256(text.encode()).hexdigest()
