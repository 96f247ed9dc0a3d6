"""What one import is: a file, how its columns are read, and the playbook its leads enrol in."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.importing.files import CsvFile, Survey
from cli.importing.mapping import require_somebody, resolve
from cli.importing.rows import Reader, Row
from domain.playbook.compiled import CompiledPlaybook


@dataclass(frozen=True)
class Options:
    """As asked on the command line. ``wanted`` is target → column; ``rate`` leads a second (0: as fast as it goes)."""

    path: Path
    wanted: dict[str, str]
    synthesise: str = ""
    encoding: str = ""
    delimiter: str = ","
    rate: float = 0.0


class Job:
    """A file that was read through once and can be imported. Raises ``Refused`` when its columns can't be mapped."""

    def __init__(self, options: Options, file: CsvFile, survey: Survey, playbook: CompiledPlaybook) -> None:
        self.options = options
        self.playbook = playbook
        self.file = file
        self.survey = survey
        document = playbook.document
        self.columns = resolve(options.wanted, self.survey.header, document, options.path)
        require_somebody(self.columns, synthesise=bool(options.synthesise))
        self.reader = Reader(document, self.columns, len(self.survey.header), options.synthesise)

    @property
    def id(self) -> str:
        """Names this import: the same content, mapping and playbook again is the same import."""
        meaning = [
            self.survey.digest,
            self.columns,
            self.options.synthesise,
            self.file.encoding,
            self.options.delimiter,
            self.playbook.document.name,
        ]
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()

    def rows(self) -> Iterator[Row]:
        return self.reader.read(self.file)
