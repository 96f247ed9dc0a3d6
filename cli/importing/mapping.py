"""Which column becomes what: ``--map``, ``--map-file``, or columns that bear a target's name."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from cli.importing.files import unreadable
from cli.nearest import did_you_mean
from domain.errors import Refused
from domain.playbook.models import Playbook

#: What any lead has, whatever the playbook: target → meaning.
COMMON = {
    "external_id": "your own id of the lead",
    "email": "address",
    "country": "ISO code or English name; unknown names are left out",
    "timezone": "IANA time zone, such as Europe/Berlin",
    "source": "where the lead came from",
    "owner": "the seller who owns the lead, as your CRM names them",
    "company": "name of the company",
    "company_domain": "web domain of the company",
    "consent_email": "yes: consent to e-mail is recorded; no: e-mail is declined",
    "do_not_email": "yes: e-mail is declined; no: nothing is recorded",
}


def read_map_file(path: Path) -> dict[str, str]:
    """``target: column`` pairs. Raises ``Refused`` naming the file and what is wrong with it."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise unreadable(path, error) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict):
        raise Refused(f"{path} does not hold pairs.", "Write one `lead_field: Column` a line.")
    for target, column in content.items():
        if not isinstance(column, str | int | float) or isinstance(column, bool):
            raise Refused(f"{path}: {target} is not given the name of a column.", "Write `lead_field: Column`.")
    return {str(target): str(column) for target, column in content.items()}


def targets(playbook: Playbook) -> set[str]:
    return {*COMMON, *playbook.lead_fields}


def resolve(wanted: Mapping[str, str], header: Sequence[str], playbook: Playbook, file: Path) -> dict[str, int]:
    """Target → index of its column. Without any pair, columns named as a target are taken.

    Raises ``Refused`` for a target or column that does not exist, with the nearest that does.
    """
    if not wanted:
        return _by_name(header, playbook)
    for target in wanted:
        _require_target(target, playbook)
    return {target: column_of(target, column, header, file) for target, column in wanted.items()}


def require_somebody(columns: Mapping[str, int], *, synthesise: bool) -> None:
    """Raises ``Refused`` unless rows say who they are about."""
    if synthesise and "external_id" not in columns:
        raise Refused("Addresses are synthesised from the external id, and no column is mapped to it.", _EXAMPLE)
    if synthesise and "email" in columns:
        raise Refused("A column is mapped to email, and addresses are to be synthesised too.", "Choose one of the two.")
    if "external_id" not in columns and "email" not in columns:
        raise Refused("No column is mapped to external_id or email, so nothing says who a row is about.", _EXAMPLE)


_EXAMPLE = 'Add, for example, --map external_id="Contact ID".'


def _by_name(header: Sequence[str], playbook: Playbook) -> dict[str, int]:
    known = targets(playbook)
    named = {name.casefold().replace(" ", "_").replace("-", "_"): index for index, name in enumerate(header)}
    return {target: index for target, index in named.items() if target in known}


def _require_target(target: str, playbook: Playbook) -> None:
    known = sorted(targets(playbook))
    if target not in known:
        raise Refused(
            f"Playbook {playbook.name} has no lead field {target!r}.",
            did_you_mean(target, known) or f"It has {', '.join(known)}.",
        )


def column_of(target: str, column: str, header: Sequence[str], file: Path) -> int:
    """Index of the column of that name. Raises ``Refused`` when there is none, or several."""
    exact = [index for index, name in enumerate(header) if name == column]
    found = exact or [index for index, name in enumerate(header) if name.casefold() == column.strip().casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(f"{file} has {len(found)} columns named {column!r} (for {target}).", "Give them different names.")
    names = [name for name in header if name]
    hint = did_you_mean(column, names) or f"It has {', '.join(names)}."
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        hint = "The first row has one column only: is --delimiter right?"
    raise Refused(f"{file} has no column {column!r} (for {target}).", hint)
