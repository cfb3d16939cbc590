"""The solver at a million generations, 10^12 rows and curvatures near 0, against 60 digits."""

import mpmath
import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.solver import squared_errors, variances
from modelcollapse.solver.parts import checked
from modelcollapse.solver.scan import product
from modelcollapse.workflows import FreshData, Refreshing, Web
from tests.helpers.naming import shown

MILLION, LARGEST = 10**6, 10**12
TINY = [-1e-300, -1e-8, 0.0, 1e-20, 1e-8]


def accumulated(n, t, v2):
    """Return the squared error of t equal accumulated batches.

    prod_{j <= t} (1 + z/j^2) = |Gamma(t+1+i sqrt z)|^2 / (Gamma(t+1) |Gamma(1+i sqrt z)|)^2.
    """
    if v2 == 0:
        return (mpmath.zeta(2) - mpmath.psi(1, t + 1)) / n
    root = mpmath.sqrt(-mpmath.mpf(v2) / n)
    logs = [
        mpmath.loggamma(t + 1 + root) + mpmath.loggamma(t + 1 - root),
        -2 * mpmath.loggamma(t + 1),
        -mpmath.loggamma(1 + root) - mpmath.loggamma(1 - root),
    ]
    return mpmath.expm1(mpmath.re(sum(logs))) / v2


@pytest.mark.parametrize("v2", [-1.0, *TINY, 3.0])
@pytest.mark.parametrize("n", [2, LARGEST])
def test_nothing_cancels_in_a_million_accumulated_batches(n, v2):
    """Against the gamma function, at curvatures down to 1e-300: 1e-13 relative."""
    error = squared_errors(mc.Accumulate(), np.full(MILLION, n), v2)
    # The reference itself cancels, by as many digits as v2/n is small.
    digits = 60 - (int(np.log10(abs(v2) / n)) if v2 else 0)

    for t in (1, 2, 3, 1000, MILLION):
        with mpmath.workdps(digits):
            exact = float(accumulated(n, t, v2))
        assert error[t - 1] == pytest.approx(exact, rel=1e-13, abs=0)


@pytest.mark.parametrize("v2", [-1.0, *TINY, 1.0])
@pytest.mark.parametrize("n", [10**5, LARGEST])
def test_nothing_cancels_in_a_million_replaced_batches(n, v2):
    """Against powers: 1e-13 relative, in the error and in what is left of the variance."""
    sizes = np.full(MILLION, n)
    error, left = squared_errors(mc.Replace(), sizes, v2), variances(mc.Replace(), sizes, v2)

    for t in (1, 2, 3, 1000, MILLION):
        with mpmath.workdps(60):
            log = t * mpmath.log1p(mpmath.mpf(v2) / n)
            exact = mpmath.expm1(log) / v2 if v2 else mpmath.mpf(t) / n
            power = float(mpmath.exp(log))
        assert error[t - 1] == pytest.approx(float(exact), rel=1e-13, abs=0)
        assert left[t - 1] == pytest.approx(power, rel=1e-13, abs=0)


def step(workflow, first, total, r, s):
    """Return (keep, rho, sigma) of one generation at full precision; total counts all rows."""
    if isinstance(workflow, Web):
        rho, sigma = mpmath.mpf(r) / total, mpmath.mpf(s) / total
        return 1 - rho, rho, sigma
    if isinstance(workflow, FreshData):
        rho = workflow.weight or mpmath.mpf(r) / (r + s)
    else:
        rho = workflow.share or mpmath.mpf(first) / (first + s)
    return 1 - mpmath.mpf(rho), mpmath.mpf(rho), 1 - mpmath.mpf(rho)


def by_digits(workflow, sizes, v2):
    """Return q_T of a chain or of keep-real, one generation after the other at 60 digits."""
    parts = checked(workflow, sizes)
    total = first = int(sizes[0])
    q, kept = mpmath.mpf(1) / first, isinstance(workflow, mc.KeepReal)
    for r, s in zip(parts.real[1:].tolist(), parts.sampled[1:].tolist(), strict=True):
        total += int(r) + int(s)
        keep, rho, sigma = step(workflow, first, total, int(r), int(s))
        noise = sigma**2 * (1 + v2 * q) / int(s) if s else 0
        if kept:  # the real batch is the same every time, and its covariance with the fit 1/n_1
            q = rho**2 / first + 2 * rho * keep / first + keep**2 * q + noise
        else:
            q = keep**2 * q + (rho**2 / int(r) if r else 0) + noise
    return q


