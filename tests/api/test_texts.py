"""Public pages speak the language somebody was written to in, else the browser's, else English, and say which it is."""

import re
from string import Formatter

import httpx
import pytest

from adapters.email.links import UnsubscribeLinks
from api.texts import Texts, languages, texts_for
from runtime.settings import Settings
from storage.database import Database
from tests.domain.core.life import MONDAY

ENGLISH = languages()["en"]


@pytest.fixture
async def link(api: httpx.AsyncClient, playbook: str, settings: Settings) -> str:
    """The preference centre of a lead whose playbook says nothing of its language."""
    made = (await api.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
    del api.headers["Authorization"]
    links = UnsubscribeLinks(settings.public_url, settings.link_secrets)
    return links.url(made, f"{made}/1/0/hello").removeprefix(settings.public_url) + "/preferences"


def filled_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", ["de", "es", "fr"])
def test_every_language_says_everything_with_the_same_words_filled_in(language: str):
    texts = languages()[language].texts
    assert all(isinstance(key, str) and isinstance(text, str) and text for key, text in texts.items())
    assert texts.keys() == ENGLISH.texts.keys()
    assert {key: filled_in(text) for key, text in texts.items()} == {
        key: filled_in(text) for key, text in ENGLISH.texts.items()
    }
    assert len(texts["months"].split()) == 12


@pytest.mark.parametrize(
    ("known", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"),
        ("", "en;q=0.4, de-AT;q=0.9", "de"),
        ("", "pt, es;q=0.2", "es"),
        ("", "de;q=0, es;q=0.1", "es"),
        ("", "nl, *", "en"),
        ("", ";;q=x,,,de", "de"),
        ("de-CH", "fr", "de"),
        ("nl", "fr", "fr"),
    ],
)
def test_the_language_of_the_mail_comes_before_the_browsers(known: str, accepted: str, language: str):
    assert texts_for(known, accepted).language == language


def test_days_are_written_as_people_write_them():
    assert [texts_for("", code).day(MONDAY) for code in ("en", "de", "fr", "es")] == [
        "2 March 2026",
        "2. März 2026",
        "2 mars 2026",
        "2 de marzo de 2026",
    ]


def test_what_is_filled_in_is_escaped():
    assert "&lt;b&gt;" in Texts("en", {"a": "<b> {x}"}).marked("a", x=ENGLISH.marked("close"))


@pytest.mark.parametrize(
    ("language", "often", "saved"),
    [
        ("de", "Wie oft?", "Wir schreiben Ihnen höchstens einmal im Monat."),
        ("fr", "À quelle fréquence ?", "Nous vous écrirons au plus une fois par mois."),
        ("es", "¿Con qué frecuencia?", "Le escribiremos como mucho una vez al mes."),
    ],
    ids=["de", "fr", "es"],
)
async def test_a_choice_is_made_in_ones_own_language(
    http: httpx.AsyncClient, database: Database, link: str, language: str, often: str, saved: str
):
    http.headers["Accept-Language"] = language
    asked = await http.get(link)
    both = ["email", "direct_mail"]
    answered = await http.post(link, data={"often": "30", "offered": both})
    assert (f'<html lang="{language}">' in asked.text, often in asked.text) == (True, True)
    assert languages()[language]("says.none") in answered.text
    again = await http.post(link, data={"often": "30", "offered": both, "channel": both})
    assert saved in again.text
    wordings = await database.pool.fetch("select wording from consent_word order by id")
    assert {row["wording"] for row in wordings} == {languages()[language](f"channel.{one}") for one in both}


async def test_no_page_is_half_in_english(http: httpx.AsyncClient, link: str):
    """Every text of the pages that is English comes from the one place: none is left when another is chosen."""
    http.headers["Accept-Language"] = "de"
    pages = [
        await http.get(link),
        await http.get(link.removesuffix("/preferences")),
        await http.post(link, data={}),
        await http.get("/u/x/preferences"),
        await http.get("/q/x"),
        await http.post(link.removesuffix("/preferences"), data={"List-Unsubscribe": "One-Click"}),
    ]
    for page in pages:
        assert '<html lang="de">' in page.text
        words = re.sub(r"<[^>]*>", " ", page.text)
        assert not re.search(r"\b(you|your|the|link is|again)\b", words), words
