"""Forms and identifies begin journeys where the deployment says so, and by the same rules as everybody's."""

from datetime import UTC, datetime

import httpx
import pytest
from pydantic import ValidationError

from api.app import create_app
from runtime.settings import Settings
from storage import erasure, keys, suppression
from storage.database import Database
from storage.enrolment import welcome
from storage.leads import LeadInput, upsert
from storage.permission import suppress
from tests.api.conftest import REAL, client_of

NOW = datetime.now(UTC)
ANN = "ann@acme.example"


async def sent(database: Database, enrol_on: str, form: str = "contact", **fields: str) -> int:
    """Journeys after the form was sent where ``enrol_on`` holds."""
    key = await keys.create(database, "website", ["write"])
    app = create_app(Settings(secret="a-secret-of-this-test", enrol_on=enrol_on), database, None, REAL)
    async with client_of(app) as http:
        answer = await http.post(f"/f/{form}", data={"writeKey": key, "email": ANN, **fields})
    assert answer.status_code == 200
    return await journeys(database)


async def identified(database: Database, enrol_on: str, **traits: str) -> int:
    key = await keys.create(database, "website", ["write"])
    app = create_app(Settings(secret="a-secret-of-this-test", enrol_on=enrol_on), database, None, REAL)
    async with client_of(app) as http:
        auth = httpx.BasicAuth(key, "")
        answer = await http.post("/v1/identify", json={"anonymousId": "v-1", "traits": traits}, auth=auth)
    assert answer.status_code == 200
    return await journeys(database)


async def journeys(database: Database) -> int:
    found: int = await database.pool.fetchval("select count(*) from journey")
    return found


@pytest.mark.parametrize(
    ("enrol_on", "begun"),
    [("", 0), ("identify", 0), ("form:guide", 0), ("form", 1), ("identify, form:contact", 1)],
)
async def test_a_form_enrols_where_the_deployment_says_so(database: Database, playbook: str, enrol_on: str, begun: int):
    assert await sent(database, enrol_on) == begun


async def test_a_form_filled_in_by_a_machine_enrols_nobody(database: Database, playbook: str):
    assert await sent(database, "form", _gotcha="x") == 0


async def test_without_a_playbook_a_form_is_taken_all_the_same(database: Database):
    assert await sent(database, "form") == 0
    assert await database.pool.fetchval("select count(*) from behaviour") == 2


async def test_whoever_may_not_be_written_to_begins_nothing(database: Database, playbook: str):
    lead = (await upsert(database, LeadInput(email=ANN), NOW, enrol=False)).lead_id
    await suppress(database, ANN, suppression.Reason.MANUAL, "test", NOW)
    assert await welcome(database, [lead], NOW) == {}

    bob = (await upsert(database, LeadInput(email="bob@acme.example"), NOW, enrol=False)).lead_id
    await database.pool.execute("insert into consent values ($1, 'email', false, '', '', $2)", bob, NOW)
    nameless = (await upsert(database, LeadInput(anonymous_ids=("v-2",)), NOW, enrol=False)).lead_id
    assert await welcome(database, [bob, nameless], NOW) == {}


async def test_whoever_was_erased_does_not_come_back_by_a_form(database: Database, playbook: str):
    lead = (await upsert(database, LeadInput(email=ANN), NOW, enrol=False)).lead_id
    await erasure.erase(database, lead, "test", NOW)
    assert await sent(database, "form") == 0


async def test_the_re_entry_rule_holds(database: Database, playbook: str):
    assert await sent(database, "form") == 1
    await database.pool.execute("update journey set ended_at = now(), ending = 'sunset'")
    assert await sent(database, "form", note="again") == 1, "the minimal playbook lets nobody begin twice at once"


@pytest.mark.parametrize("wrong", ["track", "form:", "forms", "identify:x"])
def test_what_begins_no_journey_is_refused_at_the_start(wrong: str):
    with pytest.raises(ValidationError, match="begins no journey"):
        Settings(enrol_on=wrong)


@pytest.mark.parametrize(("enrol_on", "begun"), [("", 0), ("form", 0), ("identify", 1)])
async def test_an_identify_with_an_address_enrols_where_the_deployment_says_so(
    database: Database, playbook: str, enrol_on: str, begun: int
):
    assert await identified(database, enrol_on, email=ANN) == begun


async def test_an_identify_without_an_address_enrols_nobody(database: Database, playbook: str):
    assert await identified(database, "identify", role="cto") == 0
