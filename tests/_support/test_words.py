"""Counts in sentences."""

import numpy as np
import pytest

from modelcollapse._support.words import many


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (np.int64(20_000), "20000 runs")],
)
def test_one_alone_has_no_s(count, text):
    """None and several have it."""
    assert many(count, "run") == text
