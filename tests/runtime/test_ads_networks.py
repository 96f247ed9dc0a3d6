"""Which ads networks a deployment has: those it names, and any that is still set up, to forget everybody there."""

import pytest

from domain.errors import Refused
from runtime.settings import Settings
from runtime.vendors import open_vendors
from tests.adapters.touches import OnePlaybook


async def networks(**given: str) -> set[str]:
    async with open_vendors(Settings.model_validate(given), OnePlaybook()) as vendors:
        return set(vendors.audiences)


@pytest.fixture(autouse=True)
def _nothing_set_up(monkeypatch: pytest.MonkeyPatch):
    for name in ("META_TOKEN", "META_ACCOUNT", "GOOGLE_ACCOUNT"):
        monkeypatch.delenv(f"TENDRIL_{name}", raising=False)


def _meta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENDRIL_META_TOKEN", "t")
    monkeypatch.setenv("TENDRIL_META_ACCOUNT", "77")


async def test_a_network_that_is_named_must_be_set_up():
    with pytest.raises(Refused, match="TENDRIL_META_TOKEN: field required"):
        await networks(ads_vendors="linkedin, meta")


async def test_one_that_nobody_knows_is_refused():
    with pytest.raises(Refused, match="TENDRIL_ADS_VENDORS names “bing”"):
        await networks(ads_vendors="bing")


async def test_one_that_is_no_longer_named_is_there_to_forget_for_as_long_as_it_is_set_up(monkeypatch):
    assert await networks(ads_vendors="linkedin") == {"linkedin"}
    _meta(monkeypatch)
    assert await networks(ads_vendors="linkedin") == {"linkedin", "meta"}


@pytest.mark.parametrize(
    ("named", "kept"), [("linkedin", ["linkedin"]), (" Google , meta ", ["google", "meta"]), ("none", [])]
)
def test_what_is_named(named, kept):
    assert Settings.model_validate({"ads_vendors": named}).ads_networks == kept
