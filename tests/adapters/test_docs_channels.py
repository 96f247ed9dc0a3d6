"""The table of vendors says what the tests show, and no more."""

import pytest

from adapters import vendors
from adapters.vendor import Vendor
from tests.adapters import features
from tests.adapters.artefacts import LINES, MAIL, WEBHOOK, Line


def test_the_table_is_what_the_tests_show():
    page = features.PAGE.read_text(encoding="utf-8")
    assert features.BEGIN in page
    assert page == features.written(page), "docs/channels.md is out of date: run make docs"


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.vendor}-{line.feature}-{line.artefact or 'sandbox'}")
def test_every_line_has_its_test_and_the_test_its_artefact(line: Line):
    assert features.missing(line) == ""
    assert line.vendor in vendors.ALL


def test_every_vendor_is_in_the_table_and_does_something():
    listed = {vendor.name for members, _ in features.GROUPS.values() for vendor in members}
    assert listed == set(vendors.ALL)
    assert {name for name, _ in features.features()} >= listed


def test_who_may_tell_us_something_is_tested_for_it():
    """A vendor whose webhook can be heard has a test that says how."""
    tested = {name for name, feature in features.features() if feature in (WEBHOOK, MAIL)}
    silent = Vendor.__dataclass_fields__["inbound"].default
    assert {name for name, one in vendors.ALL.items() if one.inbound is not silent} <= tested


def test_a_line_that_promises_too_much_is_found():
    assert "no test" in features.missing(Line("slack", "x", "test_slack.test_that_is_not_there", "slack-sdk"))
    assert "never names" in features.missing(Line("slack", "x", LINES[0].test, "slack-sdk"))
