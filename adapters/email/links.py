"""Links in mail: signed, opaque, valid for ever (a mail may be opened years later)."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from itsdangerous import BadData, Serializer, URLSafeSerializer
from itsdangerous.encoding import base64_encode

from domain.errors import Refused


class UnsubscribeToken(NamedTuple):
    """Who unsubscribes, and from which touch (the ledger's key)."""

    lead: str
    touch: str


class QuestionToken(NamedTuple):
    """Who is asked, in which touch (the ledger's key), for which lead field."""

    lead: str
    touch: str
    field: str


class UnsubscribeLinks:
    """Makes and reads ``{public_url}/u/{token}``. ``secrets`` as ``_Signed`` takes them."""

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        self._base = public_url.rstrip("/")
        self._signed = _Signed("tendril.unsubscribe", "unsubscribe", secrets)

    def token(self, lead: str, touch: str) -> str:
        return self._signed.write(lead, touch)

    def url(self, lead: str, touch: str) -> str:
        return f"{self._base}/u/{self.token(lead, touch)}"

    def verify(self, token: str) -> UnsubscribeToken:
        """Whose link this is. Raises ``Refused`` when we did not sign it."""
        lead, touch = self._signed.read(token, parts=2)
        return UnsubscribeToken(lead, touch)


class QuestionLinks:
    """Makes and reads ``{public_url}/q/{token}``: the page that asks a lead for one field. ``secrets`` as above."""

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        self._base = public_url.rstrip("/")
        self._signed = _Signed("tendril.question", "question", secrets)

    def token(self, lead: str, touch: str, field: str) -> str:
        return self._signed.write(lead, touch, field)

    def url(self, lead: str, touch: str, field: str) -> str:
        return f"{self._base}/q/{self.token(lead, touch, field)}"

    def verify(self, token: str) -> QuestionToken:
        """Who is asked for what. Raises ``Refused`` when we did not sign it."""
        lead, touch, field = self._signed.read(token, parts=3)
        return QuestionToken(lead, touch, field)


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
        signed = self._serializer.dumps(parts)
        return signed if isinstance(signed, str) else signed.decode()

    def read(self, token: str, parts: int) -> list[str]:
        """Raises ``Refused``."""
        try:
            found = [str(part) for part in self._serializer.loads(token)]
        except (BadData, ValueError, TypeError):
            found = []
        if len(found) != parts:
            raise Refused(f"This {self._kind} link is damaged.", "Copy the whole link from the mail.")
        return found
