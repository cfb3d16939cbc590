"""Predictions of the regression room, against rationals, quadrature and each other."""

from fractions import Fraction
from math import comb, prod

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.regression import LinearRegression, moments
from modelcollapse.families.regression.moments import inherited_share
from modelcollapse.families.regression.wishart import (
    RatioLaw,
    chi_square_nodes,
    noise_mean,
    noise_square,
)
from modelcollapse.workflows.selection import batch_weights
from tests.helpers.replay import Bootstrap, Halving
from tests.helpers.toys import OnlyReal

WEIGHTINGS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "window": mc.SlidingWindow(3),
    "keep-real": mc.KeepReal(),
    "share": mc.KeepReal(0.25),
    "halving": Halving(),
    "weighted": mc.Weighted([[1], [0.5, 0.5], [0, 0.25, 0.75], [0.25, 0.25, 0, 0.5]]),
}


def loop(workflow, design, d, n, t, truth=None, **options):
    """Return an experiment."""
    return mc.Experiment(LinearRegression(d, design=design, **options), workflow, n, t, truth=truth)


def inherited(workflow, n, generations):
    """Return E|u_t|^2/d in rationals: u_t is the weighted mean of u_{s-1} + z_s."""
    rows, gains = [], []
    for t in range(1, generations + 1):
        weights = [Fraction(float(w)) for w in batch_weights(workflow, [n] * t)]
        noise = list(weights)
        for s in range(1, t):
            for j, share in enumerate(rows[s - 1]):
                noise[j] += weights[s] * share
        rows.append(noise)
        gains.append(sum(x * x for x in noise))
    return gains


@pytest.mark.parametrize("name", WEIGHTINGS)
@pytest.mark.parametrize(("d", "n"), [(3, 11), (8, 5), (1, 7)])
def test_a_fixed_design_in_rationals(name, d, n):
    """Signal lost once, and the first fit's noise times what labels inherit."""
    e = loop(WEIGHTINGS[name], "fixed", d, n, 4, truth=np.full(d, 2.0), noise=0.5)
    gains = inherited(e.workflow, n, 4)
    r, m, square = min(n, d), max(n, d), 4 * d
    lost = square * max(Fraction(0), 1 - Fraction(n, d))
    noise = [Fraction(1, 4) * gain * Fraction(r, m - r - 1) for gain in gains]
    p = mc.predict(e)
    assert p["risk"] == pytest.approx([float(lost + x) for x in noise], rel=1e-13)
    assert p["norm"] == pytest.approx([float(square - lost + x) for x in noise], rel=1e-13)
    if n >= d:
        for law, mean, variance in zip(p.laws["risk"], p["risk"], p.variances["risk"], strict=True):
            assert law.mean == pytest.approx(mean, rel=1e-13)
            assert law.variance == pytest.approx(variance, rel=1e-13)


