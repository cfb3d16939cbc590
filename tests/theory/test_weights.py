"""General workflows: the triangular solve, fixed points and thresholds, against the engines.

The package's solver is held against the same exact numbers.
"""

from itertools import combinations_with_replacement, pairwise

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sympy import QQ, Matrix, Poly, Rational, Symbol, sqrt

import modelcollapse as mc
from modelcollapse import solver
from tests.helpers.theory_exponential import loops
from tests.helpers.theory_plans import workflow
from tests.theory.test_theory import agree
from theory import exponential_limits, exponential_rows, exponential_variances, weights
from theory.exponential import FOURTH, LIMITS
from theory.exponential_loop import ExponentialDomain, Loop
from theory.weights import KEPT
from theory.weights_loop import DETERMINISTIC, FRESH, TRUTH, Plan

QUICK = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow],
)
THIRD = Rational(1, 3)
ANY = ExponentialDomain((*DETERMINISTIC, *FRESH))
shares = st.fractions("1/10", "9/10", max_denominator=10).map(Rational)


def arguments(loop):
    """Return the solver's arguments for a loop: workflow, sizes, curvature."""
    return workflow(loop.plan), loop.plan.sizes, float(loop.curvature)


@QUICK
@given(data=st.data())
def test_one_solve_covers_all_workflows(data):
    """Row E3 equals the engine with single rows, for every family."""
    loop = data.draw(loops(ANY))

    assert weights.solve(loop) == exponential_rows.squared_error(loop)


@QUICK
@given(data=st.data())
def test_solver_has_the_derived_moments(data):
    """The package's recursions, in double precision, are the exact numbers."""
    loop = data.draw(loops(ANY))
    exact = weights.solve(loop)
    given = arguments(loop)

    assert agree(solver.squared_errors(*given), exact)
    assert agree(solver.effective_samples(*given), [1 / value for value in exact])
    assert agree(solver.inflation(*given), [loop.plan.sizes[0] * value for value in exact])
    assert agree(solver.variances(*given), exponential_rows.variance(loop))
    assert not agree(1.02 * solver.squared_errors(*given), exact)


@QUICK
@given(data=st.data())
def test_solver_has_the_derived_variances(data):
    """Fourth moments need the squared skewness V'^2/V beside the curvature."""
    loop = data.draw(loops(FOURTH))
    constant, slope = loop.cumulants[1][:2] if len(loop.cumulants[1]) > 1 else (loop.spread, QQ(0))
    skew2 = float(QQ.to_sympy(slope**2 / constant))

    shipped = solver.error_variances(*arguments(loop), skew2)

    assert agree(shipped, exponential_variances.squared_error(loop))


@QUICK
@given(data=st.data())
def test_influence_is_the_inverse(data):
    """What the solver says of each part's noise is (I - W S)^{-1} W."""
    loop = data.draw(loops(ANY))
    plan, T = loop.plan, loop.plan.generations
    parts = plan.parts(T)
    rows = [[Rational(int(w.numerator), int(w.denominator)) for w in plan.part_weights(t)]
            for t in range(1, T + 1)]  # fmt: skip
    W = Matrix([row + [0] * (len(parts) - len(row)) for row in rows])
    exact = weights.matrices(W, [part.source for part in parts])
    expected = {True: np.zeros((T, T)), False: np.zeros((T, T))}
    position = 0
    for s in range(1, T + 1):
        for part in plan.batch(s):
            column = np.array(exact[:, position], dtype=float)[:, 0]
            expected[part.source == TRUTH][:, s - 1] = column
            position += 1

    real, sampled = solver.influence(workflow(plan), plan.sizes)

    assert agree(real.ravel(), expected[True].ravel())
    assert agree(sampled.ravel(), expected[False].ravel())


@QUICK
@given(data=st.data())
def test_solver_has_the_derived_limits(data):
    """Replace, accumulate, windows, keep-real, fresh data."""
    loop = data.draw(loops(LIMITS) | loops(KEPT))

    shipped = solver.limit(workflow(loop.plan), loop.plan.sizes[0], float(loop.curvature))

    assert agree(shipped, exponential_limits.squared_error(loop))


@pytest.mark.parametrize("family", ["Binomial", "Poisson", "Gamma"])
@pytest.mark.parametrize(
    "plan",
    [
        Plan("keep-real", (4,) * 6, THIRD),
        Plan("keep-real", (4,) * 6),
        Plan("fresh-data", (4, *(5,) * 5), (2, 3, THIRD)),
        Plan("fresh-data", (4, *(5,) * 5), (2, 3, None)),
    ],
    ids=str,
)
def test_fixed_points_are_approached_geometrically(plan, family):
    """D_t - D_oo shrinks by kept^2 (1 + v2/rows) in every generation, exactly."""
    loop = Loop(plan, family, Rational(2), Rational(1))
    (limit,) = exponential_limits.squared_error(loop)
    gaps = [value - limit for value in exponential_rows.squared_error(loop)]
    sampled = plan.sizes[-1] if plan.workflow == "keep-real" else plan.option[1]
    weight = plan.part_weights(2)[-1]
    kept = Rational(int(weight.numerator), int(weight.denominator))
    ratio = kept**2 * (1 + loop.curvature / sampled)

    assert all(after == ratio * before for before, after in pairwise(gaps))
    assert 0 < ratio < 1


