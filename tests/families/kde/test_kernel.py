"""Kernels: density, characteristic function, moments, roughness and sampler of each.

Integrals over the radius are SciPy's quad with a requested relative error of 1e-12 on smooth
integrands over at most 12 units: 1e-10 holds what it returns.
"""

import mpmath as mp
import numpy as np
import pytest
from scipy import integrate, special, stats

import modelcollapse as mc
from modelcollapse._support.stream import opened
from modelcollapse.families.kde import Kernel
from modelcollapse.families.kde.kernel import KERNELS, as_kernel, normalised_bessel
from modelcollapse.testing import assert_law, assert_mean

NAMES = pytest.mark.parametrize("name", sorted(KERNELS))
DIMS = pytest.mark.parametrize("dim", [1, 2, 3, 5])
END = {"gaussian": 12.0, "tophat": 1.0, "epanechnikov": 1.0}
PRECISE = 1e-10


def density(name, r, dim):
    """Return the density at distance r."""
    return np.exp(KERNELS[name].log_density(np.square(r), dim))


def sphere(dim):
    """Return the area of the unit sphere."""
    return 2 * np.pi ** (dim / 2) / special.gamma(dim / 2)


def over_radius(name, dim, function):
    """Return the integral of function(r) times the density over the whole space."""

    def integrand(r):
        return sphere(dim) * r ** (dim - 1) * function(r) * density(name, r, dim)

    return integrate.quad(integrand, 0, END[name], epsabs=1e-14, epsrel=1e-12, limit=400)[0]


@NAMES
@DIMS
def test_moments_are_integrals(name, dim):
    """Mass 1, variance of a coordinate, E|x|^4, and the integral of the squared density."""
    kernel = KERNELS[name]

    assert over_radius(name, dim, lambda _: 1.0) == pytest.approx(1, rel=PRECISE)
    variance = over_radius(name, dim, lambda r: r**2) / dim
    assert kernel.variance(dim) == pytest.approx(variance, rel=PRECISE)
    fourth = over_radius(name, dim, lambda r: r**4)
    assert kernel.fourth_moment(dim) == pytest.approx(fourth, rel=PRECISE)
    roughness = over_radius(name, dim, lambda r: density(name, r, dim))
    assert kernel.squared_norm(dim) == pytest.approx(roughness, rel=PRECISE)


@NAMES
@DIMS
def test_characteristic_functions_are_integrals(name, dim):
    """E exp(i u x_1) is the mean of Gamma(d/2) (2/ur)^(d/2-1) J_{d/2-1}(ur) over r = |x|."""
    for u in (1e-4, 0.01, 0.5, 2.0, 7.0, 20.0):

        def wave(r, u=u):
            return float(special.hyp0f1(dim / 2, -((u * r) ** 2) / 4))

        # SciPy's hyp0f1 loses up to four digits where it oscillates.
        expected = over_radius(name, dim, wave)
        found = KERNELS[name].characteristic_function(np.array([u]), dim)[0]
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("order", [-0.5, 0.0, 0.5, 1.0, 2.5, 10.0])
def test_normalised_bessel_functions(order):
    """Against the power series, whose terms fall by (u/2)^2 / (k (k + v)) each."""
    u = np.concatenate([[0.0], np.logspace(-6, 0.3, 200)])
    term, series = np.ones_like(u), np.ones_like(u)
    for k in range(1, 30):
        term = -term * (u / 2) ** 2 / (k * (k + order))
        series = series + term

    found = normalised_bessel(u, order)
    # Numbers of at most 1: ten roundings near 0, and beyond what SciPy's jv is good to.
    assert found[u < 1e-3] == pytest.approx(series[u < 1e-3], rel=0, abs=10 * 2.3e-16)
    assert found == pytest.approx(series, rel=0, abs=1e-13)


@pytest.mark.parametrize("order", [-0.5, 0.5, 1.5, 2.5, 3.5])
def test_half_integer_orders_keep_every_digit(order):
    """Against 30 digits: ten roundings of the envelope, which falls by (u/2)^-(order + 1/2)."""
    u = np.concatenate([np.linspace(1.2, 30, 60), np.geomspace(30, 1e6, 20)])
    with mp.workdps(30):
        scale = [mp.gamma(order + 1) * (2 / mp.mpf(x)) ** order for x in u]
        exact = [float(s * mp.besselj(order, x)) for s, x in zip(scale, u, strict=True)]
        height = [float(s * mp.sqrt(2 / (mp.pi * x))) for s, x in zip(scale, u, strict=True)]

    off = np.abs(normalised_bessel(u, order) - exact)
    assert np.all(off <= 10 * 2.3e-16 * np.minimum(height, 1.0))


def test_known_transforms():
    """On the line tophat is sin(u)/u, and epanechnikov 3 (sin u - u cos u) / u^3."""
    u = np.linspace(0.5, 60, 500)
    flat = KERNELS["tophat"].characteristic_function(u, 1)
    round_ = KERNELS["epanechnikov"].characteristic_function(u, 1)

    assert flat == pytest.approx(np.sin(u) / u, abs=1e-14)
    assert round_ == pytest.approx(3 * (np.sin(u) - u * np.cos(u)) / u**3, abs=1e-14)


