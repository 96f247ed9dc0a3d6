"""A question in a mail is answered on one page: looking changes nothing, and answering twice is answering once."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx
import pytest

from adapters.email.links import QuestionLinks
from api.services.answers import NotAnAnswer, read
from domain.playbook.models import LeadField, Option, Playbook, Profile, Question
from runtime.settings import Settings
from storage import playbooks
from storage.database import Database
from tests.fixtures.playbooks import minimal_playbook

CONSENT = "We use your answer only to choose what we send you."
TEAM = (Option(label="Finance", value="finance"), Option(label="Operations", value="operations"))
SIZES = (Option(label="Fewer than 50", value=25), Option(label="50 or more", value=200))
FIELDS = {"team": "string", "systems": "list", "budget": "float", "remote": "bool", "tools": "list"}
QUESTIONS = (
    Question(field="role", ask="What is your role?", help="A few words are enough."),
    Question(field="employees", ask="How many people work at your company?"),
    Question(field="team", ask="Which team are you in?", options=TEAM),
    Question(field="systems", ask="Which systems do you use?"),
    Question(field="tools", ask="What do you report with?", options=TEAM),
    Question(field="budget", ask="What may it cost a month?"),
    Question(field="remote", ask="Do you work remotely?"),
)

Link = Callable[[str], str]


def asking(questions: tuple[Question, ...] = QUESTIONS) -> Playbook:
    document = minimal_playbook()
    fields = {**document.lead_fields, **{name: LeadField.model_validate({"type": of}) for name, of in FIELDS.items()}}
    return document.model_copy(
        update={"lead_fields": fields, "profile": Profile(questions=questions, consent=CONSENT) if questions else None}
    )


async def put_in_force(database: Database, document: Playbook) -> str:
    return await playbooks.store(database, document, datetime.now(UTC), default=True)


@pytest.fixture
async def lead(api: httpx.AsyncClient, database: Database) -> str:
    await put_in_force(database, asking())
    made: str = (await api.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
    await database.pool.execute("delete from pending_wake")
    del api.headers["Authorization"]
    return made


@pytest.fixture
def link(settings: Settings, lead: str) -> Link:
    """Path of the page that asks the lead for a field."""
    links = QuestionLinks(settings.public_url, settings.link_secrets)
    return lambda field: links.url(lead, f"{lead}/1/0/ask-first", field).removeprefix(settings.public_url)


async def fields(database: Database, lead: str) -> dict[str, Any]:
    found: dict[str, Any] = await database.pool.fetchval("select fields from lead where id = $1", lead)
    return found


async def behaviours(database: Database) -> list[tuple[str, str, dict[str, Any]]]:
    rows = await database.pool.fetch("select kind, name, properties from behaviour")
    return [(row["kind"], row["name"], row["properties"]) for row in rows]


def keys(page: httpx.Response) -> list[str]:
    """What the answers to choose from stand for in the form."""
    return [unescape(value) for value in re.findall(r'<input type="\w+" name="answer" value="([^"]*)"', page.text)]


async def test_looking_changes_nothing_and_tells_nothing_of_the_lead(
    http: httpx.AsyncClient, database: Database, link: Link, lead: str
):
    for _ in range(3):
        page = await http.get(link("role"))

    assert page.status_code == 200
    for words in ("What is your role?", "A few words are enough.", CONSENT, "Example Metrics"):
        assert words in page.text
    assert "ann@acme.example" not in page.text
    assert "<script" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert await fields(database, lead) == {}
    assert await behaviours(database) == []


async def test_an_answer_fills_the_profile_keeps_the_consent_and_wakes_the_journey(
    http: httpx.AsyncClient, database: Database, link: Link, lead: str
):
    page = await http.post(link("role"), data={"answer": "  Head of\tOperations "})

    assert page.status_code == 200
    assert "Your answer is saved" in page.text
    assert "Thank you. That helps us" in page.text
    assert await fields(database, lead) == {"role": "Head of Operations"}
    kept = await database.pool.fetchrow("select * from answer")
    assert (kept["lead_id"], kept["field"], kept["touch_key"]) == (lead, "role", f"{lead}/1/0/ask-first")
    assert (kept["basis"], kept["consent"], kept["playbook_hash"]) == ("consent", CONSENT, asking().content_hash())
    touch = {"field": "role", "touch": f"{lead}/1/0/ask-first"}
    assert await behaviours(database) == [("track", "Question Answered", touch)]
    assert await database.pool.fetchval("select types from pending_wake") == ["Question Answered"]


async def test_the_same_answer_twice_is_once(http: httpx.AsyncClient, database: Database, link: Link):
    await http.post(link("role"), data={"answer": "COO"})
    await database.pool.execute("delete from pending_wake")
    await http.post(link("role"), data={"answer": "COO"})

    assert len(await behaviours(database)) == 1
    assert await database.pool.fetchval("select count(*) from pending_wake") == 0


async def test_answers_sent_at_once_are_one_behaviour(
    http: httpx.AsyncClient, database: Database, link: Link, lead: str
):
    roles = ["COO", "CFO", "CEO", "CTO"]
    pages = await asyncio.gather(*(http.post(link("role"), data={"answer": role}) for role in roles))

    assert [page.status_code for page in pages] == [200] * 4
    assert (await fields(database, lead))["role"] in roles
    assert len(await behaviours(database)) == 1


async def test_a_later_answer_replaces_the_first_and_wakes_the_journey_without_counting_again(
    http: httpx.AsyncClient, database: Database, link: Link, lead: str
):
    await http.post(link("role"), data={"answer": "COO"})
    await database.pool.execute("delete from pending_wake")
    await http.post(link("role"), data={"answer": "CFO"})

    assert await fields(database, lead) == {"role": "CFO"}
    assert len(await behaviours(database)) == 1
    assert await database.pool.fetchval("select types from pending_wake") == ["answer_changed"]


async def test_an_answer_can_be_taken_back_as_easily_as_it_was_given(
    http: httpx.AsyncClient, database: Database, link: Link, lead: str
):
    assert "Delete my answer" not in (await http.get(link("role"))).text
    await http.post(link("role"), data={"answer": "COO"})
    await database.pool.execute("delete from pending_wake")
    assert "Delete my answer" in (await http.get(link("role"))).text

    pages = [await http.post(link("role"), data={"answer": "", "take_back": "yes"}) for _ in range(2)]

    assert [page.status_code for page in pages] == [200, 200]
    assert "Your answer is deleted" in pages[0].text
    assert await fields(database, lead) == {}
    assert await database.pool.fetchval("select count(*) from answer") == 0
    assert await database.pool.fetchval("select types from pending_wake") == ["answer_taken_back"]


async def test_what_is_known_from_elsewhere_can_be_corrected_but_is_no_answer_to_delete(
    http: httpx.AsyncClient, database: Database, link: Link, lead: str
):
    await database.pool.execute('update lead set fields = \'{"role": "coo"}\'')

    page = await http.get(link("role"))
    await http.post(link("role"), data={"take_back": "yes"})

    assert "We have an answer to this already" in page.text
    assert "Delete my answer" not in page.text
    assert await fields(database, lead) == {"role": "coo"}


async def test_who_holds_the_link_learns_that_it_was_answered_and_not_what(http: httpx.AsyncClient, link: Link):
    await http.post(link("role"), data={"answer": "Secretary to the board"})
    await http.post(link("team"), data={"answer": '"finance"'})

    for field in ("role", "team"):
        page = await http.get(link(field))
        assert "We have an answer to this already" in page.text
        assert "Secretary" not in page.text
        assert "checked" not in page.text


@pytest.mark.parametrize(
    ("field", "chosen", "stored"),
    [
        ("team", [1], "operations"),
        ("remote", [0], True),
        ("remote", [1], False),
        ("tools", [0, 1], ["finance", "operations"]),
    ],
)
async def test_answers_to_choose_from_are_stored_as_their_values(
    http: httpx.AsyncClient, database: Database, link: Link, lead: str, field: str, chosen: list[int], stored: Any
):
    offered = keys(await http.get(link(field)))
    page = await http.post(link(field), data={"answer": [offered[number] for number in chosen]})

    assert page.status_code == 200
    assert await fields(database, lead) == {field: stored}


@pytest.mark.parametrize(
    ("field", "written", "says"),
    [
        ("role", "  ", "Write an answer first."),
        ("role", "x" * 201, "Shorten this to 200 characters"),
        ("employees", "about <b>250</b>", "Write a whole number, such as 250."),
        ("budget", "1,200", "Write a number without marks for thousands"),
        ("team", '"sales"', "Choose one of the answers."),
        ("tools", "", "Choose at least one of the answers."),
    ],
)
async def test_a_wrong_answer_is_said_in_place_and_what_was_written_stays(
    http: httpx.AsyncClient, database: Database, link: Link, lead: str, field: str, written: str, says: str
):
    page = await http.post(link(field), data={"answer": written})

    assert page.status_code == 422
    assert f'id="error" role="alert">{says}' in page.text
    assert 'aria-invalid="true"' in page.text
    assert re.search(r'aria-describedby="[^"]*\berror\b', page.text)
    assert field in ("team", "tools") or f'value="{written}"' in unescape(page.text)
    assert "<b>" not in page.text
    assert await fields(database, lead) == {}
    assert await behaviours(database) == []


async def test_several_things_are_written_one_on_each_line(
    http: httpx.AsyncClient, database: Database, link: Link, lead: str
):
    await http.post(link("systems"), data={"answer": "\r\n SAP \r\n\r\nA sheet\r\nSAP\r\n"})

    assert await fields(database, lead) == {"systems": ["SAP", "A sheet"]}


async def test_a_damaged_link_is_said_to_be_damaged(http: httpx.AsyncClient, database: Database, link: Link, lead: str):
    unsubscribe = link("role").replace("/q/", "/u/")
    for path in (link("role")[:-2] + "xx", "/q/nonsense", "/q/%00"):
        for page in (await http.get(path), await http.post(path, data={"answer": "COO"})):
            assert page.status_code == 404
            assert "This link is damaged" in page.text
    assert (await http.post(unsubscribe, data={"List-Unsubscribe": "One-Click"})).status_code == 404
    assert await fields(database, lead) == {}


async def suppressed(database: Database) -> None:
    await database.pool.execute(
        "insert into suppression (email, reason, at) values ('ann@acme.example', 'erased', now())"
    )


async def another_playbook(database: Database) -> None:
    content_hash = await put_in_force(database, asking(QUESTIONS[1:]))
    await database.pool.execute("update journey set playbook_hash = $1", content_hash)


async def no_questions(database: Database) -> None:
    content_hash = await put_in_force(database, asking(()))
    await database.pool.execute("update journey set playbook_hash = $1", content_hash)


async def gone(database: Database) -> None:
    await database.pool.execute("truncate lead cascade")


@pytest.mark.parametrize("happened", [suppressed, another_playbook, no_questions, gone])
async def test_what_is_no_longer_asked_is_closed_and_stores_nothing(
    http: httpx.AsyncClient, database: Database, link: Link, happened: Callable[[Database], Any]
):
    await happened(database)

    for page in (await http.get(link("role")), await http.post(link("role"), data={"answer": "COO"})):
        assert page.status_code == 410
        assert "This question is closed" in page.text
    assert await database.pool.fetchval("select count(*) from answer") == 0
    assert await behaviours(database) == []


async def test_without_the_database_the_page_says_to_try_again(http: httpx.AsyncClient, database: Database, link: Link):
    await database.pool.close()

    for page in (await http.get(link("role")), await http.post(link("role"), data={"answer": "COO"})):
        assert page.status_code == 503
        assert "nothing was saved" in page.text


@pytest.mark.parametrize(
    ("kind", "written", "stored"),
    [
        ("int", "250", 250),
        ("int", " 1,200 ", 1200),
        ("int", "1.200.000", 1_200_000),
        ("int", "1 200", 1200),
        ("int", "-3", -3),
        ("float", "12,5", 12.5),
        ("float", "12.5", 12.5),
        ("float", "1’200", 1200.0),
        ("float", "1,200,000", 1_200_000.0),
        ("float", "7", 7.0),
    ],
)
def test_numbers_are_read_as_people_write_them(kind: str, written: str, stored: float):
    value = read(QUESTIONS[1], kind, [written])
    assert value == stored
    assert type(value) is (int if kind == "int" else float)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("int", "12.5"),
        ("int", "1,20"),
        ("int", "1,200.300"),
        ("int", "9" * 30),
        ("int", "1_000"),
        ("float", "1.200"),
        ("float", "nan"),
        ("float", "1e999"),
        ("float", "."),
        ("int", "\x00"),
        ("list", "\n \n"),
        ("list", "\n".join(map(str, range(21)))),
        ("string", "\x07"),
    ],
)
def test_what_has_no_one_meaning_is_asked_again(kind: str, written: str):
    with pytest.raises(NotAnAnswer):
        read(QUESTIONS[1], kind, [written])


def test_an_option_is_stored_as_the_fields_type():
    sizes = QUESTIONS[1].model_copy(update={"options": SIZES})
    for kind, expected in (("int", 200), ("float", 200.0), ("string", "200")):
        value = read(sizes, kind, ["200"])
        assert (type(value), value) == (type(expected), expected)
