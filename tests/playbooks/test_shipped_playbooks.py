"""The playbooks that ship are sound, and their mail could be sent as it stands."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from authoring.check import check
from authoring.load import load_playbook
from authoring.render import fill, prepare
from authoring.scenarios.reading import read_scenarios
from authoring.scenarios.run import run
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Asset, Playbook, Touch
from domain.playbook.places import touches
from domain.words import BuyerStage, Channel, DisqualifyReason, RejectReason

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
NAMES = ("b2b-saas", "education")
LOADED = {name: load_playbook(PLAYBOOKS / name) for name in NAMES}
DEFAULT = LOADED["b2b-saas"]
ASSETS = [
    pytest.param(name, asset, id=f"{name}/{asset.id}") for name in NAMES for asset in LOADED[name].assets.values()
]
#: Assets that go by post have no preview line.
BY_POST = {
    touch.asset for p in LOADED.values() for t in p.tracks for touch in t.touches if touch.channel == "direct_mail"
}


def words(asset: Asset) -> int:
    """Words a reader sees: comments are dropped, a variable counts as one."""
    text = re.sub(r"\{[#%].*?[#%]\}", "", asset.body, flags=re.DOTALL)
    return len(re.sub(r"\{\{.*?\}\}", "variable", text).split())


def steps(playbook: Playbook) -> list[Touch]:
    """Every step of tracks, profiling and re-engagement."""
    return [touch for _, touch in touches(playbook)]


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
    used = {step.asset for step in steps(playbook)} | {t.touch.asset for t in playbook.triggers if t.touch is not None}
    assert used - {None} == set(playbook.assets)
    assert len({step.id for step in steps(playbook)}) == len(steps(playbook))


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
    asks = {step.asset for step in steps(LOADED[name]) if step.ask}
    leads_to = rendered(LOADED[name], asset.cta_url)
    assert leads_to == "{{ question.url }}" if asset.id in asks else leads_to.startswith("https://www.example.com/")


@pytest.mark.parametrize(("name", "asset"), ASSETS)
def test_an_asset_states_no_statistics_nobody_measured(name: str, asset: Asset):
    assert not re.search(r"\d\s*(%|percent|per cent|x\b|times (more|faster|as))", asset.body, re.IGNORECASE)


def test_no_two_assets_share_a_subject_or_a_question():
    for playbook in LOADED.values():
        for attribute in ("subject", "question", "body"):
            values = sorted(getattr(asset, attribute) for asset in playbook.assets.values())
            assert all(one != other for one, other in pairwise(values)), attribute


def test_nobody_reads_a_note_to_the_owner():
    """Slots for a customer's story and for figures are marked where only the owner of the playbook sees them."""
    assert len([asset for asset in DEFAULT.assets.values() if "OWNER" in asset.body]) >= 4
    for asset in DEFAULT.assets.values():
        seen = (asset.subject, asset.preheader, re.sub(r"\{#.*?#\}", "", asset.body, flags=re.DOTALL))
        assert not re.search(r"OWNER|TODO|TBD|XX|\[[A-Z]", " ".join(seen)), asset.id


@pytest.mark.parametrize("story", ["", "An invented company did a thing. It helped."])
def test_a_mail_reads_well_with_and_without_a_customer_s_story(story: str):
    with_story = [asset.id for asset in DEFAULT.assets.values() if "customer_story" in asset.body]
    assert len(with_story) == 2
    playbook = DEFAULT.model_copy(update={"variables": dict(DEFAULT.variables) | {"customer_story": story}})
    for name in with_story:
        text = fill(playbook, name, prepare(playbook, playbook.assets[name]), {}, "https://www.example.com/out").text
        told = [
            paragraph for paragraph in text.split("\n\n") if "one of ours:" in paragraph or "questions on:" in paragraph
        ]
        assert [paragraph.endswith(story) for paragraph in told] == ([True] if story else [])


def test_the_default_playbook_is_for_four_segments_three_lengths_and_five_stages():
    assert {segment.id for segment in DEFAULT.segments} == {"technical", "executive", "finance", "end_user"}
    assert {length.preset for length in DEFAULT.lengths} == {"smb", "mid_market", "enterprise"}
    assert [stage.id for stage in DEFAULT.stages] == list(BuyerStage)
    assert len(DEFAULT.assets) >= 48


