"""The derivations of `theory` for exponential families hold together, without the package."""

from fractions import Fraction
from math import expm1, isclose, lgamma, pi

import mpmath as mp
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ, Rational

from tests.helpers.theory_exponential import loops
from theory import (
    discrete_law,
    discrete_loop,
    exponential_absorption,
    exponential_facts,
    exponential_families,
    exponential_fourth,
    exponential_limits,
    exponential_rows,
    exponential_subsample,
    exponential_variances,
)
from theory.exponential import FOURTH, PRODUCTS, SUBSETS
from theory.exponential_families import FAMILIES
from theory.exponential_loop import ExponentialDomain, Loop
from theory.weights_loop import SUBSAMPLE, Plan

QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=20)
COIN = ExponentialDomain(families=("Binomial",), sizes=(1, 3), generations=3, rows=8)
ANY_BUDGET = ExponentialDomain((SUBSAMPLE,), constant=True)
schedules = st.lists(st.integers(1, 50), min_size=1, max_size=15)


def real(value):
    """Return an exact number with thirty digits."""
    return mp.mpf(sympy.N(value, 30))


@pytest.mark.parametrize("domain", [FOURTH, SUBSETS], ids=["batches", "subsets"])
@QUICK
@given(data=st.data())
def test_engines_give_the_same_moments(domain, data):
    """Rows in pairs, and polynomials in the means or the rows: E d_t = 0 and the same E d_t^2."""
    loop = data.draw(loops(domain))
    moments = exponential_variances.moments(loop)

    assert [row[1] for row in moments] == [0] * loop.plan.generations
    assert [QQ.to_sympy(row[2] / loop.spread) for row in moments] == (
        exponential_rows.squared_error(loop)
    )


@QUICK
@given(data=st.data())
def test_one_trial_has_the_moments_of_the_law_of_counts(data):
    """All four moments, every workflow: two symbols are the binomial family with one trial."""
    loop = data.draw(loops(COIN))
    chance = loop.mean / loop.parameter
    loop = Loop(loop.plan, "Binomial", Rational(1), chance)
    counts = discrete_loop.Loop(loop.plan, (chance, 1 - chance))
    origin = counts.origin[0]

    by_law = [
        tuple(sum(p * (model[0] - origin) ** j for model, p in law.items()) for j in range(5))
        for law in discrete_loop.laws(counts)
    ]

    assert exponential_variances.moments(loop) == by_law


@QUICK
@given(data=st.data())
def test_closed_forms_are_the_recursions(data):
    """Products over any schedule equal the engine with single rows."""
    domain = ExponentialDomain(PRODUCTS.workflows)
    loop = data.draw(loops(domain))

    assert exponential_limits.finite(loop) == exponential_rows.squared_error(loop)


@QUICK
@given(data=st.data())
def test_subsample_recursion(data):
    """E2 in M = E(pool mean - m_0)^2 and Q = E(pool variance), equal batches, any budget."""
    loop = data.draw(loops(ANY_BUDGET))
    n, v2 = loop.plan.n, loop.curvature
    M, Q, found = Rational(1, n), 1 - Rational(1, n), []
    for t in range(1, loop.plan.generations + 1):
        k = loop.plan.budget(t)
        sub = Q * (t * n - k) / (k * (t * n - 1)) if t * n > 1 else 0
        found.append(M + sub)
        ev = 1 + v2 * (M + sub)
        d = sub + ev / n
        M, Q = M + d / (t + 1) ** 2, (t * Q + (1 - Rational(1, n)) * ev + t * d / (t + 1)) / (t + 1)

    assert found == exponential_rows.squared_error(loop)


@pytest.mark.parametrize("v2", [Rational(-1), Rational(-1, 3), 0, Rational(1, 2), Rational(3)])
@pytest.mark.parametrize("n", [3, 10, 100])
def test_accumulate_tends_to_its_limit(v2, n):
    """What is missing after t factors, by bounds on the tail.

    The sum of 1/(n j^2) over j > t is between 1/(n(t+1)) and 1/(nt), and log(1+y)/y between 1/2
    and 2 for |y| <= 1/2.
    """
    t = 2000
    limit = exponential_limits.accumulate(v2, n)
    steps = [mp.mpf(1) / (n * j**2) for j in range(1, t + 1)]
    if v2:
        product = mp.fsum(mp.log1p(real(v2) * x) for x in steps)
        missing = (mp.log1p(real(v2 * limit)) - product) / real(v2)
    else:
        missing = real(limit) - mp.fsum(steps)

    assert mp.mpf(1) / (2 * n * (t + 1)) < missing < mp.mpf(2) / (n * t)


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
@pytest.mark.parametrize("v2", [Rational(1, 4), Rational(2)])
def test_inflation_exceeds_the_constant_iff_curvature_is_positive(v2, n):
    """pi^2/6 is a bound for v2 < 0, is reached at v2 = 0, and exceeded for v2 > 0."""
    inflations = [n * real(exponential_limits.accumulate(v, n)) for v in (-v2 / 2, 0, v2)]

    assert inflations[0] < mp.pi**2 / 6 < inflations[2]
    assert mp.almosteq(inflations[1], mp.pi**2 / 6)


@pytest.mark.parametrize(("n", "stated"), [(2, 2.102), (10, 1.728)])
def test_inflation_of_exponential_rows(n, stated):
    """The values that the map of statements quotes, to its digits."""
    assert round(n * float(exponential_limits.accumulate(1, n)), 3) == stated


@QUICK
@given(sizes=schedules, curvature=st.fractions(-1, 0, max_denominator=9))
def test_every_schedule_stays_below_two(sizes, curvature):
    """Inflation < 2 for v2 <= 0, and < (e^{2z}-1)/z at v2 > 0, z = v2/N_1."""
    assert exponential_facts.inflation_of(sizes, curvature) < 2

    z = -curvature / sizes[0]
    if z:
        assert exponential_facts.inflation_of(sizes, -curvature) < expm1(2 * z) / z