CHAINS = [
    Web(LARGEST // 2, LARGEST // 2),
    Web(1, LARGEST - 1),
    Web(lambda t: 10 ** (t % 12), lambda t: 10 ** (11 - t % 11)),
    Web(lambda t: LARGEST - 1 if t == 900 else 0, 1),
    Web(lambda t: LARGEST if t == 1000 else 0, lambda t: (10**7 if t == 2 else 1) * (t < 1000)),
    FreshData(1, LARGEST - 1),
    FreshData(LARGEST - 1, 1),
    FreshData(3, 4, 1e-9),
    FreshData(3, 4, 1 - 1e-9),
    mc.KeepReal(),
    mc.KeepReal(1e-9),
    mc.KeepReal(1 - 1e-9),
]


@pytest.mark.parametrize("v2", [-1.0, -1e-12, 0.0, 1e-12, 1.0])
@pytest.mark.parametrize("workflow", CHAINS, ids=shown(CHAINS))
def test_chains_lose_no_digits(workflow, v2):
    """A thousand generations from 3 real rows, weights near 0 and 1, up to 10^12 rows."""
    T = 1000
    sizes = np.where(np.arange(T) % 2, 3, LARGEST)
    if isinstance(workflow, Refreshing):
        sizes = workflow.batch_sizes(3, T)
    with mpmath.workdps(60):
        error = by_digits(workflow, sizes, v2)
        left = float(1 + v2 * error)

    assert squared_errors(workflow, sizes, v2)[-1] == pytest.approx(float(error), rel=1e-13, abs=0)
    assert variances(workflow, sizes, v2)[-1] == pytest.approx(left, rel=1e-12, abs=0)


def plainly(workflow, first):
    """Return (t, q_{t-1}) -> q_t for v2 = 1e-6 and batches of 100 rows, 40 of them real if any."""
    if isinstance(workflow, mc.KeepReal):
        return lambda _, q: first / 4 + first / 2 + (q + (1 + 1e-6 * q) / 100) / 4
    if isinstance(workflow, FreshData):
        return lambda _, q: 0.4**2 / 40 + 0.6**2 * (q + (1 + 1e-6 * q) / 60)
    real, sampled = workflow.real / 100, workflow.synthetic / 100
    return lambda t, q: (1 - real / t) ** 2 * q + (real + sampled * (1 + 1e-6 * q)) / (100 * t * t)


@pytest.mark.parametrize(
    "workflow", [mc.KeepReal(), FreshData(40, 60), Web(40, 60), Web(0, 100)], ids=repr
)
def test_a_million_generations_are_a_million_steps(workflow):
    """The recurrence in plain floats; its own rounding allows 1e-10."""
    error = squared_errors(workflow, np.full(MILLION, 100), 1e-6)
    q = first = 0.01
    step = plainly(workflow, first)
    for t in range(2, MILLION + 1):
        q = step(t, q)

    assert error.shape == (MILLION,)
    assert error[-1] == pytest.approx(q, rel=1e-10, abs=0)


@pytest.mark.parametrize("k", [2, 12])
def test_a_window_gains_the_noise_that_stays(k):
    """A million generations: late ones add 4/((k+1)^2 n) each."""
    error = squared_errors(mc.SlidingWindow(k), np.full(MILLION, 100))
    gained = (error[-1] - error[MILLION // 2 - 1]) / (MILLION // 2)

    assert gained == pytest.approx(4 / ((k + 1) ** 2 * 100), rel=1e-9)


def test_products_that_vanish_end_at_zero():
    """Rounded numbers would stay at the smallest float: halves do not, and neither do tenths."""
    for factor in (0.5, 0.9, 0.999):
        long = product(np.full(10**6, factor))
        few = int(-700 / np.log(factor))
        assert long[-1] == 0
        np.testing.assert_allclose(long[:few], factor ** np.arange(1.0, few + 1), rtol=1e-9)
        assert np.all(np.diff(long) <= 0)
    assert product(np.array([0.0, 3.0])).tolist() == [0.0, 0.0]
    assert product(np.full(2000, 2.0))[-1] == np.inf
    with np.errstate(all="raise", under="ignore"):
        assert product(np.array([0.5, 0.0, 0.25])).tolist() == [0.5, 0.0, 0.0]
