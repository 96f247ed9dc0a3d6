"""Names that the file has shown already, in few bytes each: some 50 MB for a million rows with id and address."""

from array import array
from hashlib import blake2b

_FREE = 0


class Seen:
    """Which row first had a name. Kept as 64-bit digests: ten million clash with odds of 1 in 300,000."""

    def __init__(self) -> None:
        self._size = 0
        self._digests = array("Q", [_FREE] * (1 << 12))
        self._rows = array("I", [0] * (1 << 12))

    def first(self, name: str, row: int) -> int:
        """The row that had this name first: ``row`` itself when none did."""
        digest = int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) or 1
        place = self._place(digest)
        if self._digests[place] == digest:
            return self._rows[place]
        self._digests[place], self._rows[place] = digest, row
        self._size += 1
        if self._size * 3 > len(self._digests) * 2:
            self._grow()
        return row

    def _place(self, digest: int) -> int:
        """Where the digest is, or the free place where it belongs."""
        mask = len(self._digests) - 1
        place = digest & mask
        while self._digests[place] not in (_FREE, digest):
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        digests, rows = self._digests, self._rows
        self._digests = array("Q", bytes(16 * len(digests)))
        self._rows = array("I", bytes(8 * len(digests)))
        for digest, row in zip(digests, rows, strict=True):
            if digest != _FREE:
                place = self._place(digest)
                self._digests[place], self._rows[place] = digest, row
