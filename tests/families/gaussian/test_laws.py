"""The exact laws against SciPy, mpmath and each other."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import chdtr, polygamma

import modelcollapse as mc
from modelcollapse._support.errors import InvalidInput
from modelcollapse.families.gaussian.laws import (
    AccumulateStep,
    LogChiSquareSum,
    log_and_root_moments,
)
from modelcollapse.families.gaussian.loss_variances import chi_square
from modelcollapse.families.gaussian.replace_laws import root_moments
from modelcollapse.testing.strategies import experiments

STEPS = [(0.5, 0.1, 0.05, 4), (0.75, 0.05, 0.0375, 9), (0.95, 0.01, 0.0095, 1), (0.2, 0.4, 0.1, 2)]


@pytest.mark.parametrize("freedom", [1, 2, 9, 100])
@pytest.mark.parametrize("offset", [0.0, -3.5])
def test_one_term_is_scipys(freedom, offset):
    """One log chi-square: its cdf within the documented 1e-12, its moments to rounding."""
    law = LogChiSquareSum(np.array([float(freedom)]), np.ones(1), offset)
    x = offset + np.log(stats.chi2(freedom).ppf([1e-9, 0.01, 0.3, 0.5, 0.9, 1 - 1e-9]))

    exact = stats.chi2(freedom).cdf(np.exp(x - offset))
    assert law.cdf(x) == pytest.approx(exact, rel=0, abs=1e-12)
    assert law.cdf(np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]
    exact = mp.digamma(mp.mpf(freedom) / 2) + mp.log(2) + offset
    assert law.mean == pytest.approx(float(exact), rel=1e-14, abs=1e-14)
    assert law.variance == pytest.approx(float(polygamma(1, freedom / 2)), rel=1e-14)


@pytest.mark.parametrize("freedom", [1, 9, 1000])
def test_quantiles_are_scipys(freedom):
    """To the error of the cdf over the density of the logarithm, and rounding."""
    law = LogChiSquareSum(np.array([float(freedom)]), np.ones(1))
    level = np.array([1e-3, 0.05, 0.5, 0.95, 0.999])
    exact = stats.chi2(freedom).ppf(level)
    density = stats.chi2(freedom).pdf(exact) * exact  # of the logarithm
    error = np.abs(law.quantile(level) - np.log(exact))
    assert (error <= 1e-12 / density + 1e-13 * np.abs(np.log(exact))).all()


def test_quantiles_beyond_the_cdf_are_refused():
    """Its error is 1e-12."""
    law = LogChiSquareSum(np.array([9.0]), np.ones(1))
    for level in (0.0, 1e-10, 1.0):
        with pytest.raises(InvalidInput, match="level = "):
            law.quantile(level)


@pytest.mark.parametrize(("first", "second"), [(4, 9), (1, 2), (3, 3)])
def test_two_terms_are_a_convolution(first, second):
    """P(chi2 chi2' <= e^x) = int P(chi2 <= e^x/u) f'(u) du, by mpmath; 1e-12 is documented."""
    freedoms, counts = np.unique([first, second], return_counts=True)
    law = LogChiSquareSum(freedoms.astype(float), counts.astype(float))

    def exact(x):
        half = mp.mpf(second) / 2
        top, constant = mp.exp(x) / 2, mp.log(2) * half + mp.loggamma(half)

        def integrand(y):  # u = e^y
            below = mp.gammainc(mp.mpf(first) / 2, 0, top * mp.exp(-y), regularized=True)
            return below * mp.exp(half * y - mp.exp(y) / 2 - constant)

        return mp.quad(integrand, [-70, -30, -10, -3, 0, 2, 4, 6])

    for x in law.mean + np.sqrt(law.variance) * np.array([-2.0, -0.5, 0.3, 1.5]):
        # Beyond y = 6 lies exp(-e^6/2) < 1e-80, below -70 less than e^-35 = 7e-16.
        assert float(law.cdf(np.array([x]))[0]) == pytest.approx(float(exact(x)), rel=0, abs=1e-12)


def test_many_terms_are_the_sum_of_their_parts():
    """A thousand terms: the cdf is monotone, symmetric in the grouping, and of the right median."""
    together = LogChiSquareSum(np.array([9.0]), np.array([1000.0]), -1000 * np.log(10))
    apart = LogChiSquareSum(np.full(4, 9.0), np.full(4, 250.0), -1000 * np.log(10))
    x = together.mean + np.sqrt(together.variance) * np.linspace(-6, 6, 101)

    assert together.cdf(x) == pytest.approx(apart.cdf(x), rel=0, abs=1e-12)
    assert (np.diff(together.cdf(x)) > -1e-12).all()
    # |median - mean| is at most one standard deviation, for any law.
    assert together.cdf(together.mean - np.sqrt(together.variance)) < 0.5
    assert together.cdf(together.mean + np.sqrt(together.variance)) > 0.5


@given(freedom=st.integers(1, 50), s=st.floats(-0.4, 3.0))
def test_log_mgf_is_a_power_moment(freedom, s):
    """E chi2^s = 2^s Gamma(k/2 + s) / Gamma(k/2)."""
    law = LogChiSquareSum(np.array([float(freedom)]), np.ones(1))
    half = mp.mpf(freedom) / 2
    exact = mp.loggamma(half + s) - mp.loggamma(half) + s * mp.log(2)

    # Three terms of at most 130, each rounded once or twice.
    assert float(law.log_mgf(np.array(s))) == pytest.approx(float(exact), rel=0, abs=2e-13)


@pytest.mark.parametrize("step", STEPS)
def test_step_cdf_is_a_convolution(step):
    """P(a + b X + c Y <= x) = int P(X <= (x - a - c z^2)/b) phi(z) dz, by mpmath."""
    a, b, c, freedom = step
    law = AccumulateStep(*step)
    assert law.mean == pytest.approx(a + b * freedom + c, rel=1e-15)
    assert law.variance == pytest.approx(2 * b**2 * freedom + 2 * c**2, rel=1e-15)
    assert law.cdf(np.array([a - 1, a, 1e6])) == pytest.approx([0, 0, 1], rel=0, abs=1e-12)

    for x in law.mean + np.sqrt(law.variance) * np.array([-0.8, 0.0, 1.0, 4.0]):
        room = mp.mpf(x) - a
        if room <= 0:
            continue

        def integrand(theta, room=room):  # z = sqrt(room/c) sin(theta) makes the ends smooth
            z = mp.sqrt(room / c) * mp.sin(theta)
            inner = room * mp.cos(theta) ** 2 / (2 * b)
            below = mp.gammainc(mp.mpf(freedom) / 2, 0, inner, regularized=True)
            return below * mp.npdf(z) * mp.sqrt(room / c) * mp.cos(theta)

        exact = mp.quad(integrand, [-mp.pi / 2, -0.6, -0.2, 0, 0.2, 0.6, mp.pi / 2])
        # 160 nodes with weights of sum 2 and a chi-square cdf that SciPy rounds at 1e-15.
        assert float(law.cdf(np.array([x]))[0]) == pytest.approx(float(exact), rel=0, abs=1e-13)


def moments(density, a, b):
    """Return E log A, E log^2 A, E sqrt(A) of A = a + b W, W having this density on (0, oo)."""
    points = [0, 1e-3, 0.1, 1, 4, 12, 40, 120, 300]
    return [
        float(mp.quad(lambda w, f=f: f(a + b * w) * density(w), points))
        for f in (mp.log, lambda x: mp.log(x) ** 2, mp.sqrt)
    ]


@pytest.mark.parametrize(("a", "b", "freedom"), [(0.5, 0.1, 4), (0.9, 0.02, 9), (0.1, 1.0, 3)])
def test_moments_of_one_chi_square(a, b, freedom):
    """With c = b the step is a + b chi2(freedom + 1)."""
    half = mp.mpf(freedom + 1) / 2
    constant = mp.log(2) * half + mp.loggamma(half)
    exact = moments(lambda w: mp.exp((half - 1) * mp.log(w) - w / 2 - constant), a, b)
    arrays = (np.array([v]) for v in (a, b, b, float(freedom)))

    # 4,000 terms, each rounded at eps times at most log(s)^2 M < 100.
    assert log_and_root_moments(*arrays)[:, 0] == pytest.approx(exact, rel=0, abs=4e-11)


@pytest.mark.parametrize(("a", "b", "c"), [(0.5, 0.1, 0.05), (0.75, 0.0625, 0.046875)])
def test_moments_of_two_chi_squares(a, b, c):
    """With freedom 2, b X + c Y has the density of an exponential plus a chi-square, c < b."""
    rate = mp.mpf(1) / (2 * c) - mp.mpf(1) / (2 * b)

    def density(w):  # of (b X + c Y) / b
        w = b * w
        return mp.exp(-w / (2 * b)) / 2 * mp.erf(mp.sqrt(rate * w)) / mp.sqrt(2 * c * rate)

    arrays = (np.array([v]) for v in (a, b, c, 2.0))
    expected = moments(density, a, b)
    assert log_and_root_moments(*arrays)[:, 0] == pytest.approx(expected, rel=0, abs=4e-11)


@given(a=st.floats(0.05, 0.99), freedom=st.integers(1, 200))
def test_moments_obey_jensen(a, freedom):
    """E log A < 2 log E sqrt(A) < log E A, and E log^2 A >= (E log A)^2."""
    b, c = (1 - a) / (freedom + 1), (1 - a) / (freedom + 1) * a
    arrays = (np.array([v]) for v in (a, b, c, float(freedom)))
    log, square, root = log_and_root_moments(*arrays)[:, 0]

    assert log <= 2 * np.log(root) + 1e-10
    assert 2 * np.log(root) <= np.log(a + b * freedom + c) + 1e-10
    assert square >= log**2 - 1e-10


def test_the_laws_of_a_prediction():
    """Sequences of laws: length, slices, negative indices, means and variances as predicted."""
    e = mc.Experiment(mc.Gaussian(2, 1), mc.Replace(), [5, 9, 4, 5], 4, temperature=1.3)
    prediction = mc.predict(e)
    laws = prediction.laws["log_determinant"]

    assert len(laws) == 4
    assert [law.mean for law in laws] == pytest.approx(prediction["log_determinant"], rel=1e-13)
    spreads = prediction.variances["log_determinant"]
    assert [law.variance for law in laws] == pytest.approx(spreads, rel=1e-13)
    assert [law.mean for law in laws[1:3]] == [laws[1].mean, laws[2].mean]
    assert laws[-1].mean == laws[3].mean
    with pytest.raises(IndexError):
        laws[4]


@given(n=st.integers(2, 30), ddof=st.sampled_from([0, 1]), temperature=st.floats(0.3, 3.0))
def test_ratios_multiply_to_the_variance(n, ddof, temperature):
    """Under accumulate E v_t is the product of the step means; the first step is the real batch."""
    e = mc.Experiment(mc.Gaussian(1, ddof), mc.Accumulate(), n, 6, temperature=temperature)
    prediction = mc.predict(e)
    laws = prediction.laws["variance_ratio"]
    assert np.cumprod([law.mean for law in laws]) == pytest.approx(
        prediction["variance"], rel=1e-13
    )
    assert laws[0].variance == pytest.approx(prediction.variances["variance"][0], rel=1e-13)
    x = np.array([0.0, 0.3, 1.0, 4.0])
    assert laws[0].cdf(x) == pytest.approx(chdtr(n - 1, x * (n - ddof)), rel=1e-15)


@given(experiments(generations=4))
def test_every_law_has_one_entry_per_generation(e):
    """Of all families."""
    for laws in mc.predict(e).laws.values():
        assert len(laws) == e.generations


def roots(k, p):
    """Return E C^p of C = sqrt(chi2(k)/k), in mpmath's digits."""
    half = mp.mpf(k) / 2
    return mp.exp(mp.loggamma(half + mp.mpf(p) / 2) - mp.loggamma(half) - p * mp.log(half) / 2)


@pytest.mark.parametrize("k", [1, 2, 5, 39, 40, 41, 1000, 10**8, 10**12])
def test_the_root_of_a_chi_square_about_one(k):
    """Central moments, of which binomial sums keep no digit: 128 roundings, below 40 the most."""
    found = root_moments(np.array([float(k)]))[:, 0]
    with mp.workdps(100):
        for j in range(5):
            wanted = sum(mp.binomial(j, i) * roots(k, i) * (-1) ** (j - i) for i in range(j + 1))
            assert abs(found[j] - wanted) <= 128 * np.finfo(float).eps * abs(wanted)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("n", [2, 7, 100, 10**6, 10**9, 10**12])
def test_the_distance_of_any_batch_size(n, ddof):
    """W2^2 under replace from powers of v, in 100 digits: at most 1e-12, roundings as above."""
    p = mc.predict(mc.Experiment(mc.Gaussian(1, ddof), mc.Replace(), n, 4))
    with mp.workdps(100):
        q = mp.mpf(n - 1) / (n - ddof)
        power = {j: q ** (mp.mpf(j) / 2) * roots(n - 1, j) for j in range(5)}
        g, h, fourth = dict.fromkeys(range(5), mp.mpf(1)), dict.fromkeys(range(3), mp.mpf(0)), 0
        for t in range(4):
            fourth += 6 * h[2] / n + 3 * g[4] / mp.mpf(n) ** 2
            h = {j: (h[j] + g[j + 2] / n) * power[j] for j in h}
            g = {j: g[j] * power[j] for j in g}
            mean = h[0] + g[2] - 2 * g[1] + 1
            spread = g[4] - 4 * g[3] + 6 * g[2] - 4 * g[1] + 1
            square = fourth + 2 * (h[2] - 2 * h[1] + h[0]) + spread
            assert abs(p["w2_squared"][t] / mean - 1) < 1e-12
            assert abs(p.variances["w2_squared"][t] / (square - mean**2) - 1) < 1e-12


@pytest.mark.parametrize("n", [10**5, 10**7, 10**9, 10**12])
@pytest.mark.parametrize("ddof", [0, 1])
def test_the_pool_s_distance_keeps_its_digits(n, ddof):
    """W2 of generation 1 from gamma functions in 60 digits; later ones are 1/n times a constant.

    Its terms are of size 1, so that what is left is right to some n roundings.
    """
    p = mc.predict(mc.Experiment(mc.Gaussian(ddof=ddof), mc.Accumulate(), n, 4))
    with mp.workdps(60):
        x = mp.mpf(n - 1) / 2
        root = mp.gammaprod([x + 0.5], [x]) * mp.sqrt(mp.mpf(2) / (n - ddof))
        wanted = 1 / mp.mpf(n) + mp.mpf(n - 1) / (n - ddof) + 1 - 2 * root
    slack = 8 * np.finfo(float).eps
    assert p["w2_squared"][0] == pytest.approx(float(wanted), abs=slack)
    # The mean's error and half the variance's, 1/n sum 1/s^2 (1 + 1/2) to leading order, less
    # what the fits of maximum likelihood lose.
    constants = 1.5 * np.cumsum(1 / np.arange(1, 5.0) ** 2)
    np.testing.assert_allclose(p["w2_squared"] * n, constants, rtol=20 / n + 4 * n * slack)


@pytest.mark.parametrize(("n", "temperature"), [(7, 0.3), (7, 3.0), (9, 1.0), (40, 1.2), (300, 1)])
def test_the_loss_s_variance_in_sixty_digits(n, temperature):
    """The same steps with many digits, in the form without a case; and out of the floats' range."""
    T = 1200
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), n, T, temperature=temperature)
    spread = mc.predict(e).variances["test_log_loss"]
    first, later = (chi_square(n - 1, heat / n) for heat in (1, temperature))
    exact = []
    with mp.workdps(60 + T):  # what is subtracted grows by a power in each generation
        g = h = mp.mpf(1)
        h = log = cov = inverse = vh = gh = lh = mp.mpf(0)
        for t in range(T):
            f, heat = (later, temperature) if t else (first, 1)
            one, r, k2 = mp.mpf(f.one), mp.mpf(f.spread), mp.mpf(heat) / n
            lh = one * lh + h * f.logs + k2 * f.drawn
            gh = one**2 * ((1 + r) * gh + r * h * g) + k2 * g * f.gap
            vh = one**2 * ((1 + r) * vh + r * h * h) + k2 * h * (4 * f.both + 2 * f.gap)
            vh += k2**2 * (f.four - f.along**2)
            log += f.square - 2 * f.cross + r
            cov = one * cov + g * one * (f.cross - r)
            inverse = one**2 * ((1 + r) * inverse + r * g * g)
            g, h = g * one, h * one + k2 * f.along
            exact.append((log + 2 * cov + inverse + vh + 2 * (gh + lh)) / 4)
    largest = float(np.finfo(float).max) / 1e3
    known = [float(x) if x < largest else np.inf for x in exact]
    inside = np.isfinite(known) & np.isfinite(spread)
    assert spread[inside] == pytest.approx(np.array(known)[inside], rel=1e-9)
    assert inside[: np.searchsorted(known, 1e150)].all()
    assert not np.isnan(spread).any()
