"""Links in mail: signed, opaque, valid for ever (a mail may be opened years later)."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from itsdangerous import BadData, Serializer, URLSafeSerializer
from itsdangerous.encoding import base64_encode

from domain.errors import Refused
from domain.trust import HIDDEN

#: The first part of a token, so that its shape may change. What was written must stay readable for as long as mail is
#: kept: also tokens without a version (``_Signed.read_any``). Those of unsubscribing and questions are read with one
#: since November 2026 and still written without: builds of before must read what is written beside them, and after a
#: way back to them. The next release writes it.
_VERSION = "1"


class UnsubscribeToken(NamedTuple):
    """Who unsubscribes, and from which touch (the ledger's key)."""

    lead: str
    touch: str


class QuestionToken(NamedTuple):
    """Who is asked, in which touch (the ledger's key), for which lead field."""

    lead: str
    touch: str
    field: str


class LinkToken(NamedTuple):
    """A link of a mail: the touch (the ledger's key), which link (from 1) of how many, and where it leads."""

    touch: str
    link: int
    of: int
    url: str


class UnsubscribeLinks:
    """Makes and reads ``{public_url}/u/{token}``. ``secrets`` as ``_Signed`` takes them."""

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        self._base = public_url.rstrip("/")
        self._signed = _Signed("tendril.unsubscribe", "unsubscribe", secrets)

    def token(self, lead: str, touch: str) -> str:
        return self._signed.write_unversioned(lead, touch)

    def url(self, lead: str, touch: str) -> str:
        return f"{self._base}/u/{self.token(lead, touch)}"

    def verify(self, token: str) -> UnsubscribeToken:
        """Whose link this is. Raises ``Refused`` when we did not sign it."""
        lead, touch = self._signed.read_any(token, parts=2)
        return UnsubscribeToken(lead, touch)


class QuestionLinks:
    """Makes and reads ``{public_url}/q/{token}``: the page that asks a lead for one field. ``secrets`` as above."""

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        self._base = public_url.rstrip("/")
        self._signed = _Signed("tendril.question", "question", secrets)

    def token(self, lead: str, touch: str, field: str) -> str:
        return self._signed.write_unversioned(lead, touch, field)

    def url(self, lead: str, touch: str, field: str) -> str:
        return f"{self._base}/q/{self.token(lead, touch, field)}"

    def verify(self, token: str) -> QuestionToken:
        """Who is asked for what. Raises ``Refused`` when we did not sign it."""
        lead, touch, field = self._signed.read_any(token, parts=3)
        return QuestionToken(lead, touch, field)


class TrackedLinks:
    """Makes and reads ``{public_url}/c/{token}``: a link that says it was followed and leads on. ``secrets`` as above.

    Where it leads is in the signed token and nowhere else, so nobody can make one that leads elsewhere, and mail keeps
    working when the playbook it came from is long gone. The link ``HIDDEN`` leads nowhere.
    """

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        self.base = public_url.rstrip("/")
        self._signed = _Signed("tendril.click", "tracked", secrets)

    def url(self, touch: str, link: int, of: int, url: str) -> str:
        """``url`` is where it leads; "" for the hidden link."""
        return f"{self.base}/c/{self._signed.write(touch, str(link), str(of), url)}"

    def verify(self, token: str) -> LinkToken:
        """What was followed. Raises ``Refused`` when we did not sign it, or it leads anywhere but to https."""
        touch, link, of, url = self._signed.read(token, parts=4)
        if not (is_https(url) or link == str(HIDDEN)):
            raise self._signed.damaged()
        return LinkToken(touch, int(link), int(of), url)


class OpenLinks:
    """Makes and reads ``{public_url}/o/{token}.gif``: the picture that says a mail was opened. ``secrets`` as above."""

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        self._base = public_url.rstrip("/")
        self._signed = _Signed("tendril.open", "picture", secrets)

    def url(self, touch: str) -> str:
        return f"{self._base}/o/{self._signed.write(touch)}.gif"

    def verify(self, token: str) -> str:
        """The touch. Raises ``Refused`` when we did not sign it."""
        (touch,) = self._signed.read(token, parts=1)
        return touch


def is_https(url: str) -> bool:
    """Whether browsers and we read an address alike: https, a host in ASCII, no user name, nothing unprintable."""
    if not url.isprintable() or any(sign in url for sign in " \\"):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.netloc.isascii() and "@" not in parts.netloc
    except ValueError:
        return False


class _Uncompressed(URLSafeSerializer):
    """Compressed tokens begin with a dot, and web servers are often set up to refuse such paths as hidden files.

    Reads compressed ones as well: older mail has them.
    """

    def dump_payload(self, obj: Any) -> bytes:
        return base64_encode(Serializer.dump_payload(self, obj))


class _Signed:
    """Tokens of one kind; ``salt`` keeps those of one kind from passing for another.

    ``secrets`` are tried from the last to the first when reading, and the last one signs: to rotate, append the new
    secret and keep the old ones for as long as old mail should keep working.
    """

    def __init__(self, salt: str, kind: str, secrets: Sequence[str]) -> None:
        self._kind = kind
        self._serializer = _Uncompressed(
            list(secrets), salt=salt, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )

    def write(self, *parts: str) -> str:
        return self.write_unversioned(_VERSION, *parts)

    def write_unversioned(self, *parts: str) -> str:
        signed = self._serializer.dumps(parts)
        return signed if isinstance(signed, str) else signed.decode()

    def read(self, token: str, parts: int) -> list[str]:
        """Raises ``Refused``, also for a version that nobody has written yet."""
        version, *found = self._loaded(token)
        if version != _VERSION or len(found) != parts:
            raise self.damaged()
        return found

    def read_any(self, token: str, parts: int) -> list[str]:
        """The same, of tokens with or without a version: where there is none, a lead's id (``ld_…``) is first."""
        found = self._loaded(token)
        return found if len(found) == parts and not found[0].isdecimal() else self.read(token, parts)

    def _loaded(self, token: str) -> list[str]:
        try:
            found = [str(part) for part in self._serializer.loads(token)]
        except (BadData, ValueError, TypeError):
            found = []
        if not found:
            raise self.damaged()
        return found

    def damaged(self) -> Refused:
        return Refused(f"This {self._kind} link is damaged.", "Copy the whole link from the mail.")
