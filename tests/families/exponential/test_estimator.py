"""The six families: variance functions, densities, fits, truths, and what they refuse."""

import copy

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

import modelcollapse as mc
from modelcollapse.families.exponential import (
    FAMILIES,
    Binomial,
    Gamma,
    HyperbolicSecant,
    MeanTruth,
    NegativeBinomial,
    NormalMean,
    Poisson,
    secant,
)
from modelcollapse.testing import EstimatorContract
from tests.helpers.conventions import used

MODELS = {
    "normal-mean": (NormalMean(2.5), -0.7),
    "poisson": (Poisson(), 0.8),
    "binomial": (Binomial(5), 1.2),
    "gamma": (Gamma(2.5), 1.7),
    "negative-binomial": (NegativeBinomial(1.5), 0.9),
    "hyperbolic-secant": (HyperbolicSecant(0.6), 1.3),
    "hyperbolic-secant-large": (HyperbolicSecant(2.5), -4.0),
}
CURVATURES = {
    NormalMean(3.0): 0,
    Poisson(): 0,
    Binomial(4): -1 / 4,
    Gamma(0.5): 2,
    NegativeBinomial(4.0): 1 / 4,
    HyperbolicSecant(0.2): 5,
}
DATA = {
    "normal-mean": np.linspace(-1, 2, 60),
    "binomial": np.tile([0, 1, 2, 5, 3], 12),
    "gamma": np.linspace(0.1, 3, 60),
    "hyperbolic-secant": np.linspace(-1, 2, 60),
}


def density(model, mean):
    """Return the fitted model's density at one number."""
    fitted = copy.deepcopy(model).fit([[mean]])
    return lambda x: float(np.exp(fitted.score_samples([[x]])[0]))


def integral(model, mean, f):
    """Return the sum or the integral of f times the density, to about 1e-10."""
    p = density(model, mean)
    if model.counts:
        last = model.trials if isinstance(model, Binomial) else 200
        return sum(f(k) * p(k) for k in range(last + 1))
    width = 80 * np.sqrt(model.variance_function(mean))
    ends = (0, width) if isinstance(model, Gamma) else (mean - width, mean + width)
    return quad(lambda x: f(x) * p(x), *ends, limit=500, points=[mean], epsabs=1e-11)[0]


