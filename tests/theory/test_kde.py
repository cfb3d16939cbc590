"""The derivations of `theory` for kernel density estimates hold together, without the package.

Engines are compared with the general recursions, with each other, with quadratures, and with
brute force over all histories; statements about all t with the recursions at large t.
"""

from functools import cache
from itertools import combinations, pairwise, product

import mpmath as mp
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Rational

from theory import (
    gaussian_loop,
    gaussian_rows,
    kde_bootstrap,
    kde_compact,
    kde_density,
    kde_divergence,
    kde_fourth,
    kde_limits,
    kde_losses,
    kde_rows,
    kde_shrinkage,
    kde_spectrum,
    kde_steps,
)
from theory.kde_loop import Loop, Power
from theory.kde_truth import DIGITS, Truth, real

QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=20)
HALF, THIRD = Rational(1, 2), Rational(1, 3)
PLAIN = ["replace", "accumulate", "accumulate-subsample"]
WORKFLOWS = [
    *[(name, None) for name in PLAIN],
    ("accumulate-subsample", 3),
    ("sliding-window", 2),
    ("keep-real", None),
    ("keep-real", THIRD),
]
STANDARD = Truth.standard(1)
MIXTURE = Truth.mixture((THIRD, -1, Rational(1, 4)), (Rational(2, 3), 2, 1))
# Values are exact up to the 40 digits in which polynomials are evaluated.
CLOSE = mp.mpf(10) ** -30
squares = st.lists(st.floats(0, 2), min_size=3, max_size=3)


@pytest.fixture(autouse=True)
def _digits():
    with mp.workdps(DIGITS):
        yield


def recursion(workflow, n, kernels, q):
    """Return F1 and F2 of each fit, equal batches: the literature's recursions, in numbers."""
    P1, P2 = 1 + 0 * q, 1 / n + (1 - 1 / n) * q
    F2, fits = P2, [(P1, P2)]
    for t, k in enumerate(kernels, 1):
        fresh = 1 / n + (1 - 1 / n) * k**2 * F2
        if workflow == "replace":
            P1, P2 = k * P1, fresh
        else:
            P1 = P1 * (t + k) / (t + 1)
            P2 = (t**2 * P2 + 2 * t * k * P2 + fresh) / (t + 1) ** 2
        N = n * (t + 1)
        subset = 1 / n + (1 - 1 / n) * (N * P2 - 1) / (N - 1)
        F2 = subset if workflow == "accumulate-subsample" else P2
        fits.append((P1, F2))
    return fits


# Log-spaced frequencies: functions of exp(-w^2) are analytic in log w up to i pi/4, so that the
# trapezoidal rule with step 1/20 has an error of order exp(-2 pi (pi/4) 20) < 1e-42.
LOGS = np.linspace(-35, 16, 1021)
W = np.exp(LOGS)


def mises(workflow, n, bandwidths, dim=1):
    """Return MISE_t for N(0, I) truth, at every t, by the recursion on a grid of frequencies."""
    q = np.exp(-(W**2))
    kernels = [np.exp(-((h * W) ** 2) / 2) for h in bandwidths]
    sphere = {1: 1 / np.pi, 2: 1 / (2 * np.pi)}[dim]
    weights = sphere * W**dim * (LOGS[1] - LOGS[0])
    fits = recursion(workflow, n, kernels[:-1], q)
    return [
        np.sum(weights * (k**2 * F2 - 2 * k * F1 * q + q))
        for k, (F1, F2) in zip(kernels, fits, strict=True)
    ]


@pytest.mark.parametrize("workflow", PLAIN)
@pytest.mark.parametrize("n", [1, 3])
def test_spectra_follow_the_recursions(workflow, n):
    """Tracing pairs of rows gives the recursions of F1 and F2, exactly, as polynomials."""
    fits = kde_spectrum.characteristics(Loop(workflow, (n,) * 4))
    k1, k2, k3, _, q = fits[0][0].ring.gens
    stated = recursion(workflow, sympy.QQ(n), [k1, k2, k3], q)

    assert [(a.as_expr(), b.as_expr()) for a, b in fits] == [
        tuple(sympy.expand(value.as_expr()) for value in fit) for fit in stated
    ]


