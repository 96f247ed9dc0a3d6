"""What `tendril up` will run: the settings of every process, and where each part is found."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from runtime.embedded.datadir import DataDirectory
from runtime.settings import Settings

#: The checkout (or the image's /app): where worker.py, the playbooks and the packages are.
ROOT = Path(__file__).parents[2]
DEFAULT_PLAYBOOK = ROOT / "playbooks" / "b2b-saas"
#: One day a second: a quarter of nurturing passes in a minute and a half.
DEMO_SCALE = 86400.0


@dataclass(frozen=True)
class Options:
    """The choices of one ``tendril up`` that are not settings of its processes."""

    demo: bool = True
    playbook: Path = DEFAULT_PLAYBOOK
    plain: bool = False


def clock_scale(settings: Settings, options: Options) -> float:
    """Deployment seconds per real second: as set, else a day a second with the demo and real time without."""
    if settings.clock_scale is not None:
        return settings.clock_scale
    return DEMO_SCALE if options.demo else 1.0


def owns_postgres(settings: Settings) -> bool:
    return not settings.database_url


def owns_temporal(settings: Settings) -> bool:
    return "temporal_address" not in settings.model_fields_set


def settle(settings: Settings, options: Options, directory: DataDirectory, database_url: str) -> Settings:
    """The settings of the children: what the user set holds; the rest points at the embedded parts."""
    embedded = stand_ins(f"http://127.0.0.1:{settings.inbox_port}", settings.smtp_port) | {
        "data_dir": directory.root,
        "database_url": database_url,
        "temporal_address": f"127.0.0.1:{settings.temporal_port}",
        "public_url": f"http://127.0.0.1:{settings.api_port}",
        "secret": SecretStr(directory.secret()),
        "temporal_ui_url": f"http://127.0.0.1:{settings.temporal_ui_port}" if owns_temporal(settings) else "",
        "worker_drain": 3.0,
        "demo": options.demo,
        "log_format": "console",  # into files that people read
        # Minutes are weeks on a fast clock: CRM and audiences should keep up with the eye.
        "crm_interval": 5.0 if clock_scale(settings, options) > 1 else settings.crm_interval,
        "reconcile_interval": 2.0 if clock_scale(settings, options) > 1 else settings.reconcile_interval,
    }
    return filled(settings, embedded)


def stand_ins(inbox: str, smtp_port: int) -> dict[str, Any]:
    """Where the stand-in vendors are, of a process whose inbox has the address ``inbox``, by the settings' names."""
    return {
        "smtp_port": smtp_port,
        "smtp_lookup_url": inbox,
        "hubspot_base_url": f"{inbox}/hubspot",
        "linkedin_base_url": f"{inbox}/linkedin",
        "direct_mail_url": f"{inbox}/webhooks/direct-mail",
        "alert_url": f"{inbox}/webhooks/alerts",
        "webhook_lookup_url": f"{inbox}/webhooks",
    }


def filled(settings: Settings, found: Mapping[str, Any]) -> Settings:
    """The settings, with what was found where the user set nothing. Who names a mail server looks mail up nowhere."""
    own = settings.model_fields_set
    known = {name: value for name, value in found.items() if name not in own}
    if "smtp_host" in own and "smtp_lookup_url" in known:
        known["smtp_lookup_url"] = ""
    return settings.model_copy(update=known)


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a child process reads them."""
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    variables = {
        f"TENDRIL_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in given.items()
        if value is not None
    }
    return variables | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
