"""The derivations of `theory` for discrete distributions hold together; bounds that ship hold."""

from collections import defaultdict
from itertools import combinations, pairwise, product
from math import comb, log

import mpmath as mp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sympy import QQ, Rational, rf

import modelcollapse as mc
from tests.helpers.theory_discrete import experiment, loops
from theory import (
    discrete_facts,
    discrete_law,
    discrete_smoothing,
    exponential_rows,
    gaussian_loop,
    gaussian_rows,
)
from theory import exponential_loop as family
from theory.discrete import MOMENTS, SMOOTHED
from theory.discrete_loop import Loop, laws
from theory.weights_loop import EDIT, SUBSAMPLE, TRUTH, Plan

QUICK = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow],
)
HALF, THIRD = Rational(1, 2), Rational(1, 3)
COIN = (THIRD, 1 - THIRD)
PLANS = [
    Plan("replace", (2, 1, 3)),
    Plan("accumulate", (1, 2, 2)),
    Plan("sliding-window", (2, 1, 2), 2),
    Plan("keep-real", (2, 2, 1), THIRD),
    Plan("keep-real", (1, 2, 2)),
    Plan("fresh-data", (2, 2, 2), (1, 1, THIRD)),
    Plan("web", (1, 3, 1), ((1, 0), (2, 1))),
    Plan("weighted", (1, 2, 2), ((1,), (HALF, HALF), (THIRD, THIRD, THIRD))),
    Plan(SUBSAMPLE, (2, 2, 1)),
    Plan(SUBSAMPLE, (1, 2, 2), 2),
]


def by_rows(loop):
    """Return the laws of p_t, draw by draw: states are the symbols of all rows, in order."""
    plan, symbols, found = loop.plan, range(len(loop.truth)), []
    states = {((), None): QQ(1)}
    for t in range(1, plan.generations + 1):
        for part in plan.batch(t):
            after = defaultdict(lambda: QQ(0))
            for (rows, model), chance in states.items():
                source = loop.origin if part.source == TRUTH else model
                for drawn in product(symbols, repeat=part.rows):
                    weight = chance
                    for symbol in drawn:
                        weight *= source[symbol]
                    after[rows + drawn, model] += weight
            states = after
        total = sum(plan.sizes[:t])
        choices = [plan.row_weights(t)] if plan.workflow != SUBSAMPLE else []
        if not choices:
            k = plan.budget(t)
            choices = [
                [QQ(int(i in chosen), k) for i in range(total)]
                for chosen in combinations(range(total), k)
            ]
        law, after = defaultdict(lambda: QQ(0)), defaultdict(lambda: QQ(0))
        for ((rows, _), chance), weights in product(states.items(), choices):
            model = tuple(
                sum((w for w, row in zip(weights, rows, strict=True) if row == i), QQ(0))
                for i in symbols
            )
            trained = sum(w > 0 for w in weights)
            model = tuple(
                (trained * p + QQ.from_sympy(loop.smoothing))
                / (trained + len(model) * QQ.from_sympy(loop.smoothing))
                for p in model
            )
            law[model] += chance / len(choices)
            after[rows, model] += chance / len(choices)
        states = after
        found.append({model: chance for model, chance in law.items() if chance})
    return found


@pytest.mark.parametrize("smoothing", [0, THIRD], ids=str)
@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_counts_and_rows_have_the_same_law(plan, smoothing):
    """Counting rows of equal weight together changes no law, for a coin and three symbols."""
    for truth in (COIN, (HALF, THIRD, Rational(1, 6))):
        loop = Loop(
            plan if len(truth) == 2 else Plan(plan.workflow, plan.sizes[:2], cut(plan)),
            truth,
            Rational(smoothing),
        )

        assert [dict(law) for law in laws(loop)] == by_rows(loop)


def cut(plan):
    """Return the option of a plan with one generation less."""
    return tuple(curve[:1] for curve in plan.option) if plan.workflow == "web" else plan.option


@QUICK
@given(data=st.data())
def test_probability_is_conserved(data):
    """Laws sum to one, E p_t = p_0, and E H_t + H_0 error_t = H_0, in every workflow."""
    loop = data.draw(loops(MOMENTS))
    start = 1 - sum(p**2 for p in loop.truth)
    pairs = zip(discrete_law.heterozygosity(loop), discrete_law.squared_error(loop), strict=True)

    assert all(sum(law.values()) == 1 for law in laws(loop))
    for symbol, chance in enumerate(loop.truth):
        assert set(discrete_law.mean(loop, symbol)) == {chance}
    assert all(h + start * error == start for h, error in pairs)


@QUICK
@given(data=st.data())
def test_error_is_that_of_one_trial(data):
    """Each symbol's indicator is a binomial row with one trial, so that v2 = -1."""
    loop = data.draw(loops(MOMENTS))
    row = family.Loop(loop.plan, "Binomial", Rational(1), loop.truth[0])

    assert discrete_law.squared_error(loop) == exponential_rows.squared_error(row)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("replace", None),
        ("accumulate", None),
        ("sliding-window", 2),
        ("keep-real", None),
        ("keep-real", THIRD),
        (SUBSAMPLE, None),
        (SUBSAMPLE, 2),
    ],
)
def test_diversity_is_the_variance_of_normal_rows(name, option):
    """E H_t / H_0 = E v_t / s_0^2 of the Gaussian room at ddof 0: the same two moments."""
    sizes = (3, 2, 3)
    normal = gaussian_rows.variance(gaussian_loop.Loop(name, sizes, option=option))
    values = discrete_law.heterozygosity(Loop(Plan(name, sizes, option), COIN))
    start = 1 - sum(p**2 for p in COIN)

    assert [value / start for value in values] == normal


