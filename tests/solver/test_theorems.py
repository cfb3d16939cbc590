"""Closed forms, thresholds and fates of the solver: rows D8 to D30 of the theory, and limits."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse._support.errors import InvalidInput, NoClosedForm
from modelcollapse.solver import (
    best_weight,
    fate,
    inflation,
    limit,
    squared_errors,
    variances,
    window_rate,
)
from modelcollapse.testing import strategies
from modelcollapse.workflows import FreshData, Web, Weighted

LARGEST = 10**12
ROWS = st.integers(1, 1000)
CURVES = st.sampled_from([-1.0, -0.25, 0.0, 1e-6, 0.5, 1.0, 4.0])
WEIGHTS = st.floats(0.01, 0.99)


@given(n=st.integers(1, 10**6), v2=CURVES, T=st.integers(1, 60))
def test_accumulate_is_replace_with_growing_batches(n, v2, T):
    """D8: n rows each, accumulated, are n t^2 rows, replaced; for every curvature."""
    t = np.arange(1, T + 1)
    grown = squared_errors(mc.Replace(), n * t**2, v2)

    assert squared_errors(mc.Accumulate(), np.full(T, n), v2) == pytest.approx(grown, rel=1e-13)


@given(sizes=strategies.sizes(generations=60, most=10**4))
def test_every_schedule_inflates_by_less_than_two(sizes):
    """D9: accumulate at v2 = 0, n_1 (1/n_1 + sum n_s/N_s^2), for any batch sizes."""
    exact, total = Fraction(0), 0
    for n in sizes:
        total += n
        exact += Fraction(n, total**2)
    found = inflation(mc.Accumulate(), sizes)

    assert found[-1] == pytest.approx(float(exact * sizes[0]), rel=1e-13)
    assert exact * sizes[0] < 2


def test_schedules_of_the_theory():
    """D9: two is approached by single rows; equal pi^2/6; 2 n each time; doubling; squares."""
    T = 10**5
    ones = np.ones(T, dtype=int)
    ones[0] = 1000
    t = np.arange(1, T + 1)
    with mpmath.workdps(30):
        singles = 1 + 1000 * float(mpmath.psi(1, 1001) - mpmath.psi(1, 1000 + T))
        doubled = float(1 + (mpmath.psi(1, mpmath.mpf(3) / 2) - mpmath.psi(1, T + 0.5)) / 2)
    twice = np.full(T, 20)
    twice[0] = 10
    doubling = 2 ** np.concatenate([[0], np.arange(38)])

    assert inflation(mc.Accumulate(), ones)[-1] == pytest.approx(singles, rel=1e-12)
    assert singles > 1.98
    assert inflation(mc.Accumulate(), twice)[-1] == pytest.approx(doubled, rel=1e-12)
    assert doubled == pytest.approx(1.467, abs=5e-4)
    assert inflation(mc.Accumulate(), doubling)[-1] == pytest.approx(1.5, abs=2.0**-37)
    squares = inflation(mc.Accumulate(), t[:10000] ** 2)[-1]
    assert squares == pytest.approx(1.244, abs=5e-4)


@given(n=ROWS, v2=CURVES, T=st.integers(1, 50))
def test_equal_batches_are_products(n, v2, T):
    """D15: (prod (1 + v2/(n k^2)) - 1)/v2 and ((1 + v2/n)^t - 1)/v2, in rationals."""
    product = power = Fraction(1)
    accumulated = replaced = Fraction(0)
    exact = Fraction(v2)
    for k in range(1, T + 1):
        accumulated += product * Fraction(1, n * k * k)
        replaced += power * Fraction(1, n)
        product *= 1 + exact / (n * k * k)
        power *= 1 + exact / n
    sizes = np.full(T, n)

    assert squared_errors(mc.Accumulate(), sizes, v2)[-1] == pytest.approx(
        float(accumulated), rel=1e-13
    )
    assert squared_errors(mc.Replace(), sizes, v2)[-1] == pytest.approx(float(replaced), rel=1e-12)


def sinhc(n, v2):
    """Return D16's limit at 60 digits."""
    with mpmath.workdps(60):
        if v2 == 0:
            return float(mpmath.pi**2 / (6 * n))
        y = mpmath.pi * mpmath.sqrt(mpmath.mpf(v2) / n)
        return float((mpmath.re(mpmath.sinh(y) / y) - 1) / v2)


