"""Expected densities: mass, slopes, ends, compact kernels; `test_rows.py` has their values."""

import numpy as np
import pytest
from scipy import integrate
from scipy.special import ndtr
from scipy.stats import norm

import modelcollapse as mc
from modelcollapse.families.kde.density import radial
from modelcollapse.families.kde.frame import Frame
from modelcollapse.testing import assert_law

TRUTH = mc.NormalMixture([1, 2], [-2.0, 1.0], [0.25, 1.0])
E = mc.Experiment(mc.KDE([0.5, 0.3, 0.8]), mc.Accumulate(), [6, 4, 5], 3, truth=TRUTH)


def laws(kernel="gaussian", bandwidth=0.5, workflow=mc.Replace(), **options):  # noqa: B008
    """Return the expected densities of three generations."""
    e = mc.Experiment(mc.KDE(bandwidth, kernel, **options), workflow, 6, 3, truth=TRUTH)
    return mc.predict(e).laws["density"]


@pytest.mark.parametrize("kernel", ["gaussian", "tophat", "epanechnikov"])
def test_mass_mean_and_variance(kernel):
    """Integrals of x^k times the density over its whole span: mass 1, mean and variance."""
    for law in laws(kernel):
        values = [
            integrate.quad(
                lambda x, k=k, law=law: x**k * float(law.pdf(x)), -14, 14, epsabs=1e-10, limit=200
            )[0]
            for k in range(3)
        ]
        # Requested 1e-10, times 14^2 for the second.
        assert values[0] == pytest.approx(1, abs=1e-9)
        assert values[1] == pytest.approx(law.mean, abs=1e-9)
        assert values[2] - values[1] ** 2 == pytest.approx(law.variance, abs=1e-7)


@pytest.mark.parametrize("kernel", ["gaussian", "tophat"])
def test_the_density_is_the_slope_of_the_distribution(kernel):
    """Integrals of the density over short pieces are differences of the distribution function."""
    ends = np.linspace(-8, 8, 33)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    for law in laws(kernel, workflow=mc.KeepReal(0.4)):
        x = ends[:-1, None] + 0.25 * (nodes + 1)
        # Twenty nodes on half a unit: exact to rounding for densities of width 0.5 and more.
        pieces = 0.25 * law.pdf(x) @ weights
        assert pieces == pytest.approx(np.diff(law.cdf(ends)), rel=0, abs=1e-12)


def test_far_away():
    """No mass and no density beyond the span: exactly 0 and 1, and shapes are kept."""
    law = laws()[2]

    assert law.pdf([-1e9, 1e9, 1e300]).tolist() == [0.0, 0.0, 0.0]
    assert law.cdf([-1e300, 1e9]).tolist() == [0.0, 1.0]
    assert law.pdf(0.3).shape == law.cdf(0.3).shape == ()
    assert law.pdf(np.zeros((2, 3))).shape == (2, 3)
    assert law.characteristic_function(np.zeros((2, 3))).tolist() == [[1.0] * 3] * 2
    x = np.linspace(-30, 30, 4001)
    # Rounding of sums of some hundred cosines of size 1.
    assert np.diff(law.cdf(x)).min() > -1e-13
    assert law.pdf(x).min() > -1e-13


def test_a_sequence_of_generations():
    """Length, negative indices and slices."""
    found = laws()

    assert (len(found), found[-1].generation) == (3, 3)
    assert [law.generation for law in found[1:]] == [2, 3]
    with pytest.raises(IndexError):
        found[3]


def test_compact_kernels_and_no_kernel():
    """Generation 1: differences of Phi under a tophat; the truth itself at bandwidth 0."""
    x, h = np.linspace(-6, 6, 101), 0.7
    w, m, S = TRUTH.components
    gaps, s = x[:, None] - m[:, 0], np.sqrt(S[:, 0, 0])
    flat = (ndtr((gaps + h) / s) - ndtr((gaps - h) / s)) @ w / (2 * h)
    assert laws("tophat", h)[0].pdf(x) == pytest.approx(flat, rel=0, abs=1e-13)
    bare = laws(bandwidth=0.0)
    for law in bare:
        assert law.pdf(x) == pytest.approx(norm.pdf(gaps / s) / s @ w, rel=0, abs=1e-13)
        assert law.variance == TRUTH.covariance[0, 0]


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_radial_densities(dim):
    """Replace: normal with variance s^2 + sum h^2, at any distance."""
    h, s2, r = np.array([0.5, 0.25, 1.0]), 2.0, np.linspace(0, 8, 50)
    truth = mc.Normal(np.ones(dim), s2 * np.eye(dim))
    e = mc.Experiment(mc.KDE(h, dim=dim), mc.Replace(), 5, 3, truth=truth)

    for found, v in zip(radial(Frame.of(e), r), s2 + np.cumsum(h**2), strict=True):
        expected = np.exp(-(r**2) / (2 * v)) / (2 * np.pi * v) ** (dim / 2)
        assert found == pytest.approx(expected, rel=0, abs=1e-12 * expected[0])


def test_rows_drawn_from_fits_have_the_law(seed):
    """The simulator's extra "draw": 20,000 rows, one of each replicate's fit."""
    runs, densities = mc.simulate(E, 20_000, seed, extra=["draw"]), mc.predict(E).laws["density"]

    for t in range(3):
        assert_law(runs["draw"][:, t, 0], densities[t].cdf)


def test_no_law_beyond_the_line():
    """The distribution function is known in one dimension, for bandwidths from the sizes."""
    with pytest.raises(mc.NoClosedForm, match="density: its distribution function is known in dim"):
        mc.predict(mc.Experiment(mc.KDE(0.5, dim=2), mc.Replace(), 5, 3)).laws["density"]
    with pytest.raises(mc.NoClosedForm, match="depends on the data"):
        laws(bandwidth="scipy-scott")
