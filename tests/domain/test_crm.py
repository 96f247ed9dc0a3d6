"""Whose word holds, field by field, where both the CRM and we have one."""

import pytest

from adapters.vendors import CRM
from domain.crm import VENDORS, differing, merged

OURS = {"first_name": "Ada", "phone": "1"}


@pytest.mark.parametrize(
    ("theirs", "seen", "taken"),
    [
        pytest.param({"phone": "2"}, {}, {"phone": "2"}, id="read for the first time"),
        pytest.param({"phone": "2"}, {"phone": "3"}, {"phone": "2"}, id="changed there"),
        pytest.param({"phone": "2"}, {"phone": "2"}, {}, id="as it was read before: the lead's own later word holds"),
        pytest.param({"phone": ""}, {"phone": "3"}, {}, id="emptied there"),
        pytest.param({"phone": "1"}, {}, {}, id="the same on both sides"),
        pytest.param({"segment": "enterprise"}, {}, {}, id="a field of ours"),
    ],
)
def test_what_sales_changed_of_a_person_is_taken(theirs, seen, taken):
    assert merged(OURS, theirs, seen, "nurture").take == taken


@pytest.mark.parametrize(
    ("status", "seen", "said"),
    [
        ("disqualified", "nurture", "disqualified"),
        ("sales_accepted", "sales_review", "sales_accepted"),
        ("nurture", "sales_review", ""),
        ("disqualified", "disqualified", ""),
    ],
)
def test_only_what_sales_alone_can_know_is_a_word_about_the_status(status, seen, said):
    assert merged({}, {"lead_status": status}, {"lead_status": seen}, "sales_review").status == said


def test_a_status_that_we_want_ourselves_is_nobodys_news():
    assert merged({}, {"lead_status": "disqualified"}, {}, "disqualified").status == ""


def test_what_was_seen_is_remembered_where_it_is_new():
    assert merged(OURS, {"phone": "2", "first_name": ""}, {"first_name": ""}, "").seen == {"phone": "2"}


def test_what_differs_says_whose_word_holds():
    wanted = {"segment": "smb", "lead_status": "nurture", "offer": ""}
    theirs = {
        "segment": "",
        "lead_status": "disqualified",
        "offer": "",
        "source": "web",
        "phone": "2",
        "first_name": "",
    }
    assert differing(OURS, wanted, theirs, {}) == {"segment": "ours", "lead_status": "theirs", "phone": "theirs"}
    assert differing(OURS, wanted, {"phone": "2"}, {"phone": "2"}) == {"phone": "ours"}


def test_every_crm_can_be_named_in_a_playbook():
    assert {vendor.name for vendor in CRM} <= set(VENDORS)
