"""Mails as they would leave: for a lead we know and for one of whom nothing is known, readable in light and in dark."""

import re
from pathlib import Path

import pytest

from authoring.colours import contrast, readable, text_on
from authoring.gallery import gallery
from authoring.gallery.frames import Seen
from authoring.layout import layout_values
from authoring.load import load_playbook
from authoring.preview import invented_lead, preview_email
from domain.playbook.models import Playbook
from domain.ports import RenderedEmail
from tests.authoring.everything import everything
from tests.fixtures.playbooks import minimal_playbook

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
LOADED = {name: load_playbook(PLAYBOOKS / name) for name in ("b2b-saas", "education")}
ASSETS = [pytest.param(name, asset, id=f"{name}/{asset}") for name, one in LOADED.items() for asset in one.assets]
#: What is left where a variable was blank: two spaces, a space before a comma, empty brackets.
HOLES = re.compile(r"\S  +\S|\s[,.;:!?](?:\s|$)|\(\s*\)|“”|\{\{|\}\}|\{%")


def with_asset(document: Playbook, **changes: str) -> Playbook:
    asset = document.assets["guide"].model_copy(update=changes)
    return document.model_copy(update={"assets": {**document.assets, "guide": asset}})


@pytest.mark.parametrize(("name", "asset"), ASSETS)
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_every_shipped_asset_reads_without_holes_whoever_gets_it(name: str, asset: str, known: bool):
    playbook = LOADED[name]
    mail = preview_email(playbook, asset, invented_lead(playbook) if known else {})
    written = playbook.assets[asset]
    for text in (mail.subject, mail.preheader, mail.text.split("\n-- \n")[0]):
        assert HOLES.search(text) is None, HOLES.search(text)
    assert mail.subject
    assert mail.text.count("None") == (written.body + written.cta_label).count("None")
    assert len(mail.html.encode()) < 102 * 1024, "Gmail would cut it off"


def test_an_invented_lead_has_a_value_for_every_field_and_answers_as_the_questions_allow():
    document = everything()
    assert invented_lead(document).keys() == document.lead_fields.keys()
    assert invented_lead(document)["employees"] == 5
    assert "Hello Robin," in preview_email(document, "guide").text


def test_a_mail_that_asks_shows_the_question_that_is_missing():
    document = everything()
    asset = document.assets["one-question"].model_copy(update={"body": "{{ question.ask }} {{ question.url }}"})
    document = document.model_copy(update={"assets": {**document.assets, "one-question": asset}})
    assert "How many are you? https://" in preview_email(document, "one-question", {}).text
    assert "What do you do?" in preview_email(document, "one-question", {"employees": 5}).text


def test_the_gallery_shows_two_widths_for_a_lead_we_know_and_a_phone_for_one_we_do_not():
    page = gallery(minimal_playbook(), ["guide"])
    assert page.count("<iframe") == 6
    assert "Hello Robin," in page
    assert "Hello there," in page
    assert "Research: guide, day 3" in page
    assert page.count("<section") == 1


def test_a_mail_that_is_the_same_for_everyone_is_shown_once():
    page = gallery(with_asset(minimal_playbook(), body="The same words."), ["guide"])
    assert page.count("<iframe") == 4
    assert "Same for everyone" in page


def test_the_gallery_shows_the_lead_it_is_given():
    page = gallery(minimal_playbook(), ["guide"], {"first_name": "<Ann>"})
    assert "Hello &lt;Ann&gt;," in page
    assert "<Ann>" not in page


def test_the_gallery_warns_of_a_mail_that_gmail_would_cut():
    page = gallery(with_asset(minimal_playbook(), body="Words and words. " * 7000), ["guide"])
    assert "Gmail cuts off what is beyond 102 kB" in page
    assert "Gmail" not in gallery(minimal_playbook())


def test_the_gallery_names_subjects_under_trial_and_assets_nobody_sends():
    page = gallery(everything())
    assert "What does it cost you?" in page
    assert "cost-subject, asking" in page
    lonely = everything().assets["guide"].model_copy(update={"id": "lonely"})
    document = everything().model_copy(update={"assets": {"lonely": lonely}})
    assert "No step sends it." in gallery(document)


def test_a_frame_decides_the_scheme_itself_and_fetches_images_only_when_told():
    html = (
        '<head lang="en"><style>@media (prefers-color-scheme: dark) {} :root { color-scheme: light dark; }</style><img>'
    )
    seen = Seen("known", "", RenderedEmail(subject="", preheader="", html=html, text=""))
    dark, light = seen.document("dark", images=False), seen.document("light", images=True)
    assert "@media all" in dark
    assert "color-scheme: dark" in dark
    assert "img-src 'none'" in dark
    assert "@media not all" in light
    assert "img-src https: data:" in light
    assert seen.images


def test_nothing_of_the_mail_follows_the_preheader_in_the_inbox():
    html = preview_email(minimal_playbook(), "guide").html
    hidden = re.search(r'<div style="display:none[^>]*>(.*?)</div>', html, re.DOTALL)
    assert hidden is not None
    assert hidden[1].startswith("With what each is good for&#847;")
    assert hidden[1].count("&zwnj;") == 100
    without = preview_email(with_asset(minimal_playbook(), preheader=""), "guide").html
    assert "&zwnj;" not in without


@pytest.mark.parametrize("brand", ["#0b6e4f", "#ffcc00", "#000000", "#ffffff", "#e4002b", "#123456", "#7f7f7f"])
def test_whatever_the_brands_colour_words_can_be_read(brand: str):
    document = minimal_playbook()
    values = layout_values(document.model_copy(update={"variables": {"brand_color": brand}}))
    assert values["brand_color"] == brand
    assert contrast(values["button_text"], brand) >= 4.5
    assert contrast(values["button_dark_text"], values["button_dark"]) >= 4.5
    assert contrast(values["button_dark"], "#1e2328") >= 3
    assert contrast(values["link_color"], "#ffffff") >= 4.5
    assert contrast(values["link_dark"], "#1e2328") >= 4.5


def test_a_colour_that_can_be_read_stays_as_it_is():
    assert readable("#0b6e4f", "#ffffff") == "#0b6e4f"
    assert text_on("#0b6e4f") == "#ffffff"
    assert round(contrast("#000000", "#ffffff")) == 21
