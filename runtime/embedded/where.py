"""Where a running `tendril up` is to be found by the other commands."""

from typing import Any

from domain.errors import Refused
from runtime.embedded.datadir import DataDirectory, read_json
from runtime.embedded.plan import filled, stand_ins
from runtime.settings import Settings


def located(settings: Settings) -> Settings:
    """The settings, with the embedded parts' addresses where no database is named, or the one that runs here.

    Raises ``Refused`` when no database is named and nothing runs on the data directory.
    """
    running = _running(settings)
    if not settings.database_url and not running:
        raise Refused(
            f"Nothing runs on the data directory {_directory(settings).root}, and no database is named.",
            "Start `tendril up` there, set TENDRIL_DATA_DIR to the directory of the one that runs, or set"
            " TENDRIL_DATABASE_URL.",
        )
    return filled(settings, running)


def located_vendors(settings: Settings) -> Settings:
    """The same for what needs no database: where nothing runs, the settings as they are."""
    return filled(settings, _running(settings))


def _running(settings: Settings) -> dict[str, Any]:
    """The settings of what runs on the data directory; none when that is not what these settings are about."""
    running: dict[str, Any] = read_json(_directory(settings).running)
    if "database_url" not in running or settings.database_url not in ("", running["database_url"]):
        return {}
    found: dict[str, Any] = {
        "database_url": running["database_url"],
        "temporal_address": running["temporal_address"],
        "public_url": running["api"],
    }
    if "temporal_ui" in running:
        found["temporal_ui_url"] = running["temporal_ui"]
    vendors = stand_ins(running["inbox"], int(running["smtp_port"])) if "smtp_port" in running else {}
    return found | vendors


def _directory(settings: Settings) -> DataDirectory:
    return DataDirectory(settings.data_dir.expanduser().absolute())
