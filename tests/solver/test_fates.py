"""The long run: thresholds of kept data, windows and the web, and the fates that follow."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse._support.errors import InvalidInput
from modelcollapse.loop.fate import Fate
from modelcollapse.solver import (
    effective_samples,
    fate,
    limit,
    squared_errors,
    variance_fate,
    web_threshold,
    window_rate,
)
from modelcollapse.solver.window import response
from modelcollapse.testing import strategies
from modelcollapse.workflows import FreshData, Web, Weighted, curves


def test_kept_data_have_a_threshold():
    """A share a holds iff (1 - a)^2 (1 + v2/n) < 1: half of the pool, n = 1: iff v2 < 3."""
    sizes = np.ones(4000, dtype=int)
    below, at, above = (squared_errors(mc.KeepReal(), sizes, v2) for v2 in (2.9, 3.0, 3.1))

    assert below[-1] == pytest.approx(limit(mc.KeepReal(), 1, 2.9), rel=1e-12)
    assert np.diff(at) == pytest.approx(np.full(3999, 1.0), rel=1e-9)
    assert above[-1] / above[-2] == pytest.approx(4.1 / 4, rel=1e-9)
    assert limit(mc.KeepReal(), 1, 3.0) == limit(mc.KeepReal(), 1, 3.1) == np.inf
    assert fate(mc.KeepReal(), sizes, 2.9).verdict == "bounded"
    assert fate(mc.KeepReal(), sizes, 3.0).rate == "t"
    assert fate(mc.KeepReal(), sizes, 3.1).rate == "1.025^t"
    assert fate(mc.KeepReal(0.5), [7, 1, 1], 3.0).verdict == "diverges"
    assert fate(FreshData(1, 1, 0.5), [5, 2], 3.0).rate == "t"
    assert fate(FreshData(1, 1, 0.5), [5, 2], 4.0).verdict == "diverges"
    assert limit(FreshData(1, 1, 0.5), 5, 3.0) == np.inf


@pytest.mark.parametrize("k", [1, 2, 5, 30])
def test_window_responds_as_its_delay_line(k):
    """a_j = (1 + 1/k)^j / k while the batch is in the window, and 2/(k+1) in the end."""
    a = response(k)

    assert a[:k] == pytest.approx((1 + 1 / k) ** np.arange(k) / k, rel=1e-13)
    assert a[-1] == pytest.approx(2 / (k + 1), rel=1e-13)


@pytest.mark.parametrize(("k", "n", "v2"), [(2, 3, 0.5), (5, 10, 4.0), (3, 2, 1e-3), (20, 1, 30.0)])
def test_window_grows_by_its_root(k, n, v2):
    """The ratio of late errors is the renewal equation's root; without a window, 1 + v2/n."""
    T = 3000
    errors = squared_errors(mc.SlidingWindow(k), np.full(T, n), v2)
    finite = int(np.isfinite(errors).sum())
    rate = window_rate(k, n, v2)
    spread = 1 + v2 * errors[:finite]

    assert spread[-1] / spread[-2] == pytest.approx(rate, rel=1e-9)
    assert 1 < rate < 1 + v2 / n
    assert window_rate(1, n, v2) == pytest.approx(1 + v2 / n, rel=1e-15)
    assert window_rate(k, n, 0.0) == 1


@pytest.mark.parametrize("k", [2, 7, 300])
def test_window_root_at_a_small_curvature(k):
    """lambda - 1 = 4 v2/((k+1)^2 n) to first order: the rate of the linear growth."""
    gained = window_rate(k, 1, 1e-10) - 1

    assert gained == pytest.approx(4e-10 / (k + 1) ** 2, rel=1e-15 / 4e-10 * (k + 1) ** 2)


SHARES = st.fractions(Fraction(1, 64), Fraction(63, 64), max_denominator=64)


@given(rho=SHARES, nu=SHARES)
def test_web_threshold_is_where_worth_keeps_up(rho, nu):
    """Y_t = E x_t^2 N_t gains the factor (1 - rho nu)^2/(1 - nu) < 1 iff rho is above it."""
    factor = (1 - rho * nu) ** 2 / (1 - nu)
    threshold = web_threshold(float(nu))

    with mpmath.workdps(40):
        x = mpmath.mpf(nu.numerator) / nu.denominator
        assert threshold == pytest.approx(float((1 - mpmath.sqrt(1 - x)) / x), rel=1e-15)
    if abs(float(rho) - threshold) > 1e-12:
        assert (factor < 1) == (rho > threshold)
    else:
        assert factor == 1


