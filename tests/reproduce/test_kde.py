"""The test losses' figure: the paper's grid, proved bounds as lines, and both kinds of blobs."""

from itertools import product

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.datasets import blobs_mixture, load, paper
from modelcollapse.reproduce import Context, named
from modelcollapse.reproduce.kde import mismatched
from modelcollapse.reproduce.kde.bounds import schedule
from modelcollapse.reproduce.kde.cross_entropy import Law, lower_bound
from modelcollapse.reproduce.kde.cross_entropy import named as curve
from modelcollapse.reproduce.kde.loss import recorded, sweeps
from tests.helpers.figure_making import WORKFLOWS, assert_files, fixtures

FIGURE = named("kde-loss")
AT = np.array([1, 2, 5, 20, 100])
SEEDS = 20


made, pictures = fixtures("kde-loss")


def test_files(made, pictures):
    """Pictures, data and captions are there."""
    assert_files(
        made,
        pictures,
        ["loss-blobs", "loss-moons", "blobs-artefact"],
        {"loss", "bounds", "mismatched"},
    )


def test_the_grid_is_the_papers():
    """Data sets, bandwidths, batch sizes, generations, seeds and test rows are the paper's."""
    cells = sweeps("paper")["loss"].cells
    grid = {(c.model["data"], c.model["bandwidth"], c.samples, c.workflow["name"]) for c in cells}
    data = [f"{name}:1000000" for name in ("blobs", "circles", "moons", "swiss_roll")]
    assert grid == set(product(data, [0.1, 0.5, 1.0], [10, 32, 100, 316, 1000], WORKFLOWS))
    assert len(cells) == len(grid)
    assert {(c.generations, c.replicates, c.test) for c in cells} == {(100, 100, 500)}
    at = recorded("paper")
    assert {c.at for c in cells} == {tuple(at)}
    assert at[:6] == [1, 2, 3, 4, 5, 6]
    assert at[-1] == 100


def panel(picture, row, column):
    """Return a panel's curves by colour and style."""
    count = len({axis.get_position().x0 for axis in picture.drawing.axes})
    return picture.drawing.axes[row * count + column].get_lines()


def drawn(lines, name, style):
    """Return the curve of a workflow with a line style, as (generations, values)."""
    from modelcollapse.workflows.names import COLOURS

    (line,) = [x for x in lines if x.get_color() == COLOURS[name] and x.get_linestyle() == style]
    return line.get_xdata().astype(int), line.get_ydata()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_lines_are_the_predicted_bounds(pictures, name):
    """The fine dots are the predicted upper bound, the line is above the predicted lower one."""
    h, n, lines = 0.1, 10, panel(pictures["loss-moons"], 0, 0)
    loop = mc.Experiment(mc.KDE(h, dim=2), WORKFLOWS[name], n, 10, load("moons"))
    prediction = mc.predict(loop)
    t, high = drawn(lines, name, ":")
    assert t.tolist() == recorded("quick")
    assert high == pytest.approx(prediction["test_log_loss_upper"][t - 1], rel=1e-12)
    styles = {"replace": "-", "accumulate": "--", "accumulate-subsample": "-"}
    t, low = drawn(lines, name, styles[name])
    entropy = lower_bound(curve("moons"), h, name, t)
    expected = np.maximum(entropy, prediction["test_log_loss_lower"][t - 1])
    assert low == pytest.approx(expected, rel=1e-12)


def test_dots_are_between_the_bounds(made):
    """The means of the runs are above the lower bound, up to their own error."""
    import polars as pl

    loss, low = (made[1][part] for part in ("loss", "bounds"))
    runs = loss.filter(pl.col.quantity == "test_log_loss")
    name = pl.col.data.str.split(":").list.first().alias("name")
    runs = runs.with_columns(name, pl.col.bandwidth.cast(pl.String)).drop("expected")
    low = low.select("name", "bandwidth", "workflow", "generation", "expected")
    both = runs.join(low, on=["name", "bandwidth", "workflow", "generation"])
    assert len(both) == len(runs) == 2 * 2 * 2 * 3 * 6
    z = (both["mean"] - both["expected"]) / (both["deviation"] / np.sqrt(10))
    assert z.min() > -6


