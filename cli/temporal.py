"""A command's connection to Temporal, and its failure in words."""

from temporalio.client import Client

from cli.settings import read_settings
from domain.errors import Refused
from runtime.embedded.where import located
from runtime.temporal import connect


async def client() -> Client:
    """Connected to the cluster that the settings name, or to that of ``tendril up``. Raises ``Refused``."""
    settings = located(read_settings())
    try:
        return await connect(settings)
    except RuntimeError as error:
        raise Refused(
            f"Temporal at {settings.temporal_address} can't be reached.",
            "See that it runs and that TENDRIL_TEMPORAL_ADDRESS is right.",
        ) from error
