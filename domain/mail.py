"""The name of a mail: what is in its Message-ID and in the address its replies go to."""

import base64
import hashlib

#: Letters of a name: 130 bits, so that nobody guesses one.
LENGTH = 26


def name_of(key: str) -> str:
    """The name of a touch's mail: the same for every attempt, and opaque (letters and digits, lower case)."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest()).decode().lower()[:LENGTH]
