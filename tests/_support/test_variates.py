"""Draws from a stream: their laws, and what their rejection rests on, to 30 digits."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import chdtr
from scipy.stats import binom, hypergeom

from modelcollapse._support import chi_squares, variates
from modelcollapse._support import hypergeometric as counts
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream, fill_words, opened
from modelcollapse.testing import assert_frequency, assert_law

N = 20_000
SEEDS = st.integers(0, 10**6)
BINOMIALS = [(1, 0.3), (7, 0.9), (40, 0.2), (40, 0.25), (25, 0.5), (1000, 0.02), (10**6, 0.37)]


@compiled
def binomials(stream, n, p, out):
    """Fill out with binomials."""
    for i in range(out.size):
        out[i] = variates.binomial(stream, n, p)


@compiled
def hypergeometrics(stream, have, others, drawn, out):
    """Fill out with hypergeometric counts."""
    for i in range(out.size):
        out[i] = counts.hypergeometric(stream, have, others, drawn)


@compiled
def chi_square_draws(stream, freedom, out):
    """Fill out with chi-squares by rejection."""
    for i in range(out.size):
        out[i] = variates.chi_square(stream, freedom)


@compiled
def integers(stream, bound, out):
    """Fill a row each with integers by `below`, `placed` and `within`."""
    words, least = np.empty(out.shape[1], np.uint32), variates.leftover(bound)
    fill_words(stream, words)
    for i in range(out.shape[1]):
        out[0, i] = variates.below(stream, bound)
        out[1, i] = variates.placed(stream, words[i], bound, least)
    fill_words(stream, words)
    for i in range(out.shape[1]):
        out[2, i] = variates.within(stream, words[i], bound)


@pytest.mark.parametrize("bound", [1, 2, 5, 7, 3 * 2**30])
def test_integers_are_uniform(bound, seed):
    """Every residue (modulo 3 for a bound where skipping the rejection would give 1/2 to one)."""
    found = np.empty((3, N), np.int64)
    integers(opened(seed), bound, found)
    modulus = min(bound, 3 if bound > 7 else bound)
    for values in found:
        assert values.min() >= 0
        assert values.max() < bound
        for residue in range(modulus):
            count = int((values % modulus == residue).sum())
            if modulus == 1:
                assert count == N
            else:
                assert assert_frequency(count, N, 1 / modulus).detectable < 1 / 6


@given(
    seed=SEEDS, sizes=st.lists(st.integers(2, 9), min_size=1, max_size=5), budget=st.integers(2, 30)
)
def test_plans_hold_distinct_rows_of_the_pool(seed, sizes, budget):
    """Each generation trains on distinct rows that exist by then; exactly those are marked."""
    sizes = np.array(sizes)
    counts = np.minimum(budget, np.cumsum(sizes))
    total = int(sizes.sum())
    order, used = np.empty(total, np.int64), np.empty(total, np.int64)
    plan = np.full((len(sizes), counts.max()), -1)
    variates.draw_plan(opened(seed), sizes, counts, np.zeros((2, 0)), order, plan, used)

    chosen = [row[:k] for row, k in zip(plan, counts, strict=True)]
    for rows, pool in zip(chosen, np.cumsum(sizes), strict=True):
        assert len(set(rows.tolist())) == len(rows)
        assert rows.min() >= 0
        assert rows.max() < pool
    assert set(np.flatnonzero(used)) == set(np.concatenate(chosen).tolist())


@pytest.mark.parametrize(
    ("have", "others", "drawn"),
    [
        *((3, 50, 20), (50, 3, 20), (30, 1000, 100), (1000, 30, 900), (500, 700, 300)),
        *((700, 500, 900), (100, 100, 100), (10**6, 10**6 + 7, 40), (10**4, 10**8, 10**5)),
    ],
)
def test_hypergeometrics_have_their_law(have, others, drawn, seed):
    """Row by row, by inversion and by a ratio of uniforms, of whichever rows and draws are fewer.

    Laws that differ by 0.047 are told apart.
    """
    found = np.empty(N, np.int64)
    hypergeometrics(opened(seed), have, others, drawn, found)
    assert found.min() >= max(0, drawn - others)
    assert found.max() <= min(have, drawn)
    most = min(have, drawn)
    below = np.cumsum([0.0, *hypergeom(have + others, have, drawn).pmf(np.arange(most + 1))])
    law = np.minimum(below, 1.0)
    tested = assert_law(found, lambda x: law[np.clip(np.floor(x) + 1, 0, most + 1).astype(int)])
    assert tested.detectable < 0.048


@pytest.mark.parametrize(
    ("have", "others", "drawn", "count"),
    [(5, 7, 0, 0), (5, 7, 12, 5), (0, 7, 3, 0), (5, 0, 3, 3), (1, 0, 1, 1), (10**9, 0, 7, 7)],
)
def test_hypergeometrics_that_are_certain(have, others, drawn, count):
    """None, all, and rows of one kind."""
    found = np.empty(9, np.int64)
    hypergeometrics(opened(0), have, others, drawn, found)
    assert (found == count).all()


@given(st.integers(5, 10**7), st.floats(0, 1), st.floats(0, 1))
def test_the_hypergeometric_hat_is_above(pool, kind, share):
    """Wherever the ratio of uniforms may propose k, sqrt(P(k)/P(mode)) is below its width.

    A point x of [k, k + 1) is proposed for u up to width / (2 |x - centre|), at most.
    """
    a, n = 1.0 + np.floor(kind * (pool // 2 - 1)), 1.0 + np.floor(share * (pool // 2 - 1))
    b = pool - a
    m, centre, width = counts.of_hypergeometric(a, b, n)
    k = np.unique(np.clip(np.floor(m + np.linspace(-9, 9, 999) * width), 0, min(a, n)))
    logs = np.array([counts.log_hypergeometric(a, b, n, m, each) for each in k])
    assert logs.max() <= 1e-9  # the mode is the most likely one
    reach = np.maximum(np.abs(k - centre), np.abs(k + 1 - centre))
    assert (np.exp(logs / 2) * reach <= width / 2 * (1 + 1e-9)).all()


@given(st.integers(2, 10**12), st.floats(0, 1), st.floats(0, 1), st.floats(-8, 8))
def test_the_hypergeometric_ratio_to_thirty_digits(pool, kind, share, away):
    """log P(k)/P(m) within what the rounding of its terms amounts to."""
    a, n = 1 + int(kind * (pool // 2 - 1)), 1 + int(share * (pool // 2 - 1))
    b, less = pool - a, min(a, n)
    m, _, width = counts.of_hypergeometric(float(a), float(b), float(n))
    m = min(m, less)
    k = float(np.clip(np.floor(m + away * width), 0, less))
    found = counts.log_hypergeometric(float(a), float(b), float(n), m, k)
    with mpmath.workdps(40):
        terms = [(a, k), (b, n - k)]
        exact = sum(mpmath.log(mpmath.binomial(rows, taken)) for rows, taken in terms)
        terms = [(a, m), (b, n - m)]
        exact -= sum(mpmath.log(mpmath.binomial(rows, taken)) for rows, taken in terms)
    # Four terms of about |k - m| cancel; each is rounded a few times, as are the Stirling series.
    assert abs(found - exact) <= 32 * np.finfo(float).eps * (abs(k - m) + abs(exact) + 1)


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 45, 46, 100, 10**5, 2**21])
def test_chi_squares_have_their_law(freedom, seed):
    """By rejection, and by a polynomial from 46 on: laws that differ by 0.047 are told apart."""
    one, other = np.empty(N), np.empty(N)
    stream = opened(seed)
    chi_square_draws(stream, freedom, one)
    place, table = chi_squares.polynomials(np.array([[freedom]]))
    assert (place[0] == 0) == (46 <= freedom <= 10**5)
    polynomial = table[0, 0] if place[0] == 0 else np.empty(0)
    variates.fill_chi_squares(stream, freedom, polynomial, other)
    for draws in (one, other):
        assert assert_law(draws, lambda x: chdtr(freedom, x)).detectable < 0.048


def test_no_freedom_is_zero():
    """A batch of one row has no scatter; and drawing none takes no number from the stream."""
    stream = opened(0)
    assert variates.chi_square(stream, 0) == 0.0
    assert (stream.next, stream.normals_left, stream.uniforms_left) == (0, 0, 0)


@pytest.mark.parametrize("freedom", [46, 99, 1000])
def test_polynomials_are_the_inverse_of_the_law(freedom):
    """Against 30 digits: the mass below the polynomial's X is the normal's below z.

    The density times X is at most sqrt(k/4 pi) (1 + 1/k): a relative error of 1e-11 in X is one of
    as much in the mass. Both tails are asked for, each where it is the smaller one.
    """
    found = chi_squares.polynomial(freedom)
    half = mpmath.mpf(freedom) / 2
    for z in np.linspace(-chi_squares.REACH, chi_squares.REACH, 41):
        with mpmath.workdps(30):
            x = half * mpmath.polyval([mpmath.mpf(c) for c in found[::-1]], mpmath.mpf(z)) ** 3
            below = mpmath.gammainc(half, 0, x, regularized=True)
            above = mpmath.gammainc(half, x, mpmath.inf, regularized=True)
            gap = below - mpmath.ncdf(z) if z < 0 else mpmath.ncdf(-z) - above
            # The slope of the mass in log x: x^half e^-x / Gamma(half).
            slope = mpmath.exp(half * mpmath.log(x) - x - mpmath.loggamma(half))
            assert abs(gap) <= 1.1e-11 * slope


def test_many_different_sizes_are_drawn_by_rejection():
    """Tables stay small; of a row all numbers are reached, or it is drawn by rejection."""
    many, table = chi_squares.polynomials(np.arange(1, 200)[:, None])
    assert (many == -1).all()
    assert table.shape == (0, 1, chi_squares.DEGREE + 1)
    places, table = chi_squares.polynomials(np.array([[99, 60], [46, 45], [46, 99], [99, 60]]))
    assert places.tolist() == [1, -1, 0, 1]
    assert np.array_equal(table[1, 0], chi_squares.polynomial(99))
    assert np.array_equal(table[0, 1], chi_squares.polynomial(99))
    assert chi_squares.polynomial(45) is None


@given(st.integers(0, 10**15))
def test_stirlings_remainder(x):
    """Against 40 digits."""
    with mpmath.workdps(40):
        y = mpmath.mpf(x) + 1
        exact = mpmath.loggamma(y) - (y - 0.5) * mpmath.log(y) + y - mpmath.log(2 * mpmath.pi) / 2
    assert variates.stirling(float(x)) == pytest.approx(float(exact), rel=1e-13, abs=1e-17)


@given(n=st.integers(1, 10**12), p=st.floats(1e-6, 0.5), shift=st.integers(-2000, 2000))
def test_ratios_of_probabilities(n, p, shift):
    """Against 40 digits: from the mode to 2,000 outcomes, or 30 deviations, away."""
    mode = math.floor((n + 1) * p)
    most = 30 * math.sqrt(n * p) + 30
    k = min(max(0, mode + round(shift / 2000 * most)), n)
    with mpmath.workdps(40):
        odds = mpmath.mpf(p) / (1 - mpmath.mpf(p))
        terms = [mpmath.loggamma(mpmath.mpf(v) + 1) for v in (mode, n - mode, k, n - k)]
        exact = terms[0] + terms[1] - terms[2] - terms[3] + (k - mode) * mpmath.log(odds)
    found = variates.log_ratio(float(n), float(mode), float(k), p / (1 - p))
    # Differences of terms of the size of the shift, each rounded a few times.
    assert found == pytest.approx(float(exact), rel=1e-12, abs=1e-15 * (10 + 10 * abs(k - mode)))


def hat(n, p, u):
    """Return, for each u, the outcome of BTRS and the constant that log v is compared with."""
    q = 1 - p
    spread = math.sqrt(n * p * q)
    b = 1.15 + 2.53 * spread
    a, centre = -0.0873 + 0.0248 * b + 0.01 * p, n * p + 0.5
    room = 0.5 - np.abs(u)
    k = np.floor((2 * a / room + b) * u + centre)
    height = (2.83 + 5.1 / b) * spread
    return k, np.log(height / (a / room**2 + b)), 0.92 - 4.2 / b


@pytest.mark.parametrize("n", [20, 50, 300, 5000, 10**6])
@pytest.mark.parametrize("p", [0.001, 0.02, 0.1, 0.3, 0.5])
def test_the_rejection_is_one(n, p):
    """The hat is above the density everywhere, and what is accepted outright is below it."""
    if n * p < variates.FEW:
        return
    u = (np.arange(20_000) + 0.5) / 20_000 - 0.5
    k, constant, sure = hat(n, p, u)
    inside = (k >= 0) & (k <= n)
    mode = math.floor((n + 1) * p)
    ratio = binom.logpmf(k, n, p) - binom.logpmf(mode, n, p)
    # log(v height / (a/room^2 + b)) <= ratio for no v above 1 would cut the density off.
    assert (ratio[inside] <= constant[inside] + 1e-9).all()
    outright = 0.5 - np.abs(u) >= 0.07
    assert (inside | ~outright).all()
    assert (math.log(sure) + constant[outright] <= ratio[outright] + 1e-9).all()


@pytest.mark.parametrize(("n", "p"), BINOMIALS)
def test_binomials_have_their_law(n, p, seed):
    """Spread over the steps of its law, a draw is uniform; by inversion and by rejection."""
    found, dice = np.empty(N), np.random.default_rng(seed)
    binomials(opened(seed), n, p, found)
    assert found.min() >= 0
    assert found.max() <= n
    spread = binom.cdf(found, n, p) - dice.random(N) * binom.pmf(found, n, p)
    assert assert_law(spread, lambda u: np.clip(u, 0, 1)).detectable < 0.048


def test_binomials_at_the_ends():
    """Nothing, all, and chances of 0 and 1."""
    stream: Stream = opened(0)
    for n, p, expected in ((0, 0.3, 0), (9, 0.0, 0), (9, 1.0, 9), (10**12, 1.0, 10**12)):
        assert variates.binomial(stream, n, p) == expected
