"""The derivations of `theory` hold together: engines, closed forms, limits, consequences."""

from itertools import combinations, pairwise, product

import mpmath as mp
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ, Rational

import modelcollapse as mc
from modelcollapse.families.gaussian import determinant_bounds
from tests.helpers.theory_gaussian import experiment
from theory import (
    gaussian_accumulate,
    gaussian_batches,
    gaussian_determinant,
    gaussian_facts,
    gaussian_limits,
    gaussian_logs,
    gaussian_loss,
    gaussian_rows,
    gaussian_steps,
    gaussian_subsample,
    gaussian_variances,
)
from theory.gaussian_loop import Loop

QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=20)

WEIGHTED = [
    ("replace", None),
    ("accumulate", None),
    ("sliding-window", 2),
    ("keep-real", None),
    ("keep-real", Rational(1, 3)),
]
STATISTICS = ["variance", "squared_error", "second_moment"]
schedules = st.lists(st.integers(2, 6), min_size=1, max_size=5).map(tuple)


@pytest.mark.parametrize(("workflow", "option"), WEIGHTED)
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("coordinates", [1, 2])
def test_batches_and_rows_give_the_same_fourth_moments(workflow, option, statistic, coordinates):
    """The engine that averages whole batches and the one with single rows agree exactly."""
    loop = Loop(workflow, (3, 2, 2), 1, Rational(3, 2), option)

    by_batches = gaussian_batches.coefficients(loop, statistic, coordinates)
    by_rows = gaussian_subsample.coefficients(loop, statistic, coordinates)

    assert by_batches == by_rows


@pytest.mark.parametrize(("total", "k"), [(4, 4), (5, 3), (6, 2), (3, 1)])
def test_subset_weights_are_those_of_all_subsets(total, k):
    """E w_i and E w_i w_j of k rows out of N, counted over all subsets."""
    loop = Loop("accumulate-subsample", (total,), option=k)
    one, two = loop.plan.selection(1)
    subsets = list(combinations(range(total), k))

    for i, j in product(range(total), repeat=2):
        both = sum(i in chosen and j in chosen for chosen in subsets)
        assert two[i][j] == QQ(both, len(subsets) * k**2)
        assert one[i] == QQ(sum(i in chosen for chosen in subsets), len(subsets) * k)


def test_average_moment_counts_rows():
    """The partition formula equals the expansion over three rows, one by one."""
    factors = [(0,), (0, 1), (1, 1), (0,)]
    symbols = {}

    def moment(indices):
        return symbols.setdefault(tuple(sorted(indices)), sympy.Symbol(f"E{len(symbols)}"))

    expanded = 0
    for rows in product(range(3), repeat=len(factors)):
        drawn = [
            sum((f for f, r in zip(factors, rows, strict=True) if r == i), ()) for i in range(3)
        ]
        expanded += sympy.prod(moment(indices) for indices in drawn if indices)

    claimed = gaussian_batches.average_moment(factors, sympy.Integer(3), moment)
    assert sympy.expand(claimed - expanded / 81) == 0


@QUICK
@given(st.sampled_from([*WEIGHTED, ("accumulate-subsample", 3)]), schedules)
def test_second_moment_is_conserved(workflow, sizes):
    """E|m_t - mu_0|^2 + E tr S_t = tr S_0 at ddof 0 and temperature 1, and not at ddof 1."""
    assert gaussian_facts.conserved(Loop(workflow[0], sizes, option=workflow[1]))
    assert not gaussian_facts.conserved(Loop(workflow[0], sizes, 1, option=workflow[1]))


@QUICK
@given(st.sampled_from(WEIGHTED), schedules)
def test_one_triangular_solve_gives_every_weighting(workflow, sizes):
    """E m_t^2 from (I - WS)^{-1} W equals the row engine's."""
    loop = Loop(workflow[0], sizes, option=workflow[1])

    assert gaussian_facts.triangular_solve(loop) == gaussian_rows.squared_error(loop)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_full_budget_is_accumulate(ddof, statistic):
    """A budget beyond all rows trains on all of them, variances over replicates included."""
    all_rows = Loop("accumulate", (3, 2, 2), ddof, Rational(3, 2))
    subsample = Loop("accumulate-subsample", (3, 2, 2), ddof, Rational(3, 2), 9)

    mean = getattr(gaussian_rows, statistic)
    variance = gaussian_variances.variance_of(statistic)
    assert mean(subsample) == mean(all_rows)
    assert variance(subsample) == variance(all_rows)


def whole(n, t):
    """The pool is what is fitted."""
    del n, t
    return 1


def part(n, t):
    """E v_t over the pool's variance, for n of nt rows."""
    return Rational(t * (n - 1), t * n - 1)


