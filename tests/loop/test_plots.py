"""Pictures of predictions, trajectories and runs: what is drawn are the numbers."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import modelcollapse as mc
from modelcollapse.workflows.names import COLOURS

mpl.use("Agg")
LOOP = mc.Experiment(mc.Gaussian(), mc.Accumulate(), 10, 30)
PREDICTION, RUNS = mc.predict(LOOP), mc.simulate(LOOP, 200)
UNKNOWN = mc.Experiment(mc.Gaussian(), mc.SlidingWindow(2), 10, 30)
RUN = mc.run(mc.Gaussian(), RUNS["variance"][:, 0], mc.Replace(), 20, 5)


def empty():
    """Return axes that pyplot does not know."""
    return Figure().subplots()


def ends(band):
    """Return a band's generations, and its lower and upper ends."""
    corners = band.get_paths()[0].vertices
    t = np.unique(corners[:, 0])
    ys = [corners[corners[:, 0] == x, 1] for x in t]
    return t.tolist(), [y.min() for y in ys], [y.max() for y in ys]


def test_a_prediction_is_a_line():
    """The expectations at each generation, in the workflow's colour, and the limit."""
    axis = PREDICTION.plot("variance", ax=(given := empty()))
    line, limit = axis.get_lines()

    assert axis is given
    assert line.get_xdata().tolist() == list(range(1, 31))
    assert line.get_ydata().tolist() == PREDICTION["variance"].tolist()
    assert line.get_color() == COLOURS["accumulate"]
    assert set(limit.get_ydata()) == {PREDICTION.limits["variance"]}
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("generation", "variance")
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["accumulate"]


def test_trajectories_are_a_band_with_median_mean_and_theorem():
    """The band's ends are quantiles of the runs; dots are means, at a few generations."""
    axis = RUNS.plot("squared_error", empty())
    median, dots, theorem = axis.get_lines()
    values = RUNS["squared_error"]
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95], axis=0, method="inverted_cdf")
    t, bottom, top = ends(axis.collections[0])

    assert t == RUNS.generations.tolist()
    assert bottom == low.tolist()
    assert top == high.tolist()
    assert median.get_ydata().tolist() == middle.tolist()
    shown = dots.get_xdata() - 1
    assert 5 < len(shown) < 15
    assert dots.get_ydata().tolist() == values.mean(axis=0)[shown].tolist()
    assert theorem.get_ydata().tolist() == PREDICTION["squared_error"].tolist()
    assert axis.get_ylabel() == "squared error"


def test_only_recorded_generations_are_drawn():
    """Also of the theorem, which can be left out, or be unknown."""
    few = mc.simulate(LOOP, 20, at=[1, 7, 30])
    *_, theorem = few.plot("variance", empty()).get_lines()

    assert theorem.get_xdata().tolist() == [1, 7, 30]
    assert theorem.get_ydata().tolist() == PREDICTION["variance"][[0, 6, 29]].tolist()
    assert len(few.plot("variance", empty(), theorem=False).get_lines()) == 2
    open_ = mc.simulate(UNKNOWN, 20, at=[1, 7, 30])
    assert "test_log_loss" not in mc.predict(UNKNOWN)
    assert len(open_.plot("test_log_loss", empty()).get_lines()) == 2


def test_a_run_is_dots_on_a_line():
    """Its metric at each finished generation, with a label on request."""
    axis = RUN.plot("variance", empty(), label="mine", color="#123456")
    (line,) = axis.get_lines()

    assert line.get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert line.get_ydata().tolist() == RUN["variance"].tolist()
    assert (line.get_label(), line.get_color()) == ("mine", "#123456")
    usual = RUN.plot(ax=empty())
    (line,) = usual.get_lines()
    name = RUN.experiment["workflow"]["name"]
    assert (line.get_label(), line.get_color()) == (name, COLOURS[name])


def test_several_in_one():
    """The first sets scales and names; the legend has each name once."""
    axis = empty()
    PREDICTION.plot("variance", axis)
    RUNS.plot("variance", axis)
    other = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 300)
    mc.predict(other).plot("squared_error", axis)

    names = [text.get_text() for text in axis.get_legend().get_texts()]
    assert names == ["accumulate", "replace"]
    assert (axis.get_xscale(), axis.get_ylabel()) == ("linear", "variance")


def test_axes_are_logarithmic_from_two_decades_on():
    """If all that is drawn is positive."""
    long = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 100)
    few = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 99)
    scales = [
        (axis.get_xscale(), axis.get_yscale())
        for axis in (
            mc.predict(long).plot("variance", empty()),
            mc.predict(few).plot("log_variance", empty()),
            mc.predict(few).plot("squared_error", empty()),
        )
    ]

    assert scales == [("log", "log"), ("linear", "linear"), ("linear", "linear")]


def test_infinite_values_leave_gaps():
    """They are no numbers that could be drawn, and stop nothing."""
    infinite = mc.Experiment(mc.Gaussian(), mc.Replace(), 3, 4)
    figure = Figure()
    mc.predict(infinite).plot("test_log_loss", figure.subplots())
    mc.simulate(mc.Experiment(mc.Gaussian(3), mc.Replace(), 2, 4), 5).plot(
        "log_determinant", figure.gca()
    )
    figure.canvas.draw()


def test_new_axes_are_pyplots_own():
    """So that a notebook shows them; given ones are not."""
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    RUNS.plot("variance", empty())
    assert plt.get_fignums() == before
    axis = RUNS.plot()
    assert plt.get_fignums() == [*before, axis.figure.number]
    assert axis.get_ylabel() == "variance"
    plt.close(axis.figure)


def test_matplotlib_is_imported_by_plot_alone():
    """And pyplot not for axes of the caller's."""
    code = (
        "import sys, modelcollapse as mc\n"
        "p = mc.predict(mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 4))\n"
        "repr(p), p._repr_html_()\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from matplotlib.figure import Figure\n"
        "p.plot(ax=Figure().subplots())\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("result", [PREDICTION, RUNS, RUN], ids=lambda r: type(r).__name__)
def test_other_quantities_and_axes_are_refused(result):
    """With those that there are."""
    with pytest.raises(mc.InvalidInput, match=r"unknown .*'varianc'.*variance"):
        result.plot("varianc", empty())
    with pytest.raises(mc.InvalidInput, match=r"quantity = .*variance"):
        result.plot(empty())
    with pytest.raises(mc.InvalidInput, match="ax = 3"):
        result.plot(ax=3)


def test_what_cannot_be_drawn_says_why():
    """A quantity without a closed form, and one of more than one number."""
    with pytest.raises(mc.NoClosedForm, match="open"):
        mc.predict(UNKNOWN).plot("test_log_loss", empty())
    runs = mc.simulate(LOOP, 3, extra=["log_pivots"])
    with pytest.raises(mc.InvalidInput, match="more than one number"):
        runs.plot("log_pivots", empty())


def test_a_missing_matplotlib_is_said(monkeypatch):
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(mc.MissingDependency, match="plot"):
        PREDICTION.plot()
