"""The bundled sample as requests to the API."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel

from api.schemas.leads import LeadBody
from api.schemas.tracking import PageEvent, TrackEvent
from domain.words import CommandKind, RejectReason
from runtime.embedded.datadir import DataDirectory
from runtime.embedded.demo import Progress
from runtime.embedded.script import acts, first_day, sellers_answers, story_told

_SCHEMAS: dict[str, type[BaseModel]] = {"/v1/leads": LeadBody, "/v1/page": PageEvent, "/v1/track": TrackEvent}


def test_every_act_is_a_request_that_the_api_takes():
    for act in acts():
        if act.path in _SCHEMAS:
            _SCHEMAS[act.path].model_validate(act.body)
        else:
            assert act.path.rpartition("/")[2] in set(CommandKind)


def test_acts_come_in_order_and_each_message_once():
    script = acts()
    assert [act.day for act in script] == sorted(act.day for act in script)
    messages = [act.body["messageId"] for act in script if "messageId" in act.body]
    assert len(messages) == len(set(messages)) > 100


def test_about_sixty_leads_enter_and_some_of_them_declined_mail():
    entries = [act for act in acts() if act.path == "/v1/leads"]
    assert 55 <= len(entries) <= 65
    declined = [act for act in entries if act.body.get("consent") == {"email": {"granted": False, "source": "sample"}}]
    assert 0 < len(declined) < 10


def test_sellers_give_reasons_that_exist():
    answers = sellers_answers().values()
    assert {answer.accepts for answer in answers} == {True, False}
    assert {answer.reason for answer in answers if not answer.accepts} <= set(RejectReason)


def test_the_script_begins_on_the_nearest_monday():
    monday = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for days in (-3.4, -1, 0, 1, 3.4):
        assert first_day(monday + timedelta(days=days)) == monday


def test_what_has_been_played_is_not_played_again_after_a_restart(tmp_path: Path):
    now = datetime(2026, 3, 3, tzinfo=UTC)
    progress = Progress.read(DataDirectory(tmp_path), now)
    progress.add(0)
    progress.add(2)
    again = Progress.read(DataDirectory(tmp_path), now + timedelta(days=400))
    assert (again.began, again.done) == (progress.began, {0, 2})


def test_the_story_is_told_when_every_act_is_done(tmp_path: Path):
    directory = DataDirectory(tmp_path)
    assert not story_told(directory)
    progress = Progress.read(directory, datetime(2027, 3, 2, 9, 30, tzinfo=UTC))

    for number in range(len(acts())):
        assert not story_told(directory)
        progress.add(number)

    assert story_told(directory)
