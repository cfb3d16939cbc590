"""Predictions against every row traced back to its ancestors, in fractions: `kde_tracing`."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate
from scipy.special import ndtr

import modelcollapse as mc
from tests.families.gaussian.test_predict_rational import CASES
from tests.helpers import kde_tracing

SIZES = st.lists(st.integers(2, 4), min_size=1, max_size=4)
BANDWIDTHS = st.lists(st.integers(0, 24).map(lambda k: k / 8), min_size=4, max_size=4)
SCORED = st.lists(st.integers(1, 24).map(lambda k: k / 8), min_size=4, max_size=4)
KERNELS = {
    "gaussian": lambda d: (Fraction(1), d, Fraction(d * (d + 2))),
    "tophat": lambda d: (Fraction(1, d + 2), d, Fraction(d, d + 4)),
    "epanechnikov": lambda d: (Fraction(1, d + 4), d, Fraction(d * (d + 2), (d + 4) * (d + 6))),
}
TRUTHS = {
    "normal": mc.Normal(3.0, 0.25),
    "mixture": mc.NormalMixture([1, 3], [-2.0, 1.0], [0.25, 1.0]),
    "near": mc.NormalMixture([2, 1, 1], [0.0, 0.5, 6.0], [1.0, 0.0625, 1.0]),
    "plane": mc.Normal([1.0, -1.0], 0.5 * np.eye(2)),
    "space": mc.NormalMixture([1, 1], np.ones((2, 3)), [np.eye(3), 0.25 * np.eye(3)]),
}


REAL = 2  # fresh rows in each batch


def fresh(weight):
    """Weigh the real rows of the last batch by a share, or all its rows alike."""

    def weightings(sizes, t):
        n, before = sizes[t - 1], sum(sizes[: t - 1])
        rows = [Fraction(1, n)] * n
        if t > 1 and weight is not None:
            rows = [weight / REAL] * REAL + [(1 - weight) / (n - REAL)] * (n - REAL)
        yield Fraction(1), {before + i: w for i, w in enumerate(rows)}

    return weightings


FRESH = {
    "fresh": (mc.FreshData(REAL, 1), fresh(None)),
    "weighted": (mc.FreshData(REAL, 2, 0.375), fresh(Fraction(3, 8))),
    "web": (mc.Web(REAL, 1), CASES["accumulate"][1]),
}
ALL = [*CASES, *FRESH]


def case(name, sizes, bandwidths):
    """Return the workflow, the sizes it can be enumerated for, and the tracing."""
    if name in FRESH:
        workflow, weightings = FRESH[name]
        batches = [sizes[0], *[REAL + workflow.synthetic] * (len(sizes) - 1)]
        return workflow, sizes[0], kde_tracing.Tracing(weightings, batches, bandwidths, REAL)
    workflow, weightings = CASES[name]
    if name in ("subsample", "budget"):
        sizes = sizes[:3]  # all subsets are enumerated
    return workflow, sizes, kde_tracing.Tracing(weightings, sizes, bandwidths)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=8)
@given(
    sizes=SIZES,
    bandwidths=BANDWIDTHS,
    kernel=st.sampled_from(sorted(KERNELS)),
    axes=st.lists(st.sampled_from([0.25, 1.0, 4.0]), min_size=1, max_size=3),
)
def test_moments_are_the_rationals(name, sizes, bandwidths, kernel, axes):
    """Second moment and its variance, central variance: sums of positive terms, 1e-12 relative.

    The variance over replicates is a difference of raw second moments: 1e-12 of those.
    """
    workflow, sizes, tracing = case(name, sizes, bandwidths)
    dim, parts = len(axes), [Fraction(a) for a in axes]
    total = sum(parts)
    fourth = total**2 + 2 * sum(a**2 for a in parts)
    exact = kde_tracing.moments(tracing, total, fourth, KERNELS[kernel](dim))
    truth = mc.Normal(np.arange(dim), np.diag(axes))
    e = mc.Experiment(
        mc.KDE(bandwidths, kernel, dim), workflow, sizes, len(tracing.sizes), truth=truth
    )
    prediction = mc.predict(e)

    mean, central, spread = (
        [float(row[i] / total**p) for row in exact] for i, p in ((0, 1), (1, 1), (2, 2))
    )
    assert prediction["second_moment"] == pytest.approx(mean, rel=1e-12)
    assert prediction["central_variance"] == pytest.approx(central, rel=1e-12)
    gap = np.abs(prediction.variances["second_moment"] - spread)
    assert (gap <= 1e-12 * (np.array(spread) + np.square(mean))).all()


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=6)
@given(
    sizes=SIZES,
    kernel=st.sampled_from(sorted(KERNELS)),
    rule=st.sampled_from(["scott", "silverman"]),
    axes=st.lists(st.sampled_from([0.25, 1.0, 4.0]), min_size=1, max_size=3),
)
def test_moments_under_scipys_rules_are_the_rationals(name, sizes, kernel, rule, axes):
    """Noise of f^2 times the rows' own covariance, whatever the truth's shape: 1e-12 relative."""
    workflow, sizes, tracing = case(name, sizes, [])
    d = len(axes)
    truth = mc.Normal(np.zeros(d), np.diag(axes))
    factors = []
    for choices in tracing.choices:
        _, weights = choices[0]
        rows = 1 / float(sum(w * w for w in weights.values()))
        factors.append(
            Fraction((rows * ((d + 2) / 4 if rule == "silverman" else 1)) ** (-2 / (d + 4)))
        )
    exact = kde_tracing.scaled_moments(tracing, factors, KERNELS[kernel](d)[0])
    model = mc.KDE(f"scipy-{rule}", kernel, d)
    prediction = mc.predict(mc.Experiment(model, workflow, sizes, len(tracing.sizes), truth=truth))

    assert prediction["second_moment"] == pytest.approx([float(q) for q, _ in exact], rel=1e-12)
    central = [float(v) for _, v in exact]
    assert prediction["central_variance"] == pytest.approx(central, rel=1e-12)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=8)
@given(
    sizes=SIZES,
    bandwidths=BANDWIDTHS,
    scored=SCORED,
    truth=st.sampled_from(sorted(TRUTHS)),
)
def test_errors_are_sums_of_normal_densities(name, sizes, bandwidths, scored, truth):
    """Any bandwidths, also 0 for rows drawn, in one to three dimensions, normal and mixture.

    The prediction adds blocks of frequencies until one adds less than 1e-12, each good to 1e-13;
    the bias may be small beside the sums that it is a difference of.
    """
    workflow, sizes, tracing = case(name, sizes, bandwidths)
    truth = TRUTHS[truth]
    model = mc.KDE(bandwidths, dim=truth.dim, scoring_bandwidth=scored)
    prediction = mc.predict(mc.Experiment(model, workflow, sizes, len(tracing.sizes), truth=truth))
    bias, total = kde_tracing.errors(tracing, truth, scored[: len(tracing.sizes)])

    slack = 1e-11 * kde_tracing.overlap(truth, 0.0)
    assert prediction["mise"] == pytest.approx(total, rel=1e-11, abs=slack)
    assert prediction["mise_bias"] == pytest.approx(bias, rel=1e-11, abs=slack)
    variance = prediction["mise"] - prediction["mise_bias"]
    assert prediction["mise_variance"] == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("truth", ["normal", "mixture", "near"])
def test_expected_densities_are_normal_mixtures(name, truth):
    """Density, distribution and characteristic function of each fit: 1e-12 of the peak."""
    bandwidths, truth = [0.5, 0.25, 1.0], TRUTHS[truth]
    workflow, sizes, tracing = case(name, [3, 2, 4], bandwidths)
    laws = mc.predict(
        mc.Experiment(mc.KDE(bandwidths), workflow, sizes, len(tracing.sizes), truth=truth)
    ).laws["density"]
    x = np.linspace(-9, 14, 301)
    omega = np.linspace(-8, 8, 41)

    assert len(laws) == len(tracing.sizes)
    for t, law in enumerate(laws):
        pdf, cdf, phi, square = 0.0, 0.0, 0.0, 0.0
        for v, p in tracing.fit_single(t).items():
            for weight, mean, own in kde_tracing.components_of(truth):
                share, m = weight * float(p), mean[0]
                s2 = own + float(v) + bandwidths[t] ** 2
                pdf = pdf + share * kde_tracing.normal((x - m) ** 2, s2, 1)
                cdf = cdf + share * ndtr((x - m) / np.sqrt(s2))
                phi = phi + share * np.exp(1j * omega * m - omega**2 * s2 / 2)
                square += share * (s2 + m**2)
        assert law.pdf(x) == pytest.approx(pdf, rel=0, abs=1e-12 * pdf.max())
        assert law.cdf(x) == pytest.approx(cdf, rel=0, abs=1e-12)
        assert law.characteristic_function(omega) == pytest.approx(phi, rel=0, abs=1e-13)
        assert law.mean == pytest.approx(truth.mean[0], rel=1e-14)
        assert law.variance == pytest.approx(square - truth.mean[0] ** 2, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "truth"),
    [*((name, "mixture") for name in ALL), ("keep-real", "plane"), ("budget", "space")],
)
def test_jensens_bound_is_a_cross_entropy(name, truth):
    """The lower bound is at least -E log E p(x), by quadrature of the traced density."""
    bandwidths, truth = [0.5, 0.25, 1.0], TRUTHS[truth]
    workflow, sizes, tracing = case(name, [3, 2, 4], bandwidths)
    d = truth.dim
    model = mc.KDE(bandwidths, dim=d)
    e = mc.Experiment(model, workflow, sizes, len(tracing.sizes), truth=truth)
    bound = mc.kde.losses.jensen(e)

    for t, h in enumerate(bandwidths[: len(tracing.sizes)]):
        law = [(float(v) + h * h, float(p)) for v, p in tracing.fit_single(t).items()]
        parts = kde_tracing.components_of(truth)

        def fitted(x, law=law, parts=parts):
            return sum(
                w * p * kde_tracing.normal((x - (m[0] if d == 1 else 0)) ** 2, s + v, d)
                for v, p in law
                for w, m, s in parts
            )

        def loss(x, fitted=fitted, parts=parts):
            real = sum(
                w * kde_tracing.normal((x - (m[0] if d == 1 else 0)) ** 2, s, d)
                for w, m, s in parts
            )
            shell = 1 if d == 1 else {2: 2 * np.pi * x, 3: 4 * np.pi * x**2}[d]
            return -shell * real * np.log(fitted(x))

        ends = (-12, 12) if d == 1 else (0, 12)
        expected = integrate.quad(loss, *ends, epsabs=1e-11, epsrel=1e-11, limit=200)[0]
        assert bound[t] == pytest.approx(expected, rel=1e-9)
    assert (mc.predict(e)["test_log_loss_lower"] >= bound).all()
