"""Settings come from the environment, and from mounted files where it says nothing."""

from pathlib import Path

import pytest

from adapters.crm.hubspot import HubSpotSettings
from domain.errors import Refused
from runtime.settings import Settings


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TENDRIL_SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_a_mounted_secret_is_read_whoever_asks_for_it(mounted: Path):
    (mounted / "tendril_secret").write_text("from a file\n")
    (mounted / "TENDRIL_HUBSPOT_TOKEN").write_text("pat-1")
    assert Settings().secret.get_secret_value() == "from a file"
    assert HubSpotSettings().token.get_secret_value() == "pat-1"


def test_the_environment_wins_over_a_file(mounted: Path, monkeypatch: pytest.MonkeyPatch):
    (mounted / "tendril_secret").write_text("from a file")
    monkeypatch.setenv("TENDRIL_SECRET", "from the environment")
    assert Settings().secret.get_secret_value() == "from the environment"


def test_a_directory_that_is_not_mounted_is_one_clear_line(mounted: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENDRIL_SECRETS_DIR", str(mounted / "nowhere"))
    with pytest.raises(Refused, match=r"TENDRIL_SECRETS_DIR names .*nowhere, which is no directory"):
        Settings()