@pytest.mark.parametrize("name", WORKFLOWS)
@pytest.mark.parametrize("rule", ["scott", 0.7])
def test_cross_entropies_are_the_predicted_ones(name, rule):
    """For N(0, I) in the plane, where the package has them by another route."""
    from modelcollapse.families.kde.losses import jensen

    loop = mc.Experiment(mc.KDE(rule, dim=2), WORKFLOWS[name], 30, 100)
    h = schedule(rule, 30, 100, name, 2) if rule == "scott" else rule
    found = lower_bound(Law(np.zeros((1, 2)), 1.0), h, name, AT)
    assert found == pytest.approx(jensen(loop)[AT - 1], abs=1e-4)


@pytest.mark.parametrize("name", ["circles", "moons", "swiss_roll"])
def test_curves_are_the_laws_of_the_data_sets(name):
    """Rows of a data set score, on average, what the quadrature over its law says."""
    from modelcollapse.families.kde.scoring import log_densities

    law, rows = curve(name), paper(name, 10_000, 3).values
    h, one = np.sqrt(0.05**2 + 0.3**2), np.array([1])
    logs = log_densities(rows[:, [0, -1]], law.points, h, tolerance=1e-9)
    if name == "swiss_roll":
        places = 21 * (np.arange(400) + 0.5) / 400
        inside = (rows[:, 1, None] - places) / h
        heights = np.exp(-(inside**2) / 2).mean(axis=1) / (h * np.sqrt(2 * np.pi))
        logs += np.log(heights)
    error = logs.std() / np.sqrt(len(logs))
    assert -logs.mean() == pytest.approx(lower_bound(law, 0.3, "replace", one)[0], abs=6 * error)


def test_a_law_that_many_rows_reach():
    """With 3000 rows the loss of one fit is just above the bound: the density is the expected."""
    truth = blobs_mixture()
    loop = mc.Experiment(mc.KDE(1.0, dim=2), mc.Replace(), 3000, 2, truth)
    runs = mc.simulate(loop, 20, seed=1, test=2000)["test_log_loss"]
    low = lower_bound(Law.of(truth), 1.0, "replace", np.array([1, 2]))
    error = runs.std(axis=0) / np.sqrt(len(runs))
    assert np.all(runs.mean(axis=0) > low - 5 * error)
    assert np.all(runs.mean(axis=0) < low + 5 * error + 0.02)


def test_wrong_centres_make_replace_look_good():
    """The artefact: on other centres the loss falls, on the learned ones it grows."""
    import polars as pl

    grid = mismatched.Grid([1.0], [300], [1, 30], SEEDS, 200)
    table = mismatched.one(grid, 1.0, 300, "replace")
    for quantity, column in (("test_log_loss", "mean"), ("cross_entropy", "expected")):
        own = table.filter(pl.col.quantity == quantity)
        first, last = {}, {}
        for kind in (mismatched.SAME, mismatched.OTHER):
            first[kind], last[kind] = own.filter(pl.col.test_rows == kind)[column].to_list()
        assert first[mismatched.SAME] + 1 < last[mismatched.SAME]
        assert first[mismatched.OTHER] > last[mismatched.OTHER] + 1


def test_seeds_have_two_sets_of_centres(monkeypatch):
    """Training rows are of one law and the other test rows of another, seed by seed."""
    seen = []

    def simulate(e, replicates, seed, at, *, test, tolerance):
        seen.append((e.truth, test, seed, replicates, tolerance))
        return {"test_log_loss": np.zeros((1, len(at)))}

    monkeypatch.setattr(mismatched, "simulate", simulate)
    mismatched.one(mismatched.Grid([1.0], [5], [1], 2, 50), 1.0, 5, "accumulate")
    assert [(seed, count) for _, _, seed, count, _ in seen] == [(0, 1), (0, 1), (1, 1), (1, 1)]
    assert [test for _, test, *_ in seen[::2]] == [50, 50]
    for seed in (0, 1):
        truth, other = seen[2 * seed][0], seen[2 * seed + 1][1]
        assert truth.means == pytest.approx(blobs_mixture(2 * seed).means)
        centres = blobs_mixture(2 * seed + 1).means
        gaps = np.linalg.norm(other.values[:, None] - centres, axis=2).min(axis=1)
        assert gaps.max() < 5


def test_finished_parts_are_kept(tmp_path, monkeypatch):
    """What is there is not computed again."""
    grid, context = mismatched.Grid([1.0], [5], [1, 2], 2, 20), Context(tmp_path)
    table = mismatched.compute(grid, context)
    monkeypatch.setattr(mismatched, "one", None)
    assert mismatched.compute(grid, context).equals(table)