def test_two_is_sharp():
    """One row at a time after a large first batch: beyond N_1/(N_1 + 1), less the tail's 1/N."""
    first, more = 200, 1500
    value = exponential_facts.inflation_of([first, *[1] * more], Fraction(0))

    assert value > 1 + Fraction(first, first + 1) - Fraction(first, first + more)
    assert value < 2


def test_growing_batches():
    """n_s = s^2: the partial sums approach 24 pi^2 - 36 - 288 log 2 from below, within 9/T^3."""
    T = 120
    limit = 24 * mp.pi**2 - 36 - 288 * mp.log(2)
    value = exponential_facts.inflation_of([s * s for s in range(1, T + 1)], Fraction(0))
    missing = limit - mp.mpf(value.numerator) / value.denominator

    # The terms s^2/N_s^2 lie below 9/s^4, whose sum over s > T is below 3/T^3.
    assert 0 < missing < mp.mpf(3) / T**3
    assert round(float(limit), 3) == 1.244


def test_subsample_constant():
    """n R -> pi^2/2 - 2 at v2 = 0, with both errors bounded.

    |Q - 1| <= 2/n by induction, because d <= (Q + 1)/n: then n sub and n d are within 4/n of
    (t-1)/t and (2t-1)/t, and the sum of 1/(t+1)^2 is below 1: 8/n in all. Beyond T the terms
    (2t-1)/(t(t+1)^2) sum to less than 2/T, and (T-1)/T lacks 1/T.
    """
    n, T = 10**5, 10**5
    M, Q = 1 / n, 1 - 1 / n
    sub = 0.0
    for t in range(1, T + 1):
        sub = Q * (t - 1) / (n * t - 1)
        d = sub + 1 / n
        M, Q = M + d / (t + 1) ** 2, (t * Q + (1 - 1 / n) + t * d / (t + 1)) / (t + 1)

    assert abs(n * (M + sub) - (pi**2 / 2 - 2)) < 8 / n + 3 / T


@pytest.mark.parametrize("mean", [Rational(1, 2), Rational(2)])
def test_absorption_agrees_with_a_truncated_chain(mean):
    """Sums of n rows with the mean k/n are Poisson with the mean k; what leaves 0..149 is lost.

    The entries are off by rounding, 1e-16 times exponents of up to 700: 1e-13.
    """
    n, T, top = 2, 5, 150
    counts = np.arange(top)
    logs = np.array([lgamma(k + 1) for k in counts])
    means = np.array([float(n * mean), *counts[1:]])[:, None]
    kernel = np.exp(-means + counts * np.log(means) - logs)
    law, kernel[0] = kernel[0].copy(), counts == 0
    found = []
    for _ in range(T):
        found.append(law[0])
        law = law @ kernel
    lost = 1 - law.sum()
    exact = exponential_absorption.poisson(Loop(Plan("replace", (n,) * T), "Poisson", mean=mean))

    assert lost < 1e-6
    for chain, value in zip(found, exact, strict=True):
        assert -1e-13 <= float(value) - chain <= lost + 1e-13


@pytest.mark.parametrize("workflow", ["accumulate", "keep-real", "web"])
def test_absorption_where_no_real_row_is_dropped(workflow):
    """Generating functions of all batches give what the real rows alone give."""
    curves = ((1, 0, 2), (2, 1, 1)) if workflow == "web" else None
    loop = Loop(Plan(workflow, (2, 3, 1, 3), curves), "Poisson", mean=Rational(1, 3))

    pairs = zip(
        exponential_absorption.poisson(loop), exponential_absorption.kept(loop), strict=True
    )

    assert all(isclose(a, b, rel_tol=1e-14) for a, b in pairs)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_wrong_cumulant_is_seen(name, monkeypatch):
    """With another measure of spread, V + 1, the proofs of the families fail."""
    wrong = list(exponential_families.cumulants(name))
    wrong[1] = wrong[1] + 1
    monkeypatch.setattr(exponential_families, "cumulants", lambda _: tuple(wrong))

    assert any(residual.simplify() != 0 for residual in exponential_families.quadratic())
    assert any(residual.simplify() != 0 for residual in exponential_families.higher())


def test_moments_of_sums():
    """The third moment of the mean of n rows is k3/n^2, and the fourth k4/n^3 + 3 V^2/n^2."""
    n, mean = 5, Rational(3)
    loop = Loop(Plan("replace", (n,)), "Gamma", Rational(2), mean)
    _, k2, k3, k4 = (k[0] for k in loop.cumulants)

    assert exponential_fourth.moments(loop, 3) == (k3 / n**2,)
    assert exponential_fourth.moments(loop, 4) == (k4 / n**3 + 3 * k2**2 / n**2,)
    # With one row more to draw than there are, every subset is the whole.
    whole = Loop(Plan(SUBSAMPLE, (n,), n + 1), "Gamma", Rational(2), mean)
    assert exponential_subsample.moments(whole, 4) == exponential_fourth.moments(loop, 4)


def test_variance_of_a_coin_is_that_of_its_law():
    """Var (p_t - p)^2 by the law of counts and by polynomials."""
    plan, chance = Plan("accumulate", (2, 3, 2)), Rational(1, 3)
    loop = Loop(plan, "Binomial", Rational(1), chance)
    counts = discrete_loop.Loop(plan, (chance, 1 - chance))

    # |p_t - p|^2 / H_0 is 2 (p_1 - p)^2 / (2 p (1-p)).
    assert exponential_variances.squared_error(loop) == discrete_law.squared_error_variance(counts)
