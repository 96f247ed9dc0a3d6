"""Payload encryption: what Temporal stores of journeys can be read only with this deployment's keys.

Each payload (inputs, results, decisions, summaries, memos) becomes one of AES-256-GCM with a nonce of its own. The
metadata name the key, so keys can change while journeys sleep: the first of ``TENDRIL_PAYLOAD_KEYS`` encrypts, all of
them decrypt, and payloads from before there was any key are read as they are. Messages and stack traces of failures
become payloads too: without that, they would be the one text left in plain. Ids of workflows, search attributes and the
names of signals, updates and activities are never payloads; DESIGN keeps them free of anything personal.

The nonce is 96 random bits, for which NIST SP 800-38D (8.3) allows 2^32 payloads a key: 16 months at a hundred a
second. What is encrypted is bound to the id of its key by GCM's associated data. The shape of the metadata follows
Temporal's own samples (``binary/encrypted``, ``encryption-key-id``), so that people find what they know.
"""

import base64
import binascii
import dataclasses
import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from domain.errors import Refused
from runtime.payloads import Payloads
from runtime.settings import Settings

ENCODING = b"binary/encrypted"
#: In the place of the first key: what is written is plain, and the keys behind it still read. No key has this id.
PLAIN = "plain"
_KEY_ID, _CIPHER = "encryption-key-id", "encryption-cipher"
_NONCE, _KEY = 12, 32  # bytes
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HOW = "Give ID:KEY, KEY being 32 random bytes in base64 (openssl rand -base64 32); docs/security.md tells of rotation."
#: The SDK tells of every failed task with its whole stack.
_SDK_LOG = logging.getLogger("temporalio.worker._workflow")
_log = structlog.get_logger("tendril.encryption")


class CannotDecrypt(Refused):
    """A payload that none of this process's keys opens. Temporal tries the task again: nothing ends by it."""


def data_converter(settings: Settings) -> DataConverter:
    """How values cross to Temporal and back. Raises ``Refused`` when the keys can't be read."""
    keys = payload_keys(settings)
    converter = DataConverter(payload_converter_class=Payloads, payload_codec=Encryption(keys))
    if next(iter(keys), PLAIN) == PLAIN:
        return converter
    return dataclasses.replace(converter, failure_converter_class=DefaultFailureConverterWithEncodedAttributes)


def payload_keys(settings: Settings) -> dict[str, bytes]:
    """Keys by id, the one that encrypts first; none, or ``PLAIN`` first (with no key): nothing is encrypted.

    Raises ``Refused`` naming the entry, never its key.
    """
    written = settings.payload_keys.get_secret_value().replace(",", "\n").splitlines()
    if settings.payload_keys_file is not None:
        written += _lines(settings)
    return _read(line.strip() for line in written)


def _lines(settings: Settings) -> list[str]:
    try:
        text = settings.payload_keys_file.read_text(encoding="utf-8") if settings.payload_keys_file else ""
    except (OSError, UnicodeError) as error:
        raise Refused(
            f"TENDRIL_PAYLOAD_KEYS_FILE can't be read: {settings.payload_keys_file}: {type(error).__name__}.",
            "See that the file is there and that Tendril's user may read it.",
        ) from None
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def _read(entries: Iterable[str]) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(filter(None, entries), start=1):
        if entry == PLAIN and number == 1:
            keys[PLAIN] = b""
            continue
        name, colon, text = (part.strip() for part in entry.partition(":"))
        if not colon or name == PLAIN or not _NAME.fullmatch(name):
            raise Refused(f"Entry {number} of the payload keys has no id of letters, digits, '.', '_' or '-'.", _HOW)
        key = _decoded(text)
        if key is None:
            raise Refused(f"The payload key {name!r} is not {_KEY} bytes in base64.", _HOW)
        if keys.setdefault(name, key) != key:
            raise Refused(f"The payload keys name {name!r} twice, with two keys.", "Give each key an id of its own.")
    return keys


def _decoded(text: str) -> bytes | None:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == _KEY else None


class Encryption(PayloadCodec):
    """Encrypts with the first key, decrypts with any. Without keys it leaves plain payloads alone."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {name: AESGCM(key) for name, key in keys.items() if key}
        first = next(iter(keys), PLAIN)
        self._first = None if first == PLAIN else first
        self._told: set[str] = set()
        _SDK_LOG.addFilter(_not_told_already)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypted payloads are not encrypted again."""
        return [self._encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises ``CannotDecrypt``, naming the key that lacks."""
        return [self._decrypted(payload) for payload in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        if self._first is None or payload.metadata.get("encoding") == ENCODING:
            return payload
        name, nonce = self._first.encode(), os.urandom(_NONCE)
        sealed = self._ciphers[self._first].encrypt(nonce, payload.SerializeToString(), name)
        return Payload(
            metadata={"encoding": ENCODING, _CIPHER: b"AES-256-GCM", _KEY_ID: name},
            data=nonce + sealed,
        )

    def _decrypted(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        name = payload.metadata.get(_KEY_ID, b"").decode("utf-8", "replace")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise self._lacks(name, "is not among this process's payload keys")
        try:
            opened = cipher.decrypt(payload.data[:_NONCE], payload.data[_NONCE:], name.encode())
        except (InvalidTag, ValueError):
            raise self._lacks(name, "does not open a payload that names it: it is another key, or damaged") from None
        return Payload.FromString(opened)

    def _lacks(self, name: str, why: str) -> CannotDecrypt:
        """Told once a process and key in the log: every task that waits raises it again and again."""
        fault = CannotDecrypt(
            f"The payload key {name!r} {why}.",
            f"Add {name}:KEY to TENDRIL_PAYLOAD_KEYS of every process; what needs it waits until then.",
        )
        if name not in self._told:
            self._told.add(name)
            _log.error(str(fault), remedy=fault.remedy, key_id=name)
        return fault


def _not_told_already(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], CannotDecrypt))
