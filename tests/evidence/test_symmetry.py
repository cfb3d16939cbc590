"""The permutation test of directions, against all signs, in whole numbers."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse.evidence import symmetry
from modelcollapse.evidence.symmetry import directions


def enumerated(sizes, total):
    """Return P(sum >= total) and P(sum <= total) over all signs of whole sizes."""
    sums = np.array(
        [np.dot(signs, sizes) for signs in itertools.product((-1, 1), repeat=len(sizes))]
    )
    return float((sums >= total).mean()), float((sums <= total).mean())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9).filter(any))
def test_both_tails_by_enumeration(steps):
    """A last step makes the sizes' sum a power of two, of which the unit is a whole part."""
    steps = [*steps, 128 - sum(map(abs, steps))]
    up, down = enumerated(np.abs(steps), sum(steps))
    found = directions(np.array([steps], dtype=float))
    assert found.up == pytest.approx(up, rel=1e-9)
    assert found.down == pytest.approx(down, rel=1e-9)


@pytest.mark.parametrize(("n", "count"), [(5, 5), (30, 24), (700, 420), (1000, 830), (1000, 500)])
def test_equal_sizes_are_a_sign_test(n, count):
    """With as many digits in a tail of 1e-100 as of a half."""
    steps = np.where(np.arange(n) < count, 0.3, -0.3)[:, None]
    found = directions(steps)
    assert found.up == pytest.approx(scipy.stats.binom.sf(count - 1, n, 0.5), rel=1e-8)
    assert found.down == pytest.approx(scipy.stats.binom.cdf(count, n, 0.5), rel=1e-8)


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300])
def test_false_alarms_by_enumeration(scale):
    """Over all directions of the same sizes p is at most alpha with probability at most alpha."""
    sizes = scale * np.array([0.1, 0.33, 1.0, 1.01, 2.5, 7.0, 7.3, 1e-3])
    found = [
        directions(np.array([signs * sizes]))
        for signs in np.array(list(itertools.product((-1.0, 1.0), repeat=len(sizes))))
    ]
    for tail in zip(*found, strict=True):
        p = np.array(tail)
        assert all((p <= alpha * (1 + 1e-9)).mean() <= alpha * (1 + 1e-9) for alpha in p)


def test_neighbours_are_summed_where_there_are_many(monkeypatch):
    """Signs of blocks are as good as signs of steps, and NaN is no step."""
    steps = np.array([[1.0, 2.0, -1.0, 3.0, np.nan], [0.5, -0.25, 4.0, np.nan, np.nan]])
    monkeypatch.setattr(symmetry, "MOST_STEPS", 5)
    blocks = np.array([[3.0, 2.0], [0.25, 4.0]])
    assert directions(steps) == directions(blocks)


def test_no_step_says_nothing():
    """Both ways are certain."""
    assert directions(np.zeros((3, 2))) == (1.0, 1.0)


@pytest.mark.parametrize("n", [3, 40, 4000])
def test_all_in_one_direction(n):
    """2^-n, down to the least number that is told."""
    found = directions(np.linspace(1, 2, n)[:, None])
    assert found.up == pytest.approx(max(0.5**n, symmetry.LEAST), rel=1e-9)
    assert directions(-np.linspace(1, 2, n)[:, None]).down == found.up