@pytest.mark.parametrize(
    ("workflow", "reference"),
    [
        ("replace", [5.448, 11.073, 29.162]),
        ("accumulate", [5.448, 6.846, 9.049]),
        ("accumulate-subsample", [5.448, 8.924, 12.740]),
    ],
)
def test_errors_are_the_integrals(workflow, reference):
    """The closed form of each monomial equals a quadrature of the recursion, and known values."""
    h = mp.mpf("1.06") * mp.mpf(100) ** -mp.mpf("0.2")
    exact = kde_spectrum.mise(Loop(workflow, (100,) * 5, h))

    # The trapezoidal sum is exact to rounding: 1021 terms in double precision.
    assert np.allclose(mises(workflow, 100, [float(h)] * 5), [float(v) for v in exact], rtol=1e-12)
    assert [round(1000 * float(exact[t - 1]), 3) for t in (1, 2, 5)] == reference


@pytest.mark.parametrize("kernel", ["gaussian", "tophat", "epanechnikov"])
@pytest.mark.parametrize("workflow", PLAIN)
def test_error_is_bias_and_variance(kernel, workflow):
    """MISE is the sum of its parts, each from its own polynomial."""
    loop = Loop(workflow, (2, 3, 1), (HALF, THIRD, Rational(1)), kernel, truth=MIXTURE)
    parts = zip(kde_spectrum.mise_bias(loop), kde_spectrum.mise_variance(loop), strict=True)

    for whole, (bias, variance) in zip(kde_spectrum.mise(loop), parts, strict=True):
        assert abs(whole - bias - variance) < CLOSE


@pytest.mark.parametrize(("workflow", "option"), WORKFLOWS)
def test_spectra_contain_the_moments(workflow, option):
    """E|phi|^2 = 1 - w^2 E v + ..., and E phi/phi_0 = 1 - w^2 (noise)/2: both engines agree."""
    rule = (HALF, THIRD, Rational(2), Rational(1))
    loop = Loop(workflow, (3, 2, 4, 2), rule, option=option)
    gains, central = kde_rows.second_moment(loop), kde_rows.central_variance(loop)

    for t, (first, square) in enumerate(kde_spectrum.characteristics(loop)):
        slopes = [*[h**2 / 2 for h in rule], 1]

        def slope(polynomial, slopes=slopes):
            terms = polynomial.terms()
            return sum(c * sum(map(sympy.Mul, powers, slopes)) for powers, c in terms)

        assert abs(real(slope(square)) - central[t]) < CLOSE
        assert abs(1 + 2 * real(slope(first)) - gains[t]) < CLOSE


QUANTITIES = [
    kde_rows.second_moment,
    kde_rows.central_variance,
    kde_fourth.second_moment_variance,
    kde_spectrum.mise,
    kde_density.laws,
]


@pytest.mark.parametrize("values", QUANTITIES)
@pytest.mark.parametrize(
    ("special", "plain"),
    [
        (("accumulate-subsample", 9), ("accumulate", None)),
        (("sliding-window", 3), ("accumulate", None)),
        (("sliding-window", 1), ("replace", None)),
    ],
)
def test_special_cases_of_workflows(values, special, plain):
    """A budget or a window beyond all rows is accumulate; a window of one batch is replace."""
    rule = (HALF, THIRD, Rational(1))
    found = [
        values(Loop(name, (3, 2, 2), rule, option=option, truth=MIXTURE))
        for name, option in (special, plain)
    ]

    assert all(abs(a - b) < CLOSE for a, b in zip(*found, strict=True))


def histories(loop):
    """Yield probability and training rows at T = 2, as linear forms in real rows and noises."""
    n, m = loop.sizes
    rows = list(sympy.symbols(f"x:{n}"))
    noises = sympy.symbols(f"e:{m}")
    h, _ = loop.rule
    for parents in product(range(n), repeat=m):
        new = [rows[i] + h * e for i, e in zip(parents, noises, strict=True)]
        if loop.workflow == "replace":
            choices = [new]
        else:
            choices = list(combinations(rows + new, loop.rows(2)[0]))
        for chosen in choices:
            yield Rational(1, n**m * len(choices)), chosen


