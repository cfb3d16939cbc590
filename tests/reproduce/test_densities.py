"""The Gaussian densities: both scales, and laws that simulations obey."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

import modelcollapse as mc
from modelcollapse.reproduce import named
from modelcollapse.reproduce.gaussian.densities import log_variance_laws, sweeps
from modelcollapse.reproduce.gaussian.products import accumulated_log_variances
from tests.helpers.figure_making import WORKFLOWS, assert_files, fixtures

FIGURE = named("gaussian-densities")
AT = [1, 3, 10, 20]  # of the quick size


made, pictures = fixtures("gaussian-densities")


def test_files(made, pictures):
    """Pictures, data and captions are there."""
    assert_files(made, pictures, ["densities", "variance-laws"], {"runs", "histogram"})


def test_the_grid_is_the_papers():
    """All of the paper's batch sizes, in d = 1, over its 100 generations."""
    cells = sweeps("paper")["runs"].cells
    found = {(c.workflow["name"], c.samples) for c in cells}
    assert found == set(product(WORKFLOWS, [10, 32, 100, 316, 1000]))
    assert len(cells) == len(found)
    for cell in cells:
        assert cell.model == {"family": "gaussian"}  # maximum likelihood, from N(0, 1)
        assert (cell.generations, cell.at, cell.runs) == (100, (1, 10, 30, 100), True)


@pytest.mark.parametrize(("column", "n", "power"), [(0, 10, 1), (1, 10, 0.5), (2, 32, 1)])
@pytest.mark.parametrize("row", range(3))
def test_lines_are_the_predicted_densities(pictures, row, column, n, power):
    """The left of two panels takes the variance for the deviation, the right its root."""
    axis = pictures["densities"].drawing.axes[4 * row + column]
    workflow = list(WORKFLOWS.values())[row]
    variance = mc.predict(mc.Experiment(mc.Gaussian(), workflow, n, 20))["variance"]
    truth, *curves, median = (
        line.get_xydata() for line in axis.get_lines() if len(line.get_xdata())
    )
    np.testing.assert_allclose(truth[:, 1], stats.norm.pdf(truth[:, 0]), rtol=1e-12)
    assert len(curves) == 2 * len(AT)
    for t, curve in zip(AT, curves[::2], strict=True):
        expected = stats.norm.pdf(curve[:, 0], scale=variance[t - 1] ** power)
        np.testing.assert_allclose(curve[:, 1], expected, rtol=1e-9, atol=1e-300)
    assert median[:, 1].max() > curves[-2][:, 1].max()  # a typical fit is narrower


def test_the_artefact_shows_the_density_of_twice_the_generation():
    """Under replace, as the caption says: (1 - 1/n)^t is the deviation of generation 2t."""
    variance = mc.predict(mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 40))["variance"]
    np.testing.assert_allclose(variance[19], np.sqrt(variance[39]), rtol=1e-12)


def test_histograms_stand_beside_the_laws(made, pictures):
    """Laws are drawn where they are known; both integrate to what lies in the bins."""
    frame = made[1]["histogram"]
    for (workflow, t), own in frame.group_by(["workflow", "generation"]):
        known = np.isfinite(own["law"].to_numpy())
        assert known.all() == (workflow != "accumulate-subsample" or t == 1)
        assert known.all() == known.any()
    width = (frame["high"] - frame["low"]).to_numpy()
    for column in ("density", "law"):
        own = frame[column].to_numpy() * width
        total = frame.with_columns(mass=own).group_by("workflow", "samples", "generation")
        mass = total.sum()["mass"].to_numpy()
        mass = mass[np.isfinite(mass)]
        assert mass.min() > 0.95
        assert mass.max() < 1 + 1e-9
    axis = pictures["variance-laws"].drawing.axes[0]
    curve = next(line for line in axis.get_lines() if len(line.get_xdata()))
    law = mc.predict(mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 1)).laws["log_variance"][0]
    x, y = curve.get_xdata(), curve.get_ydata()
    half = (x[1] - x[0]) / 2
    np.testing.assert_allclose(y, (law.cdf(x + half) - law.cdf(x - half)) / (2 * half), atol=1e-9)


@pytest.mark.parametrize("n", [3, 20])
def test_products_have_the_predicted_moments(n):
    """Mean and variance of log v_t, up to the grid's share of the variance."""
    e = mc.Experiment(mc.Gaussian(), mc.Accumulate(), n, 12)
    prediction, at = mc.predict(e), [1, 2, 12]
    for t, cdf in accumulated_log_variances(e, at).items():
        mean = prediction["log_variance"][t - 1]
        variance = prediction.variances["log_variance"][t - 1]
        edges = np.linspace(mean - 12 * variance**0.5, mean + 12 * variance**0.5, 100_001)
        mass, middle = np.diff(cdf(edges)), (edges[1:] + edges[:-1]) / 2
        assert abs(mass.sum() - 1) < 1e-5
        assert abs(mass @ middle - mean) < 1e-4 * variance**0.5
        assert abs(mass @ (middle - mean) ** 2 / variance - 1) < 1e-3
    assert set(accumulated_log_variances(e, at)) == set(at)


@pytest.mark.parametrize("ddof", [0, 1])
def test_simulations_obey_the_law_of_products(ddof):
    """The largest distance of distribution functions is below DKW's at 1e-9; a near miss is not."""
    e = mc.Experiment(mc.Gaussian(ddof=ddof), mc.Accumulate(), 10, 8)
    count = 20_000
    runs = np.sort(mc.simulate(e, count, at=[8])["log_variance"][:, 0])
    bound = np.sqrt(np.log(2 / 1e-9) / (2 * count))
    laws = accumulated_log_variances(e, [2, 8])
    empirical = (np.arange(count) + 0.5) / count
    assert np.abs(laws[8](runs) - empirical).max() < bound
    assert np.abs(laws[2](runs) - empirical).max() > bound


def test_laws_of_cells():
    """Replace has its own law at each generation; the third workflow at the first alone."""
    cells = {c.workflow["name"]: c for c in sweeps("quick")["runs"].cells if c.samples == 10}
    x = np.linspace(-3, 1, 9)
    laws = {name: log_variance_laws(cell) for name, cell in cells.items()}
    assert list(laws["accumulate-subsample"]) == [1]
    chi = stats.chi2(9).cdf(10 * np.exp(x))
    for name in WORKFLOWS:
        np.testing.assert_allclose(laws[name][1](x), chi, atol=2e-3)  # accumulate's is on a grid
    known = mc.predict(cells["replace"].experiment()).laws["log_variance"][19]
    np.testing.assert_array_equal(laws["replace"][20](x), known.cdf(x))
