"""The variance of the squared error: against whole laws of coins, and raw moments of families."""

from fractions import Fraction
from itertools import zip_longest
from math import comb, prod

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse._support.errors import InvalidInput, NoClosedForm
from modelcollapse.solver import error_variances, squared_errors, third_moments
from modelcollapse.solver import fourth as room
from modelcollapse.solver.parts import checked
from modelcollapse.workflows import Weighted
from tests.helpers.naming import shown
from tests.helpers.replay import Halving
from tests.solver.test_errors import WORKFLOWS, sizes_of
from tests.solver.test_oracles import by_law, case, cases


@settings(max_examples=150)
@given(
    c=cases(most=4, largest=2),
    p=st.sampled_from([Fraction(1, 2), Fraction(1, 5), Fraction(7, 8)]),
)
def test_coins_have_the_variance_of_their_law(c, p):
    """All counts of all batches, in rationals: v2 = -1, skew2 = (1 - 2p)^2 / (p (1 - p))."""
    exact = [float(variance) for _, variance in by_law(c, p)]
    skew2 = float((1 - 2 * p) ** 2 / (p * (1 - p)))
    fourth = 1 / min(p, 1 - p) ** 2  # x^4 is at most this: the scale of the rounding

    found = error_variances(c.workflow, c.sizes, -1.0, skew2)
    assert found == pytest.approx(exact, rel=1e-12, abs=1e-13 * float(fourth))


m = sympy.Symbol("m", positive=True)


def falling(x, i):
    """Return x (x - 1) ... (x - i + 1)."""
    return prod((x - j for j in range(i)), start=sympy.Integer(1))


def rising(x, i):
    """Return x (x + 1) ... (x + i - 1)."""
    return prod((x + j for j in range(i)), start=sympy.Integer(1))


def from_factorial(factorial):
    """Return raw moments 0, ..., 4 from factorial moments, by Stirling numbers."""
    stirling = sympy.functions.combinatorial.numbers.stirling
    return [sum(stirling(j, i) * factorial(i) for i in range(j + 1)) for j in range(5)]


def normal_moments(n):
    """Return the raw moments of a sum of n normal rows of mean m and variance 1."""
    a, v = n * m, n
    return [1, a, a**2 + v, a**3 + 3 * a * v, a**4 + 6 * a**2 * v + 3 * v**2]


# The raw moments of a sum of n rows of mean m, and V(m). None is written through cumulants but
# the normal's.
FAMILIES = {
    "normal": (normal_moments, sympy.Integer(1)),
    "poisson": (lambda n: from_factorial(lambda i: (n * m) ** i), m),
    "binomial 3": (
        lambda n: from_factorial(lambda i: falling(3 * n, i) * (m / 3) ** i),
        m - m**2 / 3,
    ),
    "gamma 2": (lambda n: [rising(2 * n, j) * (m / 2) ** j for j in range(5)], m**2 / 2),
    "negative binomial 2": (
        lambda n: from_factorial(lambda i: rising(2 * n, i) * (m / 2) ** i),
        m + m**2 / 2,
    ),
}
LOOPS = {
    "replace": case("replace", [3, 2, 4]),
    "accumulate": case("accumulate", [3, 2, 4]),
    "window": case("window", [2, 3, 1], 2),
    "keep-real": case("keep-real", [3, 2, 4], Fraction(1, 4)),
    "weighted": case("weighted", [2, 3, 1], [[1, 0, 0], [3, 1, 0], [1, 1, 2]]),
    "fresh-data": case("fresh-data", [3, 0, 0], (2, 3, Fraction(3, 8))),
    "web": case("web", [3, 0, 0], ([2, 1], [1, 3])),
    "restless": case("restless", [3, 0, 0], 1),
}


def expectation(c, T, raw, m0):
    """Return E (m_T - m0)^2 and E (m_T - m0)^4, integrating the parts out, the last first."""
    parts = {
        (s, sampled): sympy.Symbol(f"y{s}{sampled}")
        for s in range(T)
        for sampled in range(2)
        if (c.sizes[s] - c.real[s] if sampled else c.real[s])
    }
    fits = [
        sum(c.weights[t][s][sampled] * y for (s, sampled), y in parts.items() if s <= t)
        for t in range(T)
    ]
    found = []
    for power in (2, 4):
        value = sympy.expand((fits[T - 1] - m0) ** power)
        for (s, sampled), y in reversed(parts.items()):
            n = c.sizes[s] - c.real[s] if sampled else c.real[s]
            mean = fits[s - 1] if sampled else m0
            moments = [sympy.expand(q).subs(m, mean) / n**j for j, q in enumerate(raw(n))]
            poly = sympy.Poly(value, y)
            value = sympy.expand(sum(k * moments[j] for (j,), k in poly.terms()))
        found.append(sympy.Rational(value))
    return found


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("loop", LOOPS)
def test_families_have_the_variance_of_their_raw_moments(loop, family):
    """Three generations in rationals, through polynomials in all batch means."""
    raw, V = FAMILIES[family]
    m0, c = sympy.Rational(3, 4), LOOPS[loop]
    V0, slope = V.subs(m, m0), sympy.diff(V, m).subs(m, m0)
    v2, skew2 = float(sympy.diff(V, m, 2) / 2), float(slope**2 / V0)
    found = error_variances(c.workflow, c.sizes, v2, skew2)
    errors = squared_errors(c.workflow, c.sizes, v2)

    for T in (1, 2, 3):
        second, fourth = expectation(c, T, raw, m0)
        assert errors[T - 1] == pytest.approx(float(second / V0), rel=1e-13)
        exact = float((fourth - second**2) / V0**2)
        assert found[T - 1] == pytest.approx(exact, rel=1e-12)


