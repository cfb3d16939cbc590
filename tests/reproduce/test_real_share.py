"""Shares of real rows: the grid, limits on both sides of the thresholds, and what is marked."""

from itertools import product

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.reproduce import named
from modelcollapse.reproduce.questions import webs
from modelcollapse.reproduce.questions.real_share import ROWS, SHARES, limit, sweeps
from modelcollapse.solver import web_threshold
from modelcollapse.workflows import curves
from tests.helpers.figure_making import assert_files, fixtures

FIGURE = named("real-share")
MODELS = {"gaussian": (mc.Gaussian(), -1.0), "gamma": (mc.Gamma(shape=1.0), 1.0)}


def loop(name, share):
    """Return the workflow with a weight on its real rows."""
    return mc.KeepReal(share) if name == "keep-real" else mc.FreshData(ROWS, ROWS, share)


made, pictures = fixtures("real-share")


def drawn(axis, count):
    """Return the first lines of a panel: its dots, generations and limit."""
    return [line.get_xydata() for line in axis.get_lines()][:count]


def test_files(made, pictures):
    """Pictures, data and captions are there."""
    assert_files(
        made,
        pictures,
        ["share", "web"],
        {"gaussian", "gamma", "web-0.1", "share-theorem", "web-theorem"},
    )


def test_the_grid():
    """Two families under both workflows, and webs that end at about the same size."""
    found = sweeps("paper")
    for family in MODELS:
        cells = found[family].cells
        weights = {
            (c.workflow["name"], c.workflow.get("share", c.workflow.get("weight"))) for c in cells
        }
        assert weights == set(product(["keep-real", "fresh-data"], SHARES["paper"]))
        assert {c.samples for c in cells} == {ROWS}
    grown = [g ** (t - 1) for g, t in ((1.1, 66), (1.3, 25), (2, 10))]
    assert min(grown) > 450
    assert max(grown) < 550
    rates = {
        name: {c.workflow["growth"] for c in found[name].cells} for name in found if "web" in name
    }
    assert rates == {"web-0.1": {0.1}, "web-0.3": {0.3}, "web-1.0": {1.0}}


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("name", ["keep-real", "fresh-data"])
def test_limits_are_those_of_long_loops(family, name):
    """On both sides of the critical share."""
    model, v2 = MODELS[family]
    edge = float(mc.mixed.critical_share(v2 / ROWS))
    for share in (0.1, 0.5):
        error = mc.predict(mc.Experiment(model, loop(name, share), ROWS, 400))["squared_error"][-1]
        assert abs(limit(name, share, v2) / error - 1) < 1e-9
    if edge:
        assert np.isinf(limit(name, 0.99 * edge, v2))
        assert np.isfinite(limit(name, 1.01 * edge, v2))
        assert f"{100 * edge:.1f} %" in FIGURE.difference
    else:
        assert limit(name, 1e-6, v2) < 1.0  # of a Gaussian: it is at most 1


@pytest.mark.parametrize(
    ("row", "family", "quantity"),
    [
        (0, "gaussian", "variance"),
        (1, "gaussian", "squared_error"),
        (2, "gamma", "squared_error"),
    ],
)
def test_lines_are_the_predictions(pictures, row, family, quantity):
    """Generations 10, 30 and 200, and the limit, of fresh (left) and kept real rows (right)."""
    model, v2 = MODELS[family]
    for column, name in enumerate(("fresh-data", "keep-real")):
        axis = pictures["share"].drawing.axes[2 * row + column]
        lines = drawn(axis, 5)[1:]
        unit = 1 if quantity == "variance" else ROWS
        for i in (0, -1):
            share = float(lines[0][i, 0])
            known = mc.predict(mc.Experiment(model, loop(name, share), ROWS, 200))[quantity]
            expected = [unit * known[t - 1] for t in (10, 30, 200)]
            np.testing.assert_allclose([line[i, 1] for line in lines[:3]], expected, rtol=1e-9)
            error = limit(name, share, v2)
            last = unit * error if quantity == "squared_error" else 1 + v2 * error
            shown = lines[3][i, 1]
            assert np.isnan(shown) if np.isinf(last) else abs(shown / last - 1) < 1e-9


def test_what_is_marked(pictures):
    """The diamond is on the limit, and the star on the diagonal, as no weight is better."""
    for row, family in ((1, "gaussian"), (2, "gamma")):
        v2 = MODELS[family][1]
        for column, name in enumerate(("fresh-data", "keep-real")):
            lines = pictures["share"].drawing.axes[2 * row + column].get_lines()
            (diamond,) = [line.get_xydata()[0] for line in lines if line.get_marker() == "D"]
            assert abs(ROWS * limit(name, diamond[0], v2) / diamond[1] - 1) < 1e-9
            stars = [line.get_xydata()[0] for line in lines if line.get_marker() == "*"]
            assert len(stars) == (name == "fresh-data")
            for star in stars:
                assert star[0] == star[1]
                around = [ROWS * limit(name, star[0] + step, v2) for step in (-0.01, 0, 0.01)]
                assert abs(around[1] - star[1]) < 1e-12
                assert min(around) == around[1]


@pytest.mark.parametrize("growth", [0.3, 1.0])
def test_webs_turn_at_the_threshold(growth):
    """Above it the error times all rows has a limit, below it grows for ever."""
    turn = web_threshold(growth / (1 + growth))
    for share in (turn - 0.1, turn + 0.15):
        web = curves.growing(webs.ROWS, growth, share)
        e = mc.Experiment(mc.NormalMean(), web, webs.ROWS, round(30 / np.log2(1 + growth)))
        worth = mc.predict(e)["squared_error"] * np.cumsum(e.sizes)
        known = webs.limit(growth, share)
        if share > turn:
            assert abs(worth[-1] / known - 1) < 0.01
        else:
            assert np.isinf(known)
            assert worth[-1] > 3 * worth[len(worth) // 2]


def test_web_lines_are_the_predictions(pictures):
    """Of the first web, at its last generation, over all rows."""
    axis = pictures["web"].drawing.axes[0]
    lines = drawn(axis, 5)
    for share, value in lines[3][[0, -1]]:
        e = mc.Experiment(mc.NormalMean(), curves.growing(1000, 0.1, float(share)), 1000, 66)
        expected = mc.predict(e)["squared_error"][-1] * e.sizes.sum()
        assert abs(value / expected - 1) < 1e-3  # the rows are rounded
    assert abs(lines[4][-1, 1] - 1) < 1e-12  # all rows real


def test_marks_are_on_their_curves(pictures):
    """The best weight's star, and the smallest share's diamond, at points of the limit's line."""
    found = 0
    for axis in pictures["share"].drawing.axes:
        lines = axis.get_lines()
        (limit_line,) = [x for x in lines if x.get_linestyle() == "--" and len(x.get_xdata()) > 1]
        curve = dict(limit_line.get_xydata().tolist())
        for mark in lines:
            if mark.get_marker() in ("*", "D") and len(mark.get_xdata()):
                (x,), (y,) = mark.get_data()
                assert curve[x] == pytest.approx(y, rel=1e-9)
                found += 1
    assert found == 6