def test_each_segment_has_two_mails_of_its_own_at_every_stage_but_the_last():
    """Agreeing is everyone's business: there one is their own and the objections are the same for all."""
    mails = {
        (track.segment, track.stage): {touch.asset for touch in track.touches if touch.asset and not touch.when}
        for track in DEFAULT.tracks
    }
    assert all(len(assets) >= 2 for assets in mails.values())
    for (segment, stage), assets in mails.items():
        others = set().union(*(more for (s, at), more in mails.items() if at == stage and s != segment))
        assert assets - others, f"{segment} gets nothing of its own in {stage}"


def test_the_default_playbook_answers_what_buyers_do():
    fired = {trigger.behaviour for trigger in DEFAULT.triggers}
    assert fired >= {
        "pricing_page", "case_study_download", "whitepaper_download", "demo_video", "webinar_registered",
        "webinar_attended", "product_twice", "high_intent_visits", "ad_clicked", "trial_started", "trial_in_use",
        "reply", "meeting_booked", "story_then_price", "across_channels",
    }  # fmt: skip


def test_the_default_playbook_uses_the_whole_language():
    used = steps(DEFAULT)
    assert {rule.then for rule in DEFAULT.triage} == {"sales", "sales_review", "profile", "nurture", "disqualify"}
    reasons = {rule.reason for rule in DEFAULT.triage} | {rule.reason for rule in DEFAULT.disqualify}
    assert reasons - {None} == set(DisqualifyReason) - {DisqualifyReason.OTHER}
    asked = " ".join(step.when or "" for step in used)
    assert all(f"situation.{s.id}" in asked for s in DEFAULT.situations if s.id != "incomplete_record")
    assert {step.channel for step in used} == {Channel.EMAIL, Channel.SDR_TASK, Channel.DIRECT_MAIL}
    assert any(track.order == "priority" and track.exhausted != "wait" for track in DEFAULT.tracks)
    assert any(step.wait for step in used)
    assert DEFAULT.cadence.holidays
    assert DEFAULT.cadence.spread
    assert {pace.factor < 1 for pace in DEFAULT.cadence.paces} == {True, False}
    (experiment,) = DEFAULT.experiments
    assert [variant.control for variant in experiment.variants] == [True, False]


def test_the_default_playbook_passes_its_own_tests():
    """One run for them all: a scenario takes a hundredth of a second."""
    playbook = CompiledPlaybook(DEFAULT)
    read = read_scenarios(PLAYBOOKS / "b2b-saas", playbook)
    assert read.problems == []
    assert len(read.scenarios) >= 25
    results = list(run(playbook, read.scenarios))
    assert [one.placed.scenario.scenario for one in results if not one.held] == []


def test_the_scenarios_touch_every_trigger_triage_rule_and_way_out():
    said = "".join(path.read_text(encoding="utf-8") for path in (PLAYBOOKS / "b2b-saas" / "tests").glob("*.yaml"))
    names = [trigger.touch.asset for trigger in DEFAULT.triggers if trigger.touch]
    names += [rule.reason for rule in DEFAULT.disqualify]
    names += RejectReason
    names += [segment.id for segment in DEFAULT.segments] + [length.id for length in DEFAULT.lengths]
    names += [situation.id for situation in DEFAULT.situations] + [audience.id for audience in DEFAULT.audiences]
    assert [name for name in names if name and str(name) not in said] == []


def test_the_default_playbook_retargets_at_every_stage():
    for stage in BuyerStage:
        assert any(f'stage == "{stage}"' in (audience.when or "") for audience in DEFAULT.audiences)


@pytest.mark.parametrize("name", NAMES)
def test_an_open_proves_nothing(name: str):
    opened = LOADED[name].behaviours["mail_opened"]
    assert (opened.points, opened.meaningful) == (0, False)


@pytest.mark.parametrize("name", NAMES)
def test_mail_is_capped_per_lead(name: str):
    assert any(cap.per == "lead" and cap.channel in (Channel.EMAIL, "any") for cap in LOADED[name].cadence.caps)
