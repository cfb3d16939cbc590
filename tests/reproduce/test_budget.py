"""The budget of accumulate-subsample: its two ends, the limit for large n, and the caption."""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.reproduce import named
from modelcollapse.reproduce.questions.budget import budgets, fitted, large, sweeps
from tests.helpers.figure_making import assert_files, fixtures

FIGURE = named("budget")
MODELS = {"gaussian": mc.Gaussian(), "gamma": mc.Gamma(shape=1.0)}


made, pictures = fixtures("budget")


def test_files(made, pictures):
    """Pictures, data and captions are there."""
    assert_files(made, pictures, ["budget", "cost"], {"n-10", "n-100", "theorem"})


def test_the_grid():
    """From few rows to everything, with the paper's budget n between, at two of its sizes."""
    for n, part in ((10, "n-10"), (100, "n-100")):
        cells = sweeps("paper")[part].cells
        assert {c.samples for c in cells} == {n}
        assert {c.generations for c in cells} == {100}
        for family in MODELS:
            own = [c.workflow["budget"] for c in cells if c.model["family"] == family]
            assert own == budgets(n, "paper")
            assert n in own
            assert max(own) == 100 * n
            assert min(own) == max(5, n // 10)


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0, 1.5, 2.0, 7.0])
def test_limit_for_large_n(share):
    """It is what n times the error tends to, at t = 4000 up to about 1/t, for any family."""
    for model in (mc.NormalMean(), mc.Gamma(shape=4.0)):
        workflow = mc.AccumulateSubsample(round(20_000 * share))
        e = mc.Experiment(model, workflow, 20_000, 4000)
        assert abs(20_000 * mc.predict(e)["squared_error"][-1] / large(share) - 1) < 2e-3


def test_limit_in_closed_form():
    """pi^2/2 - 2 at the paper's budget, continuous there, and accumulate's for ever more rows."""
    assert abs(large(1.0) - (np.pi**2 / 2 - 2)) < 1e-12
    assert abs(large(1.0 + 1e-9) - large(1.0)) < 1e-8
    assert abs(large(1e6) - np.pi**2 / 6 - 1e-6) < 1e-9
    assert np.all(np.diff([large(c) for c in np.geomspace(0.01, 100, 60)]) < 0)


def test_the_captions_numbers():
    """What a budget costs beyond accumulate, and the rows that are fitted."""
    beyond = [large(c) - np.pi**2 / 6 for c in (1, 2, 5, 10)]
    words = ("1.29 at n", "0.59 at 2 n", "0.22 at 5 n", "0.10 at 10 n")
    for value, text in zip(beyond, words, strict=True):
        assert f"{value:.2f}" == text[:4]
        assert text in FIGURE.difference
    assert f"{fitted(10_000, 100, 100):,} rows" in FIGURE.difference
    assert f"{fitted(1000, 100, 100):,}." in FIGURE.difference
    assert fitted(7, 3, 4) == 3 + 6 + 7 + 7


@pytest.mark.parametrize(("row", "family"), list(enumerate(MODELS)))
@pytest.mark.parametrize(("column", "n"), list(enumerate([10, 100])))
def test_lines_are_the_predictions(pictures, row, family, column, n):
    """By budget, at the last generation simulated and far beyond; and accumulate's."""
    axis = pictures["budget"].drawing.axes[2 * row + column]
    lines = {line.get_label(): line.get_xydata() for line in axis.get_lines()}
    for t in (10, 100):
        line = lines[f"generation {t}"]
        for k, value in line[[0, len(line) // 2, -1]]:
            e = mc.Experiment(MODELS[family], mc.AccumulateSubsample(int(k)), n, t)
            assert abs(n * mc.predict(e)["squared_error"][-1] / value - 1) < 1e-9
    e = mc.Experiment(MODELS[family], mc.Accumulate(), n, 10)
    known = n * mc.predict(e)["squared_error"][-1]
    assert abs(lines["accumulate, generation 10"][0, 1] / known - 1) < 1e-9
    assert abs(lines["generation 10"][-1, 1] / known - 1) < 1e-9  # a budget of everything


def test_costs(pictures):
    """The error beyond accumulate's falls as more rows are fitted, and so to nothing."""
    left, right = pictures["cost"].drawing.axes
    assert {line.get_label() for line in left.get_lines()} > {"budget n", "accumulate"}
    for line in right.get_lines():
        if not line.get_label().startswith("_"):
            assert np.all(np.diff(line.get_xdata()) > 0)
            assert np.all(np.diff(line.get_ydata()) < 0)
