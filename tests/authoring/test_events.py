"""Events of a file are read as the API reads them."""

import json
from datetime import UTC, datetime
from pathlib import Path

from authoring.events import Events, events, read_lines
from domain.facts import AccountFacts, Facts, LeadFacts

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def read(tmp_path: Path, *lines: dict[str, object]) -> Events:
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(json.dumps({"timestamp": "1d", **line}) for line in lines))
    found, bad = read_lines(file)
    told = events(found, START)
    told.bad += bad
    return told


def test_a_screen_is_a_page_below_screen(tmp_path: Path):
    told = read(tmp_path, {"type": "screen", "name": "Pricing"}, {"type": "screen"})
    assert [(one.kind, one.name) for one in told.happenings] == [("page", "/screen/Pricing"), ("page", "/screen/")]


def test_a_group_says_of_which_company_the_lead_is(tmp_path: Path):
    traits = {"name": "Orchard", "website": "orchard.example", "size": 40}
    told = read(tmp_path, {"type": "group", "groupId": "acc-7", "traits": traits})
    (happening,) = told.happenings
    assert (happening.kind, happening.name) == ("group", "group")
    assert happening.properties == {**traits, "groupId": "acc-7"}
    (change,) = next(iter(told.changes.values()))
    before = Facts(lead=LeadFacts(id="ld_test", created_at=START), account=AccountFacts(leads=3))
    after = change(before).account
    assert (after.id, after.name, after.domain, after.leads) == ("acc-7", "Orchard", "orchard.example", 3)


def test_an_alias_is_known_and_changes_nothing(tmp_path: Path):
    told = read(tmp_path, {"type": "alias", "previousId": 17, "userId": "crm-1"})
    assert [(one.kind, one.properties) for one in told.happenings] == [("alias", {"previousId": "17"})]
    assert told.changes == {}


def test_what_says_nothing_is_told(tmp_path: Path):
    told = read(tmp_path, {"type": "group", "traits": {}}, {"type": "alias", "previousId": ""})
    assert [one.message for one in told.bad] == ["a group needs a “groupId”", "an alias needs a “previousId”"]
