"""Where a running `tendril up` is to be found by the other commands."""

from typing import Any

from domain.errors import Refused
from runtime.embedded.datadir import DataDirectory, read_json
from runtime.settings import Settings


def located(settings: Settings) -> Settings:
    """The settings, with the embedded parts' addresses where no database is named.

    Raises ``Refused`` when no database is named and nothing runs on the data directory.
    """
    if settings.database_url:
        return settings
    directory = settings.data_dir.expanduser().absolute()
    running = read_json(DataDirectory(directory).running)
    if "database_url" not in running:
        raise Refused(
            f"Nothing runs on the data directory {directory}, and no database is named.",
            "Start `tendril up` there, set TENDRIL_DATA_DIR to the directory of the one that runs, or set"
            " TENDRIL_DATABASE_URL.",
        )
    found: dict[str, Any] = {"database_url": running["database_url"]}
    if "temporal_address" not in settings.model_fields_set:
        found["temporal_address"] = running["temporal_address"]
    if "temporal_ui_url" not in settings.model_fields_set and "temporal_ui" in running:
        found["temporal_ui_url"] = running["temporal_ui"]
    if "public_url" not in settings.model_fields_set:
        found["public_url"] = running["api"]
    return settings.model_copy(update=found)
