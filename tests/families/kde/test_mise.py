"""The integrated squared error against the literature's recursion, quadratures and symmetries."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import gamma, ndtr

import modelcollapse as mc
from tests.helpers.replay import Bootstrap, Halving

# Blocks of frequencies are added until one adds less than 1e-12, each good to 1e-13: two
# integrals over different blocks agree to 1e-11.
CLOSE = {"rel": 1e-11, "abs": 0}
WORKFLOWS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "subsample": mc.AccumulateSubsample(),
    "window": mc.SlidingWindow(2),
    "keep-real": mc.KeepReal(0.3),
    "halving": Halving(),
}
GENERATIONS = [1, 2, 5, 10, 50, 100]
SIZES = st.lists(st.integers(2, 9), min_size=1, max_size=4)
MIXTURES = {
    "one": mc.NormalMixture([1.0], [0.5], [2.0]),
    "three": mc.NormalMixture([1, 2, 3], [-3.0, 0.0, 2.0], [0.25, 1.0, 0.5]),
    "sharp": mc.NormalMixture([0.9, 0.1], [0.0, 1.0], [1.0, 1e-4]),
    "ball": mc.NormalMixture([1, 2], np.zeros((2, 2)), [np.eye(2), 0.1 * np.eye(2)]),
}


def mise(workflow, n, bandwidth, generations, **options):
    """Return the exact error of each generation."""
    return mc.predict(mc.Experiment(mc.KDE(bandwidth), workflow, n, generations, **options))["mise"]


@pytest.mark.parametrize(
    ("workflow", "shrinks", "thousandths"),
    [
        (mc.Replace(), False, [5.448, 11.073, 29.162, 57.166, 166.785, 217.632]),
        (mc.Accumulate(), False, [5.448, 6.846, 9.049, 11.078, 16.862, 19.663]),
        (mc.AccumulateSubsample(), False, [5.448, 8.924, 12.740, 15.386, 21.707, 24.588]),
        (mc.Accumulate(), True, [5.448, 6.888, 8.267, 8.920, 9.649, 9.786]),
    ],
)
def test_published_values(workflow, shrinks, thousandths):
    """N(0, 1), 100 rows, h = 1.06 N^-1/5: three decimals of a thousandth, at six generations."""
    rule = mc.PowerBandwidth(1.06 * 100**-0.2, 0.2 if shrinks else 0.0)
    found = 1000 * mise(workflow, 100, rule, 100)[np.array(GENERATIONS) - 1]

    assert found == pytest.approx(thousandths, rel=0, abs=0.0005)


def recursion(workflow, n, h, t, omega):
    """Return the integrand of MISE_t by the recursion of E phi and E|phi|^2, in mpmath."""
    kappa, q = mpmath.exp(-((h * omega) ** 2) / 2), mpmath.exp(-(omega**2))
    n = mpmath.mpf(n)
    first, pool = mpmath.mpf(1), q + (1 - q) / n
    fit = pool
    for s in range(1, t):
        if workflow == "replace":
            first, pool = kappa * first, 1 / n + (1 - 1 / n) * kappa**2 * fit
        else:
            new = 1 / n + (1 - 1 / n) * kappa**2 * fit
            pool = (s**2 * pool + 2 * s * kappa * pool + new) / (s + 1) ** 2
            first *= (s + kappa) / (s + 1)
        N = n * (s + 1)
        fit = 1 / n + (1 - 1 / n) * (N * pool - 1) / (N - 1) if workflow == "subsample" else pool
    return kappa**2 * fit - 2 * kappa * first * q + q


@pytest.mark.parametrize("name", ["replace", "accumulate", "subsample"])
@pytest.mark.parametrize(("n", "h", "t"), [(5, 0.7, 2), (40, 0.3, 5), (2, 1.5, 8)])
def test_the_recursion_of_the_literature(name, n, h, t):
    """A hundred-digit recursion under mpmath's quadrature, which halves steps until 1e-15."""
    with mpmath.workdps(20):
        ends = [0, 1, 2, 4, 7, 10 / h + 10]
        # Both F1 and F2 multiply q in the third term; k -> 0 leaves c k^2, which is integrable.
        exact = mpmath.quad(lambda w: recursion(name, n, mpmath.mpf(h), t, w), ends) / mpmath.pi
    assert mise(WORKFLOWS[name], n, h, t)[-1] == pytest.approx(float(exact), **CLOSE)


