"""``tendril up``: the whole stack on this machine, with a live view."""

from pathlib import Path
from typing import Annotated

from typer import Option

from cli.settings import read_settings
from runtime.embedded.plan import DEFAULT_PLAYBOOK, Options


def up(  # noqa: PLR0917 - every option of the command, each given by name
    data_dir: Annotated[Path | None, Option(help="Where everything is stored (.tendril).")] = None,
    api_port: Annotated[int | None, Option(help="Port of the API and console (8000).")] = None,
    temporal_port: Annotated[int | None, Option(help="Port of the Temporal server (7233).")] = None,
    ui_port: Annotated[int | None, Option(help="Port of the Temporal UI (8233).")] = None,
    inbox_port: Annotated[int | None, Option(help="Port of the inbox and the sandbox vendors (8025).")] = None,
    smtp_port: Annotated[int | None, Option(help="Port on which the inbox receives mail (1025).")] = None,
    demo: Annotated[bool, Option(help="Enrol the sample leads and play their behaviour.")] = True,
    clock_scale: Annotated[
        float | None, Option(help="Deployment seconds per real second (86400 with the demo, else 1).", min=0.001)
    ] = None,
    playbook: Annotated[Path | None, Option(help="Playbook directory that new journeys follow.")] = None,
    plain: Annotated[bool, Option(help="Log lines instead of the live view.")] = False,
) -> None:
    """Start PostgreSQL, Temporal, the sandbox vendors, the worker and the API, and show them live. Ctrl-C stops all."""
    from runtime.embedded.run import run  # noqa: PLC0415 - no other command needs the stack's libraries

    settings = read_settings(
        data_dir=data_dir,
        api_port=api_port,
        temporal_port=temporal_port,
        temporal_ui_port=ui_port,
        inbox_port=inbox_port,
        smtp_port=smtp_port,
        clock_scale=clock_scale,
    )
    run(settings, Options(demo=demo, playbook=playbook or DEFAULT_PLAYBOOK, plain=plain))