@pytest.mark.parametrize("name", MODELS)
def test_cumulants_of_one_observation(name):
    """The density's cumulants are m, V, V V' and V (V'^2 + 2 v2 V): the one-step moments."""
    model, m = MODELS[name]
    _, v1, v2 = model.coefficients
    V, slope = model.variance_function(m), v1 + 2 * v2 * m
    moments = [integral(model, m, lambda x, j=j: (x - m) ** j) for j in range(5)]

    expected = [1, 0, V, V * slope, V * (slope**2 + 2 * v2 * V) + 3 * V**2]
    assert moments == pytest.approx(expected, rel=1e-7, abs=1e-8)
    assert model.skewness(m) == pytest.approx(moments[3] / moments[2] ** 1.5, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("model", CURVATURES, ids=repr)
def test_curvature_is_half_the_second_derivative(model):
    """V is the quadratic with the given coefficients, and v2 is Morris's."""
    assert model.curvature == CURVATURES[model]
    assert FAMILIES[model.family] is type(model)
    v0, v1, v2 = model.coefficients
    m = np.array([0.25, 0.5, 1.0])
    assert model.variance_function(m) == pytest.approx(v0 + v1 * m + v2 * m**2, rel=1e-15)


@pytest.mark.parametrize(
    ("size", "tangent"), [(0.3, 0.5), (1, 0), (1, -3.0), (2.5, 2.0), (40.0, 1.0)]
)
def test_the_secant_density_has_the_secant_transform(size, tangent):
    """Its characteristic function is (cos theta / cosh(u - i theta))^R, integrated by mpmath."""
    theta, u = mpmath.atan(tangent), mpmath.mpf("0.7")
    wanted = (mpmath.cos(theta) / mpmath.cosh(u - 1j * theta)) ** size
    centre, width = size * tangent, np.sqrt(size * (1 + tangent**2))

    def integrand(x):
        log = secant.log_density(np.array([float(x)]), size, tangent)[0]
        return mpmath.exp(1j * u * x) * mpmath.mpf(float(np.exp(log)))

    pieces = [centre + k * width for k in (-60, -20, -8, -4, -2, 0, 2, 4, 8, 20, 60)]
    found = mpmath.quad(integrand, sorted([*pieces, 0.0]))
    assert abs(complex(found) - complex(wanted)) < 1e-9


def test_the_plain_secant_law():
    """r = 1 and m = 0: sech(pi x / 2) / 2."""
    x = np.array([0.0, 1.0, -2.5])
    fitted = HyperbolicSecant().fit([[0.0]])
    expected = -np.log(2 * np.cosh(np.pi * x / 2))
    assert fitted.score_samples(x[:, None]) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("size", [24.0, 30.5, 1e4, 1e12])
@pytest.mark.parametrize("tangent", [0.0, 2.0, -50.0])
def test_stirling_without_cancellation(size, tangent):
    """Large sizes: differences of log |Gamma| and the angle of psi, against mpmath."""
    z = (size + 1j * size * tangent) / 2
    step = 1.7 * np.sqrt(size * (1 + tangent**2)) / 2
    gap = secant.log_gamma_gap(np.array([z]), np.array([step]))[0]
    with mpmath.workdps(50):
        exact = mpmath.mpc(z)
        wanted = 2 * (mpmath.loggamma(exact + 1j * mpmath.mpf(step)) - mpmath.loggamma(exact)).real
        angle = mpmath.psi(0, exact).imag
    # Relative to the sums that cancel in the density's exponent, of the order of the step.
    assert gap == pytest.approx(float(wanted), rel=1e-12, abs=1e-13 * step)
    assert secant.angle_of_digamma(np.array([z]))[0] == pytest.approx(float(angle), abs=1e-15)


@pytest.mark.parametrize("name", DATA)
def test_fit_is_the_weighted_mean(name):
    """A fit is the weighted mean of its rows, with the family's variance there."""
    model, rows = FAMILIES[name](), DATA[name] if name != "binomial" else DATA[name] / 5
    weights = np.arange(60.0)
    fitted = model.fit(rows, sample_weight=weights)
    assert fitted is model
    assert fitted.mean_ == pytest.approx([weights @ rows / weights.sum()])
    assert fitted.covariance_[0, 0] == model.variance_function(fitted.mean_[0])
    assert copy.deepcopy(fitted).mean_ == fitted.mean_
    assert fitted.described() == FAMILIES[name]().described()
    assert fitted.described()["model"] == name


@pytest.mark.parametrize(
    ("model", "value"), [(Poisson(), 0.0), (Binomial(7), 7.0), (NegativeBinomial(), 0.0)]
)
def test_a_degenerate_fit_is_data(model, value):
    """Equal rows at the boundary: variance 0, rows that repeat, log-density 0 there."""
    weights = np.array([0.1, 0.2, 0.7])
    fitted = model.fit(np.full((3, 1), value), sample_weight=weights)
    assert fitted.mean_.tolist() == [value]
    assert fitted.covariance_.tolist() == [[0.0]]
    assert fitted.sample(4, random_state=1).ravel().tolist() == [value] * 4
    assert fitted.score_samples([[value], [value - 1]]).tolist() == [0.0, -np.inf]


@pytest.mark.parametrize("model", [Poisson(), Binomial(3), NegativeBinomial(), Gamma()], ids=repr)
def test_densities_vanish_off_the_support(model):
    """Half counts, negative numbers and too many successes have probability zero."""
    fitted = model.fit([[0.5]])
    x = [[-1.0], [-0.5], [0.5], [4.0]]
    none = fitted.score_samples(x) == -np.inf
    expected = {Gamma: [1, 1, 0, 0], Binomial: [1, 1, 1, 1]}.get(type(model), [1, 1, 1, 0])
    assert none.tolist() == [bool(b) for b in expected]


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: used(NormalMean(0)), ("variance", "0")),
        (lambda: used(NormalMean(np.inf)), ("variance", "inf")),
        (lambda: used(Binomial(2.5)), ("trials", "2.5")),
        (lambda: used(Binomial(0)), ("trials", "0")),
        (lambda: used(Binomial(10**13)), ("trials", "10000000000000")),
        (lambda: used(Gamma(-1)), ("shape", "-1")),
        (lambda: used(NegativeBinomial(0.0)), ("size", "0.0")),
        (lambda: used(HyperbolicSecant("wide")), ("size", "wide")),
        (lambda: Poisson().fit([[-1.0]]), ("X", "-1.0", "between 0 and inf")),
        (lambda: Binomial(3).fit([[4.0]]), ("X", "4.0", "between 0 and 3")),
        (lambda: Gamma().fit([[1.0, 2.0]]), ("X", "2 columns")),
        (lambda: Poisson().fit([[np.nan]]), ("X[0, 0]", "nan")),
    ],
)
def test_bad_parameters_and_rows_are_refused(make, names):
    """The message names the argument, its value and what is allowed."""
    with pytest.raises(mc.InvalidInput) as caught:
        make()
    assert all(name in str(caught.value) for name in names)


