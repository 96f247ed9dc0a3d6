"""A moment is a date, a time or an age; nothing else, and nothing to come."""

from datetime import UTC, datetime

import pytest

from domain.moments import parse_moment

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("now", NOW),
        ("3d ago", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("1d12h", datetime(2026, 3, 4, tzinfo=UTC)),
        ("2026-03-04", datetime(2026, 3, 4, 23, 59, 59, 999999, UTC)),
        ("2026-03-05", NOW),
        ("2026-03-04T10:30", datetime(2026, 3, 4, 10, 30, tzinfo=UTC)),
        (" 2026-03-04 10:30+02:00 ", datetime(2026, 3, 4, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read(text: str, at: datetime):
    assert parse_moment(text, NOW) == at


@pytest.mark.parametrize(
    "text",
    ["", "soon", "3 ago", "99999999w ago", "2026-13-01", "2026-03-06", "2026-03-05T12:01", "0001-01-01T00:00+23:00"],
)
def test_what_is_no_moment_is_refused(text: str):
    with pytest.raises(ValueError, match=r"is no moment|is still to come"):
        parse_moment(text, NOW)
