"""``tendril leads``: taken in, listed, shown, explained."""

from typer import Typer

from cli.importing import command

app = Typer(no_args_is_help=True, help="Leads: taken in from files, listed, shown, explained.")
app.command("import", help=command.HELP)(command.import_)