TRUTHS = [
    (Poisson(), 0.0),
    (Poisson(), -1.0),
    (Poisson(), np.inf),
    (Poisson(), np.nan),
    (Poisson(), "two"),
    (Poisson(), True),
    (Poisson(), [1.0]),
    (Binomial(3), 0),
    (Binomial(3), 3),
    (Gamma(), 0.0),
    (NegativeBinomial(), 0),
    (NormalMean(), np.inf),
    (HyperbolicSecant(), -np.inf),
    (Gamma(), 1e-200),
    (NormalMean(1e200), 0.0),
]


@pytest.mark.parametrize(("model", "value"), TRUTHS)
def test_a_mean_outside_the_range_is_refused(model, value):
    """At the boundary too; the message names family, value and range."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.Experiment(model, mc.Replace(), truth=value)
    assert type(model).__name__ in str(caught.value)
    assert "truth" in str(caught.value)


def test_the_standard_truths():
    """0, 1, N/2, 1, 1, 0; and another family's truth is taken by its mean."""
    models = [NormalMean(), Poisson(), Binomial(5), Gamma(), NegativeBinomial(), HyperbolicSecant()]
    means = [model.as_truth(None).value for model in models]
    assert means == [0, 1, 2.5, 1, 1, 0]
    assert Gamma(2.0).as_truth(Poisson().as_truth(3)) == MeanTruth(Gamma(2.0), 3.0)


@given(st.sampled_from(sorted(MODELS)), st.floats(0.05, 1.0))
def test_a_truth_has_the_familys_moments(name, share):
    """Mean, variance and dimension are those that a room needs, and rows have the shape asked."""
    model, _ = MODELS[name]
    truth = model.as_truth(share)
    assert truth.mean.tolist() == [share]
    assert truth.covariance.tolist() == [[model.variance_function(share)]]
    assert (truth.dim, truth.described()) == (1, {**model.described(), "mean": share})
    assert truth.sample(3, np.random.default_rng(0)).shape == (3, 1)


def test_what_the_room_refuses():
    """Temperature belongs to the Gaussian; a count beyond 10^12 has no exact draw."""
    with pytest.raises(mc.InvalidInput, match=r"temperature = 0.5.*Gaussian"):
        mc.Experiment(Gamma(), mc.Replace(), temperature=0.5)
    with pytest.raises(mc.InvalidInput, match=r"samples.*fewer rows"):
        mc.Experiment(Poisson(), mc.Replace(), samples=10**12, truth=3.0)
    with pytest.raises(mc.InvalidInput, match=r"samples.*fewer rows"):
        mc.Experiment(Binomial(1000), mc.Replace(), samples=10**10)
    e = mc.Experiment(Gamma(), mc.Replace())
    with pytest.raises(mc.InvalidInput, match="extra"):
        mc.simulate(e, 2, extra=["log_pivots"])
    with pytest.raises(mc.InvalidInput, match="test"):
        mc.simulate(e, 2, test=5)


class TestContract(EstimatorContract):
    """Each family passes the suite for estimators of the general loop."""

    @pytest.fixture(params=DATA)
    def name(self, request):
        """Return a family's name."""
        return request.param

    @pytest.fixture
    def estimator(self, name):
        """Return the unfitted model."""
        return Binomial(5) if name == "binomial" else FAMILIES[name]()

    @pytest.fixture
    def training_rows(self, name):
        """Return rows in the family's support."""
        return DATA[name].astype(float)[:, None]
