"""What one import of behaviour is: a file, how its lines are read, and whether it is news."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cli.backfill.columns import Rows, resolve
from cli.backfill.events import File, Line, Reader, Visitors
from cli.backfill.ndjson import NdjsonFile
from cli.importing.files import CsvFile
from cli.importing.progress import Shown
from domain.errors import Refused

_COLUMNS = {".csv", ".tsv"}


@dataclass(frozen=True)
class Options:
    """As asked on the command line. ``wanted`` is member → column; ``wake``: the events are news, not history."""

    path: Path
    wanted: dict[str, str]
    encoding: str = ""
    delimiter: str = ","
    timezone: str = ""
    wake: bool = False

    @property
    def of_columns(self) -> bool:
        return self.path.suffix.lower() in _COLUMNS

    def open(self) -> File:
        """Raises ``Refused`` when there is nothing to read, or when options are for files of another kind."""
        if self.of_columns:
            return CsvFile(self.path, encoding=self.encoding, delimiter=self.delimiter)
        if self.wanted:
            raise Refused(f"--map is for files of columns, and {self.path} is none by its name.", "Call it NAME.csv.")
        return NdjsonFile(self.path)


class Job:
    """A file that was read through once and can be imported. Raises ``Refused`` when its columns can't be mapped."""

    def __init__(self, options: Options, file: File, now: datetime, show: Shown) -> None:
        self.options = options
        self.file = file
        self.survey = file.survey(show)
        header = self.survey.header
        self._columns = resolve(options.wanted, header, options.path) if options.of_columns else {}
        zone = ZoneInfo(options.timezone) if options.timezone else None
        self._reader = Reader(Rows(self._columns, len(header)) if self._columns else None, zone, now)
        self.visitors = Visitors()

    @property
    def id(self) -> str:
        """Names this import: the same content, read the same way to the same end, is the same import."""
        meaning = ["events", self.survey.digest, self._columns, self.options.timezone, self.options.wake]
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()

    def meet_visitors(self) -> None:
        """Learn from the whole file who its visitors are: what they did may stand before that is said."""
        if not self._columns:
            for line in self.lines():
                self.visitors.learn(line)

    def lines(self) -> Iterator[Line]:
        return (self._reader.read(record) for record in self.file.rows())