@given(st.integers(1, 6), st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_replace_with_more_rows_than_inputs(d, extra):
    """Independent isotropic steps: means add, and E(a'b)^2 = E|a|^2 E|b|^2/d."""
    sizes = [d + 4 + x for x in extra]
    e = loop(mc.Replace(), "fresh", d, sizes, len(sizes), noise=2.0)
    steps = [4 * Fraction(d, n - d - 1) for n in sizes]
    fourths = [16 * Fraction(d * (d + 2), (n - d - 1) * (n - d - 3)) for n in sizes]
    p = mc.predict(e)
    for t in range(1, len(sizes) + 1):
        spread = sum(f - a * a for f, a in zip(fourths[:t], steps[:t], strict=True))
        pairs = sum(steps[i] * steps[j] for i in range(t) for j in range(i))
        assert p["risk"][t - 1] == pytest.approx(float(sum(steps[:t])), rel=1e-13)
        exact = float(spread + Fraction(4, d) * pairs)
        assert p.variances["risk"][t - 1] == pytest.approx(exact, rel=1e-11)


def test_replace_with_fewer_rows_than_inputs():
    """The geometric forms of equal batches, and the first generation of a fixed design."""
    d, n, T = 9, 4, 6
    e = loop(mc.Replace(), "fresh", d, n, T, truth=np.full(d, 1.0), noise=0.5)
    rho, noise = Fraction(n, d), Fraction(1, 4) * Fraction(n, d - n - 1)
    p = mc.predict(e)
    kept = [rho**t for t in range(1, T + 1)]
    noises = [noise * (1 - k) / (1 - rho) for k in kept]
    risks = [float(d * (1 - k) + x) for k, x in zip(kept, noises, strict=True)]
    assert p["risk"] == pytest.approx(risks, rel=1e-13)
    norms = [float(d * k + x) for k, x in zip(kept, noises, strict=True)]
    assert p["norm"] == pytest.approx(norms, rel=1e-13)
    first = mc.predict(loop(mc.Replace(), "fixed", d, n, 1, truth=np.full(d, 1.0), noise=0.5))
    for quantity in ("risk", "norm"):
        assert p.variances[quantity][0] == pytest.approx(first.variances[quantity][0], rel=1e-12)
    assert p.limits["risk"] == pytest.approx(float(d + noise / (1 - rho)), rel=1e-14)
    assert p.limits["norm"] == pytest.approx(float(noise / (1 - rho)), rel=1e-14)
    assert p.exponents["forgetting"] == pytest.approx(np.log(4 / 9))


@given(st.integers(1, 12), st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_accumulate_with_any_schedule(d, sizes):
    """What generation 1 lost, and sigma^2 (n_t/N_t) E tr S_t^+ for each batch."""
    e = loop(mc.Accumulate(), "fresh", d, sizes, len(sizes))
    p, noise, N = mc.predict(e), Fraction(0), 0
    lost = max(Fraction(0), 1 - Fraction(sizes[0], d))
    for t, n in enumerate(sizes):
        N += n
        if abs(N - d) <= 1:
            assert np.isinf(p["risk"][t:]).all()
            assert f"generation {t + 1} on" in p.reasons["risk"]
            break
        noise += Fraction(n, N) * Fraction(min(N, d), abs(N - d) - 1)
        assert p["risk"][t] == pytest.approx(float(lost + noise), rel=1e-13)
        assert p["norm"][t] == pytest.approx(float(1 - lost + noise), rel=1e-13)


def rising(x, partition):
    """Return the generalised rising factorial of real matrices."""
    return prod(x - Fraction(i, 2) + j for i, part in enumerate(partition) for j in range(part))


@given(st.integers(2, 6), st.integers(0, 12), st.integers(1, 12))
def test_the_trace_of_a_matrix_beta_and_of_its_inverse(d, extra, b):
    """E tr B tr B^{-1}, as `_pool_variances` has it, from Jack polynomials.

    With e_k elementary symmetric functions of the eigenvalues it is E e_1 e_{d-1} / e_d. Dividing
    by the determinant turns the parameter a into a - 2, and e_1 e_{d-1} is the zonal polynomial
    of (2, 1, ..., 1) plus c e_d with c = 2d/(d + 1), whose expectations are known.
    """
    a = d + 4 + extra
    N, c = a + b, Fraction(2 * d, d + 1)
    inverse = Fraction(N - d - 1, a - d - 1)
    ours = d * (1 + (inverse - 1) * Fraction(d - 1, N) + inverse * Fraction((d - 1) * a, N))

    def expected(partition):
        return rising(Fraction(a - 2, 2), partition) / rising(Fraction(N - 2, 2), partition)

    zonal = (d * comb(d, d - 1) - c) * expected([2] + [1] * (d - 2))
    determinant = prod(Fraction(N - i - 1, a - i - 1) for i in range(1, d + 1))
    assert ours == determinant * (zonal + c * expected([1] * d))


def test_the_variance_under_accumulate_in_one_dimension():
    """Given S_1, ..., S_t the error is normal with variance sum b_s/S_s^2: integrated over them."""
    sizes = [7, 3, 5]
    e = loop(mc.Accumulate(), "fresh", 1, sizes, 3, noise=1.5)
    nodes = [chi_square_nodes(n) for n in sizes]
    p, power = mc.predict(e), 1.5**2
    b = np.meshgrid(*(S for S, _ in nodes[:2]), indexing="ij")
    w = np.multiply.outer(nodes[0][1], nodes[1][1])
    two = b[0] + b[1]
    early = 1 / b[0] + b[1] / two**2
    assert p["risk"][1] == pytest.approx(power * (w * early).sum(), rel=1e-12)
    exact = power**2 * (3 * (w * early**2).sum() - (w * early).sum() ** 2)
    assert p.variances["risk"][1] == pytest.approx(exact, rel=1e-11)
    first, second = 0.0, 0.0
    for S, weight in zip(*nodes[2], strict=True):
        total = early + S / (two + S) ** 2
        first += weight * (w * total).sum()
        second += weight * (w * total**2).sum()
    assert p["risk"][2] == pytest.approx(power * first, rel=1e-12)
    exact = power**2 * (3 * second - first**2)
    assert p.variances["risk"][2] == pytest.approx(exact, rel=1e-11)


@given(st.integers(1, 8), st.integers(2, 20), st.integers(1, 20))
def test_what_fresh_data_inherit(d, extra, a):
    """E|S^-1 S'x|^2 over |x|^2: a beta square for d = 1; else from zonal polynomials.

    E (tr B)^2 and E tr B^2 follow from those of (2) and (1, 1); E tr S tr S^-1 from the trace
    being a chi-square of N d degrees, of N d - 2 where weighted by a function of degree -1.
    """
    N = d + extra
    a = min(a, N)
    found = inherited_share(a, N, d)
    if d == 1:
        assert found == pytest.approx(float(Fraction(a * (a + 2), N * (N + 2))), rel=1e-13)
        return

    def zonal(partition):
        return rising(Fraction(a, 2), partition) / rising(Fraction(N, 2), partition)

    two = d * (d + 2) * zonal([2]) / 3  # of (tr B)^2 + 2 tr B^2
    minor = Fraction(d * (d - 1), 2) * zonal([1, 1])  # of ((tr B)^2 - tr B^2)/2
    squared, square = two + 4 * minor / 3, two - 2 * minor / 3
    # E BVB = alpha V + beta tr(V) I; V = I, and the trace of V = I - e e' with a unit vector e.
    beta = (d * square - squared) / Fraction(d * (d - 1) * (d + 2))
    alpha = square / d - d * beta
    traces = Fraction(N * d - 2, N - d - 1)
    assert found == pytest.approx(float(alpha + beta * traces), rel=1e-12)
    assert inherited_share(N, N, d) == pytest.approx(1.0, rel=1e-13)


def test_fresh_data():
    """A chain of expected risks; its limit is its fixed point, or infinite."""
    e = loop(mc.FreshData(10, 5), "fresh", 3, 2, 4, noise=0.5, truth=np.full(3, 2.0))
    p, kappa = mc.predict(e), inherited_share(5, 15, 3)
    with pytest.raises(mc.NoClosedForm):
        p.variances["risk"]
    assert np.isinf(p["risk"]).all()
    e = loop(mc.FreshData(10, 5), "fresh", 6, 3, 60, noise=0.5, truth=np.full(6, 2.0))
    p, kappa = mc.predict(e), inherited_share(5, 15, 6)
    risks = [12 + 0.25 * 3 / 2]
    for _ in range(59):
        risks.append(kappa * risks[-1] + 0.25 * 6 / 8)
    assert p["risk"] == pytest.approx(risks, rel=1e-13)
    assert p["norm"][0] == pytest.approx(24 * 3 / 6 + 0.25 * 3 / 2, rel=1e-13)
    assert p.limits["risk"] == pytest.approx(risks[-1], rel=1e-12)
    assert p.limits["norm"] == pytest.approx(24 + risks[-1], rel=1e-12)
    few = mc.predict(loop(mc.FreshData(2, 12), "fresh", 10, 30, 3))
    assert few.limits["risk"] == np.inf
    exact = mc.predict(loop(mc.FreshData(2, 12), "fresh", 10, 30, 3, noise=0.0))
    assert exact.limits["risk"] == 0


def test_variances_of_the_first_fit_agree():
    """Generation 1 is the same in either design and any workflow: the ratio of chi-squares."""
    for d, n in ((1, 6), (4, 9), (20, 31)):
        law = RatioLaw(1.0, d, n - d + 1)
        for design in ("fixed", "fresh"):
            for workflow in (mc.Replace(), mc.Accumulate()):
                p = mc.predict(loop(workflow, design, d, n, 2))
                assert p["risk"][0] == pytest.approx(law.mean, rel=1e-13)
                assert p.variances["risk"][0] == pytest.approx(law.variance, rel=1e-12)


def test_the_ratio_law_covers_the_line():
    """Its cdf is 0 up to 0, 1 at infinity, and without noise a step."""
    points = np.array([-np.inf, -1.0, 0.0, 1e-320, 1e308, np.inf])

    assert RatioLaw(1.0, 3, 4).cdf(points).tolist() == [0, 0, 0, 0, 1, 1]
    assert RatioLaw(0.0, 3, 4).cdf(points).tolist() == [0, 0, 1, 1, 1, 1]


def test_inverse_moments():
    """E[(tr S^-1)^2 + 2 tr S^-2] from the two known moments of inverse Wishart matrices."""
    for d in (1, 2, 5):
        for n in (d + 4, d + 5, d + 20):
            common = (n - d) * (n - d - 1) * (n - d - 3)
            square = d * ((n - d - 2) * d + 2) / common
            trace = d * (n - 1) / common
            assert noise_square(n, d) == pytest.approx(square + 2 * trace, rel=1e-13)
            assert noise_mean(n, d) == pytest.approx(d / (n - d - 1), rel=1e-15)
    assert noise_mean(5, 6) == noise_mean(6, 6) == noise_mean(7, 6) == np.inf
    assert noise_square(9, 6) == noise_square(3, 6) == np.inf


def test_one_dimension_by_symbolic_integration():
    """E 1/S and E 1/S^2 of a chi-square, integrated by SymPy."""
    S = sympy.symbols("S", positive=True)
    for n in (5, 8):
        density = S ** sympy.Rational(n - 2, 2) * sympy.exp(-S / 2)
        density /= 2 ** sympy.Rational(n, 2) * sympy.gamma(sympy.Rational(n, 2))
        mean, square = (sympy.integrate(density / S**k, (S, 0, sympy.oo)) for k in (1, 2))
        assert sympy.simplify(mean - sympy.Rational(1, n - 2)) == 0
        assert noise_mean(n, 1) == pytest.approx(float(mean), rel=1e-15)
        assert noise_square(n, 1) == pytest.approx(3 * float(square), rel=1e-14)


@pytest.mark.parametrize(("d", "n"), [(3, 12), (5, 20), (10, 4), (14, 4), (1, 3)])
def test_limits_of_accumulate(d, n):
    """New inputs: the sum to T = 4000 and bounds on its rest enclose the limit."""
    T = 4000
    p = mc.predict(loop(mc.Accumulate(), "fresh", d, n, T))
    reached = p["risk"][-1]
    low, high = d / n / (T + 1), d / (n - (d + 1) / T) / T
    assert reached + low <= p.limits["risk"] * (1 + 1e-12)
    assert p.limits["risk"] <= (reached + high) * (1 + 1e-12)
    assert p.limits["norm"] - p.limits["risk"] == pytest.approx(p["norm"][-1] - reached, abs=1e-12)


def test_limits():
    """Fixed designs: the mean loop's; infinite where the expectation is; open where it is open."""
    first = 3 / (12 - 3 - 1)
    wanted = {"accumulate": np.pi**2 / 6, "keep-real": 4 / 3, "replace": np.inf, "window": np.inf}
    for name, factor in wanted.items():
        p = mc.predict(loop(WEIGHTINGS[name], "fixed", 3, 12, 5))
        assert p.limits["risk"] == pytest.approx(factor * first, rel=1e-14)
    assert mc.predict(loop(mc.Replace(), "fresh", 3, 12, 5)).limits["risk"] == np.inf
    assert mc.predict(loop(mc.Accumulate(), "fresh", 9, 5, 2)).limits["risk"] == np.inf
    assert mc.predict(loop(mc.Accumulate(), "fresh", 9, 3, 2)).limits["risk"] == np.inf
    for e in (
        loop(Halving(), "fixed", 3, 12, 5),
        loop(mc.Accumulate(), "fresh", 3, [12, 13], 2),
        loop(mc.KeepReal(), "fresh", 3, 12, 5),
        loop(mc.Replace(), "fixed", 1, 12, 5, ridge=1.0),
    ):
        with pytest.raises(mc.NoClosedForm):
            mc.predict(e).limits["risk"]


def test_what_is_infinite_says_so():
    """|n - d| <= 1 with noise; without noise, or with a penalty, it is finite."""
    for n in (4, 5, 6):
        for workflow in WEIGHTINGS.values():
            p = mc.predict(loop(workflow, "fixed", 5, n, 3))
            assert np.isinf(p["risk"]).all()
            assert np.isinf(p["norm"]).all()
            assert np.isinf(p.variances["risk"]).all()
            assert "no expectation" in p.reasons["risk"]
            assert p.fates["risk"].verdict == "diverges"
        p = mc.predict(loop(mc.Replace(), "fixed", 5, n, 3, noise=0.0))
        assert p["risk"] == pytest.approx(np.full(3, max(0.0, 1 - n / 5)))
        assert "risk" not in p.reasons
    # The mean is finite and the variance is not.
    p = mc.predict(loop(mc.Replace(), "fresh", 5, [20, 8, 6, 20], 4))
    assert p["risk"].tolist() == [5 / 14, 5 / 14 + 2.5, np.inf, np.inf]
    assert np.isfinite(p.variances["risk"][0])
    assert np.isinf(p.variances["risk"][1:]).all()
    p = mc.predict(loop(mc.Replace(), "fresh", 5, [3, 5, 9], 3, truth=np.zeros(5)))
    assert p["risk"].tolist() == [3, np.inf, np.inf]
    assert mc.predict(loop(mc.Replace(), "fixed", 1, 2, 3, ridge=0.5))["risk"].max() < np.inf


@pytest.mark.parametrize("freedom", [1, 2, 7, 400])
def test_quadrature_over_chi_squares(freedom):
    """Rational functions with a pole on the negative axis, against mpmath."""
    S, weights = chi_square_nodes(freedom)
    assert weights @ S == pytest.approx(freedom, rel=1e-13)
    assert weights @ S**2 == pytest.approx(freedom * (freedom + 2), rel=1e-13)
    for ridge in (0.01, 3.0):
        with mpmath.workdps(30):
            half, norm = mpmath.mpf(freedom) / 2, mpmath.gamma(mpmath.mpf(freedom) / 2)

            def integrand(x, half=half, norm=norm, ridge=ridge):
                s = mpmath.exp(x)
                density = mpmath.exp(half * x - s / 2) / (2**half * norm)
                return density * s / (s + ridge) ** 2

            points = [-250, -20, -8, -4, -2, 0, 2, 4, 5, 5.5, 6, 6.5, 7, 9]
            exact = float(mpmath.quad(integrand, points))
        assert weights @ (S / (S + ridge) ** 2) == pytest.approx(exact, rel=1e-12)


def test_a_penalty_in_rationals_of_the_loop():
    """Given S the loop is linear: replace and accumulate written out, and integrated."""
    ridge, noise, w = 1.3, 0.5, 2.0
    S, weights = chi_square_nodes(4)
    for workflow in (mc.Replace(), mc.Accumulate()):
        e = loop(workflow, "fixed", 1, 4, 4, truth=w, ridge=ridge, noise=noise)
        p, means, rows = mc.predict(e), [], []
        for t in range(1, 5):
            share = batch_weights(workflow, [4] * t)
            trained = np.count_nonzero(share)
            h = S / (S + ridge / trained)
            mean = h * (share[0] * w + sum(share[s] * means[s - 1] for s in range(1, t)))
            z = [h * x / np.sqrt(S) for x in share]
            for s in range(1, t):
                for j, x in enumerate(rows[s - 1]):
                    z[j] = z[j] + h * share[s] * x
            variance = noise**2 * sum(x**2 for x in z)
            risk = weights @ ((mean - w) ** 2 + variance)
            assert p["risk"][t - 1] == pytest.approx(risk, rel=1e-12)
            assert p["norm"][t - 1] == pytest.approx(weights @ (mean**2 + variance), rel=1e-12)
            fourth = (mean - w) ** 4 + 6 * (mean - w) ** 2 * variance + 3 * variance**2
            exact = weights @ fourth - risk**2
            assert p.variances["risk"][t - 1] == pytest.approx(exact, rel=1e-10)
            means.append(mean)
            rows.append(z)


def test_penalties_with_new_inputs():
    """Generation 1 is that of a fixed design; accumulate's first two, integrated over both S."""
    for workflow in (mc.Replace(), mc.Accumulate()):
        fixed = mc.predict(loop(workflow, "fixed", 1, 4, 1, truth=2.0, ridge=1.3))
        fresh = mc.predict(loop(workflow, "fresh", 1, 4, 2, truth=2.0, ridge=1.3))
        for quantity in ("risk", "norm"):
            assert fresh[quantity][0] == pytest.approx(fixed[quantity][0], rel=1e-13)
    replaced = mc.predict(loop(mc.Replace(), "fresh", 1, 4, 2, truth=2.0, ridge=1.3))
    assert replaced.variances["risk"][0] == pytest.approx(
        mc.predict(loop(mc.Replace(), "fixed", 1, 4, 1, truth=2.0, ridge=1.3)).variances["risk"][0],
        rel=1e-11,
    )
    (S, weights), (B, other) = chi_square_nodes(4), chi_square_nodes(6)
    e = loop(mc.Accumulate(), "fresh", 1, [4, 6], 2, truth=2.0, ridge=1.3)
    S, B = np.meshgrid(S, B, indexing="ij")
    both = np.multiply.outer(weights, other)
    h = S / (S + 1.3)
    # w_2 = [S w_1's data + B w_1]: both batches' labels, divided by S + B + ridge.
    mean = (S * 2.0 + B * h * 2.0) / (S + B + 1.3)
    on_first = (1 + B / (S + 1.3)) ** 2 * S / (S + B + 1.3) ** 2
    variance = on_first + B / (S + B + 1.3) ** 2
    risk = (both * ((mean - 2.0) ** 2 + variance)).sum()
    assert mc.predict(e)["risk"][1] == pytest.approx(risk, rel=1e-12)
    assert "risk" not in mc.predict(e).variances


def test_what_is_open_says_why():
    """Accumulate-subsample, other workflows with new inputs, penalties in more dimensions."""
    for e, word in (
        (loop(mc.AccumulateSubsample(), "fixed", 3, 12, 4), "accumulate-subsample"),
        (loop(mc.AccumulateSubsample(), "fresh", 3, 12, 4), "accumulate-subsample"),
        (loop(Bootstrap(), "fixed", 3, 12, 4), "batch_weights"),
        (loop(mc.KeepReal(), "fresh", 3, 12, 4), "new inputs"),
        (loop(mc.Web(3, 9), "fresh", 3, 12, 4), "new inputs"),
        (loop(mc.FreshData(3, 9, 0.5), "fresh", 3, 12, 4), "pooled"),
        (loop(mc.FreshData(3, 2), "fresh", 4, 12, 4), "at least dim \\+ 2"),
        (loop(mc.Replace(), "fixed", 3, 12, 4, ridge=1.0), "Wishart"),
        (loop(mc.KeepReal(), "fixed", 1, 12, 4, ridge=1.0), "Wishart"),
    ):
        p = mc.predict(e)
        for part in (p.expected, p.variances, p.laws, p.limits):
            for quantity in ("risk", "norm"):
                with pytest.raises(mc.NoClosedForm, match=word):
                    part[quantity]
        assert p.fates["risk"].verdict in ("bounded", "undetermined")
    for e in (
        loop(mc.Accumulate(), "fresh", 9, 3, 2, noise=0.0),
        loop(mc.Accumulate(), "fresh", 1, 3, 2, ridge=1.0),
        loop(mc.FreshData(5, 5), "fresh", 3, 8, 2),
    ):
        with pytest.raises(mc.NoClosedForm, match="variance over replicates"):
            mc.predict(e).variances["risk"]


FATES = [
    (mc.Replace(), "fixed", 3, 12, {}, "diverges", "t/n"),
    (mc.Replace(), "fixed", 12, 3, {}, "diverges", "t/n"),
    (mc.Accumulate(), "fixed", 3, 12, {}, "bounded", ""),
    (mc.KeepReal(), "fixed", 3, 12, {}, "bounded", ""),
    (mc.Replace(), "fresh", 3, 12, {}, "diverges", "t"),
    (mc.Replace(), "fresh", 12, 3, {}, "bounded", ""),
    (mc.Replace(), "fresh", 12, 3, {"noise": 0.0}, "bounded", ""),
    (mc.Replace(), "fixed", 12, 3, {"noise": 0.0}, "bounded", ""),
    (mc.Accumulate(), "fresh", 3, 12, {}, "bounded", ""),
    (mc.Replace(), "fresh", 3, 12, {"ridge": 1.0}, "bounded", ""),
    (mc.Accumulate(), "fixed", 3, 12, {"ridge": 1.0}, "bounded", ""),
    (mc.KeepReal(), "fixed", 3, 12, {"ridge": 1.0}, "undetermined", ""),
    (mc.Replace(), "fresh", 3, [12, 13, 14, 15], {}, "undetermined", ""),
    (mc.Web(3, 9), "fresh", 3, 12, {}, "undetermined", ""),
    (mc.AccumulateSubsample(), "fixed", 3, 12, {}, "undetermined", ""),
    (mc.AccumulateSubsample(), "fixed", 3, 12, {"noise": 0.0}, "undetermined", ""),
    (mc.KeepReal(), "fresh", 12, 3, {"noise": 0.0}, "undetermined", ""),
    (mc.KeepReal(), "fresh", 3, 12, {"noise": 0.0}, "bounded", ""),
    (mc.FreshData(10, 5), "fresh", 3, 12, {}, "bounded", ""),
    (mc.FreshData(2, 12), "fresh", 10, 30, {}, "diverges", "1.12088^t"),
    (mc.FreshData(2, 12), "fresh", 10, 30, {"noise": 0.0}, "bounded", ""),
    (mc.FreshData(2, 12), "fresh", 10, 9, {}, "diverges", "infinite from generation 1 on"),
    (mc.FreshData(2, 12, 0.5), "fresh", 10, 30, {}, "undetermined", ""),
]


@pytest.mark.parametrize(("workflow", "design", "d", "n", "options", "verdict", "rate"), FATES)
def test_fates(workflow, design, d, n, options, verdict, rate):
    """A verdict, a rate and a reason; without a theorem it is undetermined."""
    found = mc.predict(loop(workflow, design, d, n, 4, **options)).fates["risk"]
    assert (found.verdict, found.rate) == (verdict, rate)
    assert found.reason


def test_exponents():
    """Linear growth under replace; a constant where the signal is forgotten or all is kept."""
    assert mc.predict(loop(mc.Replace(), "fixed", 12, 3, 4)).exponents["power"] == 1
    assert mc.predict(loop(mc.Replace(), "fresh", 3, 12, 4)).exponents["power"] == 1
    assert mc.predict(loop(mc.Accumulate(), "fresh", 3, 12, 4)).exponents["power"] == 0
    forgetful = mc.predict(loop(mc.Replace(), "fresh", 12, 3, 4, noise=0.0)).exponents
    assert dict(forgetful) == {"forgetting": np.log(3 / 12)}


def test_many_generations_are_finite_and_ordered():
    """In 10^4 generations nothing overflows; new inputs cost less than the same ones."""
    sames = mc.predict(loop(mc.Accumulate(), "fixed", 10, 100, 10_000))
    news = mc.predict(loop(mc.Accumulate(), "fresh", 10, 100, 10_000))
    assert np.all(news["risk"][1:] < sames["risk"][1:])
    assert np.all(news.variances["risk"] > 0)
    assert news["risk"][-1] < news.limits["risk"] < sames["risk"][-1] < sames.limits["risk"]
    assert moments.gains(sames.experiment)[1] == pytest.approx(1.25, rel=1e-14)


def test_a_batch_of_real_rows_forgets_an_infinite_risk():
    """Three rows for three inputs have no expected risk; six real rows after them have 3/2."""
    e = mc.Experiment(mc.LinearRegression(3, design="fresh"), OnlyReal(6, sampled=0), 3, 4)
    p = mc.predict(e)

    assert p["risk"].tolist() == [np.inf, 1.5, 1.5, 1.5]
    assert "risk" not in p.notes