@pytest.mark.parametrize("kernel", ["gaussian", "tophat", "epanechnikov"])
@pytest.mark.parametrize(
    ("workflow", "option"),
    [("replace", None), ("accumulate", None), ("accumulate-subsample", 2)],
)
def test_fourth_moments_by_brute_force(kernel, workflow, option):
    """All parents, all subsets, all monomials, with the moments of truth and kernel put in."""
    loop = Loop(workflow, (2, 3), (HALF, THIRD), kernel, option, MIXTURE)
    second, fourth = loop.truth.moments()
    k2, k4 = loop.noise()
    third = Rational(7, 5)  # odd moments of the truth drop out
    moments = {"x": (1, 0, second, third, fourth), "e": (1, 0, k2, 0, k4)}

    def mean(polynomial):
        gens = sorted(polynomial.free_symbols, key=str)
        terms = sympy.Poly(polynomial, gens).terms()
        return sum(
            c * sympy.prod(moments[str(g)[0]][m] for g, m in zip(gens, powers, strict=True))
            for powers, c in terms
        )

    first = square = 0
    for probability, chosen in histories(loop):
        value = sum(x**2 for x in chosen) / len(chosen)
        first += probability * mean(value)
        square += probability * mean(sympy.expand(value**2))

    exact = real((square - first**2) / second**2)
    assert abs(kde_fourth.second_moment_variance(loop)[1] - exact) < CLOSE
    assert abs(kde_rows.second_moment(loop)[1] - real(first / second)) < CLOSE


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize(("kernel", "p"), [("tophat", 0), ("epanechnikov", 1)])
def test_ball_moments_are_radial_integrals(dim, kernel, p):
    """E|e|^2 and E|e|^4 of the density (1 - |x|^2)^p on the unit ball."""
    r = sympy.Symbol("r", positive=True)
    shell = sympy.expand(r ** (dim - 1) * (1 - r**2) ** p)
    whole, second, fourth = (sympy.integrate(shell * r**m, (r, 0, 1)) for m in (0, 2, 4))

    stated = Loop("replace", (1,), kernel=kernel, truth=Truth.standard(dim)).noise()
    assert stated == (second / whole / dim, fourth / whole)


def wave(kernel, x):
    """Return the characteristic function of a compact kernel."""
    if kernel == "tophat":
        return mp.sin(x) / x
    return 3 * (mp.sin(x) - x * mp.cos(x)) / x**3


@pytest.mark.parametrize("kernel", ["tophat", "epanechnikov"])
def test_compact_noises_are_fourier_integrals(kernel):
    """The piecewise polynomials equal the integral of products of characteristic functions."""
    h, g, v, m = mp.mpf("0.5"), mp.mpf("1.5"), mp.mpf("0.3"), mp.mpf("0.4")
    law = [(mp.mpf(1), m, v)]
    exact = kde_compact.at_zero(kernel, {h: 2, g: 1}, law, real_rows=True)

    def integrand(w):
        kernels = wave(kernel, h * w) ** 2 * wave(kernel, g * w)
        return kernels * mp.cos(m * w) * mp.exp(-v * w**2 / 2)

    # Beyond w = 25 the normal factor is below 1e-40.
    numeric = mp.quad(integrand, [mp.mpf("1e-9"), *range(1, 26)]) / mp.pi
    # The part below 1e-9 is missing; the quadrature has 15 digits.
    assert abs(exact - numeric) < 1e-9


@pytest.mark.parametrize(("kernel", "twice"), [("tophat", HALF), ("epanechnikov", Rational(3, 5))])
def test_two_compact_noises_meet(kernel, twice):
    """Two equal noises: the integral of the squared kernel."""
    assert abs(kde_compact.at_zero(kernel, {mp.mpf(1): 2}, [], real_rows=False) - real(twice)) < (
        CLOSE
    )


