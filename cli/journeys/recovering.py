"""``tendril journeys reset`` and ``download``: mend what a bug decided; keep histories to check a build by."""

from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Exit, Option

from cli.importing.pace import parse_rate
from cli.output import Json
from cli.session import run
from cli.who import By, who

RESET = """Take journeys back to before a decision, so that today's rules decide again: for mending what a bug decided.

The workflow is reset to just before that decision and reads the same behaviour again. What was sent is recognised and
not sent again; the decisions it supersedes stay readable; an ended journey is in flight again. For business reasons use
`tendril journeys rewind`: it needs no reset. docs/upgrading.md says when which is right.

Shows what would happen and asks. Of several journeys each may be told by --before, --at or --rules. Interrupted, the
same command goes on where it stopped; another --reason begins anew.

Examples: `tendril journeys reset ann@acme.example --before 7`,
`tendril journeys reset --where 'version == "3f1c9a"' --rules 3f1c9a --reason "wrong exit rule" --rate 20/s`
"""
DOWNLOAD = """Keep histories as JSON: to replay a later build against (`tendril replay`), or to look at elsewhere.

One file for each run of a journey. Given again, the same command goes on: runs that had closed are not read again.
Histories hold opaque ids and nothing personal. Where payloads are encrypted they stay so, unless --decode.

Examples: `tendril journeys download ann@acme.example --out kept/`,
`tendril journeys download --where 'days_in_journey > 90' --out kept/`
"""
_DEFAULT_RATE = "20/s"
#: Which journeys are meant.
Leads = Annotated[list[str] | None, Argument(metavar="[ID]…", help="Leads, by id, external id or address.")]
Where = Annotated[str, Option(metavar="CEL", help="The journeys this holds for; fields in docs/operations.md.")]
Listed = Annotated[Path | None, Option("--file", metavar="FILE", help="Leads, one a line; `-` reads standard input.")]


def reset(  # noqa: PLR0917 - every option of the command, each given by name
    leads: Leads = None,
    before: Annotated[int | None, Option(metavar="N", min=1, help="To before decision N.")] = None,
    at: Annotated[str, Option(metavar="TIME", help="To before the first decision made at that time or later.")] = "",
    rules: Annotated[
        str, Option(metavar="VERSION", help="To before the first decision made by that version of the playbook.")
    ] = "",
    where: Where = "",
    file: Listed = None,
    cycle: Annotated[int | None, Option(min=1, help="Only if the lead is in that journey of its own.")] = None,
    reason: Annotated[str, Option(help="Why; kept in the operators' log.")] = "",
    rate: Annotated[str, Option(help="No faster than this: 20/s, 600/m.")] = _DEFAULT_RATE,
    yes: Annotated[bool, Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Only show what would happen.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    if sum((before is not None, bool(at), bool(rules))) != 1:
        raise BadParameter("give one of --before, --at and --rules", param_hint="--before")
    from cli.journeys import resetting  # noqa: PLC0415 - Temporal's client would slow every other command

    asked = resetting.Asked(before, at, rules, reason, cycle, parse_rate(rate), yes, dry_run, as_json, who(by))
    if run(resetting.reset(asked, leads or [], where, file)):
        raise Exit(1)


def download(
    out: Annotated[Path, Option(metavar="DIR", help="Where they go; made if it is not there.")],
    leads: Leads = None,
    where: Where = "",
    file: Listed = None,
    decode: Annotated[bool, Option("--decode", help="Decrypt what is encrypted, with this deployment's keys.")] = False,
    as_json: Json = False,
) -> None:
    from cli.journeys import downloading  # noqa: PLC0415 - as above

    run(downloading.download(leads or [], where, file, out, decode=decode, as_json=as_json))
