"""The playbooks that ship are sound, and their mail could be sent as it stands."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from authoring.check import check
from authoring.load import load_playbook
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Asset, Playbook
from domain.words import BuyerStage, Channel

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
NAMES = ("b2b-saas", "education")
LOADED = {name: load_playbook(PLAYBOOKS / name) for name in NAMES}
ASSETS = [
    pytest.param(name, asset, id=f"{name}/{asset.id}") for name in NAMES for asset in LOADED[name].assets.values()
]
#: Assets that go by post have no preview line.
BY_POST = {
    touch.asset for p in LOADED.values() for t in p.tracks for touch in t.touches if touch.channel == "direct_mail"
}


def words(asset: Asset) -> int:
    """Words a reader sees: comments are dropped, a variable counts as one."""
    text = re.sub(r"\{#.*?#\}", "", asset.body, flags=re.DOTALL)
    return len(re.sub(r"\{\{.*?\}\}", "variable", text).split())


def rendered(playbook: Playbook, text: str) -> str:
    for name, value in playbook.variables.items():
        text = text.replace(f"{{{{ {name} }}}}", value)
    return text


@pytest.mark.parametrize("name", NAMES)
def test_the_checker_finds_neither_errors_nor_warnings(name: str):
    assert check(PLAYBOOKS / name) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_segment_has_a_track_at_every_stage(name: str):
    playbook = CompiledPlaybook(LOADED[name])
    for segment in playbook.segments:
        for stage in playbook.stages:
            assert playbook.touches(segment, stage), f"{segment} has no track for {stage}"


@pytest.mark.parametrize("name", NAMES)
def test_every_asset_is_used_and_every_step_has_its_own_name(name: str):
    playbook = LOADED[name]
    steps = [touch for track in playbook.tracks for touch in track.touches] + list(playbook.re_engagement.touches)
    used = {step.asset for step in steps} | {t.touch.asset for t in playbook.triggers if t.touch is not None}
    assert used - {None} == set(playbook.assets)
    assert len({step.id for step in steps}) == len(steps)


@pytest.mark.parametrize(("name", "asset"), ASSETS)
def test_an_asset_answers_one_question_in_few_words(name: str, asset: Asset):
    assert 80 <= words(asset) <= 250
    assert asset.question.endswith("?")
    assert asset.format


@pytest.mark.parametrize(("name", "asset"), ASSETS)
def test_an_asset_reads_well_in_a_mail_program(name: str, asset: Asset):
    assert 0 < len(asset.subject) <= 50
    assert len(asset.preheader) <= 90
    assert asset.preheader or asset.id in BY_POST
    assert not re.search(r"\b(free|act now|last chance|guarantee)\b", asset.subject, re.IGNORECASE)


@pytest.mark.parametrize(("name", "asset"), ASSETS)
def test_an_asset_has_a_soft_call_to_action_over_https(name: str, asset: Asset):
    assert asset.cta_label
    assert rendered(LOADED[name], asset.cta_url).startswith("https://www.example.com/")


@pytest.mark.parametrize(("name", "asset"), ASSETS)
def test_an_asset_states_no_statistics_nobody_measured(name: str, asset: Asset):
    assert not re.search(r"\d\s*(%|percent|per cent|x\b|times (more|faster|as))", asset.body, re.IGNORECASE)


def test_no_two_assets_share_a_subject_or_a_question():
    for playbook in LOADED.values():
        for attribute in ("subject", "question", "body"):
            values = sorted(getattr(asset, attribute) for asset in playbook.assets.values())
            assert all(one != other for one, other in pairwise(values)), attribute


def test_the_default_playbook_has_two_segments_five_stages_and_at_least_twenty_assets():
    playbook = LOADED["b2b-saas"]
    assert [segment.id for segment in playbook.segments] == ["technical", "executive"]
    assert [stage.id for stage in playbook.stages] == list(BuyerStage)
    assert len(playbook.assets) >= 20


def test_the_default_playbook_answers_what_buyers_do():
    fired = {trigger.behaviour for trigger in LOADED["b2b-saas"].triggers}
    wanted = {"pricing_page", "case_study_download", "demo_video", "webinar_registered", "reply", "meeting_booked"}
    assert wanted <= fired


@pytest.mark.parametrize("name", NAMES)
def test_an_open_proves_nothing(name: str):
    opened = LOADED[name].behaviours["mail_opened"]
    assert (opened.points, opened.meaningful) == (0, False)


@pytest.mark.parametrize("name", NAMES)
def test_mail_is_capped_per_lead(name: str):
    assert any(cap.per == "lead" and cap.channel in (Channel.EMAIL, "any") for cap in LOADED[name].cadence.caps)