def test_depths_are_independent_bernoulli_variables():
    """Accumulate: F1 is a product over generations; with one bandwidth, a ratio of gammas."""
    sizes = (3, 1, 4, 2)
    fits = kde_spectrum.characteristics(Loop("accumulate", sizes))
    gens = fits[0][0].ring.gens
    expected = gens[0] ** 0
    for t, (first, _) in enumerate(fits, 1):
        assert first == expected
        if t < len(sizes):
            pool = sum(sizes[:t])
            expected *= (pool + sizes[t] * gens[t - 1]) / sympy.QQ(pool + sizes[t])

    k, t = sympy.Symbol("k"), 4
    first, _ = kde_spectrum.characteristics(Loop("accumulate", (2,) * t))[-1]
    form = sympy.gamma(t + k) / (sympy.gamma(1 + k) * sympy.factorial(t))
    assert sympy.gammasimp(first.as_expr().subs(dict.fromkeys(("k1", "k2", "k3"), k)) / form) == 1


@pytest.mark.parametrize(("workflow", "option"), WORKFLOWS)
def test_density_has_the_second_moment(workflow, option):
    """The variance of a sampled row is that of the rows and its own noise; its mean is mu_0."""
    loop = Loop(workflow, (3, 2, 4), (HALF, THIRD, Rational(1)), option=option, truth=MIXTURE)
    laws = kde_density.laws(loop)
    values = 2 * len(kde_density.POINTS) + 2 * len(kde_density.FREQUENCIES) + 2
    trace = real(MIXTURE.moments()[0])

    for t, second in enumerate(kde_rows.second_moment(loop), 1):
        *_, mean, variance = laws[(t - 1) * values : t * values]
        assert abs(mean - 1) < CLOSE
        assert abs(variance - trace * second - loop.bandwidth(t) ** 2) < CLOSE


@pytest.mark.parametrize("truth", [MIXTURE, Truth.standard(3), Truth((HALF, HALF), ((0,), (2,)))])
def test_bounds_meet_for_one_row(truth):
    """One training row: the loss is c + E|x - x_1|^2/(2 h^2), and D and the upper bound say so."""
    loop = Loop("replace", (1,) * 3, HALF, truth=truth)

    for t, upper in enumerate(kde_losses.upper(loop), 1):
        assert abs(kde_losses.distance(loop, t) - upper) < CLOSE
        for bound in (kde_losses.jensen, kde_losses.crowding):
            value = bound(loop, t)
            assert value is None or value < upper


@pytest.mark.parametrize("dim", [1, 3])
def test_jensen_bound_of_replace(dim):
    """The expected density is normal: (d/2) log(2 pi v) + d s^2/(2 v), v = s^2 + t h^2."""
    loop = Loop("replace", (2,) * 3, HALF, truth=Truth.normal([1] * dim, 2 * sympy.eye(dim)))

    for t in (1, 2, 3):
        v = 2 + mp.mpf(t) / 4
        closed = dim * (mp.log(2 * mp.pi * v) / 2 + 1 / v)
        assert abs(kde_losses.jensen(loop, t) - closed) < 1e-15


def depth_law(t):
    """Return P(D = k) under accumulate, by the recursion of the pool."""
    law = np.ones(1)
    for s in range(1, t):
        law = (s * np.append(law, 0) + np.append(0, law)) / (s + 1)
    return law


@pytest.mark.parametrize("t", [3, 30, 3000])
def test_jensen_bound_of_accumulate_lies_in_its_bracket(t):
    """N(0,1), h = 1: between the two bounds of `kde_divergence`, both log log t / 2 + O(1)."""
    assert kde_divergence.PROOFS
    law = depth_law(t)
    variances = 2 + np.arange(len(law))
    x = np.linspace(-12, 12, 2001)
    density = (law / np.sqrt(2 * np.pi * variances)) @ np.exp(-(x**2) / 2 / variances[:, None])
    normal = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    bound = -np.sum(normal * np.log(density)) * (x[1] - x[0])

    mean = np.sum(1 / np.arange(2, t + 1))
    above = np.log(2 * np.pi * (2 + mean)) / 2 + 1 / 2
    below = np.log(2 * np.pi) / 2 + np.log(mean) / 2
    assert below < bound < above