@settings(max_examples=12)
@given(
    name=st.sampled_from(sorted(WORKFLOWS)),
    kind=st.sampled_from(sorted(MIXTURES)),
    kernel=st.sampled_from(["gaussian", "epanechnikov"]),
    sizes=SIZES,
    h=st.floats(0.1, 2),
    scale=st.floats(0.01, 100),
    shift=st.floats(-100, 100),
)
def test_units_and_places_do_not_matter(name, kind, kernel, sizes, h, scale, shift):
    """With x and h in another unit c the error is c^-d times as large; a shift changes nothing."""
    truth = MIXTURES[kind]
    w, m, S = truth.components
    moved = mc.NormalMixture(w, scale * m + shift, scale**2 * S)

    def errors(truth, h):
        model = mc.KDE(h, kernel, truth.dim)
        return mc.predict(mc.Experiment(model, WORKFLOWS[name], sizes, len(sizes), truth=truth))

    here, there = errors(truth, h), errors(moved, scale * h)
    for part in ("mise", "mise_bias", "mise_variance"):
        # Means at up to 100 + 300 in units of a hundredth: differences lose five digits.
        expected = here[part] * scale**-truth.dim
        assert there[part] == pytest.approx(expected, rel=1e-10, abs=1e-11 * expected.max())
    assert here["mise"] == pytest.approx(here["mise_bias"] + here["mise_variance"], rel=1e-14)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_mixtures_that_are_the_same_law(name):
    """One component, split components, and any order of them."""

    def errors(truth):
        return mise(WORKFLOWS[name], [7, 5, 6], 0.4, 3, truth=truth)

    normal = errors(mc.Normal(0.5, 2.0))
    assert errors(MIXTURES["one"]) == pytest.approx(normal, **CLOSE)
    split = mc.NormalMixture([0.2, 0.5, 0.3], [0.5] * 3, [2.0] * 3)
    assert errors(split) == pytest.approx(normal, **CLOSE)
    w, m, S = MIXTURES["three"].components
    turned = mc.NormalMixture(w[::-1], m[::-1], S[::-1])
    assert errors(turned) == pytest.approx(errors(MIXTURES["three"]), **CLOSE)


def test_the_scored_bandwidth_is_another_one():
    """Equal to the generator's it changes nothing; the last fit needs no generator."""
    truth, sizes = MIXTURES["three"], [6, 4, 5]

    def errors(model):
        return mc.predict(mc.Experiment(model, mc.Accumulate(), sizes, 3, truth=truth))["mise"]

    plain = errors(mc.KDE([0.5, 0.3, 0.2]))
    assert errors(mc.KDE([0.5, 0.3, 0.2], scoring_bandwidth=[0.5, 0.3, 0.2])) == pytest.approx(
        plain, **CLOSE
    )
    assert errors(mc.KDE([0.5, 0.3, 9.0], scoring_bandwidth=0.2))[2] == pytest.approx(
        plain[2], **CLOSE
    )
    assert errors(mc.KDE(0.0, scoring_bandwidth=0.5))[0] == pytest.approx(plain[0], **CLOSE)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_flat_kernels_in_space(dim):
    """Generation 1, tophat of radius h: the mean density is a noncentral chi-squared's cdf."""
    n, h, s = 7, 0.8, 1.3
    volume = np.pi ** (dim / 2) / gamma(dim / 2 + 1) * h**dim
    sphere = 2 * np.pi ** (dim / 2) / gamma(dim / 2)

    def smooth(r):
        return stats.ncx2.cdf((h / s) ** 2, dim, (r / s) ** 2) / volume

    def truth(r):
        return np.exp(-(r**2) / (2 * s**2)) / (2 * np.pi * s**2) ** (dim / 2)

    def integral(f):
        return integrate.quad(lambda r: sphere * r ** (dim - 1) * f(r), 1e-9, 12, epsabs=1e-12)[0]

    bias = integral(lambda r: (smooth(r) - truth(r)) ** 2)
    variance = 1 / (n * volume) - integral(lambda r: smooth(r) ** 2) / n
    model, law = mc.KDE(h, "tophat", dim), mc.Normal(np.zeros(dim), s**2 * np.eye(dim))
    prediction = mc.predict(mc.Experiment(model, mc.Replace(), n, 1, truth=law))
    # SciPy's ncx2 is good to about 1e-10.
    assert prediction["mise_bias"][0] == pytest.approx(bias, rel=1e-7)
    assert prediction["mise_variance"][0] == pytest.approx(variance, rel=1e-8)