def test_survival_is_bounded_at_every_size():
    """Replace: 1 - e^{-lambda/t} <= 1 - e^{-lambda u} <= P(symbol survives), exact laws."""
    for n, chance in product((2, 5, 12), (Rational(1, 12), THIRD, Rational(9, 10))):
        loop = Loop(Plan("replace", (n,) * 6), (chance, 1 - chance))
        u = mp.mpf(1)
        for t, law in enumerate(laws(loop), 1):
            lost = sum(p for model, p in law.items() if model[0] == 0)
            rate = mp.mpf(int(chance.p)) * n / int(chance.q)
            survived = 1 - mp.mpf(int(lost.numerator)) / int(lost.denominator)

            assert 1 - mp.exp(-rate / t) <= 1 - mp.exp(-rate * u) <= survived
            u = 1 - mp.exp(-u)


def test_sandwich_in_interval_arithmetic():
    """1/k <= u_{k-1} <= 2/(k+1) for k <= 3000, every rounding enclosed."""
    u = mp.iv.mpf(1)
    for k in range(1, 3001):
        assert (u * k).b >= 1
        assert (u * (k + 1)).a <= 2
        if k > 1:  # with equality at k = 1
            assert (u * k).a > 1
            assert (u * (k + 1)).b < 2
        u = 1 - mp.iv.exp(-u)


def generations_to_collapse(n, first):
    """Return the expected number of replace generations from `first` of n to one symbol."""
    inner = np.arange(1, n)
    chances = inner[:, None] / n
    counts = np.arange(n + 1)
    ways = np.array([comb(n, int(k)) for k in counts], dtype=float)
    kernel = (ways * chances**counts * (1 - chances) ** (n - counts))[:, 1:n]
    return np.linalg.solve(np.eye(n - 1) - kernel, np.ones(n - 1))[first - 1]


def test_diffusion_time_is_approached():
    """The formula of the diffusion is closer to the exact chain whenever n doubles."""
    gaps = []
    for n in (8, 16, 32, 64, 128):
        x = 0.25
        formula = -2 * n * ((1 - x) * log(1 - x) + x * log(x))
        gaps.append(abs(generations_to_collapse(n, n // 4) / formula - 1))

    assert all(after < before for before, after in pairwise(gaps))


@pytest.mark.parametrize("truth", [COIN, (HALF, THIRD, Rational(1, 6))])
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_edited_sets_have_a_stationary_law(truth, rows):
    """Smoothed, and edited alike for ever: the law of the set's counts solves linear equations."""
    loop = Loop(Plan(EDIT, (3, rows), ("rows", (rows,))), truth, Rational(1, 4))
    model = mc.Discrete(len(truth), 0.25)
    e = mc.Experiment(model, mc.Edit(rows=rows), 3, 5, truth=[float(p) for p in truth])
    found = mc.predict(e).limits

    for name in ("heterozygosity", "squared_error"):
        (value,) = getattr(discrete_smoothing, name)(loop)
        assert found[name] == pytest.approx(float(value), rel=1e-12)


@pytest.mark.parametrize(("alpha", "t"), [(1, 6), (HALF, 4), (0, 5)])
def test_one_row_at_a_time_is_an_urn(alpha, t):
    """Given c real ones of 5 rows, those of t later rows are beta-binomial, (c, 5 - c) + alpha."""
    n = 5
    share, alpha = Rational(2, 5), Rational(alpha)
    found = laws(Loop(Plan("accumulate", (n,) + (1,) * t), (share, 1 - share), alpha))[-1]
    law = defaultdict(lambda: Rational(0))
    for c in range(n + 1):
        real = comb(n, c) * share**c * (1 - share) ** (n - c)
        a, b = c + alpha, n - c + alpha
        for j in range(t + 1):
            ways = comb(t, j) * rf(a, j) * rf(b, t - j) / rf(a + b, t)
            law[(c + j + alpha) / (n + t + 2 * alpha)] += real * ways

    assert {QQ.to_sympy(q[0]): QQ.to_sympy(p) for q, p in found.items()} == {
        q: p for q, p in law.items() if p
    }


@QUICK
@given(data=st.data())
def test_shipped_entropy_bounds_hold(data):
    """Where the package gives bounds on the expected entropy, the exact law is within them."""
    loop = data.draw(loops(data.draw(st.sampled_from([MOMENTS, SMOOTHED]))))
    expected = mc.predict(experiment(loop)).expected
    exact = np.array(discrete_law.entropy(loop), dtype=float)

    if "entropy_lower" not in expected:
        assert "entropy" in expected
        return
    assert np.all(expected["entropy_lower"] <= exact + 1e-12)
    assert np.all(exact <= expected["entropy_upper"] + 1e-12)


def test_a_wrong_formula_is_seen():
    """Half the diffusion's time to collapse does not solve its equation."""
    x, n = discrete_facts.x, discrete_facts.n
    f = -n * (1 - x) * discrete_facts.log(1 - x)
    assert (x * (1 - x) * f.diff(x, 2) / (2 * n) + x).simplify() != 0
