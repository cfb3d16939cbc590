"""What pictures share: quantiles, places of dots, scales, and figures that nobody else knows."""

import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import modelcollapse as mc
from modelcollapse._support.drawing import axes_of, figure, quantiles, save, scale, spaced


def test_quantiles_of_infinities_are_values_that_there_are():
    """Nothing is interpolated: 5 %, 50 % and 95 % of 20 runs are the 1st, the 10th and the 19th."""
    values = np.arange(1.0, 21.0)[:, None] * np.array([1.0, -1.0])
    values[values == 20] = np.inf

    assert quantiles(values).tolist() == [[1, -20], [10, -11], [19, -2]]
    assert quantiles(np.full((3, 1), np.inf)).tolist() == [[np.inf]] * 3


def test_files_hold_their_fonts(tmp_path):
    """A PDF whole TrueType fonts, an SVG the shapes of its letters, and each is written whole."""
    made = figure((2, 2))
    made.subplots().set_title(r"words and $\sigma_0^2$")
    for ending in ("pdf", "svg", "PNG"):
        save(made, tmp_path / f"a.{ending}")
    pdf, svg = (tmp_path / "a.pdf").read_bytes(), (tmp_path / "a.svg").read_text("utf-8")

    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert "<text" not in svg
    assert "<path" in svg
    assert len(list(tmp_path.iterdir())) == 3


def test_few_generations_all_have_a_dot():
    """More of them have nine, evenly spaced to the eye, the first and the last among them."""
    t = np.arange(1, 101)

    assert spaced(t[:12], log=False).tolist() == list(range(12))
    assert t[spaced(t, log=False)].tolist() == [1, 13, 26, 38, 50, 63, 75, 88, 100]
    assert t[spaced(t, log=True)].tolist() == [1, 2, 3, 6, 10, 18, 32, 56, 100]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 100.0], "log"),
        ([1.0, 99.0], "linear"),
        ([0.0, 100.0], "linear"),
        ([-1.0, 100.0], "linear"),
        ([1.0, np.inf], "linear"),
        ([1.0, np.nan, 1000.0], "log"),
        ([np.nan], "linear"),
        ([], "linear"),
    ],
)
def test_scales(values, expected):
    """Two decades of positive numbers are logarithmic; what is not finite does not count."""
    axis = Figure().subplots()
    scale(axis, "y", values)

    assert (axis.get_xscale(), axis.get_yscale()) == ("linear", expected)


def test_axes_are_the_callers_or_new():
    """Anything else is refused."""
    axis = Figure().subplots()
    assert axes_of(axis) is axis
    with pytest.raises(mc.InvalidInput, match="ax = 3"):
        axes_of(3)


def test_figures_need_matplotlib(monkeypatch):
    """And say so."""
    assert figure((3, 2)).get_size_inches().tolist() == [3, 2]
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(mc.MissingDependency, match=r"matplotlib.*\[plot\]"):
        figure((3, 2))
