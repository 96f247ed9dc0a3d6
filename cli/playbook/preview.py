"""``tendril playbook preview``."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from authoring.gallery import gallery
from authoring.preview import invented_lead
from authoring.scenarios.reading import read_lead
from cli.nearest import did_you_mean
from cli.playbook.directory import Directory
from cli.playbook.written import written
from domain.errors import Refused
from domain.playbook.models import LeadField, Playbook
from runtime.playbooks import read_directory

HELP = """Show mails as they would leave: one page with every asset, or those named, in two widths and as plain text.

Each is shown for a lead we know (an invented one, or yours) and for one of whom nothing is known, so that the fallbacks
are seen too; light and dark, and with the line a phone's inbox shows. The page fetches nothing without `--images`.

Examples: `tendril playbook preview playbooks/b2b-saas --out mails.html`,
`tendril playbook preview playbooks/b2b-saas tech-hidden-cost --field company="Orchard Works" --out mail.html`
"""


def preview(
    directory: Directory,
    assets: Annotated[
        list[str] | None, Argument(metavar="[ASSET]…", help="Names of files in content/, without .md.")
    ] = None,
    lead: Annotated[Path | None, Option(help="A YAML file with the lead's `fields`; nothing else is known.")] = None,
    field: Annotated[
        list[str] | None, Option(help="A field of the lead, as name=value; once for each.", metavar="NAME=VALUE")
    ] = None,
    images: Annotated[
        bool, Option("--images", help="Fetch the mails' images; the page has a switch for both.")
    ] = False,
    out: Annotated[Path | None, Option(help="Write the page here instead of to standard output.")] = None,
) -> None:
    playbook = read_directory(directory)
    _known(playbook, assets or [])
    fields = _of_file(playbook, lead) if lead else invented_lead(playbook)
    fields |= dict(_given(playbook, field or []))
    written(gallery(playbook, assets or (), fields, images=images), out)


def _known(playbook: Playbook, assets: Sequence[str]) -> None:
    """Raises ``Refused`` for an asset that does not exist."""
    for name in assets:
        if name not in playbook.assets:
            remedy = did_you_mean(name, list(playbook.assets)) or "Assets are the files in content/, without .md."
            raise Refused(f"Playbook {playbook.name} has no asset “{name}”.", remedy)


def _of_file(playbook: Playbook, file: Path) -> dict[str, Any]:
    """Raises ``Refused`` with the file's first problem."""
    lead, problems = read_lead(file, str(file), dict(playbook.lead_fields))
    if lead is None:
        raise Refused(f"The lead can't be read: {problems[0]}.", "Write its `fields` as the playbook declares them.")
    return dict(lead.fields)


def _given(playbook: Playbook, pairs: Iterable[str]) -> Iterable[tuple[str, Any]]:
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise Refused(f"“{pair}” is not a field with a value.", "Write --field name=value.")
        if name not in playbook.lead_fields:
            known = list(playbook.lead_fields)
            remedy = did_you_mean(name, known) or f"It declares {', '.join(known)}."
            raise Refused(f"Playbook {playbook.name} declares no lead field “{name}”.", remedy)
        yield name, _read(playbook.lead_fields[name], name, value)


def _read(field: LeadField, name: str, value: str) -> Any:
    """The value as the field's type has it. Raises ``Refused``."""
    words = {"true": True, "yes": True, "false": False, "no": False}
    try:
        match field.type:
            case "int":
                return int(value)
            case "float":
                return float(value)
            case "bool":
                return words[value.casefold()]
            case "list":
                return [part.strip() for part in value.split(",") if part.strip()]
    except (ValueError, KeyError):
        remedy = "Write true or false." if field.type == "bool" else "Write a number."
        raise Refused(f"The field “{name}” is of type {field.type}, which “{value}” is not.", remedy) from None
    return value
