"""Is a playbook whole? Pure checks of the document; ``authoring`` gives their findings file, line and column.

The models check the shape of each part. These check what needs the whole: that what is named exists, that nobody can
be stranded, that conditions compile against the declared variables, and that everything written can come into effect.
Each rule they name has a page, ``docs/lints/RULE.md``.
"""

from domain.playbook.checks.behaviours import check_behaviours
from domain.playbook.checks.cadence import check_cadence
from domain.playbook.checks.conditions import check_conditions, check_names
from domain.playbook.checks.content import check_content
from domain.playbook.checks.crm import check_crm
from domain.playbook.checks.doubles import check_doubles
from domain.playbook.checks.experiments import check_experiments
from domain.playbook.checks.finding import Finding, Path
from domain.playbook.checks.minutes import check_minutes
from domain.playbook.checks.opens import check_opens
from domain.playbook.checks.people import check_people
from domain.playbook.checks.reach import check_reach
from domain.playbook.checks.references import check_references
from domain.playbook.checks.repeats import check_repeats
from domain.playbook.checks.structure import check_structure
from domain.playbook.models import Playbook

__all__ = ["Finding", "Path", "problems"]

_CHECKS = (
    check_references,
    check_doubles,
    check_structure,
    check_people,
    check_behaviours,
    check_opens,
    check_experiments,
    check_crm,
    check_cadence,
    check_repeats,
    check_minutes,
    check_content,
)
#: These compile conditions, which names that the condition language keeps for itself would prevent.
_AFTER_NAMES = (check_conditions, check_reach)


def problems(document: Playbook) -> list[Finding]:
    """Everything wrong with the document, errors and warnings, in no particular order. Empty when it is sound."""
    names = list(check_names(document))
    checks = _CHECKS if names else (*_CHECKS, *_AFTER_NAMES)
    return names + [finding for check in checks for finding in check(document)]
