"""The file of rows that were not taken: row, line, reason, and the row as it was."""

import csv
import os
from pathlib import Path
from typing import TextIO

from cli.importing.files import Record, unreadable


class Rejects:
    """Made with the first rejected row. A continued run writes it anew, the rows of the run before it included."""

    def __init__(self, path: Path, header: list[str]) -> None:
        self.path = path
        self.count = 0
        self._header = header
        self._file: TextIO | None = None

    def add(self, record: Record, reason: str) -> None:
        """Raises ``Refused`` when the file can't be written."""
        self.count += 1
        try:
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8", newline="")
                csv.writer(self._file).writerow(["row", "line", "reason", *self._header])
            csv.writer(self._file).writerow([record.number, record.line, reason, *record.cells])
        except OSError as error:
            raise unreadable(self.path, error, "written") from error

    def flush(self) -> None:
        """See that what was added survives a crash: called before progress beyond it is stored."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
