"""Unsubscribe links: signed, opaque, valid for ever (a mail may be opened years later)."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from domain.errors import Refused

_SALT = "tendril.unsubscribe"


class UnsubscribeToken(NamedTuple):
    """Who unsubscribes, and from which touch (the ledger's key)."""

    lead: str
    touch: str


class UnsubscribeLinks:
    """Makes and reads ``{public_url}/u/{token}``.

    ``secrets`` are tried from the last to the first when reading, and the last one signs: to rotate, append the new
    secret and keep the old ones for as long as old mail should keep working.
    """

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        self._base = public_url.rstrip("/")
        self._serializer = URLSafeSerializer(
            list(secrets), salt=_SALT, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )

    def token(self, lead: str, touch: str) -> str:
        signed = self._serializer.dumps([lead, touch])
        return signed if isinstance(signed, str) else signed.decode()

    def url(self, lead: str, touch: str) -> str:
        return f"{self._base}/u/{self.token(lead, touch)}"

    def verify(self, token: str) -> UnsubscribeToken:
        """Whose link this is. Raises ``Refused`` when we did not sign it."""
        try:
            lead, touch = self._serializer.loads(token)
        except (BadData, ValueError, TypeError):
            raise Refused("This unsubscribe link is damaged.", "Copy the whole link from the mail.") from None
        return UnsubscribeToken(str(lead), str(touch))
