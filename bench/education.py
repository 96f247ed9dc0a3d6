"""How well the education playbook ranks real leads, where the file is at hand."""

import os
from pathlib import Path

from bench.education_auc import auc
from bench.report import Figure, Progress

#: Not part of the project: a published case study, laid beside the checkout or named by the variable.
_FILE = Path(__file__).parent.parent.parent / "shared" / "data" / "leads-education.csv"


async def education(progress: Progress) -> list[Figure]:
    file = Path(os.environ.get("TENDRIL_BENCH_LEADS", _FILE))
    if not file.exists():
        progress(f"no {file.name}: set TENDRIL_BENCH_LEADS to measure the education playbook")
        return []
    progress("the education playbook against 9,240 real leads")
    found = auc(file)
    return [Figure(f"AUC of the entry score ({found['rows']:,} real leads)", found["auc"], "", target=">= 0.8")]
