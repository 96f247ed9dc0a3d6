"""Deployment time goes on where it stopped."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.clock import ScaledClock
from runtime.embedded.clock import ClockFile, continued

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = 86400.0


def test_the_first_start_begins_at_real_time():
    clock = continued(DAY, None, NOW)
    assert clock.from_real(NOW) == NOW
    assert clock.from_real(NOW + timedelta(seconds=1)) == NOW + timedelta(days=1)


def test_a_night_of_being_stopped_does_not_become_a_century(tmp_path: Path):
    file = ClockFile(tmp_path / "clock.json")
    first = continued(DAY, file.last_known(), NOW)
    file.note(first, NOW + timedelta(seconds=90))
    morning = NOW + timedelta(hours=10)
    again = continued(DAY, file.last_known(), morning)
    assert again.from_real(morning) == NOW + timedelta(days=90)


def test_real_time_stays_real_time_over_a_restart(tmp_path: Path):
    file = ClockFile(tmp_path / "clock.json")
    file.note(ScaledClock(), NOW)
    assert continued(1.0, file.last_known(), NOW + timedelta(hours=10)) == ScaledClock()


def test_time_never_goes_back_when_a_fast_clock_is_slowed_to_real_time():
    ahead = NOW + timedelta(days=200)
    clock = continued(1.0, ahead, NOW)
    assert clock.from_real(NOW) == ahead
    assert clock.from_real(NOW + timedelta(hours=1)) == ahead + timedelta(hours=1)


def test_a_damaged_clock_file_is_a_first_start(tmp_path: Path):
    (tmp_path / "clock.json").write_text('{"deployment_time": ')
    assert ClockFile(tmp_path / "clock.json").last_known() is None
