"""Where the error of random subsets ends, at curvature 0."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse.reproduce.questions.budget import large
from modelcollapse.solver.subsample import subsample_errors, subsample_limit

MANY = 10**9
LONG = [2**j for j in range(8, 15)]  # generations of the loops that are extrapolated


def extrapolated(errors, k, powers):
    """Return the limit of errors at LONG, whose rest is a sum of so many powers of t."""
    found = np.array(errors)[-powers - 1 :]
    for power in sorted([*range(1, 5), *(j - 1 / k for j in range(1, 5))])[:powers]:
        found = (found[1:] - 2.0**-power * found[:-1]) / (1 - 2.0**-power)
    return found[0]


@settings(max_examples=25)
@given(
    n=st.integers(2, 40),
    s=st.integers(1, 40),
    share=st.floats(0, 1),
    k=st.integers(2, 60),
)
def test_the_limit_lies_between_its_bounds(n, s, share, k):
    """A long loop's, extrapolated by the powers that its rest has; the bounds say four digits."""
    first = max(1, round(share * n))
    low, high = subsample_limit(n, s, first, k)
    assert low <= high <= low * (1 + 1e-4)
    errors = subsample_errors([n] + [s] * (LONG[-1] - 1), [first] + [k] * (LONG[-1] - 1), 0.0)
    less, more = (extrapolated([errors[t - 1] for t in LONG], k, count) for count in (5, 6))
    gap = abs(more - less) + 1e-9 * high
    assert gap < 1e-3 * high
    assert low - gap <= more <= high + gap


@pytest.mark.parametrize("share", [0.001, 0.5, 1, 1.5, 2, 10])
def test_many_rows(share):
    """Equal batches of many rows have the closed form, 2.93 at their own size."""
    k = round(share * MANY)
    low, high = (MANY * bound for bound in subsample_limit(MANY, MANY, min(k, MANY), k))
    assert low == pytest.approx(high, rel=1e-6)
    assert (low + high) / 2 == pytest.approx(large(share), rel=1e-6)
    if share == 1:
        assert round(low, 2) == round(high, 2) == round(math.pi**2 / 2 - 2, 2) == 2.93
