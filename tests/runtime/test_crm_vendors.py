"""Which CRM a deployment has is a setting."""

import pytest

from adapters.crm.hubspot import HubSpot
from adapters.crm.pipedrive import Pipedrive
from adapters.crm.salesforce import Salesforce
from domain.errors import Refused
from runtime.settings import Settings
from runtime.vendors import open_crm

_SET = {
    "TENDRIL_SALESFORCE_CLIENT_ID": "tendril",
    "TENDRIL_SALESFORCE_CLIENT_SECRET": "secret",
    "TENDRIL_PIPEDRIVE_BASE_URL": "https://example.pipedrive.com",
    "TENDRIL_PIPEDRIVE_API_TOKEN": "token",
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("hubspot", HubSpot), ("pipedrive", Pipedrive), ("salesforce", Salesforce)],
    ids=["hubspot", "pipedrive", "salesforce"],
)
async def test_the_crm_is_the_one_that_is_named(name: str, kind: type, monkeypatch: pytest.MonkeyPatch):
    for variable, value in _SET.items():
        monkeypatch.setenv(variable, value)
    crm = open_crm(Settings(crm_vendor=name))
    assert isinstance(crm, kind)
    assert crm.name == name
    await crm.close()


def test_a_crm_that_is_not_set_up_says_what_lacks(monkeypatch: pytest.MonkeyPatch):
    for variable in _SET:
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(Refused, match="TENDRIL_PIPEDRIVE_BASE_URL: field required"):
        open_crm(Settings(crm_vendor="pipedrive"))
    with pytest.raises(Refused, match="TENDRIL_SALESFORCE_CLIENT_ID: field required"):
        open_crm(Settings(crm_vendor="salesforce"))


def test_a_crm_that_nobody_knows_names_those_that_are():
    with pytest.raises(Refused) as caught:
        open_crm(Settings(crm_vendor="other"))
    assert caught.value.remedy == "Use one of: hubspot, pipedrive, salesforce."