@NAMES
def test_densities_end_where_the_support_ends(name):
    """A ball kernel's log-density is minus infinity from |x| = 1 on; in d = 1 SciPy agrees."""
    x = np.array([0.0, 0.3, 0.999, 1.0, 1.5])
    expected = {
        "gaussian": stats.norm.logpdf(x),
        "tophat": np.where(x < 1, np.log(0.5), -np.inf),
        "epanechnikov": np.log(0.75 * np.maximum(1 - x**2, 0.0), where=x < 1, out=x * 0 - np.inf),
    }[name]

    assert KERNELS[name].log_density(x**2, 1) == pytest.approx(expected, rel=1e-13, abs=1e-13)


@NAMES
@DIMS
def test_samplers_draw_the_density(name, dim, seed):
    """|x| has its law, and x_1 its mean, variance and symmetry: 20,000 draws."""
    kernel = KERNELS[name]
    drawn = kernel.noise(20_000, dim, np.random.default_rng(seed))
    radius = np.linalg.norm(drawn, axis=1)

    def cdf(r):
        if name == "gaussian":
            return stats.chi.cdf(r, dim)
        power = {"tophat": 0, "epanechnikov": 1}[name]
        return stats.beta.cdf(np.clip(r, 0, 1) ** 2, dim / 2, power + 1)

    assert_law(radius, cdf)
    square = kernel.fourth_moment(dim) / (dim * (dim + 2)) * 3  # E x_1^4 of a radial law
    for j in range(dim):
        assert_mean(drawn[:, j], 0.0, kernel.variance(dim))
        spread = square - kernel.variance(dim) ** 2
        assert_mean(drawn[:, j] ** 2, kernel.variance(dim), spread)


@DIMS
def test_compiled_samplers_draw_the_same_density(dim, seed):
    """The simulator's own draw of each kernel, against the radius' law."""
    from modelcollapse.families.kde import genealogy

    stream = opened(seed)
    for name, extra in (("gaussian", 0), ("tophat", 2), ("epanechnikov", 4)):
        wide = np.empty((5000, dim + extra))
        genealogy.draw_noise(stream, extra, dim, wide)
        drawn = wide[:, :dim]
        square = (drawn**2).sum(axis=1)
        law = stats.chi2(dim) if name == "gaussian" else stats.beta(dim / 2, extra / 2)
        assert_law(square, law.cdf)
        for j in range(dim):
            assert_mean(drawn[:, j], 0.0, KERNELS[name].variance(dim))


def laplace():
    """Return the Laplace kernel with variance 2, for one dimension."""
    return Kernel(
        "laplace",
        lambda u, dim: 1 / (1 + u**2) + 0 * dim,
        lambda n, dim, rng: rng.laplace(size=(n, dim)),
        lambda square, dim: -np.sqrt(square) - dim * np.log(2),
        lambda dim: 2.0 * dim,
        lambda dim: 24.0 * dim,
    )


def test_a_users_kernel_is_predicted_and_simulated(seed):
    """A Laplace kernel: its squared norm 1/4, and every predicted mean and variance."""
    assert laplace().squared_norm(1) == pytest.approx(0.25, rel=1e-12)
    e = mc.Experiment(mc.KDE(0.5, laplace()), mc.KeepReal(0.4), [6, 4, 5], 3)
    prediction, runs = mc.predict(e), mc.simulate(e, 20_000, seed)
    for t in range(3):
        spread = prediction.variances["second_moment"][t]
        assert_mean(runs["second_moment"][:, t], prediction["second_moment"][t], spread)
    # T = 1: the integral of the squared density, minus twice the overlap, plus the truth's norm.
    truth, n, h = stats.norm.pdf, 6, 0.5

    def smooth(x):  # a normal number plus a Laplace number
        sides = (np.exp(s * x / h) * special.erfc((1 / h + s * x) / np.sqrt(2)) for s in (-1, 1))
        return np.exp(1 / (2 * h * h)) / (4 * h) * sum(sides)

    bias = integrate.quad(lambda x: (smooth(x) - truth(x)) ** 2, -20, 20, epsabs=1e-11)[0]
    square = integrate.quad(lambda x: smooth(x) ** 2, -20, 20, epsabs=1e-11)[0]
    assert prediction["mise_bias"][0] == pytest.approx(bias, abs=1e-9)
    assert prediction["mise_variance"][0] == pytest.approx(0.25 / (n * h) - square / n, abs=1e-9)


def test_a_compact_kernel_without_its_norm_is_integrated():
    """The norm of a tophat that does not say its own: its density jumps to zero at 1."""
    flat = as_kernel("tophat")
    silent = Kernel("silent", flat.characteristic_function, None, flat.log_density, None)

    for dim in (1, 2, 3):
        assert silent.squared_norm(dim) == pytest.approx(flat.squared_norm(dim), rel=1e-8)
