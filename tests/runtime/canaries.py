"""A made-up secret for every secret setting there is: wherever one of them turns up, a real one would have."""

import base64
from pathlib import Path

import psutil
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from adapters.vendors import ALL
from runtime.settings import Settings

#: What these start with is read before it is used; anything else would not get past the settings.
_SHAPES = {
    "TENDRIL_PAYLOAD_KEYS": "canary:{key}",
    "TENDRIL_WEBHOOK_SECRET": "whsec_{base64}",
    "TENDRIL_RESEND_WEBHOOK_SECRET": "whsec_{base64}",
    "TENDRIL_WEBHOOKS_SECRET": "whsec_{base64}",
    "TENDRIL_SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/{plain}",
    "TENDRIL_SLACK_BOT_TOKEN": "xoxb-{plain}",
}
#: A key for Temporal's API turns TLS on, which the embedded server has not; a DKIM key has to be one, with a domain.
_LEFT_OUT = {"TENDRIL_TEMPORAL_API_KEY", "TENDRIL_DKIM_KEY"}


def secrets() -> dict[str, str]:
    """Environment variable → canary, for every setting that is a ``SecretStr``."""
    models: list[type[BaseSettings]] = [Settings, *(vendor.settings for vendor in ALL.values())]
    names = {
        f"{model.model_config.get('env_prefix', '')}{name}".upper()
        for model in models
        for name, field in model.model_fields.items()
        if field.annotation is SecretStr
    }
    return {name: _canary(name) for name in sorted(names - _LEFT_OUT)}


def needles(given: dict[str, str]) -> dict[str, str]:
    """What to look for: the part of each secret that is nobody else's."""
    return {name: value.rpartition(":")[2].removeprefix("whsec_").rpartition("/")[2] for name, value in given.items()}


def found_in(text: str, given: dict[str, str]) -> set[str]:
    return {name for name, needle in needles(given).items() if needle in text}


def command_lines(root: psutil.Process) -> str:
    """Of a process and all below it: what every user of the machine can read."""
    return "\n".join(
        Path(f"/proc/{one.pid}/cmdline").read_text(encoding="utf-8", errors="replace")
        for one in [root, *root.children(recursive=True)]
    )


def _canary(name: str) -> str:
    plain = f"canary-of-{name.removeprefix('TENDRIL_').lower().replace('_', '-')}"
    whole, key = plain.encode(), plain.encode().ljust(32, b".")[:32]
    shapes = {"plain": plain, "base64": base64.b64encode(whole).decode(), "key": base64.b64encode(key).decode()}
    return _SHAPES.get(name, "{plain}").format(**shapes)
