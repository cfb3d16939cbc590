"""The Gaussian figure: the exact law beside a mean that few runs carry."""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.reproduce.gaussian import sweep


@pytest.fixture(scope="module")
def predicted():
    """Return the prediction that the caption's numbers are about."""
    return mc.predict(mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 100))


def drawn(workflow="replace", **changed):
    """Return the lines that are drawn for one cell, shape (lines, 2, generations)."""
    polars = pytest.importorskip("polars")
    from matplotlib.figure import Figure

    axis, t = Figure().subplots(), np.arange(1, 101)
    cell = {"generation": t, "dim": 1, "samples": 10, "quantity": "variance"} | changed
    sweep._law(axis, polars.DataFrame(cell), workflow)
    return np.array([line.get_data() for line in axis.get_lines()])


def test_exact_quantiles_are_drawn(predicted):
    """Half of all runs lie below the median's line, and so on."""
    lines = drawn()
    assert lines.shape == (3, 2, 9)
    for level, (t, values) in zip((0.5, 0.05, 0.95), lines, strict=True):
        for at, value in zip(t.astype(int), values, strict=True):
            law = predicted.laws["log_variance"][at - 1]
            assert law.cdf(np.log(value)) == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize(
    "changed", [{"dim": 3}, {"quantity": "squared_error"}, {"workflow": "accumulate"}]
)
def test_nothing_is_drawn_without_a_law(changed):
    """The law that is drawn belongs to the variance under replace in one dimension."""
    assert len(drawn(**changed)) == 0


def test_the_caption_says_what_the_law_says(predicted):
    """0.95 % of the runs lie above the mean."""
    above = 1 - predicted.laws["log_variance"][99].cdf(np.log(predicted["variance"][99]))
    assert f"{100 * above:.2f} %" == "0.95 %"
