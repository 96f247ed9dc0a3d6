"""E-mail addresses: as they are written to and compared, and which of them reach the same mailbox.

Two forms, for two questions. ``normalised`` is the address itself, in the one spelling that every system agrees on:
what we store, compare and write to. Tags and dots stay, for they may mean something to whoever gave the address.
``mailbox`` answers "may these two be one person?": it leaves out what a provider says it leaves out itself, and is
never written to. Of a provider that says nothing of the kind, every address is a mailbox of its own.

Case: RFC 5321 (2.4) lets a host tell ``Ann@`` from ``ann@``, asks it not to, and none that people use does: local parts
are lower case here. Unicode: NFC (RFC 6532, 3.1); domains as A-labels (RFC 5891), by UTS 46 without transitional rules,
so that ``ß`` stays itself.
"""

import unicodedata
from dataclasses import dataclass

import idna


@dataclass(frozen=True, slots=True)
class Provider:
    """How a provider reads local parts: without what follows ``+``, and without ``dots`` where that is so.

    ``domain`` is the one that all of its names for the same mailbox become; "" where each name is its own.
    """

    dots: bool = False
    domain: str = ""


_TAGS = Provider()
#: Google (help: "Dots don't matter in Gmail addresses"): only at its own two domains, for Workspace customers' dots
#: count. Fastmail: https://www.fastmail.help/hc/en-us/articles/360060591053. Microsoft documents tags for Exchange
#: Online alone; its consumer domains take them as well, as Apple's and Proton's do. None of these folds two domains.
PROVIDERS: dict[str, Provider] = {
    **dict.fromkeys(("gmail.com", "googlemail.com"), Provider(dots=True, domain="gmail.com")),
    **dict.fromkeys(("outlook.com", "outlook.de", "outlook.fr", "hotmail.com", "hotmail.co.uk"), _TAGS),
    **dict.fromkeys(("hotmail.de", "hotmail.fr", "hotmail.it", "live.com", "live.co.uk", "live.fr", "msn.com"), _TAGS),
    **dict.fromkeys(("fastmail.com", "fastmail.fm", "icloud.com", "me.com", "mac.com"), _TAGS),
    **dict.fromkeys(("proton.me", "protonmail.com", "pm.me"), _TAGS),
}


def normalised(email: str) -> str:
    """The address as it is stored, compared and written to: trimmed, lower case, NFC, its domain as A-labels.

    What is no address at all comes back in small letters: whoever takes addresses in checks them.
    """
    text = email.strip()
    if text.isascii():
        return text.lower()
    local, at, domain = _small(text).rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}" if at else domain


def ascii_domain(domain: str) -> str:
    """The domain as A-labels, in small letters; unchanged where IDNA has no such name."""
    small = _small(domain)
    if small.isascii():
        return small
    try:
        return idna.encode(small, uts46=True, transitional=False).decode()
    except idna.IDNAError:
        return small


def domain_of(email: str) -> str:
    """The part after the last @, or ""."""
    return email.rpartition("@")[2] if "@" in email else ""


def mailbox(email: str) -> str | None:
    """The key that addresses of one mailbox share, of a normalised address; None where no provider's rule is known,
    and so no other address can share it.
    """
    local, _, domain = email.rpartition("@")
    provider = PROVIDERS.get(domain)
    if provider is None or local.startswith('"'):
        return None
    base = local.partition("+")[0]
    if provider.dots:
        base = base.replace(".", "")
    return f"{base or local}@{provider.domain or domain}"


def _small(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