@pytest.mark.parametrize("a", [HALF, Rational(1, 4), Rational(1)])
def test_limit_of_the_second_moment(a):
    """Partial sums and their integral tails: 1/(2a t^{2a}) up to a factor 1 + O(1/t)."""
    loop = Loop("accumulate", (5,), Power(Rational(1), a))
    (limit,) = kde_limits.second_moment(loop)
    s = np.arange(1.0, 1e6)
    partial = 1 + np.sum(s ** (-2 * float(a)) / (s + 1))

    tail = (s[-1] + 0.5) ** (-2 * float(a)) / (2 * float(a))
    assert float(limit) == pytest.approx(partial + tail, abs=2e-6 * tail + 1e-12)


@pytest.mark.parametrize(
    ("workflow", "spectrum"),
    [
        ("replace", lambda n, k: 1 / n / (1 - (1 - 1 / n) * k**2)),
        ("accumulate", lambda _, k: 0 * k),
        ("accumulate-subsample", lambda n, k: 1 / n + 0 * k),
    ],
)
def test_limit_of_the_error(workflow, spectrum):
    """F2 tends to the stated spectrum where k < 1, like 1/t if k <= 1/2; its integral is stated."""
    n, h, t, k = 4, 2, 2000, np.array([0.0, 0.1, 0.4, 0.5])
    *_, (_, found) = recursion(workflow, n, [k] * t, 0.3 + 0 * k)
    assert np.allclose(found, spectrum(n, k), rtol=0, atol=2 * np.log(t) / t)

    kernel, q = np.exp(-((h * W) ** 2) / 2), np.exp(-(W**2))
    density = kernel**2 * spectrum(n, kernel) + q
    (limit,) = kde_limits.mise(Loop(workflow, (n,), Rational(h)))
    assert np.sum(W * density) * (LOGS[1] - LOGS[0]) / np.pi == pytest.approx(float(limit))


@pytest.mark.parametrize("n", [2, 10])
def test_replace_clumps(n):
    """h_t^d MISE_t -> C at h = t^-3/5, with relative corrections of order 1/t and h_t."""
    limit = float(kde_shrinkage.clumps(n, 1))
    h = [t**-0.6 for t in range(1, 2001)]
    found = mises("replace", n, h)

    assert found[-1] * h[-1] == pytest.approx(limit, rel=3 * h[-1])


def test_subsampling_clumps():
    """n h_t^d MISE_t -> (4 pi)^{-d/2}: P2 has a part left of order 1/t, times n."""
    h = [t**-0.6 for t in range(1, 3001)]
    found = mises("accumulate-subsample", 5, h)

    assert 5 * found[-1] * h[-1] == pytest.approx((4 * np.pi) ** -0.5, rel=3 * h[-1])


@pytest.mark.parametrize(("a", "dim"), [(2, 1), (1, 2)])
def test_accumulate_crowds(a, dim):
    """n t h_t^d MISE_t -> the constant, corrections of order t^{1-ad} (bounded terms)."""
    limit = kde_shrinkage.crowding_constant(a, dim)
    t, n = 1500, 5
    h = [0.7 * s**-a for s in range(1, t + 1)] if a == 2 else [0.7 / s for s in range(1, t + 1)]
    found = mises("accumulate", n, h, dim)

    assert n * t * h[-1] ** dim * found[-1] == pytest.approx(limit, rel=20 * t ** (1.0 - a * dim))