@given(n=st.integers(1, LARGEST), v2=st.one_of(CURVES, st.floats(-1, 1e4)))
def test_accumulate_tends_to_the_hyperbolic_sine(n, v2):
    """D16: sinh for v2 > 0, sin below, without a seam at 0 or where the series ends."""
    assume(v2 == 0 or abs(v2) > 1e-15)
    assert limit(mc.Accumulate(), n, v2) == pytest.approx(sinhc(n, v2), rel=1e-13)


def test_sinhc_is_seamless_and_overflows_to_infinity():
    """Both sides of the series' end, and beyond the largest float."""
    end = 10 / np.pi**2
    for v2 in (end * (1 - 1e-12), end * (1 + 1e-12), 100.0):
        assert limit(mc.Accumulate(), 1, v2) == pytest.approx(sinhc(1, v2), rel=1e-13)
    assert limit(mc.Accumulate(), 1, 1e6) == np.inf


def test_pi_squared_over_six_is_a_bound_only_without_curvature():
    """D16: the inflation's limit is below pi^2/6 iff v2 < 0; n = 2, exponential: 2.102."""
    for n in (2, 10, 1000, LARGEST):
        ratios = [n * limit(mc.Accumulate(), n, v2) / (np.pi**2 / 6) for v2 in (-1, 0, 1)]
        assert ratios[0] < ratios[2]
        assert ratios[1] == pytest.approx(1, rel=1e-15)
        slopes = [np.pi**2 / (20 * n) * v2 for v2 in (-1, 1)]  # pi^4 v2/(120 n), relative
        assert ratios[0] - 1 == pytest.approx(slopes[0], rel=0.6 / n + 1e-3 * n / LARGEST)
        assert ratios[2] - 1 == pytest.approx(slopes[1], rel=0.6 / n + 1e-3 * n / LARGEST)
    assert 2 * limit(mc.Accumulate(), 2, 1.0) == pytest.approx(2.102, abs=5e-4)
    assert 10 * limit(mc.Accumulate(), 10, 1.0) == pytest.approx(1.728, abs=5e-4)


def test_replace_keeps_its_variance_iff_the_batches_grow():
    """D19 at v2 = -1: prod (1 - 1/n_t), for n_t = (t + 1)^2 (T + 2)/(2 (T + 1)), for t + 1 none."""
    t = np.arange(1, 10001)
    assert variances(mc.Replace(), (t + 1) ** 2, -1.0) == pytest.approx((t + 2) / (2 * (t + 1)))
    assert variances(mc.Replace(), t + 1, -1.0) == pytest.approx(1 / (t + 1), rel=1e-12)


@given(r=ROWS, s=ROWS)
def test_pooled_fresh_data_is_worth_at_most_twice_its_real_rows(r, s):
    """D28 at v2 = -1: N/(N^2 - s^2 + s), so n_e = (r (r + 2 s) + s)/N <= 2 r + 1."""
    N = r + s
    exact = limit(FreshData(r, s), 1, -1.0)

    assert exact == pytest.approx(float(Fraction(N, N**2 - s**2 + s)), rel=1e-13)
    assert 1 / exact <= 2 * r + 1


@given(r=ROWS, s=ROWS, w=WEIGHTS)
def test_weighted_fresh_data_settles(r, s, w):
    """D30: (w^2/r + (1 - w)^2/s)/(w (2 - w)) at v2 = 0."""
    exact = Fraction(w) ** 2 / r + (1 - Fraction(w)) ** 2 / s
    exact /= Fraction(w) * (2 - Fraction(w))

    assert limit(FreshData(r, s, w), 1) == pytest.approx(float(exact), rel=1e-13)