FORMS = [
    ("accumulate", 0, gaussian_limits.ACCUMULATE, whole),
    ("accumulate", 1, gaussian_limits.ACCUMULATE_UNBIASED, whole),
    ("accumulate-subsample", 0, gaussian_limits.SUBSAMPLE_POOL, part),
]


@pytest.mark.parametrize(("workflow", "ddof", "form", "fitted"), FORMS)
@pytest.mark.parametrize("n", [2, 3, 5])
def test_closed_form_equals_engine(workflow, ddof, form, fitted, n):
    """The rising factorials equal the row engine's E v_t, exactly."""
    exact = gaussian_rows.variance(Loop(workflow, (n,) * 5, ddof))

    closed = [form.at(n, t) * fitted(n, t) for t in range(1, 6)]
    assert [sympy.radsimp(sympy.expand(value)) for value in closed] == exact


@pytest.mark.parametrize(("workflow", "ddof", "form", "fitted"), FORMS)
@pytest.mark.parametrize("n", [2, 5, 30])
def test_closed_form_tends_to_limit(workflow, ddof, form, fitted, n):
    """From t = 100 on, what is left of the product is between 1 - 2/((n-1) t) and 1.

    Each factor j > t takes away at most 1/(n j^2), 1/((n-1) j^2) or 2/(n (j+1)^2), and sums of
    1/j^2 beyond t are below 1/t.
    """
    del workflow, ddof, fitted
    value, limit = (x.evalf(30) for x in (form.at(n, 100), form.limit().subs(gaussian_limits.N, n)))

    assert 1 - Rational(2, (n - 1) * 100) < limit / value < 1


@pytest.mark.parametrize("n", [2, 5, 30])
def test_unbiased_error_limit_is_the_sum(n):
    """The hypergeometric limit of E m_t^2 lies between the bounds of the sum's tail.

    Beyond t the terms E v_{s-1} / (n s^2) sum to between v_oo / (n (t+1)) and v_t / (n t).
    """
    error, variance, last = mp.mpf(1) / n, mp.mpf(1), 200
    for t in range(2, last + 1):
        error += variance / (n * t**2)
        variance *= 1 - mp.mpf(1) / (t * (n * t - 1))
    limit = gaussian_limits.accumulate_unbiased_error(n).evalf(20)
    least = gaussian_limits.accumulate_unbiased(n).evalf(20)

    assert error + least / (n * (last + 1)) < limit < error + variance / (n * last)


@pytest.mark.parametrize("n", [2, 3])
def test_accumulate_is_replace_with_growing_batches(n):
    """Accumulate with n equals replace with n t^2: exactly here, and in what ships."""
    sizes = tuple(n * t**2 for t in (1, 2, 3))
    for name in STATISTICS:
        exact = getattr(gaussian_rows, name)
        assert exact(Loop("accumulate", (n,) * 3)) == exact(Loop("replace", sizes))

    grown = mc.Experiment(mc.Gaussian(), mc.Replace(), lambda t: n * t**2, 40)
    pooled = mc.Experiment(mc.Gaussian(), mc.Accumulate(), n, 40)
    # Forty factors, each rounded a few times: 1e-13 is a thousand roundings.
    assert mc.predict(grown)["variance"] == pytest.approx(mc.predict(pooled)["variance"], rel=1e-13)


@QUICK
@given(st.lists(st.integers(2, 1000), min_size=2, max_size=40))
def test_accumulate_inflates_risk_less_than_twice(sizes):
    """N_1 E m_t^2 is below 1 + N_1 sum n_s/N_s^2, itself below 2, whatever the schedule."""
    bound = gaussian_facts.first_order_risk(sizes)
    e = mc.Experiment(mc.Gaussian(), mc.Accumulate(), sizes, len(sizes))
    inflation = sizes[0] * mc.predict(e)["squared_error"]

    assert bound < 2
    # 1 - product rounds at 1e-16, and 40 factors times N_1 <= 1000 make 1e-11 of it.
    assert inflation[-1] < float(bound) + 1e-11


@pytest.mark.parametrize("n", [3, 5, 20])
@pytest.mark.parametrize("ddof", [0, 1])
def test_critical_temperature_has_no_drift(n, ddof):
    """At the derived temperature the shipped exponent is zero, up to rounding of order-1 terms."""
    critical = float(gaussian_facts.critical_temperature(sympy.Integer(n), ddof).evalf(30))
    e = mc.Experiment(mc.Gaussian(ddof=ddof), mc.Replace(), n, 1, temperature=critical)

    assert mc.predict(e).exponents["lyapunov"] == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("n", [2, 9])
