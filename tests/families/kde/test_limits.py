"""Limits and long curves of kernel density loops: closed sums, integrals, and finite formulas."""

from functools import partial

import mpmath
import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families.kde.limits import ancestors
from tests.families.kde.test_fates import NORM, A, R, S, power, predict

ALL = pytest.mark.parametrize("workflow", [R, A, S, mc.AccumulateSubsample(7)], ids=repr)


@pytest.mark.parametrize("workflow", [R, A, mc.AccumulateSubsample(7)], ids=repr)
@pytest.mark.parametrize("a", [-0.5, 0.25, 2.0])
def test_ten_thousand_generations_of_moments(workflow, a):
    """Sums over s < t: h_s^2 under replace, h_s^2 / (s + 1) else; the variance's recursion.

    Positive terms on both sides, 10^4 of them, so that 10^4 roundings are the bound: 1e-11.
    """
    T, n, c = 10_000, 5, 0.5
    prediction = predict(workflow, power(a), T, n)
    s = np.arange(1, T, dtype=float)
    step = c**2 * s ** (-2 * a)
    weight = 1.0 if workflow == R else 1 / (s + 1)
    expected = 1 + np.concatenate([[0.0], np.cumsum(step * weight)])
    close = partial(np.testing.assert_allclose, rtol=1e-11, atol=1e-12)
    close(prediction["second_moment"], expected)

    pool = [1 - 1 / n]
    k = getattr(workflow, "budget", None) or n
    for t in range(1, T):
        V, g = pool[-1], step[t - 1]
        if workflow == R:
            pool.append((1 - 1 / n) * (V + g))
        elif workflow == A:
            j = t + 1
            pool.append(V * (1 - 1 / (n * j * j)) + g / j * (1 - 1 / (n * j)))
        else:
            N, m, j = n * t, min(k, n * t), t + 1
            # Pairs of different rows of the fit have the pool's mean half squared distance D.
            D = V / (1 - 1 / N)
            fit = (1 - 1 / m) * D
            new, across = (1 - 1 / n) * (fit + g), V + g / 2
            pool.append((t * t * V + 2 * t * across + new) / j**2)
    fits = np.array(pool)
    if workflow not in (R, A):
        sizes = n * np.arange(1, T + 1)
        fits = fits / (1 - 1 / sizes) * (1 - 1 / np.minimum(k, sizes))
    close(prediction["central_variance"], fits)


@pytest.mark.parametrize("n", [2, 10])
def test_resampling_loses_variance_forever(n):
    """Replace at bandwidth 0: (1 - 1/n)^t, down to the smallest numbers; so a window of one."""
    T = 2000
    prediction = predict(R, 0.0, T, n, scored=0.5)
    expected = (1 - 1 / n) ** np.arange(1.0, T + 1)

    window = predict(mc.SlidingWindow(1), 0.0, T, n, scored=0.5)["central_variance"]
    for found in (prediction["central_variance"], window):
        # Each generation rounds a few times; below 1e-300 digits are lost.
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-300)
    fate = prediction.fates["central_variance"]
    assert (fate.verdict, fate.rate) == ("clumps", f"{1 - 1 / n:.6g}^t")
    assert prediction.fates["second_moment"].verdict == "bounded"
    for workflow in (A, S):
        assert predict(workflow, 0.0).fates["central_variance"].verdict == "bounded"