@pytest.mark.parametrize(
    ("a", "b", "growth"),
    [
        (0.5, 0, lambda _: 1.0),
        (1, -2, lambda _: 1.0),
        (1, -1, lambda t: np.log(1 + np.log(t))),
        (1, 0, np.log),
        (1, 1, lambda t: np.log(t) ** 2),
        (1.5, 0, lambda t: t**0.5),
        (0, 1, lambda _: 1.0),
    ],
)
def test_accumulate_grows_as_stated(a, b, growth):
    """MISE_t over its stated order settles: what it changes by in t -> t^2 is the smaller."""
    h = [0.7 * t**-a * (1 + np.log(t)) ** -b for t in range(1, 4097)]
    found = mises("accumulate", 5, h)
    # The increments from 64 to 512 and from 512 to 4096, over those of the stated order.
    if growth(2.0) == 1:
        assert found[4095] < 1.2 * found[511]
        return
    early, late = (
        (found[8 * t - 1] - found[t - 1]) / (growth(8.0 * t) - growth(float(t))) for t in (64, 512)
    )
    assert 0.7 < late / early < 1.4


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 0), (0.25, 1), (0, 1), (-0.5, 0)])
def test_replace_has_the_log_loss_of_the_upper_bound(a, b):
    """D over the upper bound tends to 1; at constant h like 1 - 2 sqrt(n (n-1)/t)."""
    n, t = 3, 10**6
    s = np.arange(1.0, t + 1)
    squares = s ** (-2.0 * a) * (1 + np.log(s)) ** (-2.0 * b)
    total = 2 + np.sum(squares[:-1])  # Q_t
    central = (1 - 1 / n) ** np.arange(200, 0, -1) @ squares[-201:-1]  # (2/3)^200 < 1e-35
    c = np.log(2 * np.pi * squares[-1]) / 2
    upper = c + total / (2 * squares[-1])
    lower = c + (np.sqrt(total - central) - np.sqrt(n * central)) ** 2 / (2 * squares[-1])

    assert 0.985 < lower / upper < 1


@pytest.mark.parametrize(("workflow", "option"), WORKFLOWS)
def test_bootstrap_is_the_gaussian_mean(workflow, option):
    """E|phi|^2 - q = (1 - q) x, x the squared error of the mean of a Gaussian loop at ddof 0.

    Both are the probability that two rows of the fit have one ancestor.
    """
    sizes = (3, 2, 4, 2)
    errors = gaussian_rows.squared_error(gaussian_loop.Loop(workflow, sizes, option=option))
    fits = kde_spectrum.characteristics(Loop(workflow, sizes, option=option))
    q = fits[0][0].ring.gens[-1]

    for error, (_, square) in zip(errors, fits, strict=True):
        at_one = square.as_expr().subs({f"k{s}": 1 for s in range(1, 5)})
        assert sympy.expand(at_one - q.as_expr() - (1 - q.as_expr()) * error) == 0


def last_error(workflow, sizes, between, final, truth=STANDARD):
    """Return the error of the last fit; earlier ones, perhaps without noise, have one too."""
    loop = Loop(workflow, sizes, (*between, final), truth=truth, scoring=final)
    return kde_spectrum.mise(loop)[-1]


def bootstrap_error(workflow, n, h2):
    """Return the error of the bootstrap at T = 4 for N(0,1), final squared bandwidth h2."""
    loop = gaussian_loop.Loop(workflow, (n,) * 4)
    same = real(gaussian_rows.squared_error(loop)[-1])
    clump, real_rows = (1 / mp.sqrt(4 * mp.pi * (v + h2)) for v in (0, 1))
    cross = 1 / mp.sqrt(2 * mp.pi * (2 + h2))
    return same * clump + (1 - same) * real_rows - 2 * cross + 1 / mp.sqrt(4 * mp.pi)


@cache
def best_bootstrap(workflow, n):
    """Return the best final squared bandwidth, where the derivative changes its sign."""
    same = real(gaussian_rows.squared_error(gaussian_loop.Loop(workflow, (n,) * 4))[-1])

    def slope(h2):
        rows = same * h2 ** mp.mpf("-1.5") + (1 - same) * (1 + h2) ** mp.mpf("-1.5")
        cross = (2 + h2) ** mp.mpf("-1.5")
        return cross / mp.sqrt(2 * mp.pi) - rows / (2 * mp.sqrt(4 * mp.pi))

    return mp.findroot(slope, (0.01, 5), solver="anderson")


