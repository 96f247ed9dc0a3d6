"""The education playbook ranks leads by what was known at entry, and only by that."""

import math
from pathlib import Path

from authoring.load import load_playbook
from bench.education_auc import PLAYBOOK, area, auc, facts_of, read_map
from domain.playbook.compiled import CompiledPlaybook
from domain.words import Channel
from tests.playbooks.education_extract import COLUMNS, write_extract

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "leads-education.csv"
GIVEAWAYS = {
    "Converted", "Tags", "Lead Quality", "Lead Profile", "Last Notable Activity", "Asymmetrique Activity Index",
    "Asymmetrique Profile Index", "Asymmetrique Activity Score", "Asymmetrique Profile Score",
}  # fmt: skip


def test_the_area_is_one_for_a_perfect_order_and_a_half_for_ties():
    outcomes = [False, False, True, True]
    assert area([1, 2, 3, 4], outcomes) == 1.0
    assert area([4, 3, 2, 1], outcomes) == 0.0
    assert area([5, 5, 5, 5], outcomes) == 0.5
    assert area([1, 3, 2, 4], outcomes) == 0.75
    assert math.isnan(area([1, 2], [True, True]))


def test_no_column_that_was_written_after_the_outcome_is_mapped():
    mapped = set(read_map(PLAYBOOK / "map.yaml").values())
    assert mapped <= set(COLUMNS)
    assert not mapped & GIVEAWAYS


def test_every_mapped_field_is_declared_or_known_of_any_lead():
    declared = set(load_playbook(PLAYBOOK).lead_fields)
    common = {"external_id", "source", "country", "do_not_email"}
    assert set(read_map(PLAYBOOK / "map.yaml")) <= declared | common


def test_a_declined_mail_becomes_a_declined_channel():
    playbook = CompiledPlaybook(load_playbook(PLAYBOOK))
    columns = read_map(PLAYBOOK / "map.yaml")
    row = dict.fromkeys(COLUMNS, "")
    assert facts_of(row | {"Do Not Email": "Yes"}, columns, playbook).permission.declined == {Channel.EMAIL}
    assert facts_of(row | {"Do Not Email": "No"}, columns, playbook).permission.declined == frozenset()


def test_the_entry_score_ranks_invented_leads(tmp_path: Path):
    result = auc(write_extract(tmp_path / "extract.csv", rows=1500, seed=7))
    assert result["rows"] == 1500
    assert 60 <= result["declined_email"] <= 180
    assert 0.6 < result["auc"] < 0.95


def test_an_extract_is_the_same_for_the_same_seed(tmp_path: Path):
    first = write_extract(tmp_path / "a.csv", rows=50, seed=1).read_bytes()
    assert write_extract(tmp_path / "b.csv", rows=50, seed=1).read_bytes() == first
    assert write_extract(tmp_path / "c.csv", rows=50, seed=2).read_bytes() != first


def test_the_entry_score_ranks_the_leads_there_are(tmp_path: Path):
    """On the real export where it lies beside the checkout; on an extract otherwise, so that nothing is skipped."""
    path, least = (REAL, 0.80) if REAL.is_file() else (write_extract(tmp_path / "extract.csv", 1000, 3), 0.60)
    result = auc(path)
    assert result["auc"] >= least
