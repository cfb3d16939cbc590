"""Many counts at once: their laws, and their inversion and rejection."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln, xlogy
from scipy.stats import binom, poisson

from modelcollapse._support import counts, variates
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import opened
from modelcollapse.testing import assert_law

N, GRID = 20_000, 200
RATES = [1e-3, 0.7, 9.99, 10.0, 12.5, 1000.0, 1e6, 1e10, 1e13]
BINOMIALS = [(1, 0.3), (7, 0.9), (40, 0.2), (40, 0.75), (25, 0.5), (1000, 0.02), (10**10, 0.37)]


@compiled
def verdicts(mean, trials, found):
    """Fill with the near and the exact judgement of proposals on a grid; no trials: Poisson's."""
    size = found.shape[1]
    for i in range(size):
        u = (i + 0.5) / size - 0.5
        for j in range(size):
            v = (j + 0.5) / size
            if trials == 0:
                found[0, i, j] = counts.judged_poisson(mean, u, v)
                found[1, i, j] = variates.tried_poisson(mean, u, v)
            else:
                p = mean / trials
                found[0, i, j] = counts.judged_binomial(float(trials), p, u, v)
                found[1, i, j] = variates.tried_binomial(float(trials), p, u, v)


def spread(law, found, seed):
    """Return counts as uniforms, spread over the steps of their law."""
    assert found.min() >= 0
    dice = np.random.default_rng(seed).random(found.size)
    return law.cdf(found) - dice * law.pmf(found)


@pytest.mark.parametrize("rate", RATES)
def test_poisson_counts_have_their_law(rate, seed):
    """By inversion and by rejection, alone, and among others of which most are large."""
    alone, among = np.full(N, rate), np.full(2 * N, rate + 30)
    among[::2] = rate
    counts.fill_poissons(opened(seed), alone)
    counts.fill_poissons(opened(seed, 1), among)
    for found in (alone, among[::2]):
        values = spread(poisson(rate), found, seed)
        assert assert_law(values, lambda u: np.clip(u, 0, 1)).detectable < 0.048


@pytest.mark.parametrize(("n", "p"), BINOMIALS)
def test_many_binomials_have_their_law(n, p, seed):
    """Beside others of another chance."""
    many = np.full(2 * N, p)
    many[1::2] = 1 - p / 2
    counts.fill_binomials(opened(seed), n, many)
    assert many.max() <= n
    values = spread(binom(n, p), many[::2], seed)
    assert assert_law(values, lambda u: np.clip(u, 0, 1)).detectable < 0.048


def test_counts_at_the_ends():
    """Nothing, all, and rates beyond those of counts, where the law is a normal one."""
    chances = np.array([0.0, 1.0, 0.0, 1.0])
    counts.fill_binomials(opened(0), 10**12, chances)
    assert chances.tolist() == [0.0, 1e12, 0.0, 1e12]
    huge = np.array([0.0, 1e19, 1e30, 3.0])
    found = huge.copy()
    counts.fill_poissons(opened(0), found)
    assert (np.abs(found - huge) <= 40 * np.sqrt(huge)).all()
    assert found[0] == 0
    assert variates.few(1e-9, 1 - 2.0**-53) == 1
    assert variates.few(9.0, 1 - 2.0**-53) < 60


def test_few_at_once_are_those_one_by_one():
    """All of the counts below FIRST, but for none of rates that are not small."""
    us, rates = np.random.default_rng(0).random(3000), np.linspace(0, 12, 3000)
    found = np.empty(3000)
    counts.fill_few(us, rates, found)
    wanted = np.array([variates.few(*pair) for pair in zip(rates, us, strict=True)])
    wanted[(wanted >= counts.FIRST) | (rates >= variates.FEW)] = counts.UNCLEAR
    assert np.array_equal(found, wanted)
    assert (wanted[rates < variates.FEW] == counts.UNCLEAR).any()


@given(st.floats(10, 1e15), st.floats(-1, 1))
def test_the_probability_of_a_count(rate, shift):
    """Against 40 digits, to 30 deviations from the rate: errors of some roundings of the shift."""
    k = max(0, round(rate + shift * 30 * math.sqrt(rate)))
    with mpmath.workdps(40):
        exact = k * mpmath.log(rate) - mpmath.mpf(rate) - mpmath.loggamma(mpmath.mpf(k) + 1)
    found = variates.log_poisson(rate, float(k))
    bound = 1e-15 * (100 + 10 * abs(k - rate))
    assert found == pytest.approx(float(exact), rel=1e-12, abs=bound)


@pytest.mark.parametrize(("low", "high"), [(10, 18), (18, 35), (35, 200), (200, 1e4), (1e4, 1e8)])
def test_the_rejection_of_poisson_counts_is_one(low, high):
    """The hat is above the probability everywhere, and what is accepted outright is below it.

    With the constants 1.1239, 1.1328 of the hat and 0.9277, 3.6224 of what is accepted outright,
    which are in common use, both fail, by up to 0.6 %.
    """
    u = (np.arange(20_000) + 0.5) / 20_000 - 0.5
    for rate in np.geomspace(low, high, 40):
        k, room, hat, sure = proposals(rate, u)
        logs = xlogy(k, rate) - rate - gammaln(k + 1)
        logs, hat = np.where(k >= 0, logs, -np.inf), np.log(hat)
        assert (logs <= hat + 1e-9 * rate**0.5).all()
        outright = room >= 0.07
        assert (math.log(sure) + hat[outright] <= logs[outright] + 1e-9 * rate**0.5).all()


def proposals(rate, u):
    """Return the counts, the room, the hat and the chance of what is accepted outright."""
    b = 0.931 + 2.53 * math.sqrt(rate)
    a, room = -0.059 + 0.02483 * b, 0.5 - np.abs(u)
    k = np.floor((2 * a / room + b) * u + rate + 0.43)
    return k, room, (1.133 + 1.142 / (b - 3.4)) / (a / room**2 + b), 0.912 - 3.6 / (b - 2)


@pytest.mark.parametrize("trials", [0, 50, 1000, 10**9, 10**12])
@pytest.mark.parametrize("mean", [5.0, 10.0, 17.0, 400.0, 1e6, 4e8, 1e12])
def test_near_judgements_are_the_exact_ones(mean, trials):
    """Where they are clear, on a grid of pairs; and they are clear wherever they are near."""
    if trials and mean > trials / 2:
        return
    found = np.empty((2, GRID, GRID))
    verdicts(mean, trials, found)
    near, exact = found
    clear = near != counts.UNCLEAR
    assert np.array_equal(near[clear], exact[clear])
    if mean >= variates.FEW and max(mean, trials) <= counts.TOLD:
        assert clear[exact >= counts.NEAR].mean() > 0.999
        assert (near[clear] >= 0).any()
        assert (near[clear] == -1).any()
    else:
        assert not clear.any()


@pytest.mark.parametrize("shape", [1.0, 1.01, 1.5, 3.0, 50.0, 1e6])
def test_the_squeeze_of_gammas_is_one(shape):
    """It is below the ratio of the densities, which is below 1, for shapes from 1 on."""
    d = shape - 1 / 3
    x = np.linspace(-8.6, 8.6, 20_001)
    v = 1 + x / math.sqrt(9 * d)
    x, v = x[v > 0], v[v > 0] ** 3
    ratio = np.exp(0.5 * x**2 + d * (1 - v + np.log(v)))
    assert (1 - 0.0331 * x**4 <= ratio + 1e-8 * d**0.5).all()
    assert (ratio <= 1 + 1e-8).all()