def test_web_threshold_at_its_ends():
    """One half without growth, one for explosive growth; nothing cancels."""
    assert web_threshold(0) == 0.5
    assert web_threshold(1e-300) == 0.5
    assert web_threshold(1e-8) == pytest.approx(0.5 + 1.25e-9, rel=1e-15)
    assert web_threshold(1 - 1e-12) == pytest.approx(1 / (1 + 1e-6), rel=1e-10)
    for bad in (-0.1, 1.0, np.nan, "1"):
        with pytest.raises(InvalidInput, match="new_fraction = "):
            web_threshold(bad)


@pytest.mark.parametrize("eighths", [3, 4, 5, 6, 7])
def test_a_doubling_web(eighths):
    """nu = 1/2: Y_t - Y = f^(t-1) (Y_1 - Y), f = 2 (1 - rho/2)^2, Y = nu/(1 - f), Y_1 = 1."""
    loop = Web(lambda t: eighths * 2 ** (t - 2), lambda t: (8 - eighths) * 2 ** (t - 2))
    sizes = loop.batch_sizes(8, 38)
    worth = squared_errors(loop, sizes) * np.cumsum(sizes)
    factor = 2 * (1 - eighths / 16) ** 2
    fixed = 0.5 / (1 - factor)
    exact = fixed + factor ** np.arange(38) * (1 - fixed)

    assert worth == pytest.approx(exact, rel=1e-11)
    assert (factor < 1) == (eighths / 8 > web_threshold(0.5))
    curved = squared_errors(loop, sizes, 1.0) * np.cumsum(sizes)
    assert curved[-1] / curved[-2] == pytest.approx(worth[-1] / worth[-2], rel=1e-4)


