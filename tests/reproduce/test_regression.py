"""The regression's figure: the paper's grid, and lines that are the theorems."""

from itertools import product

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.reproduce import named
from modelcollapse.reproduce.regression.drawing import medians
from modelcollapse.reproduce.regression.sweep import sweeps
from tests.helpers.figure_making import assert_files, fixtures

FIGURE = named("regression")
WORKFLOWS = {"replace": mc.Replace(), "accumulate": mc.Accumulate()}


made, pictures = fixtures("regression")


def lines(axis):
    """Return the labelled lines of a panel."""
    return {line.get_label(): line for line in axis.get_lines() if line.get_label()[0] != "_"}


def panel(picture, title):
    """Return the panel with a title."""
    (axis,) = [a for a in picture.drawing.axes if a.get_title() == title]
    return axis


def test_files(made, pictures):
    """Pictures, data and captions are there."""
    assert_files(made, pictures, ["risk", "noise", "designs"], {"regression", "designs"})


def test_the_grid_is_the_papers():
    """The cells are those of the paper, with a fixed design."""
    cells = sweeps("paper")["regression"].cells
    grid = {
        (c.model["dim"], c.samples, round(c.model["noise"] ** 2, 12), c.workflow["name"])
        for c in cells
    }
    dims, sizes, powers = [1, 3, 10, 32, 100], [10, 32, 100, 316, 1000], [0.1, 1, 10]
    names = ["replace", "accumulate", "accumulate-subsample"]
    assert grid == set(product(dims, sizes, powers, names))
    assert len(cells) == len(grid)
    assert {(c.generations, c.model["design"]) for c in cells} == {(100, "fixed")}
    assert {(c.at, c.model.get("ridge", 0)) for c in cells} == {(None, 0)}
    assert min(c.replicates for c in cells) == 100


@pytest.mark.parametrize("n", [5, 32])
@pytest.mark.parametrize("kind", WORKFLOWS)
def test_lines_are_the_predicted_risk(pictures, n, kind):
    """Each line is the prediction, below interpolation too."""
    loop = mc.Experiment(mc.LinearRegression(dim=10), WORKFLOWS[kind], samples=n, generations=20)
    drawn = lines(panel(pictures["risk"], f"n = {n}"))[kind].get_ydata()
    np.testing.assert_allclose(drawn, mc.predict(loop)["risk"], rtol=1e-12)


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_where_the_mean_is_infinite_lines_are_the_laws_medians(pictures, made, kind):
    """With n = d dots are medians of runs, and lines those of the exact law."""
    loop = mc.Experiment(mc.LinearRegression(dim=10), WORKFLOWS[kind], samples=10, generations=20)
    prediction = mc.predict(loop)
    assert np.isinf(prediction["risk"]).all()
    axis = panel(pictures["risk"], "n = 10")
    assert "infinite" in axis.texts[0].get_text()
    drawn = lines(axis)[kind].get_ydata()
    halves = [law.cdf(x) for law, x in zip(prediction.laws["risk"], drawn, strict=True)]
    np.testing.assert_allclose(halves, 0.5, rtol=1e-9)
    frame = made[1]["regression"]
    cell = frame.filter(samples=10, noise=1.0, workflow=kind).sort("generation")
    dots = axis.get_lines()[2 * list(WORKFLOWS).index(kind) + 1]
    assert set(dots.get_ydata()) <= set(cell["median"])


def test_open_cells_have_no_line(pictures, made):
    """Accumulate-subsample has dots alone."""
    axis = panel(pictures["risk"], "n = 32")
    assert lines(axis)["accumulate-subsample"].get_linestyle() == "None"
    cell = made[1]["regression"].filter(samples=32, noise=1.0, workflow="accumulate-subsample")
    assert cell["expected"].is_nan().all()
    assert np.isnan(medians(cell)).all()


def test_from_d_plus_2_rows_on_the_noises_are_one_curve(pictures):
    """The risk is proportional to sigma^2 there, and not below interpolation."""
    axes = pictures["noise"].drawing.axes
    below, _, above = axes[:3]  # replace, n = 5, 10, 32
    one, two, three = (line.get_ydata() for line in lines(above).values())
    np.testing.assert_allclose(two, one, rtol=1e-9)
    np.testing.assert_allclose(three, one, rtol=1e-9)
    one, _, three = (line.get_ydata() for line in lines(below).values())
    assert (one > 1.1 * three).all()  # the signal that 5 rows lose does not scale with the noise


def test_new_inputs_stay_below_pi_squared_over_6(pictures):
    """The lines are the partial sums of both theorems."""
    drawing = pictures["designs"].drawing
    t = np.unique(np.geomspace(1, 20, 25).round().astype(int))
    sums = np.cumsum(1 / np.arange(1, 21) ** 2)[t - 1]
    replace, accumulate = drawing.axes[0], drawing.axes[2]
    for line in replace.get_lines()[:1]:
        np.testing.assert_allclose(line.get_ydata(), t, rtol=1e-12)
    fixed, fresh = (
        line.get_ydata() for line in accumulate.get_lines() if len(line.get_xdata()) == len(t)
    )
    np.testing.assert_allclose(fixed, sums, rtol=1e-12)
    n, d, s = 16, 10, np.arange(1, 21)
    terms = (n - d - 1) / (s * (s * n - d - 1))
    np.testing.assert_allclose(fresh, np.cumsum(terms)[t - 1], rtol=1e-12)
    assert (fresh[1:] < fixed[1:]).all()


def test_dots_lie_on_lines(made):
    """Means of 500 runs are near their expectations; the figure's seed is fixed."""
    cells = made[1]["designs"]
    error = (cells["mean"] - cells["expected"]) / cells["expected_deviation"] * np.sqrt(500)
    assert np.abs(error.to_numpy()).max() < 5
