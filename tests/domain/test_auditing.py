"""What the audit says of a lead, as a table: what the database has, what Temporal runs, and what is wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.auditing import LATE, SETTLING, STUCK, WAKING, Record, Run, findings
from domain.drift import KINDS, SAFE, Drift, Repair

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=3)
SHOWN = ("nurture", "research", "smb", "nurture")
#: In flight, at decision 4, sleeping until tomorrow.
WELL = Record("ld_a", 1, 4, LONG_AGO, SHOWN, decided_at=LONG_AGO, next_wake_at=NOW + timedelta(days=1), playbook="hash")
ENDED = replace(WELL, ended_at=LONG_AGO, next_wake_at=None, open_cycles=0)
BEGUN = Record("ld_a", 1, 0, LONG_AGO, SHOWN)
LISTED, SEEN = Run(SHOWN), Run(SHOWN, cycle=1, number=4)
JUST_NOW = NOW - SETTLING / 2

CASES: list[tuple[str, Record | None, Run | None, set[Drift]]] = [
    ("in flight and running", WELL, LISTED, set()),
    ("the same, looked at closely", WELL, SEEN, set()),
    ("ended and not running", ENDED, None, set()),
    ("nothing here, nothing there", None, None, set()),
    ("nothing runs", WELL, None, {Drift.LOST}),
    ("nothing runs yet", replace(WELL, decided_at=JUST_NOW), None, set()),
    ("nothing runs, and a wake will bring it back", replace(WELL, wake_since=NOW, wake_attempts=1), None, set()),
    ("enrolled just now", replace(BEGUN, started_at=JUST_NOW), None, set()),
    ("enrolled, and its wake is on the way", replace(BEGUN, wake_since=NOW), None, set()),
    ("enrolled long ago", BEGUN, None, {Drift.NOT_BEGUN}),
    ("enrolled long ago, and stuck at its first decision", BEGUN, Run(SHOWN, 1, 0), {Drift.NOT_BEGUN}),
    ("nothing will wake it", replace(WELL, next_wake_at=None), LISTED, {Drift.NO_NEXT_WAKE}),
    ("paused: nothing need wake it", replace(WELL, next_wake_at=None, paused=True), LISTED, set()),
    ("its time has just passed", replace(WELL, next_wake_at=NOW - LATE / 2), LISTED, set()),
    ("its time passed long ago", replace(WELL, next_wake_at=NOW - LATE * 2), LISTED, {Drift.OVERDUE}),
    ("its time passed, and it is paused", replace(WELL, next_wake_at=LONG_AGO, paused=True), LISTED, set()),
    ("behaviour it has not read", replace(WELL, unread_since=NOW - WAKING * 2), LISTED, {Drift.UNREAD}),
    ("behaviour of just now", replace(WELL, unread_since=NOW - WAKING / 2), LISTED, set()),
    ("behaviour, and a wake", replace(WELL, unread_since=LONG_AGO, wake_since=NOW), LISTED, set()),
    ("a wake told in vain", replace(WELL, wake_since=NOW - STUCK * 2, wake_attempts=9), LISTED, {Drift.WAKE_STUCK}),
    ("a wake that waits its turn", replace(WELL, wake_since=NOW - STUCK * 2, wake_attempts=1), LISTED, set()),
    ("ended, and running still", ENDED, LISTED, {Drift.LINGERING}),
    ("ended just now", replace(ENDED, ended_at=JUST_NOW), LISTED, set()),
    ("ended, and its last touch is on the way", ENDED, replace(SEEN, busy=True), set()),
    ("running for a lead without a journey", None, SEEN, {Drift.UNRECORDED}),
    ("shows something else", WELL, Run(("sales_review", *SHOWN[1:])), {Drift.DISAGREES}),
    ("shows what is not current yet", replace(WELL, decided_at=JUST_NOW), Run(("new", "", "", "entry")), set()),
    ("shows something else, at the same decision", WELL, Run(("new", "", "", "entry"), 1, 4), {Drift.DISAGREES}),
    ("its history can't be read", WELL, replace(LISTED, readable=False), {Drift.UNREADABLE}),
    ("ended, running still, and not to be read", ENDED, replace(LISTED, readable=False), {Drift.LINGERING}),
    ("the record is one decision ahead, just now", replace(WELL, decided_at=JUST_NOW), Run(SHOWN, 1, 3), set()),
    ("the record stays a decision ahead", WELL, Run(SHOWN, 1, 3), {Drift.DISAGREES}),
    ("the record is behind", replace(WELL, decided_at=JUST_NOW), Run(SHOWN, 1, 6), {Drift.DISAGREES}),
    ("the record is a cycle behind", WELL, Run(SHOWN, 2, 1), {Drift.DISAGREES}),
    ("two journeys in flight", replace(WELL, open_cycles=2), LISTED, {Drift.TWO_CYCLES}),
    ("its playbook is not here", replace(WELL, playbook_known=False), LISTED, {Drift.PLAYBOOK_MISSING}),
]


@pytest.mark.parametrize(("record", "run", "wrong"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_wrong(record: Record | None, run: Run | None, wrong: set[Drift]):
    assert {one.kind for one in findings("ld_a", record, run, NOW)} == wrong


def test_a_workflow_of_nobody_we_know_is_an_orphan():
    (found,) = findings("ld_a", None, SEEN, NOW, known=False)
    assert (found.kind, found.detail) == (Drift.ORPHAN, "cycle 1, decision 4")


_moments = st.none() | st.timedeltas(timedelta(days=-5), timedelta(days=5)).map(lambda away: NOW + away)
_records = st.builds(
    Record,
    lead=st.just("ld_a"),
    cycle=st.integers(1, 3),
    number=st.integers(0, 9),
    started_at=_moments.map(lambda at: at or NOW),
    shown=st.sampled_from([SHOWN, ("new", "", "", "entry")]),
    decided_at=_moments,
    ended_at=_moments,
    next_wake_at=_moments,
    paused=st.booleans(),
    unread_since=_moments,
    wake_since=_moments,
    wake_attempts=st.integers(0, 9),
    open_cycles=st.integers(0, 2),
)
_runs = st.none() | st.builds(Run, shown=st.just(SHOWN), cycle=st.integers(1, 3), number=st.integers(0, 9))


@given(_records, _runs)
def test_who_is_in_flight_without_a_next_wake_is_never_passed_over(record: Record, run: Run | None):
    """The promise itself: what is not said to be wrong is ended, paused, or about to be woken."""
    record = replace(record, decided_at=record.decided_at or record.started_at)
    settled = max(record.started_at, record.decided_at or NOW) < NOW - max(WAKING, SETTLING)
    waking = record.next_wake_at is not None and record.next_wake_at >= NOW - LATE
    asleep = run is not None and record.number > 0 and waking
    well = record.ended_at is not None or record.paused or record.wake_since is not None or asleep
    found = findings("ld_a", record, run, NOW)
    assert well or not settled or found
    assert len(found) == len({(one.kind, one.subject) for one in found})


def test_every_kind_says_what_it_means_and_what_to_do():
    assert set(KINDS) == set(Drift)
    assert [drift for drift, kind in KINDS.items() if not (kind.means and kind.remedy.endswith("."))] == []
    assert Repair.TERMINATE not in SAFE