@pytest.mark.parametrize("workflow", PLAIN)
@pytest.mark.parametrize("n", [3, 10])
@QUICK
@given(noises=squares, last=st.floats(0.05, 2))
def test_no_schedule_beats_the_bootstrap_for_a_normal_truth(workflow, n, noises, last):
    """N(0,1): the error of any schedule is at least that of the best bootstrap."""
    *between, final = (mp.sqrt(h2) for h2 in (*noises, last))
    found = last_error(workflow, (n,) * 4, between, final)

    best = best_bootstrap(workflow, n)
    # The root has more than 15 digits, and the error is flat there.
    assert found >= bootstrap_error(workflow, n, best) - CLOSE
    if workflow == "replace":
        total = mp.fsum(map(mp.mpf, (*noises, last)))
        assert found >= bootstrap_error(workflow, n, total) - CLOSE


@pytest.mark.parametrize("workflow", PLAIN)
@pytest.mark.parametrize("n", [10, 100])
def test_little_smoothing_in_between_hurts(workflow, n):
    """The derivative by each h_s^2 at 0 is positive where the final bandwidth is best."""
    best = best_bootstrap(workflow, n)
    step = mp.mpf(10) ** -8  # second-order terms are of order 1e-8, the derivatives above 1e-5

    for s in range(3):
        rule = [mp.mpf(0)] * 3
        rule[s] = mp.sqrt(step)
        moved = last_error(workflow, (n,) * 4, rule, mp.sqrt(best))
        assert (moved - bootstrap_error(workflow, n, best)) / step > 1e-5


@pytest.mark.parametrize("workflow", PLAIN[1:])
def test_a_mixture_of_kernels_can_beat_every_bootstrap(workflow):
    """A peaked mixture as truth, n = 100, T = 2: smoothing in between lowers the error."""
    sizes, truth = (100, 100), kde_bootstrap.PEAKED
    found = last_error(workflow, sizes, *kde_bootstrap.BETWEEN[workflow], truth)

    def plain(h):
        return last_error(workflow, sizes, [mp.mpf(0)], h, truth)

    # From h = 1/200, the peak's own width over two, to 8: ratios of 1.05.
    grid = [mp.mpf("0.005") * mp.mpf("1.05") ** j for j in range(152)]
    values = [plain(h) for h in grid]
    # Between grid points the error changes by less than the largest of the next two steps.
    lowest = min(range(1, len(grid) - 1), key=lambda j: values[j])
    slack = max(abs(a - b) for a, b in pairwise(values[lowest - 1 : lowest + 2]))

    assert found < min(values) - slack


@pytest.mark.parametrize("workflow", ["accumulate", "accumulate-subsample"])
def test_central_variance_follows_the_one_step_form(workflow):
    """The proved recursions, iterated from V_1 = (1 - 1/n), equal the row engine."""
    n, h = 3, HALF
    loop = Loop(workflow, (n,) * 5, h)
    V, exact = 1 - Rational(1, n), []
    for t in range(1, 6):
        fitted = V if workflow == "accumulate" else V * t * Rational(n - 1, t * n - 1)
        exact.append(fitted)
        rest = (fitted + h**2) / n
        rest += 0 if workflow == "accumulate" else V * Rational(t - 1, t * n - 1)
        V += h**2 / (t + 1) - rest / (t + 1) ** 2

    found = kde_rows.central_variance(loop)
    assert all(abs(a - real(b)) < CLOSE for a, b in zip(found, exact, strict=True))


def test_critical_bandwidth_keeps_the_variance():
    """Replace at h = s_0/sqrt n: the expected central variance stays at (1 - 1/n) s_0^2."""
    assert kde_steps.PROOFS
    n = 5
    values = kde_rows.central_variance(Loop("replace", (n,) * 4, 1 / mp.sqrt(n)))

    assert all(abs(value - 1 + mp.mpf(1) / n) < 1e-30 for value in values)
