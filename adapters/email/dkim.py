"""DKIM signatures (RFC 6376) for mail that leaves by plain SMTP; vendors with an API sign by themselves.

- Headers and body are canonicalised as relaxed: relays fold lines and trim spaces.
- ``List-Unsubscribe`` and ``List-Unsubscribe-Post`` are signed, without which one click does not count (RFC 8058, 4).
- Headers are named once more than they are there, so that nobody adds a second From or Reply-To (RFC 6376, 8.15).
- The signing domain has to align with the From address, or DMARC fails (RFC 7489, 3.1.1, relaxed): it is the same one,
  or one of the two is below the other.
- RSA keys have at least 1024 bits (RFC 8301). Ed25519 (RFC 8463) is little verified by receivers yet.
"""

import base64
from collections.abc import Sequence
from pathlib import Path

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from domain.errors import OurFault, Refused

_ONCE = (b"date", b"message-id", b"mime-version", b"content-type")
_ONCE_MORE = (b"from", b"to", b"subject", b"reply-to", b"list-unsubscribe", b"list-unsubscribe-post")
_SIGNED = (*_ONCE_MORE, *_ONCE, *_ONCE_MORE)
_LEAST_BITS = 1024


class Signer:
    """Signs for ``domains`` with one key, whose public part each of them has in its DNS below the same ``selector``.

    ``pem`` is an RSA or Ed25519 private key. Raises ``Refused`` when it is none.
    """

    def __init__(self, domains: Sequence[str], selector: str, pem: bytes) -> None:
        self._domains = sorted((domain.lower() for domain in domains), key=len, reverse=True)
        self._selector = selector
        key = _key(pem)
        if isinstance(key, rsa.RSAPrivateKey):
            self._algorithm, self._key, public = b"rsa-sha256", _pkcs1(key), _der(key.public_key())
        else:
            self._algorithm, self._key = b"ed25519-sha256", base64.b64encode(key.private_bytes_raw())
            public = key.public_key().public_bytes_raw()
        kind = self._algorithm.partition(b"-")[0].decode()
        #: The TXT record at ``{selector}._domainkey.{domain}``.
        self.record = f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"

    def signed(self, message: bytes, sender: str) -> bytes:
        """The message with its signature before it. Raises ``OurFault`` when no domain aligns with the sender's."""
        domain = self._domain(sender.rpartition("@")[2].lower())
        signature = dkim.sign(
            message,
            self._selector.encode(),
            domain.encode("idna"),
            self._key,
            canonicalize=(b"relaxed", b"relaxed"),
            signature_algorithm=self._algorithm,
            include_headers=list(_SIGNED),
        )
        return bytes(signature) + message

    def _domain(self, sender: str) -> str:
        aligned = (domain for domain in self._domains if _below(sender, domain) or _below(domain, sender))
        found = next(aligned, None)
        if found is None:
            message = (
                f"mail from {sender} can't be signed for {', '.join(self._domains)}: DMARC would fail."
                " Set TENDRIL_DKIM_DOMAIN to the domain of the playbook's sender"
            )
            raise OurFault(message, vendor="smtp", code="dkim")
        return found


def signer(domain: str, selector: str, key: str, key_file: Path | None) -> Signer | None:
    """The signer that the settings ask for; None when they ask for none.

    ``domain`` may be several with commas between; ``key`` is the PEM itself, its line ends perhaps escaped.
    Raises ``Refused`` when something is missing or wrong.
    """
    domains = [one.strip() for one in domain.split(",") if one.strip()]
    given = {"DOMAIN": domains, "SELECTOR": selector, "KEY (or TENDRIL_DKIM_KEY_FILE)": key or key_file}
    missing = [f"TENDRIL_DKIM_{name}" for name, value in given.items() if not value]
    if len(missing) == len(given):
        return None
    if missing:
        raise Refused(f"Mail can't be signed: {missing[0]} is not set.", "Set all three, or none for unsigned mail.")
    if key and key_file:
        raise Refused("There are two DKIM keys.", "Set TENDRIL_DKIM_KEY or TENDRIL_DKIM_KEY_FILE, not both.")
    if odd := [one for one in domains if "." not in one.strip(".")]:
        raise Refused(f"TENDRIL_DKIM_DOMAIN names “{odd[0]}”, which is no domain.", "Write it as example.com.")
    return Signer(domains, selector, key.replace("\\n", "\n").encode() if key else _read(key_file))


def _read(file: Path | None) -> bytes:
    try:
        return file.read_bytes() if file else b""
    except OSError as problem:
        message = f"TENDRIL_DKIM_KEY_FILE can't be read: {problem.strerror} ({file})."
        raise Refused(message, "Point it at a PEM file that this process may read.") from None


def _key(pem: bytes) -> rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = "The DKIM key is no private key in PEM, or has a password."
        raise Refused(message, "Make one with: openssl genrsa -out dkim.pem 2048") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _LEAST_BITS:
        message = f"The DKIM key is neither an RSA key of {_LEAST_BITS} bits or more nor an Ed25519 key."
        raise Refused(message, "Make one with: openssl genrsa -out dkim.pem 2048")
    return key


def _pkcs1(key: rsa.RSAPrivateKey) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _der(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _below(domain: str, above: str) -> bool:
    return domain == above or ("." in above and domain.endswith(f".{above}"))
