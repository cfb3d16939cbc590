"""The bandwidths' figure: the paper's bandwidths, rules beside each other, and exact errors."""

from itertools import product

import numpy as np
import polars as pl
import pytest

import modelcollapse as mc
from modelcollapse.reproduce import named
from modelcollapse.reproduce.kde import bounds
from modelcollapse.reproduce.kde.bandwidths import recorded, sweeps
from modelcollapse.reproduce.kde.drawing_bandwidths import SHADES
from tests.helpers.figure_making import WORKFLOWS, assert_files, fixtures

FIGURE = named("kde-bandwidths")
PAPER = [0.01, 0.0316, 0.1, 0.316, 1.0, 3.16, 10.0, 31.6, 100.0]


made, pictures = fixtures("kde-bandwidths")


def test_files(made, pictures):
    """Pictures, data and captions are there."""
    assert_files(
        made,
        pictures,
        ["loss-by-bandwidth", "loss-by-rule", "squared-error"],
        {"scaled", "loss", "mise", "pooled", "bounds", "exact"},
    )


def test_the_bandwidths_are_the_papers():
    """Nine bandwidths and two rules, 1000 generations, 100 seeds, on four truths."""
    parts = sweeps("paper")
    cells = parts["loss"].cells
    grid = {(c.model.get("data"), c.model["bandwidth"], c.workflow["name"]) for c in cells}
    data = [None, "moons:1000000", "blobs:1000000", "swiss_roll:1000000"]
    assert grid == set(product(data, [*PAPER, "scott", "silverman"], WORKFLOWS))
    assert len(cells) == len(grid)
    assert {(c.generations, c.replicates, c.samples) for c in cells} == {(1000, 100, 100)}
    assert {c.at for c in cells} == {tuple(recorded("paper"))}
    assert recorded("paper")[-1] == 1000
    scaled = parts["scaled"].cells
    assert {(c.model["bandwidth"], c.generations) for c in scaled} == {("scipy-scott", 316)}
    assert {c.model.get("data") for c in scaled} == set(data)
    exact = parts["mise"].cells + parts["pooled"].cells
    assert {c.workflow["name"] for c in exact} == set(WORKFLOWS)
    assert {c.model["bandwidth"] for c in exact} == {*PAPER, "scott", "silverman"}
    assert {c.model.get("data") for c in exact} == {None}
    assert {c.generations for c in parts["pooled"].cells} == {100}


def test_the_two_rules_differ_only_outside_the_plane():
    """In d = 2 both are N^(-1/6); in d = 1 and 3 they are not."""
    for workflow in WORKFLOWS:
        scott, silverman = (
            {d: bounds.schedule(rule, 100, 9, workflow, d) for d in (1, 2, 3)}
            for rule in ("scott", "silverman")
        )
        assert np.array_equal(scott[2], silverman[2])
        assert silverman[1] == pytest.approx(scott[1] * 0.75**-0.2)
        assert silverman[3] == pytest.approx(scott[3] * 1.25 ** (-1 / 7))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_schedules_are_those_of_the_loop(name):
    """The bounds are for the bandwidths that the package uses."""
    from modelcollapse.families.kde.moments import generator_bandwidths
    from modelcollapse.families.kde.training import trainings

    loop = mc.Experiment(mc.KDE("silverman", dim=3), WORKFLOWS[name], 7, 12)
    expected = generator_bandwidths(loop, trainings(loop))
    assert bounds.schedule("silverman", 7, 12, name, 3) == pytest.approx(expected)


def test_exact_errors_are_the_predicted_ones(made, pictures):
    """The lines of the squared error are the prediction, and the dashed one its limit."""
    axes = pictures["squared-error"].drawing.axes
    for axis, workflow in zip(axes, WORKFLOWS.values(), strict=True):
        lines = {line.get_label(): line for line in axis.get_lines()}
        h, first, last = (lines["generation 1"].get_xdata(), *_generations(lines))
        limit = lines["limit of late generations"].get_ydata()
        for i in (0, 6, 12):
            loop = mc.Experiment(mc.KDE(float(h[i])), workflow, 20, 10)
            prediction = mc.predict(loop)
            assert first[i] == pytest.approx(prediction["mise"][0], rel=1e-10)
            assert last[i] == pytest.approx(prediction["mise"][9], rel=1e-10)
            assert limit[i] == pytest.approx(prediction.limits["mise"], rel=1e-10)
    assert made[1]["pooled"]["expected"].is_finite().all()


def _generations(lines):
    return [lines[f"generation {t}"].get_ydata() for t in (1, 10)]


def test_lines_of_the_normal_are_the_predicted_bounds(pictures):
    """For N(0, 1) both bounds are the package's own, in the last generation."""
    axis = pictures["loss-by-bandwidth"].drawing.axes[0]
    assert axis.get_title() == "N(0, 1)"
    (low,) = [x for x in axis.get_lines() if x.get_label() == "generation 10"]
    (high,) = [x for x in axis.get_lines() if x.get_linestyle() == ":"]
    assert low.get_color() == high.get_color() == SHADES[-1]
    for i, h in enumerate((0.1, 1.0, 10.0)):
        prediction = mc.predict(mc.Experiment(mc.KDE(h), mc.Replace(), 20, 10))
        assert low.get_ydata()[i] == pytest.approx(prediction["test_log_loss_lower"][9])
        assert high.get_ydata()[i] == pytest.approx(prediction["test_log_loss_upper"][9])
        assert low.get_xdata()[i] == h


def test_triangles_are_at_the_rules_bandwidths(pictures):
    """Under accumulate a rule's bandwidth falls with the pool; elsewhere it stays."""
    axes = pictures["loss-by-bandwidth"].drawing.axes
    for row, workflow in enumerate(WORKFLOWS):
        marks = [
            x for x in axes[2 * row].get_lines() if x.get_marker() == "^" and len(x.get_xdata())
        ]
        expected = bounds.schedule("scott", 20, 10, workflow, 1)[[0, 9]]
        assert [float(np.squeeze(x.get_xdata())) for x in marks] == pytest.approx(expected.tolist())


def test_losses_are_above_the_bounds(made):
    """Means of runs are above every lower bound, up to their own error."""
    frames = made[1]
    runs = pl.concat([frames["loss"], frames["scaled"]], how="diagonal_relaxed")
    runs = runs.filter(pl.col.quantity == "test_log_loss").drop("expected")
    name = pl.col.data.str.split(":").list.first().fill_null("normal").alias("name")
    runs = runs.with_columns(name, pl.col.bandwidth.cast(pl.String))
    keys = ["name", "bandwidth", "workflow", "generation"]
    both = runs.join(frames["bounds"].select(*keys, "expected"), on=keys)
    assert set(both["bandwidth"]) == {"0.1", "1.0", "10.0", "scott", "scipy-scott"}
    z = (both["mean"] - both["expected"]) / (both["deviation"] / np.sqrt(10))
    assert z.min() > -6


def test_entropies():
    """No bandwidth's bound is below the entropy; the standard normal's is known."""
    at = [1, 3]
    table = bounds.entropies("scipy-scott", ["normal", "moons"], at)
    own = table.filter(pl.col.name == "normal")["expected"]
    assert own.to_numpy() == pytest.approx(np.full(6, 0.5 * np.log(2 * np.pi * np.e)))
    moons = table.filter(pl.col.name == "moons")["expected"].to_numpy()
    assert np.ptp(moons) == 0
    assert moons[0] < bounds.fixed(["moons"], [0.01], at)["expected"].min()
