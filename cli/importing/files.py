"""CSV files of any size, read record by record in constant memory.

What makes the whole file doubtful (wrong encoding, a quote that never closes, a row of a gigabyte) refuses it, naming
the row; what concerns one row alone comes back as that record's ``problem``. Rows are counted as a spreadsheet counts
them: the header is row 1.
"""

import codecs
import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from domain.errors import Refused

#: Most characters of one row. A million leads of this size would be a terabyte; a longer row is a mistake.
LONGEST_ROW = 1_000_000
_SNIFFED = 4096
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UNDECODABLE = "\U0010ffff"
_EVERY = 1 << 10

codecs.register_error("tendril_mark", lambda error: (_UNDECODABLE, error.end))  # type: ignore[attr-defined] # a UnicodeError


@dataclass(frozen=True, slots=True)
class Record:
    """One row. ``line`` is where it begins in the file; ``problem`` says why it can't be read ("" when it can)."""

    number: int
    line: int
    cells: list[str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the whole file found. ``last`` is the number of the last row, ``digest`` names the content."""

    header: list[str]
    rows: int
    last: int
    digest: str


class _Lines:
    """The file's lines, each bounded, and their length since the record began."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.length = 0
        self.too_long = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_ROW + 1)
        if not line:
            raise StopIteration
        self.length += len(line)
        if self.length > LONGEST_ROW:
            self.too_long = True
            raise StopIteration
        return line


class CsvFile:
    """A CSV file with a header row. Every failure is a ``Refused`` that names file, row and remedy."""

    def __init__(self, path: Path, *, encoding: str = "", delimiter: str = ",") -> None:
        self.path = path
        self.delimiter = delimiter
        self.encoding = self._find_encoding(encoding)

    def survey(self, seen: Callable[[int], None] = lambda _: None) -> Survey:
        """Read everything once, so that nothing is enrolled from a file that breaks half way.

        ``seen`` is told the bytes read so far, now and then.
        """
        rows = last = 0
        header: list[str] | None = None
        for record in self._records(seen, self.encoding):
            if header is None:
                header = self._check_header(record)
            else:
                rows, last = rows + 1, record.number
        if header is None:
            raise Refused(f"{self.path} is empty.", "The first row must name the columns.")
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Survey(header, rows, last, digest)

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def rows(self) -> Iterator[Record]:
        """Every row after the header; blank ones are passed over."""
        records = self._records(lambda _: None, self.encoding)
        next(records)
        return records

    def _records(self, seen: Callable[[int], None], encoding: str, errors: str = "strict") -> Iterator[Record]:
        number = 1
        try:
            with self.path.open("rb") as raw, io.TextIOWrapper(raw, encoding, errors=errors, newline="") as text:
                for record in self._parse(text):
                    number = record.number + 1
                    if number % _EVERY == 0:
                        seen(raw.tell())
                    yield record
        except UnicodeError as error:
            raise self._undecodable(error) from error
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _parse(self, text: TextIO) -> Iterator[Record]:
        csv.field_size_limit(LONGEST_ROW + 1)
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        number, line = 0, 1
        while True:
            lines.length, number, problem = 0, number + 1, ""
            cells: list[str] = []
            try:
                cells = next(reader)
            except StopIteration:
                self._require_bounded(lines, number, line)
                return
            except csv.Error as error:
                self._require_bounded(lines, number, line)
                problem = self._broken(error, number, line, reader.line_num)
            if cells or problem:
                yield Record(number, line, cells, problem)
            line = reader.line_num + 1

    def _require_bounded(self, lines: _Lines, number: int, line: int) -> None:
        if lines.too_long:
            raise Refused(
                f"{self.path}, row {number} (line {line}): longer than {LONGEST_ROW:,} characters.",
                "Nothing was imported. Look for a quote that is never closed or a wrong --delimiter.",
            )

    def _broken(self, error: csv.Error, number: int, line: int, last_line: int) -> str:
        if str(error) == "unexpected end of data":
            raise Refused(
                f"{self.path}, row {number} (line {line}): a quote is opened and never closed.",
                'Nothing was imported. Close it, or double it ("") where it is part of the text.',
            )
        where = f"line {line}" if line == last_line else f"lines {line} to {last_line}"
        return f"quotes can't be read in {where}: text follows a closing quote"

    def _check_header(self, record: Record) -> list[str]:
        if record.problem:
            raise Refused(f"{self.path}, row 1: {record.problem}.", "The first row must name the columns.")
        names = [name.strip() for name in record.cells]
        if not any(names):
            raise Refused(f"{self.path}, row 1: no column has a name.", "The first row must name the columns.")
        return names

    # --- encodings -----------------------------------------------------------------------------------------------

    def _find_encoding(self, given: str) -> str:
        """The encoding asked for, or the byte order mark's, or UTF-8."""
        try:
            with self.path.open("rb") as file:
                start = file.read(_SNIFFED)
        except OSError as error:
            raise unreadable(self.path, error) from error
        marked = next((encoding for bom, encoding in _BOMS if start.startswith(bom)), "")
        if given:
            name = _known(given)
            return marked if marked and name.startswith("utf") else name
        if not marked and len(start) < start.count(0) * 4 < len(start) * 3:
            order = "le" if start[1:2] == b"\0" else "be"
            raise Refused(
                f"{self.path}, byte 0: looks like UTF-16 without a byte order mark.",
                f"Say so with --encoding utf-16-{order}.",
            )
        return marked or "utf-8"

    def _undecodable(self, error: UnicodeError) -> Refused:
        offset, byte = self._first_bad_byte()
        row = next(
            (
                record.number
                for record in self._records(lambda _: None, self.encoding, "tendril_mark")
                if any(_UNDECODABLE in cell for cell in record.cells)
            ),
            0,
        )
        what = f"0x{byte:02X}" if byte is not None else "the end of the file"
        reason = getattr(error, "reason", str(error))
        return Refused(
            f"{self.path}, row {row or '?'}, byte {offset:,}: not {self.encoding.removesuffix('-sig').upper()}"
            f" ({what}: {reason}).",
            "Nothing was imported. Name the encoding, for example --encoding cp1252 (Excel on Windows).",
        )

    def _first_bad_byte(self) -> tuple[int, int | None]:
        """Where the bytes stop making sense: offset in the file and the byte there (None at the end of the file)."""
        decoder = codecs.getincrementaldecoder(self.encoding)()
        read = 0
        with self.path.open("rb") as file:
            while True:
                chunk = file.read(1 << 16)
                held = len(decoder.getstate()[0])
                try:
                    decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError as error:
                    offset = read - held + error.start
                    file.seek(offset)
                    return offset, next(iter(file.read(1)), None)
                read += len(chunk)
                if not chunk:
                    return read, None


def unreadable(path: Path, error: OSError, done: str = "read") -> Refused:
    """A file that can't be read (or ``done``), in words."""
    if isinstance(error, FileNotFoundError):
        return Refused(f"There is no file {path}.", "See that the path is right.")
    if isinstance(error, IsADirectoryError):
        return Refused(f"{path} is a directory, not a file.", "Name the file in it.")
    return Refused(f"{path} can't be {done}: {error.strerror or error}.")


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except LookupError as error:
        raise Refused(
            f"There is no text encoding {encoding!r}.", "Known ones are utf-8, utf-16, cp1252, latin-1, shift_jis …"
        ) from error
    return name