def test_the_sign_of_the_skewness_does_not_matter():
    """x and s change sign together: even moments stay."""
    c = LOOPS["keep-real"]
    path = room.list_steps(checked(c.workflow, c.sizes))
    one, other = (room._remembered(path, room._cumulants(s, 0.7)) for s in (0.9, -0.9))

    assert np.array(one[::2]) == pytest.approx(np.array(other[::2]), rel=1e-14)
    assert one[1] == pytest.approx(-other[1], rel=1e-14)


# Computed beforehand by the recursion in the data's units; the last one by all counts of coins.
THIRD = [
    (mc.Poisson(), 2.0, [4] * 8, 0.3840014),
    (mc.Gamma(), 1.5, [4] * 8, 1.7488688),
    (mc.Binomial(), 0.2, [4] * 8, 0.0137424),
    (mc.Poisson(), 2.0, [5, 2, 9, 3], 0.2104683),
    (mc.Gamma(), 1.5, [5, 2, 9, 3], 0.8717578),
    (mc.Binomial(), 0.2, [5, 2, 9, 3], 0.0082463946),
]


@pytest.mark.parametrize(("model", "mean", "sizes", "expected"), THIRD)
def test_third_moments_under_accumulate(model, mean, sizes, expected):
    """E (m_T - m_0)^3, in the data's units."""
    v2, s, unit = model.curvature, model.skewness(mean), model.variance_function(mean) ** 1.5
    third = third_moments(mc.Accumulate(), sizes, v2, s)
    assert third[-1] * unit == pytest.approx(expected, abs=6e-8)


def rational_third(sizes, s, v2):
    """Return E x^3 and Var V of a pool of any sizes in rationals, by the recursion of moments."""
    moments, N, found = [Fraction(j == 0) for j in range(5)], 0, []
    for n in sizes:
        N += n
        new = [Fraction(0)] * 5
        for j in range(5):
            # Cumulants of the row mean at x, over n^(j-1); powers of a = n/N.
            g = [Fraction(1), s, v2]
            slope = [s, 2 * v2]
            k3 = times(g, slope)
            k4 = times(
                g,
                [
                    a + b
                    for a, b in zip_longest(
                        times(slope, slope), [2 * v2 * c for c in g], fillvalue=Fraction(0)
                    )
                ],
            )
            a = Fraction(n, N)
            noise = {
                0: [Fraction(1)],
                1: [Fraction(0)],
                2: [a**2 * c / n for c in g],
                3: [a**3 * c / n**2 for c in k3],
                4: [
                    a**4 * (p / n**3 + 3 * q / n**2)
                    for p, q in zip_longest(k4, times(g, g), fillvalue=Fraction(0))
                ],
            }
            for i in range(j + 1):
                for power, c in enumerate(noise[i]):
                    new[j] += comb(j, i) * c * moments[j - i + power]
        moments = new
        V = [Fraction(1), s, v2]
        mean = sum(c * moments[i] for i, c in enumerate(V))
        square = sum(c * moments[i] for i, c in enumerate(times(V, V)))
        found.append((moments[3], square - mean**2))
    return found


def times(a, b):
    """Multiply polynomials."""
    out = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return out


@pytest.mark.parametrize("v2", [Fraction(-1), Fraction(-1, 3), Fraction(1, 2)])
@pytest.mark.parametrize("s", [Fraction(0), Fraction(3, 4), Fraction(-2)])
@pytest.mark.parametrize("sizes", [[1, 3, 2], [10**9, 7, 10**12], [10**6] * 4])
def test_the_variance_of_the_variance_keeps_its_digits(v2, s, sizes):
    """Many rows, where it is nearly nothing, against rationals."""
    exact = rational_third(sizes, s, v2)
    found = room.higher_moments(checked(mc.Accumulate(), sizes), float(v2), float(s))
    assert found.third == pytest.approx([float(a) for a, _ in exact], rel=1e-12, abs=1e-300)
    assert found.variance == pytest.approx([float(b) for _, b in exact], rel=1e-11, abs=1e-300)


