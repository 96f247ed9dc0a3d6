"""Where settings come from: the environment, and files of a directory in which secrets are mounted."""

import os
from pathlib import Path

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource

from domain.errors import Refused

_DIRECTORY = "TENDRIL_SECRETS_DIR"


class FromEnvironment(BaseSettings):
    """Variables of the environment win. What is not among them may be a file named like the variable, in any case, in
    the directory that ``TENDRIL_SECRETS_DIR`` names: as containers are given secrets, whose environment is easily seen.

    Raises ``Refused`` when that directory is not there.
    """

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature; no .env file is read
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        directory = os.environ.get(_DIRECTORY)
        if not directory:
            return init_settings, env_settings, file_secret_settings
        if not Path(directory).is_dir():
            raise Refused(f"{_DIRECTORY} names {directory}, which is no directory.", "Mount the secrets there.")
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=directory)
