"""Few fresh rows among many sampled ones: the conjugate prior of 2 n_r rows."""

import numpy as np
import pytest
from scipy.stats import beta, binom, gamma, invgamma

import modelcollapse as mc
from tests.helpers.naming import shown

MODELS = [
    (mc.NormalMean(2.0), 0.7),
    (mc.Poisson(), 0.5),
    (mc.Binomial(3), 0.9),
    (mc.Gamma(1.0), 1.5),
    (mc.NegativeBinomial(2.0), 1.2),
    (mc.HyperbolicSecant(1.0), 0.5),
    (mc.HyperbolicSecant(3.0), -40.0),
]
EACH = pytest.mark.parametrize(("model", "mean"), MODELS, ids=shown(m for m, _ in MODELS))


@EACH
@pytest.mark.parametrize("real", [2, 2.5, 300])
def test_density_and_moments(model, mean, real):
    """(log V f)' = 2 r (m_0 - x)/V; the variance V/(2r - v2); r E x^3 = E x V(x)."""
    law, V, v2 = (
        mc.mixed.stationary_law(model, real, mean),
        model.variance_function,
        model.curvature,
    )
    x = law.ppf([0.1, 0.4, 0.6, 0.9])
    h = 1e-5 * (x[3] - x[0])
    ends = [np.log(law.pdf(x + side) * V(x + side)) for side in (h, -h)]
    assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(
        2 * real * (mean - x) / V(x), rel=1e-4, abs=1e-5 / (x[3] - x[0])
    )
    assert law.mean() == pytest.approx(mean, rel=1e-12)
    assert law.var() == pytest.approx(V(mean) / (2 * real - v2), rel=1e-9)
    third = law.expect(lambda y: (y - mean) ** 3) if real < 3 else None
    if third is not None and v2 < real:
        exact = model.skewness(mean) * V(mean) ** 1.5 / (2 * real - v2) / (real - v2)
        assert third == pytest.approx(exact, rel=1e-5, abs=1e-8)
    assert law.cdf(law.ppf(0.3)) == pytest.approx(0.3, rel=1e-9)
    assert law.cdf([x[0] - 1e9, x[3] + 1e9]) == pytest.approx([0, 1], abs=1e-9)


def test_known_laws():
    """Two fresh rows: the laws by their own parameters, and an infinite variance."""
    points = np.array([0.1, 0.4, 0.8])
    for model, mean, law in (
        (mc.Poisson(), 0.5, gamma(2, scale=1 / 4)),
        (mc.Binomial(), 0.3, beta(1.2, 2.8)),
        (mc.Gamma(), 1.0, invgamma(5, scale=4)),
    ):
        found = mc.mixed.stationary_law(model, 2, mean)
        assert found.cdf(points) == pytest.approx(law.cdf(points), rel=1e-12)
    assert np.isinf(mc.mixed.stationary_law(mc.Gamma(), 0.5).var())


def poisson_distance(synthetic, rows):
    """Return the distance of a settled Poisson loop's exact law from the prior of so many rows."""
    T = 8 * synthetic  # the start keeps a share of (1 - 2/(2 + s))^T, below 1e-6
    e = mc.Experiment(mc.Poisson(), mc.FreshData(2, synthetic), 2, T, truth=0.5)
    law = mc.predict(e).laws["mean"][-1]
    counts = np.arange(law.rows * 6)
    prior = mc.mixed.stationary_law(mc.Poisson(), rows / 2, 0.5)
    at = law.count_cdf(counts)
    return np.abs(at - prior.cdf((counts + 0.5) / law.rows)).max()


def coin_distance(synthetic, rows):
    """Return the same for coins, by the matrix of a generation's count."""
    n, p = synthetic + 2, 0.3
    c = np.arange(n + 1)
    step = binom.pmf(c[None], synthetic, c[:, None] / n)
    fresh = binom.pmf(np.arange(3), 2, p)
    step = sum(
        f * np.concatenate([np.zeros((n + 1, i)), step[:, : n + 1 - i]], axis=1)
        for i, f in enumerate(fresh)
    )
    for _ in range(12):  # squared 12 times: 4,096 generations
        step = step @ step
    prior = mc.mixed.stationary_law(mc.Binomial(), rows / 2, p)
    return np.abs(np.cumsum(step[0]) - prior.cdf((c + 0.5) / n)).max()


@pytest.mark.parametrize("distance", [poisson_distance, coin_distance])
def test_loops_settle_at_the_prior(distance):
    """With four times the sampled rows the distance is less than half; not with other rows."""
    few, more, many = (distance(s, 4) for s in (50, 200, 800))
    assert more < few / 2
    assert many < more / 2
    assert min(distance(200, 2), distance(200, 8)) > 10 * more


def test_second_moments_at_few_sampled_rows():
    """Two fresh and 400 sampled rows; exact by the solver's limit."""
    for model, mean, exact in (
        (mc.Binomial(), 0.3, 0.2005988024),
        (mc.Poisson(), 0.5, 0.2506234414),
        (mc.Gamma(), 1.5, 0.3338870432),
    ):
        e = mc.Experiment(model, mc.FreshData(2, 400), 2, 2, truth=mean)
        assert mc.predict(e).limits["squared_error"] == pytest.approx(exact, abs=5e-11)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((mc.Gaussian(), 2), "model"),
        ((2, 2, 0.5), "model"),
        ((2, mc.Poisson()), "model"),
        ((mc.Poisson(), 1e308), "real"),
        ((mc.Poisson(), 0), "real"),
        ((mc.Poisson(), float("nan")), "real"),
        ((mc.Poisson(), 2, -1.0), "truth"),
        ((mc.Binomial(0), 2), "trials"),
    ],
)
def test_wrong_input_is_named(arguments, word):
    """A model without a conjugate prior, no fresh rows, a mean out of its range."""
    with pytest.raises(mc.InvalidInput, match=word):
        mc.mixed.stationary_law(*arguments)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("size", "real", "mean"),
    [(0.01, 1e6, -50.0), (0.01, 1e9, -50.0), (2.0, 1e9, 1.0), (1.0, 1e-6, 0.0), (0.01, 0.5, 300)],
)
def test_the_secant_s_law_at_its_ends(size, real, mean):
    """Many rows, few, and strong skew: quantiles are those of the distribution function."""
    law = mc.mixed.stationary_law(mc.HyperbolicSecant(size), real, mean)
    chances = np.array([0.05, 0.3, 0.5, 0.95])
    points = law.ppf(chances)
    # SciPy finds a quantile to some roundings of its size.
    rounding = 8 * np.finfo(float).eps * np.abs(points).max() * law.pdf(points).max()
    assert law.cdf(points) == pytest.approx(chances, abs=1e-11 + rounding)
    # The density is the slope of the distribution function.
    h = 1e-4 * (points[3] - points[0])
    slopes = (law.cdf(points + h) - law.cdf(points - h)) / (2 * h)
    assert law.pdf(points) == pytest.approx(slopes, rel=1e-4)