@pytest.mark.parametrize(("real", "sampled"), [(3, 1), (1, 1), (1, 3)])
def test_a_web_of_constant_growth(real, sampled):
    """Worth per row: 2 rho - 1, 1/log N, and N^(2 rho - 1), as the fates say."""
    loop, T = Web(real, sampled), 10**6
    sizes = loop.batch_sizes(real + sampled, T)
    worth, N = effective_samples(loop, sizes, 0.5), np.cumsum(sizes)
    share = real / (real + sampled)
    found = fate(loop, sizes[:3], 0.5)

    assert found.verdict == "bounded"
    if share > 0.5:
        # The fixed point of N q is corrected by a part of order N^(1 - 2 rho).
        assert abs(worth[-1] / N[-1] - (2 * share - 1)) < 3 * N[-1] ** (1 - 2 * share)
        assert found.rate == "1/N"
    elif share == 0.5:
        added = (N[-1] / worth[-1] - N[T // 10 - 1] / worth[T // 10 - 1]) / np.log(10)
        assert added == pytest.approx(1, rel=1e-4)
        assert found.rate == "log N/N"
    else:
        assert worth[-1] / worth[T // 4 - 1] == pytest.approx(4 ** (2 * share), rel=3 / T**0.5)
        assert found.rate == "N^-0.5"


FATES = [
    (mc.Replace(), [5, 5], 0.0, "diverges", "t/n"),
    (mc.Replace(), [9, 5, 5], 0.5, "diverges", "(1 + v2/n)^t"),
    (mc.Replace(), [5, 5], -0.5, "bounded", ""),
    (mc.Replace(), [5, 5, 6], 0.0, "undetermined", ""),
    (mc.Replace(), [5, 5, 6], -0.5, "bounded", ""),
    (mc.SlidingWindow(3), [5, 5], 0.0, "diverges", "4 t/((k+1)^2 n)"),
    (mc.SlidingWindow(3), [5, 5], -0.5, "bounded", ""),
    (mc.SlidingWindow(3), [5, 5, 6], 0.0, "undetermined", ""),
    (mc.SlidingWindow(1), [4, 4], 2.0, "diverges", "(1 + v2/n)^t"),
    (mc.Accumulate(), [5, 5], 9.0, "bounded", ""),
    (mc.Accumulate(), [5, 7, 3], 9.0, "bounded", ""),
    (mc.KeepReal(), [5, 7, 3], 9.0, "bounded", ""),
    (mc.KeepReal(), [5, 7, 3], 10.0, "undetermined", ""),
    (mc.KeepReal(0.5), [5, 7, 3], 2.9, "bounded", ""),
    (mc.KeepReal(0.5), [5, 7, 3], 3.0, "undetermined", ""),
    (Web(lambda t: t, 3), [5, 5], 2.0, "bounded", ""),
    (Web(0, 3), [5, 3], 2.0, "bounded", ""),
    (Web(lambda t: t, 3), [1, 5], 1e6, "bounded", ""),
    (Weighted([[1.0], [0.5, 0.5]]), [5, 3], 0.0, "undetermined", ""),
    (Weighted([[1.0], [0.5, 0.5]]), [5, 3], -1.0, "bounded", ""),
    (mc.AccumulateSubsample(), [5, 5], 0.0, "undetermined", ""),
]


@pytest.mark.parametrize(("workflow", "sizes", "v2", "verdict", "rate"), FATES)
def test_fates(workflow, sizes, v2, verdict, rate):
    """What a theorem decides, and nothing more; every verdict has a reason."""
    found = fate(workflow, sizes, v2)

    assert (found.verdict, found.rate) == (verdict, rate)
    assert found.reason


VARIANCE_FATES = [
    (mc.Replace(), [5, 5], -0.5, "clumps", "0.9^t"),
    (mc.SlidingWindow(4), [5, 5], -0.5, "clumps", ""),
    (mc.Replace(), [5, 5, 6], -0.5, "undetermined", ""),
    (mc.Accumulate(), [5, 6, 7], -1.0, "bounded", ""),
    (mc.Accumulate(), [1, 6, 7], -1.0, "clumps", "0 from generation 1"),
    (mc.KeepReal(), [5, 6, 7], -1.0, "bounded", ""),
    (FreshData(1, 2), [1, 3], -1.0, "bounded", ""),
    (Web(1, 2), [1, 3], -1.0, "bounded", ""),
    (Web(0, 2), [1, 2], -1.0, "undetermined", ""),
    (mc.Replace(), [5, 5, 6], 0.0, "bounded", ""),
    (mc.Replace(), [5, 5], 0.5, "diverges", "(1 + v2/n)^t"),
    (Web(2, 1), [5, 3], 0.5, "bounded", ""),
    (Weighted([[1.0]]), [5], -1.0, "undetermined", ""),
]


@pytest.mark.parametrize(("workflow", "sizes", "v2", "verdict", "rate"), VARIANCE_FATES)
def test_fates_of_the_variance(workflow, sizes, v2, verdict, rate):
    """What collapses: without fresh or kept real data, every bounded family."""
    found = variance_fate(workflow, sizes, v2)

    assert isinstance(found, Fate)
    assert (found.verdict, found.rate) == (verdict, rate)


@given(
    sizes=strategies.sizes(generations=40, most=50),
    v2=st.floats(0, 5),
    real=st.lists(st.integers(0, 9), min_size=39, max_size=39),
)
def test_pools_are_bounded_whatever_the_schedule(sizes, v2, real):
    """At most (exp(2 v2/n_1) - 1)/v2, for accumulate and for the web."""
    n = sizes[0]
    most = np.expm1(2 * v2 / n) / v2 if v2 > 0 else 2 / n
    loop = Web(real, sizes[1:] + [1] * (40 - len(sizes)))

    assert squared_errors(mc.Accumulate(), sizes, v2)[-1] < most
    assert squared_errors(loop, loop.batch_sizes(n, len(sizes)), v2)[-1] < most


@pytest.mark.parametrize("rate", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("above", [True, False])
def test_a_growing_web_turns_at_its_threshold(rate, above):
    """The exact error stays between multiples of the stated growth, on both sides of the turn.

    Without rounding of the rows E x_t^2 = q E x_{t-1}^2 + nu / N_t with q = (1 - share nu)^2.
    """
    nu = rate / (1 + rate)
    turn = web_threshold(nu)
    share = (turn + 1) / 2 if above else turn / 2
    q, T, error = (1 - share * nu) ** 2, 60, 1.0
    for t in range(1, T + 1):
        error = q * error + nu / (1 + rate) ** t
    web = curves.growing(10**6, rate, share)
    found = fate(web, web.batch_sizes(10**6, 3))

    assert f"{turn:.6g}" in found.reason
    if above:  # six digits are printed
        times, kept = float(found.reason.split("like ")[1].split(" times")[0]), q * (1 + rate)
        exact = (1 - kept**T) / times + kept**T
        assert found.rate == "1/N"
        assert error * (1 + rate) ** T == pytest.approx(exact, rel=1e-5)
    else:
        assert -float(found.rate[3:]) == pytest.approx(-np.log(q) / -np.log1p(rate), rel=1e-5)
        ratio = 1 / (q * (1 + rate))
        assert 1 <= error / q**T <= (1 + nu * ratio / (1 - ratio)) * (1 + 1e-12)


def test_a_growing_web_without_real_rows_never_learns():
    """Its error stays bounded and does not vanish."""
    web = curves.growing(100, 0.5, 0.0)
    found = fate(web, web.batch_sizes(100, 5))
    assert found.verdict == "bounded"
    assert "does not vanish" in found.reason
