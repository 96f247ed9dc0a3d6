"""Files of one JSON object a line, read in constant memory. What is wrong with a line is its own problem."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.importing.files import LONGEST_ROW, Record, Survey, unreadable
from domain.errors import Refused

_BOM = b"\xef\xbb\xbf"
_EVERY = 1 << 10


class NdjsonFile:
    """A file of lines in UTF-8. Raises ``Refused`` for one that can't be read or is something else altogether."""

    encoding = "utf-8"

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise unreadable(self.path, error) from error

    def survey(self, seen: Callable[[int], None] = lambda _: None) -> Survey:
        """Read everything once. ``seen`` is told the bytes read so far, now and then."""
        rows = last = 0
        for record in self._records(seen):
            if not rows and record.cells[0].startswith("["):
                raise Refused(f"{self.path} is a JSON array.", "Write one event a line: `jq -c '.[]' FILE`.")
            rows, last = rows + 1, record.number
        if not rows:
            raise Refused(f"{self.path} is empty.", "Write one event a line.")
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Survey(["event"], rows, last, digest)

    def rows(self) -> Iterator[Record]:
        """Every line; blank ones are passed over."""
        return self._records(lambda _: None)

    def _records(self, seen: Callable[[int], None]) -> Iterator[Record]:
        number = 0
        try:
            with self.path.open("rb") as file:
                while line := file.readline(LONGEST_ROW + 1):
                    number += 1
                    if len(line) > LONGEST_ROW:
                        raise Refused(
                            f"{self.path}, line {number}: longer than {LONGEST_ROW:,} bytes.",
                            "Nothing was imported. Write one event a line.",
                        )
                    if number % _EVERY == 0:
                        seen(file.tell())
                    if text := (line.removeprefix(_BOM) if number == 1 else line).strip():
                        yield _record(number, text)
        except OSError as error:
            raise unreadable(self.path, error) from error


def _record(number: int, line: bytes) -> Record:
    try:
        return Record(number, number, [line.decode()])
    except UnicodeDecodeError as error:
        return Record(number, number, [line.decode(errors="replace")], f"byte {error.start + 1} is not UTF-8")