@QUICK
@given(
    real=st.integers(1, 20),
    synthetic=st.integers(1, 20),
    v2=st.fractions(-1, 4, max_denominator=4).map(Rational),
    w=shares,
)
def test_best_weight_is_the_smallest_error(real, synthetic, v2, w):
    """Any other weight is worse, and n_r times the least error is the best weight."""
    q, k = 1 + v2 / synthetic, Rational(real, synthetic)
    best = k / (1 + k)  # the root of the quadratic at q = 0, one sampled row at v2 = -1
    if q:
        best = (q - 1 - k + sqrt((1 + k - q) ** 2 + 4 * q * k)) / (2 * q)
    least = exponential_limits.fresh_data(v2, real, synthetic, best)
    shipped = solver.best_weight(real, synthetic, float(v2))

    assert sympy.N(real * least - best, 30, chop=True) == 0
    assert exponential_limits.fresh_data(v2, real, synthetic, w) >= least
    assert agree(shipped, [best])


@pytest.mark.parametrize("nu", [Rational(0), Rational(3, 4), Rational(5, 9), Rational(1, 10)])
def test_web_threshold(nu):
    """(1 - sqrt(1 - nu))/nu, and one half for growth slower than exponential."""
    exact = (1 - sqrt(1 - nu)) / nu if nu else Rational(1, 2)

    assert agree(solver.web_threshold(float(nu)), [exact])


@pytest.mark.parametrize(("real", "bounded"), [(1, False), (2, False), (3, True)])
def test_growing_web_obeys_its_recursion(real, bounded):
    """X' = g X + nu at v2 = 0, exactly, with g = (1 - nu rho)^2/(1 - nu), X_t = N_t R_t.

    All rows quadruple, so that nu = 3/4 and the threshold is 2/3: of 3 N new rows `real` N are
    real, rho = real/3, and g is 9/4, 1 and 1/4. At the threshold itself X grows like t.
    """
    T, first = 6, 2
    pools = [first * 4**t for t in range(T)]
    sampled = tuple((3 - real) * pool for pool in pools[:-1])
    curves = tuple(real * pool for pool in pools[:-1]), sampled
    plan = Plan("web", (first, *(3 * pool for pool in pools[:-1])), curves)
    errors = weights.solve(Loop(plan, "Poisson"))
    scaled = [pool * value for pool, value in zip(pools, errors, strict=True)]
    nu, rho = Rational(3, 4), Rational(real, 3)
    g = (1 - nu * rho) ** 2 / (1 - nu)

    assert all(after == g * before + nu for before, after in pairwise(scaled))
    assert (g < 1) == (rho > (1 - sqrt(1 - nu)) / nu) == bounded


def test_linear_web_obeys_its_recursion():
    """N rows each time, three quarters of them real: X_t = t/(t-1) (1 - rho/t)^2 X_{t-1} + 1/t."""
    T, n = 7, 4
    plan = Plan("web", (n,) * T, ((3,) * (T - 1), (1,) * (T - 1)))
    errors = weights.solve(Loop(plan, "Poisson"))
    scaled = [t * n * value for t, value in enumerate(errors, 1)]
    rho = Rational(3, 4)

    for t in range(2, T + 1):
        step = Rational(t, t - 1) * (1 - rho / t) ** 2
        assert scaled[t - 1] == step * scaled[t - 2] + Rational(1, t)


def test_a_window_wanders_at_its_rate():
    """k = 2, v2 = 0: each generation adds 4/(9 n), up to powers of the other root, -1/2."""
    n, T = 3, 40
    loop = Loop(Plan("sliding-window", (n,) * T, 2), "NormalMean")
    errors = exponential_rows_by_batches(loop)

    assert abs(errors[-1] - errors[-2] - Rational(4, 9 * n)) < Rational(1, 2) ** (T - 5)


def exponential_rows_by_batches(loop):
    """Return E d_t^2 of a window of two batches: means y_t = (y_{t-1} + y_{t-2})/2 + e_t."""
    n = loop.plan.n
    last, cross, older = Rational(1, n), Rational(0), Rational(0)
    found = [Rational(1, n)]
    # Batch 2 has the mean y_1 + e, because fit 1 has batch 1 only.
    last, cross, older = Rational(2, n), Rational(1, n), Rational(1, n)
    for _ in range(2, loop.plan.generations + 1):
        fitted = (last + 2 * cross + older) / 4
        found.append(fitted)
        last, cross, older = fitted + Rational(1, n), (last + cross) / 2, last
    assert found[:5] == exponential_rows.squared_error(
        Loop(Plan("sliding-window", (n,) * 5, 2), "NormalMean")
    )
    return found


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("v2", [Rational(1, 2), Rational(3)])
def test_window_rate_is_a_spectral_radius(k, v2):
    """The moments E y_i y_j of the window's batch means obey a linear recursion: its largest root.

    The next mean is that of the k last, plus noise of variance (V + v2 E d^2)/n.
    """
    n = 4
    pairs = list(combinations_with_replacement(range(k), 2))  # ages, 0 the newest
    index = {pair: i for i, pair in enumerate(pairs)}
    step = sympy.zeros(len(pairs))
    for i, j in pairs:
        row = index[i, j]
        if i > 0:
            step[row, index[i - 1, j - 1]] += 1
            continue
        for a in range(k):
            if j == 0:
                for b in range(k):
                    step[row, index[min(a, b), max(a, b)]] += (1 + v2 / n) / Rational(k**2)
            else:
                step[row, index[min(a, j - 1), max(a, j - 1)]] += Rational(1, k)
    x = Symbol("x")
    roots = Poly(step.charpoly(x).as_expr(), x).nroots(n=30, maxsteps=200)
    largest = max(abs(root) for root in roots)

    assert agree(solver.window_rate(k, n, float(v2)), [largest])


@pytest.mark.parametrize(
    ("model", "verdict"), [(mc.SlidingWindow(2), "diverges"), (mc.KeepReal(), "bounded")]
)
def test_fates_at_zero_curvature(model, verdict):
    """What wanders, diverges; what keeps a share of real rows, does not."""
    assert solver.fate(model, [3] * 10).verdict == verdict