def test_w2_has_the_closed_form(ddof, n):
    """E W2^2 is 2 (1 - b^t), bounded, at ddof 0, and 2 + t/n - 2 c4^t, unbounded, at ddof 1."""
    root = sympy.sqrt(Rational(2, n - ddof)) * sympy.gamma(Rational(n, 2))
    root /= sympy.gamma(Rational(n - 1, 2))
    closed = [2 * (1 - root**t) + ddof * Rational(t, n) for t in (1, 2, 3)]

    derived = gaussian_logs.w2_squared(Loop("replace", (n,) * 3, ddof))
    assert [sympy.N(a - b, 20, chop=True) for a, b in zip(derived, closed, strict=True)] == [0] * 3


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_root_bound_holds(n):
    """E sqrt(v_1) <= exp(-3/(4n)) at ddof 0 and exp(-1/(4n)) at ddof 1, within 1/n^2 of it."""
    for ddof, rate in ((0, Rational(3, 4)), (1, Rational(1, 4))):
        (root,) = gaussian_logs.root(Loop("replace", (n,), ddof))
        gap = sympy.N(-sympy.log(root) - rate / n, 30)
        assert 0 < gap < Rational(1, n**2)


@pytest.mark.parametrize("n", [6, 11])
def test_test_loss_has_the_closed_form(n):
    """At ddof 0: log(2 pi)/2 + t (psi((n-1)/2) + log(2/n))/2 + (4 r^t - 1)/6, r = n/(n-3)."""
    r, drift = Rational(n, n - 3), sympy.digamma(Rational(n - 1, 2)) + sympy.log(Rational(2, n))
    closed = [(sympy.log(2 * sympy.pi) + t * drift + (4 * r**t - 1) / 3) / 2 for t in (1, 2, 3)]

    derived = gaussian_loss.test_log_loss(Loop("replace", (n,) * 3))
    assert [sympy.N(a - b, 20, chop=True) for a, b in zip(derived, closed, strict=True)] == [0] * 3


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_exponents_sum_to_the_drift_of_the_determinant(dim):
    """The Lyapunov exponents add up to the growth of E log det S_t."""
    loop = Loop("replace", (7, 7), temperature=Rational(3, 2), dim=dim)
    first, second = gaussian_logs.log_determinant(loop)

    difference = sum(gaussian_logs.lyapunov(loop)) - (second - first)
    assert sympy.simplify(sympy.expand_log(difference, force=True)) == 0


def test_laplace_integrals_equal_the_density():
    """With a batch of one row R = 1 + b P/(P+1) Y, whose moments are direct integrals."""
    pool, b = 4, Rational(3, 7)
    log, square, root = gaussian_accumulate.log_and_root(1, pool, b)
    slope = mp.mpf(3) / 7 * pool / (pool + 1)

    def normal_mean(f):
        return mp.quad(lambda z: f(1 + slope * z * z) * mp.npdf(z), [-12, -3, 0, 3, 12])

    # Both quadratures are asked for 15 digits or more; beyond |z| = 12 lies less than 1e-32.
    assert mp.almosteq(log, normal_mean(mp.log), 1e-13)
    assert mp.almosteq(square, normal_mean(lambda r: mp.log(r) ** 2), 1e-13)
    assert mp.almosteq(root, normal_mean(mp.sqrt), 1e-13)


def test_unbiased_subsampling_diverges():
    """Accumulate-subsample at ddof 1: E v_t grows like t^(1/n), although each fit is unbiased.

    E v_t is P/(P-1) of the pool's variance, P = tn; its increase from t = s + 4 on has positive
    coefficients only in s.
    """
    size, s = 4, sympy.Symbol("s")
    loop = Loop("accumulate-subsample", (size,) * 6, 1)
    P, n, k, heat = (getattr(gaussian_steps, name) for name in ("P", "n", "k", "heat"))
    pool = gaussian_steps.subsample_factor(1).subs({n: size, k: size, heat: 1})
    fit = pool * (P + size) * (P - 1) / ((P + size - 1) * P)
    values = gaussian_rows.variance(loop)

    assert gaussian_limits.growth(loop) == Rational(1, size)
    assert [fit.subs(P, t * size) for t in range(1, 6)] == [
        later / earlier for earlier, later in pairwise(values)
    ]
    increase = sympy.fraction(sympy.cancel((fit - 1).subs(P, (s + 4) * size)))
    assert all(c > 0 for side in increase for c in sympy.Poly(side, s).coeffs())


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_bound_on_a_determinants_square_is_the_shipped_one(dim, ddof):
    """What the ledger's theorems on means of determinants rest on."""
    loop = Loop("accumulate", (5, 3, 6), ddof, Rational(6, 5), None, dim)

    exact = [float(value) for value in gaussian_determinant.square_bound(loop)]

    assert determinant_bounds.square_bound(experiment(loop), dim) == pytest.approx(exact, rel=1e-12)