@given(r=ROWS, s=ROWS, v2=CURVES)
def test_best_weight_is_its_own_value(r, s, v2):
    """S17 and D30 for every curvature: the least limit is w/r, and no other weight reaches it."""
    w = best_weight(r, s, v2)
    assume(1e-9 < w < 1 - 1e-9)
    least = limit(FreshData(r, s, w), 1, v2)

    assert least == pytest.approx(w / r, rel=1e-9)
    for other in (0.9 * w, 1 - 0.9 * (1 - w), w / 2, (1 + w) / 2):
        assert limit(FreshData(r, s, other), 1, v2) > least


@given(r=ROWS, s=ROWS)
def test_best_weight_without_curvature(r, s):
    """S17: (sqrt(k^2 + 4 k) - k)/2, k = r/s, at 40 digits; equal rows: the golden ratio."""
    with mpmath.workdps(40):
        k = mpmath.mpf(r) / s
        exact = float((mpmath.sqrt(k**2 + 4 * k) - k) / 2)

    assert best_weight(r, s) == pytest.approx(exact, rel=1e-15)
    assert best_weight(r, r) == pytest.approx((5**0.5 - 1) / 2, rel=1e-15)


def test_best_weight_where_the_curvature_is_large():
    """Both forms of the root, against 60 digits: real rows worth next to nothing, or all."""
    for r, s, v2 in ((1, LARGEST, 0.0), (LARGEST, 1, 0.0), (1, 5, 1e9), (10, 10, 10.0), (7, 1, -1)):
        with mpmath.workdps(60):
            k, e = mpmath.mpf(r) / s, mpmath.mpf(v2) / s
            gap = k - e
            root = mpmath.sqrt(gap**2 + 4 * (1 + e) * k)
            exact = float(2 * k / (gap + root))
        assert best_weight(r, s, v2) == pytest.approx(exact, rel=1e-14)


@given(r=ROWS, s=ROWS, w=st.floats(0.3, 0.99), v2=CURVES, first=ROWS)
def test_fresh_data_and_kept_data_reach_their_limits(r, s, w, v2, first):
    """Three hundred generations, where each forgets more than a tenth."""
    loop = FreshData(r, s, w)
    if (1 - w) ** 2 * (1 + v2 / s) < 0.9:
        errors = squared_errors(loop, loop.batch_sizes(first, 300), v2)
        assert errors[-1] == pytest.approx(limit(loop, first, v2), rel=1e-11)
        assert fate(loop, loop.batch_sizes(first, 3), v2).verdict == "bounded"
    if (1 - w) ** 2 * (1 + v2 / r) < 0.9:
        kept = squared_errors(mc.KeepReal(w), np.full(300, r), v2)
        assert kept[-1] == pytest.approx(limit(mc.KeepReal(w), r, v2), rel=1e-11)


def test_other_limits():
    """Replace and windows collapse; a web with real data vanishes; the others have no form."""
    assert limit(mc.Replace(), 3, -0.25) == limit(mc.SlidingWindow(4), 3, -0.25) == 4
    assert limit(mc.Replace(), 3) == limit(mc.SlidingWindow(4), 3, 1.0) == np.inf
    assert limit(Web(1, 50), 3) == 0
    assert limit(Web(0, 3), 3, 0.5) == limit(mc.Accumulate(), 3, 0.5)
    for workflow in (Web(0, 4), Web(lambda t: t, 1), Weighted([[1.0]]), mc.AccumulateSubsample()):
        with pytest.raises(NoClosedForm):
            limit(workflow, 3)
    for n in (0, 2.5, LARGEST + 1):
        with pytest.raises(InvalidInput, match="n = "):
            limit(mc.Replace(), n)
    with pytest.raises(InvalidInput, match="curvature = "):
        window_rate(2, 3, -0.5)
    with pytest.raises(InvalidInput, match="real = "):
        best_weight(0, 3)
