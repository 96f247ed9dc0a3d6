"""The settings of a command: the environment's, with the command's options before them."""

from typing import Any

from pydantic import ValidationError

from domain.errors import Refused
from runtime.settings import Settings


def read_settings(**options: Any) -> Settings:
    """Options that are None were not given. Raises ``Refused`` naming every setting that is wrong, and why."""
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        wrong = [f"TENDRIL_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors()]
        raise Refused(f"{'; '.join(wrong)}.", "docs/settings.md describes every setting.") from error