def test_what_dies_out_keeps_its_digits():
    """Coins under replace: E V^2 and (E V)^2 die like (n)_4/n^4 and (1 - 1/n)^2 per step."""
    n, T, p = 5, 400, 0.3
    s2 = (1 - 2 * p) ** 2 / (p * (1 - p))
    found = room.higher_moments(checked(mc.Replace(), [n] * T), -1.0, float(np.sqrt(s2))).variance
    # E V^2 obeys a linear recursion in E V^2 and E V with positive terms.
    square, mean, D = 1.0, 1.0, s2 + 4
    for t in range(T):
        square = (1 - 1 / n) * (1 - 2 / n) * (1 - 3 / n) * square + D / n * (1 - 1 / n) ** 2 * mean
        mean *= 1 - 1 / n
        assert found[t] == pytest.approx(square - mean**2, rel=1e-11)
    assert 0 < found[-1] < 1e-30


@pytest.mark.parametrize("v2", [-1.0, -0.3, 0.0, 0.7])
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=shown(WORKFLOWS))
def test_both_routes_and_both_orders_agree(workflow, v2):
    """Chains against slots, and E x^2 against squared_errors, over 15 generations."""
    sizes = sizes_of(workflow, 15)
    path = room.list_steps(checked(workflow, sizes))
    second, _, fourth = room._remembered(path, room._cumulants(0.8, v2))

    assert second == pytest.approx(squared_errors(workflow, sizes, v2), rel=1e-12)
    assert error_variances(workflow, sizes, v2, 0.64) == pytest.approx(
        fourth - second**2, rel=1e-11, abs=1e-13 * fourth.max()
    )


def test_normal_means_are_normal():
    """With v2 = 0 and no skewness x is normal: Var x^2 = 2 (E x^2)^2, in every workflow."""
    for workflow in [*WORKFLOWS[:4], *WORKFLOWS[6:], Halving()]:
        sizes = sizes_of(workflow, 15)
        errors = squared_errors(workflow, sizes)
        assert error_variances(workflow, sizes) == pytest.approx(2 * errors**2, rel=1e-12)


def test_first_generation_is_the_kurtosis_of_a_mean():
    """Var of the square of a mean of n rows: 2/n^2 + k4/n^3, k4 = skew2 + 2 v2."""
    for n, v2, skew2 in ((1, -1.0, 0.0), (5, 0.5, 2.0), (10**12, 0.0, 3.0)):
        exact = 2 / n**2 + (skew2 + 2 * v2) / n**3
        assert error_variances(mc.Replace(), [n], v2, skew2) == pytest.approx([exact], rel=1e-14)


def test_long_chains_and_explosions():
    """A hundred thousand generations; what leaves the range of floats is infinite."""
    many = np.full(10**5, 10)
    bounded = error_variances(mc.Accumulate(), many, 0.5, 2.0)
    assert np.isfinite(bounded).all()
    assert bounded[-1] == pytest.approx(bounded[-2], rel=1e-9)
    for workflow in (mc.Replace(), mc.KeepReal(0.01)):
        found = error_variances(workflow, np.full(2000, 2), 3.0, 1.0)
        assert np.isfinite(found[0])
        assert np.isinf(found[-1])
        assert (np.diff(np.isinf(found).astype(int)) >= 0).all()


def test_collapsed_coins_vary_no_more():
    """A fair coin that has come to rest at 0 or 1 has x^2 = 1: variance 0, never below."""
    found = error_variances(mc.Replace(), np.full(2000, 2), -1.0)

    assert (found >= 0).all()
    assert found[-1] == pytest.approx(0, abs=1e-14)


def test_too_many_slots_say_so():
    """Forty batches are remembered and not more; a chain remembers one, whoever gave it."""
    age = np.tril(np.arange(41)[:, None] - np.arange(41) + 1.0)
    table = Weighted(age / age.sum(axis=1, keepdims=True))
    same = Weighted(np.tril(np.ones((41, 41))) / np.arange(1, 42)[:, None])
    for workflow in (same, Halving()):
        assert np.isfinite(error_variances(workflow, [3] * 41)).all()
    for workflow, T in ((table, 41), (mc.SlidingWindow(41), 60)):
        with pytest.raises(NoClosedForm, match="more than 40 batches at generation 41"):
            error_variances(workflow, np.ones(T, dtype=int))
        assert error_variances(workflow, np.ones(40, dtype=int)).shape == (40,)
    with pytest.raises(NoClosedForm, match="batch_weights"):
        error_variances(mc.AccumulateSubsample(), [3, 3])


@pytest.mark.parametrize("skew2", [-0.1, np.inf, "1"])
def test_bad_skewness_is_named(skew2):
    """A square is not negative."""
    with pytest.raises(InvalidInput, match="skew2 = "):
        error_variances(mc.Replace(), [3], 0.0, skew2)