@ALL
@pytest.mark.parametrize("a", [0.3, 0.5, 0.75, 1.5])
def test_limits_of_the_second_moment_are_sums(workflow, a):
    """Bounded iff the sum converges; then 1 + c^2 of mpmath's sum to infinity."""
    found = predict(workflow, power(a)).limits["second_moment"]
    curve = predict(workflow, power(a), 2000)["second_moment"]
    if workflow == R and a <= 0.5:
        assert found == np.inf
        return
    offset = 0 if workflow == R else 1

    def weight(s):
        return 1 / (s + 1) ** offset

    with mpmath.workdps(25):
        near = mpmath.fsum(weight(s) * mpmath.mpf(s) ** (-2 * a) for s in range(1, 50))
        far = mpmath.sumem(lambda s: weight(s) * s ** (-2 * a), [50, mpmath.inf])
    # Euler and Maclaurin's derivatives fall by a factor 50 per order, down to 1e-22.
    assert found == pytest.approx(float(1 + (near + far) / 4), rel=1e-12)
    # What is missing lies between the integrals of the decreasing terms.
    low, high = (
        mpmath.quad(lambda s: weight(s) * s ** (-2 * a) / 4, [start, 1e4, 1e8, mpmath.inf])
        for start in (2001, 1999)
    )
    assert low <= found - curve[-1] <= high


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_limit_of_the_error_under_replace(dim):
    """Constant h: the limit minus MISE_t, term by term, at t = 1, 30 and 1000."""
    n, h, T = 6, 0.7, 1000
    prediction = predict(R, h, T, n, dim=dim)
    limit = prediction.limits["mise"]

    def density(v):
        return (2 * np.pi * v) ** (-dim / 2)

    for t in (1, 30, T):
        # Coalescence j generations ago, for all j >= t; two real ancestors; the cross term.
        j = np.arange(t, t + 60 * n)
        late = ((1 - 1 / n) ** j / n) @ density(2 * (j + 1) * h * h)
        apart = (1 - 1 / n) ** t * density(2 + 2 * t * h * h)
        gap = late - apart + 2 * density(2 + t * h * h)
        # The limit and the curve are good to 1e-12 of themselves.
        assert limit - prediction["mise"][t - 1] == pytest.approx(gap, abs=1e-11 * limit)


@pytest.mark.parametrize("budget", [None, 3, 30])
@pytest.mark.parametrize("rule", [0.5, "scott"])
def test_the_limit_of_the_error_of_subsamples(budget, rule):
    """The truth's squared norm and 1/k of the kernel's, at the bandwidth of k rows."""
    workflow, n = mc.AccumulateSubsample(budget), 10
    k = budget or n
    h = 0.5 if rule == 0.5 else k**-0.2
    prediction = predict(workflow, rule, 1000, n)
    limit, curve = prediction.limits["mise"], prediction["mise"][-500:]

    assert limit == pytest.approx(NORM + NORM / (h * k), rel=1e-12)
    assert (np.diff(curve) > 0).all()
    assert curve[-1] < limit
    assert predict(A, 0.5).limits["mise"] == pytest.approx(NORM, rel=1e-14)


def test_limits_of_the_central_variance():
    """Replace: (n - 1) h^2, from any start; 0 where h shrinks."""
    found = predict(R, 0.5, 400, 8)
    assert found.limits["central_variance"] == pytest.approx(7 * 0.25, rel=1e-14)
    # V_t minus it shrinks by 1 - 1/n a generation.
    gap = (1 - 1 / 8 - 7 * 0.25) * (1 - 1 / 8) ** 399
    assert found["central_variance"][-1] - 7 * 0.25 == pytest.approx(gap, abs=1e-13)
    assert predict(R, power(0.5)).limits["central_variance"] == 0.0
    assert predict(R, power(0.0, 1.0)).limits["central_variance"] == 0.0
    assert predict(R, power(-0.5)).limits["central_variance"] == np.inf
    with pytest.raises(mc.NoClosedForm, match="finite and has no closed form"):
        predict(A, power(0.5)).limits["central_variance"]


@pytest.mark.parametrize(("a", "T"), [(1.5, 60), (2.0, 25)])
def test_rows_are_seen_one_by_one(a, T):
    """Accumulate, a > 1/d: the error is at least R(K) / (N h^d) minus the truth's norm.

    Every pair of rows adds something positive to the squared density: at least the N pairs of a
    row with itself do.
    """
    n, c = 5, 0.5
    t = np.arange(1, T + 1)
    prediction = predict(A, power(a), T, n)
    least = NORM / (n * t * c * t**-a) - NORM

    assert (prediction["mise"] > least).all()
    assert prediction.limits["mise"] == np.inf
    assert prediction.fates["test_log_loss"].verdict == "clumps"


@pytest.mark.parametrize("n", [2, 1000, 1001, 10**5, 10**9, 10**12])
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 8, 9, 16, 17, 100])
def test_the_limit_of_the_error_at_any_batch_size(n, d):
    """Replace: a polylogarithm, from its terms and from its expansion; 16 roundings."""
    with mpmath.workdps(40):
        z = 1 - mpmath.mpf(1) / n
        wanted = mpmath.polylog(mpmath.mpf(d) / 2, z) / (n - 1)
        assert abs(ancestors(n, d / 2) / wanted - 1) < 16 * np.finfo(float).eps
