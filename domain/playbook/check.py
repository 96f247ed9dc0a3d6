"""Is a playbook whole? Pure checks of the document; ``authoring`` gives their findings file, line and column.

The models check the shape of each part. These check what needs the whole: that what is named exists, that nobody can
be stranded, that conditions compile against the declared variables.
"""

from domain.playbook.checks.conditions import check_conditions
from domain.playbook.checks.content import check_content
from domain.playbook.checks.finding import Finding, Path
from domain.playbook.checks.references import check_references
from domain.playbook.checks.structure import check_structure
from domain.playbook.models import Playbook

__all__ = ["Finding", "Path", "problems"]


def problems(document: Playbook) -> list[Finding]:
    """Everything wrong with the document, errors and warnings, in no particular order. Empty when it is sound."""
    checks = (check_references, check_structure, check_content, check_conditions)
    return [finding for check in checks for finding in check(document)]
