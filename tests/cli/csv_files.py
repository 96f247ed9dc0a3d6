"""CSV files for tests. Everybody in them is invented."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

HEADER = ("Contact", "Mail", "First name", "Staff", "Country", "Job", "No mail")
MAP = (
    "--map", "external_id=Contact", "--map", "email=Mail", "--map", "first_name=First name",
    "--map", "employees=Staff", "--map", "country=Country", "--map", "role=Job", "--map", "do_not_email=No mail",
)  # fmt: skip


def person(number: int, **changes: str) -> tuple[str, ...]:
    """A row of ``HEADER``. ``changes`` by column, blanks as underscores."""
    row = {
        "Contact": f"crm-{number}",
        "Mail": f"lead{number}@company{number}.example",
        "First name": f"Lead {number}",
        "Staff": str(number % 500),
        "Country": "Germany",
        "Job": "cfo",
        "No mail": "no",
    }
    return tuple({**row, **{name.replace("_", " "): value for name, value in changes.items()}}.values())


def write(path: Path, rows: Iterable[Sequence[str]], *, encoding: str = "utf-8", delimiter: str = ",") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(HEADER)
        writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