def test_two_generations_of_flat_kernels():
    """Replace, tophat on the line: sums of two and of four uniform numbers, in real space."""
    n, h = 6, 0.9

    def smooth(x):  # N(0, 1) plus two uniforms: second differences of x Phi(x) + phi(x)
        steps = [
            (x + k * 2 * h) * ndtr(x + k * 2 * h) + stats.norm.pdf(x + k * 2 * h)
            for k in (-1, 0, 1)
        ]
        return (steps[0] - 2 * steps[1] + steps[2]) / (4 * h * h)

    def four(z):  # the density of the sum of four uniforms on [-h, h]
        y = abs(z) / (2 * h)
        return ((2 - y) ** 3 - 4 * max(0.0, 1 - y) ** 3) / 6 / (2 * h)

    def quad(f, a, b):
        return integrate.quad(f, a, b, epsabs=1e-13, epsrel=1e-12, limit=200)[0]

    apart = 2 * quad(lambda z: four(z) * stats.norm.pdf(z, scale=np.sqrt(2)), 0, 4 * h)
    related = four(0.0)
    same = 1 / (2 * h)
    square = same / n + (1 - 1 / n) * (related / n + (1 - 1 / n) * apart)
    cross = quad(lambda x: smooth(x) * stats.norm.pdf(x), -12, 12)
    found = mc.predict(mc.Experiment(mc.KDE(h, "tophat"), mc.Replace(), n, 2))
    # The characteristic function falls like 1/u, so that the last block's size shows: 1e-10.
    expected = square - 2 * cross + 1 / np.sqrt(4 * np.pi)
    assert found["mise"][1] == pytest.approx(expected, rel=1e-9)
    assert found.laws["density"][1].pdf(0.3) == pytest.approx(smooth(0.3), rel=1e-12)


def test_where_there_is_no_error():
    """Infinite at a scored bandwidth of 0, with a note; refused where a formula is missing."""
    e = mc.Experiment(mc.KDE([0.5, 0.0, 0.3]), mc.Replace(), 5, 3)
    prediction = mc.predict(e)
    assert np.isinf(prediction["mise"]).tolist() == [False, True, False]
    assert "inf at generation 2: a bandwidth of 0" in prediction.reasons["mise"]

    def reason(name, model=None, workflow=mc.Replace(), **options):  # noqa: B008 - frozen
        e = mc.Experiment(model or mc.KDE(0.5), workflow, 5, 3, **options)
        with pytest.raises(mc.NoClosedForm) as caught:
            mc.predict(e)[name]
        return str(caught.value)

    for name in ("mise", "mise_bias", "mise_variance"):
        assert "is a data set and has no density" in reason(name, truth=[[1.0], [2.0]])
        assert "depends on the data" in reason(name, mc.KDE("scipy-scott"))
        tilted = mc.Normal(np.zeros(2), [[1.0, 0.5], [0.5, 1.0]])
        assert "isotropic" in reason(name, mc.KDE(0.5, dim=2), truth=tilted)
        apart = mc.NormalMixture([1, 1], np.eye(2), [np.eye(2)] * 2)
        assert "isotropic" in reason(name, mc.KDE(0.5, dim=2), truth=apart)
    every = ("second_moment", "mise", "test_log_loss", "test_log_loss_lower", "central_variance")
    for name in every:
        assert "has no batch_weights" in reason(name, workflow=Bootstrap())
    random = mc.predict(mc.Experiment(mc.KDE(0.5), Bootstrap(), 5, 3))
    for missing in (random.variances, random.laws, random.limits):
        for name in ("density",) if missing is random.laws else ("second_moment", "mise"):
            with pytest.raises(mc.NoClosedForm):
                missing[name]
