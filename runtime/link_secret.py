"""What signs links in mail must be a secret: processes that sign or check links don't start with one that others know.

Who knows it can unsubscribe and answer for any lead. Only where links lead nowhere but to this machine may it be unset,
or the one that ``docker-compose.yml`` shows to everybody.
"""

import re
from urllib.parse import urlsplit

from domain.errors import Refused
from runtime.settings import Settings

_LEAST = 16  # characters: 64 bits even of a secret in hexadecimal digits
_DIFFERENT = 5  # of them; sixteen random hexadecimal digits have fewer once in two million times
_PLACEHOLDER = re.compile(
    r"change.?(me|this|it)|replace.?(me|this|with)|place.?holder|your.{0,12}secret|<.*>|\$\{", re.IGNORECASE
)
_SHOWN = "only-for-trying-things-out"
_HERE = {"127.0.0.1", "localhost", "::1"}
_HOW = "Set it to 32 random bytes: openssl rand -base64 32. docs/security.md tells how links that are out keep working."


def require_secret(settings: Settings) -> None:
    """Raises ``Refused``, which says what is wrong and never the secret."""
    if wrong := _wrong(settings):
        raise Refused(f"TENDRIL_SECRET {wrong}.", _HOW)


def _wrong(settings: Settings) -> str:
    secret, here = settings.secret.get_secret_value(), urlsplit(settings.public_url).hostname in _HERE
    if "secret" not in settings.model_fields_set:
        return "" if here else f"is not set, and links in mail lead to {settings.public_url}"
    if secret == _SHOWN:
        return "" if here else f"is that of docker-compose.yml, and links in mail lead to {settings.public_url}"
    if _PLACEHOLDER.search(secret):
        return "is a placeholder"
    if len(secret) < _LEAST:
        return f"has {len(secret)} characters, and needs {_LEAST} or more"
    return "repeats a few characters" if len(set(secret)) < _DIFFERENT else ""
