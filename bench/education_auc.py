"""How well the education playbook's entry score ranks real leads against what became of them.

The score is ``fit + intent`` as the core computes it at entry (each kept within 0–100, rounded to whole points), so
it is exactly what a journey would begin with. "Converted" is read here, to be compared with; the playbook never sees
it: ``playbooks/education/map.yaml`` names the only columns that become facts.

    python -m bench.education_auc FILE.csv
"""

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from authoring.load import load_playbook
from domain.core.scoring import entry_scores
from domain.facts import Facts, FieldValue, LeadFacts, Permission
from domain.playbook.compiled import CompiledPlaybook
from domain.words import Channel

PLAYBOOK = Path(__file__).parent.parent / "playbooks" / "education"
OUTCOME = "Converted"
_NOW = datetime(2024, 1, 1, tzinfo=UTC)  # entry scores do not depend on the day


def auc(csv_path: Path) -> dict[str, Any]:
    """Rows, conversions and the area under the ROC curve of entry score, fit and intent. Raises ``OSError``."""
    playbook = CompiledPlaybook(load_playbook(PLAYBOOK))
    columns = read_map(PLAYBOOK / "map.yaml")
    outcomes, fits, intents, declined = [], [], [], 0
    for row in _rows(csv_path):
        facts = facts_of(row, columns, playbook)
        scores = entry_scores(playbook, facts, _NOW)
        outcomes.append(row[OUTCOME] == "1")
        fits.append(scores.fit)
        intents.append(scores.intent)
        declined += Channel.EMAIL in facts.permission.declined
    return {
        "rows": len(outcomes),
        "converted": sum(outcomes),
        "declined_email": declined,
        "auc": area([fit + intent for fit, intent in zip(fits, intents, strict=True)], outcomes),
        "auc_fit": area(fits, outcomes),
        "auc_intent": area(intents, outcomes),
    }


def area(scores: Sequence[float], outcomes: Sequence[bool]) -> float:
    """Area under the ROC curve: the chance that a random converted lead scores above a random other; ties count half.

    By ranks (Mann–Whitney U), tied scores sharing their average rank. NaN when all outcomes are the same.
    """
    positives = sum(outcomes)
    negatives = len(outcomes) - positives
    if not positives or not negatives:
        return float("nan")
    ranked, below = 0.0, 0
    for _, tied in groupby(sorted(zip(scores, outcomes, strict=True)), key=lambda pair: pair[0]):
        hits = [converted for _, converted in tied]
        ranked += sum(hits) * (below + (len(hits) + 1) / 2)
        below += len(hits)
    return (ranked - positives * (positives + 1) / 2) / (positives * negatives)


def read_map(path: Path) -> dict[str, str]:
    """Lead field → column."""
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def facts_of(row: Mapping[str, str], columns: Mapping[str, str], playbook: CompiledPlaybook) -> Facts:
    """One row as the facts of a lead who has just entered: only mapped columns, typed as the playbook declares."""
    known = {field: row[column].strip() for field, column in columns.items()}
    declared = playbook.document.lead_fields
    declined = {Channel.EMAIL} if known["do_not_email"].lower() == "yes" else set()
    lead = LeadFacts(
        id=known["external_id"],
        fields={name: _typed(known[name], field.type) for name, field in declared.items() if known.get(name)},
        source=known["source"],
        created_at=_NOW,
    )
    return Facts(lead=lead, permission=Permission(declined=frozenset(declined)))


def _typed(text: str, kind: str) -> FieldValue:
    return int(float(text)) if kind == "int" else text


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from csv.DictReader(stream)


def _table(result: Mapping[str, Any]) -> Iterable[str]:
    return (
        f"{name:<16}{value:.4f}" if isinstance(value, float) else f"{name:<16}{value}" for name, value in result.items()
    )


if __name__ == "__main__":
    print("\n".join(_table(auc(Path(sys.argv[1])))))
