"""The clock in words."""

import pytest

from domain.clock import pace


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        (1.0, "real time"),
        (0.5, "0.5 times real time"),
        (10.0, "10 times real time"),
        (60.0, "a minute a second"),
        (3600.0, "an hour a second"),
        (7200.0, "2 hours a second"),
        (86400.0, "a day a second"),
        (172800.0, "2 days a second"),
    ],
)
def test_a_scale_in_words(scale: float, said: str):
    assert pace(scale) == said
