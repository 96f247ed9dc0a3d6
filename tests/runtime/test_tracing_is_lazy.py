"""Who does not trace does not pay for it."""

import re
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_WITH = {"runtime/spans.py", "runtime/journey_spans.py"}


def test_opentelemetry_is_imported_only_where_spans_are_made_and_they_only_once_asked_for():
    packages = ("activities", "adapters", "api", "cli", "domain", "runtime", "storage", "workflows")
    sources = {path: path.read_text() for package in packages for path in (_ROOT / package).rglob("*.py")}
    importing = re.compile(
        r"^(?:from|import) (?:opentelemetry|runtime\.(?:journey_)?spans|temporalio\.contrib\.open)", re.MULTILINE
    )
    found = {str(path.relative_to(_ROOT)) for path, text in sources.items() if importing.search(text)}
    assert found == _WITH
