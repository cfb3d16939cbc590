"""Top-hat kernels: infinite losses, and the share of fresh rows that have one."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import modelcollapse as mc
from modelcollapse.reproduce import named
from modelcollapse.reproduce.kde.loss import BANDWIDTHS, GENERATIONS
from modelcollapse.reproduce.kde.top_hat import AT, REPLICATES, missed_first, sweeps
from modelcollapse.testing import assert_frequency
from tests.helpers.figure_making import WORKFLOWS, assert_files, fixtures

FIGURE = named("kde-top-hat")


made, pictures = fixtures("kde-top-hat")


def test_files(made, pictures):
    """Pictures, data and captions are there."""
    assert_files(made, pictures, ["missed"], {"runs", "missed"})


def test_the_grid():
    """The bandwidths and generations of the Gaussian kernels' sweep, one fresh row a run."""
    cells = sweeps("paper")["runs"].cells
    assert {c.model["kernel"] for c in cells} == {"tophat"}
    assert sorted({c.model["bandwidth"] for c in cells}) == BANDWIDTHS["paper"]
    assert {c.workflow["name"] for c in cells} == set(WORKFLOWS)
    assert {(c.generations, c.test) for c in cells} == {(GENERATIONS["paper"], 1)}


@pytest.mark.parametrize(("h", "n"), [(0.1, 10), (1.0, 10), (0.5, 100)])
def test_the_first_share_is_an_integral(h, n):
    """By another rule, and at no bandwidth and n is it 0."""

    def density(x):
        inside = norm.cdf(x + h) - norm.cdf(x - h)
        return norm.pdf(x) * (1 - inside) ** n

    expected = quad(density, -12, 12, limit=400)[0]
    assert missed_first(h, n) == pytest.approx(expected, rel=1e-6)
    assert missed_first(h, n) > 0


def test_the_first_share_is_simulated(made):
    """Of fresh rows that no ball covers; every expected loss is infinite."""
    rows = made[1]["missed"]
    assert np.isposinf(rows["expected_loss"].to_numpy()).all()
    first = [row for row in rows.iter_rows(named=True) if row["generation"] == 1]
    assert len(first) == len(BANDWIDTHS["paper"]) * len(WORKFLOWS)
    for row in first:
        count = round(row["missed"] * row["replicates"])
        assert row["exact"] == missed_first(row["bandwidth"], row["samples"])
        assert_frequency(count, row["replicates"], row["exact"])


def test_a_loss_is_infinite_where_the_density_is_zero(made):
    """The share of a cell is that of the runs of the same simulation."""
    loop = mc.Experiment(mc.KDE(0.1, "tophat"), mc.Replace(), 10, AT["quick"][-1])
    runs = mc.simulate(loop, REPLICATES["quick"], 0, AT["quick"], test=1)["test_log_loss"]
    rows = made[1]["missed"].filter(workflow="replace", bandwidth=0.1).sort("generation")

    assert np.isposinf(runs).mean(axis=0).tolist() == rows["missed"].to_list()
