"""Editing: a data set of which some rows are replaced by the last model's."""

import json
from itertools import product

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse import solver
from modelcollapse.solver import edits
from modelcollapse.testing import assert_frequency, assert_mean
from modelcollapse.workflows.selection import batch_sizes, select

MODELS = (mc.Gaussian(), mc.Gaussian(2, ddof=1), mc.NormalMean(), mc.Poisson(), mc.Discrete(3))
SHARES = (0.5, 0.0, 1.0, 0.25)


def scheduled(workflow, n, T):
    """Return the schedule of a loop."""
    return mc.Experiment(mc.NormalMean(), workflow, n, T).schedule


@pytest.mark.parametrize(
    ("n", "rows", "slope"),
    [(10, 3, 0.0494845361), (100, 1, 0.000198019802), (100, 50, 0.0074874372), (10, 10, 0.1)],
)
def test_slopes(n, rows, slope):
    """Per edited row as rows -> 1 almost twice replace's 1/n, which is what all of them cost."""
    s = scheduled(mc.Edit(rows=rows), n, 3000)
    errors = solver.squared_errors(s, s.sizes)
    assert np.diff(errors)[-1] == pytest.approx(slope, rel=1e-8)
    assert edits.edit_slope(s.edits) == pytest.approx(slope, rel=1e-8)
    p = rows / n
    assert edits.edit_slope(s.edits) == pytest.approx(p * (n * (2 - p) - 1) / (n * (n - p)))


def test_values_that_were_checked_by_simulation():
    """Errors after 15 steps, and under a schedule; the Gaussian's variance."""
    s = scheduled(mc.Edit(rows=3), 10, 16)
    found = [solver.squared_errors(s, s.sizes, v2)[-1] for v2 in (0, 1, -1)]
    assert found == pytest.approx([0.84694, 1.20285, 0.60445], abs=5e-6)
    s = scheduled(mc.Edit(rows=(8, 4, 2, 1, 1, 1)), 8, 7)
    found = [solver.squared_errors(s, s.sizes, v2)[-1] for v2 in (0, 1, -1)]
    assert found == pytest.approx([0.48301, 0.56896, 0.40873], abs=5e-6)
    e = mc.Experiment(mc.Gaussian(), mc.Edit(rows=(2, 2, 3, 1, 6, 2)), 6, 7)
    assert mc.predict(e)["variance"][-1] == pytest.approx(0.4144, abs=5e-5)


@pytest.mark.parametrize("by", ["rows", "share"])
@pytest.mark.parametrize(("dim", "n"), [(1, 3), (2, 10), (3, 6), (3, 3)])
def test_a_spread_that_vanishes_keeps_its_digits(dim, n, by, seed):
    """All rows edited is replace, also where a spread is a 10^-80th of how far the mean went.

    Of fits of full rank by the logarithm of the determinant, which has known mean and variance; of
    others no run is without spread.
    """
    workflow = mc.Edit(rows=n) if by == "rows" else mc.Edit(share=1)
    e = mc.Experiment(mc.Gaussian(dim), workflow, n, 400)
    runs = mc.simulate(e, 400, seed, at=[400])
    assert np.isfinite(runs["log_variance" if dim == 1 else "log_determinant"]).all() == (n > dim)
    assert (runs["variance"] > 0).all()
    if n > dim:
        known = mc.predict(mc.Experiment(mc.Gaussian(dim), mc.Replace(), n, 400))
        mean, spread = known["log_determinant"][-1], known.variances["log_determinant"][-1]
        assert_mean(runs["log_determinant"][:, 0], mean, spread)


@pytest.mark.parametrize(("rows", "dim"), [(9, 2), (3, 4), (4, 4)])
def test_fits_in_the_frame_are_those_of_the_rows(rows, dim, seed):
    """The recorded factor, trace and pivots belong to one covariance, of the rows' rank."""
    e = mc.Experiment(mc.Gaussian(dim), mc.Edit(share=0.5), rows, 4)
    runs = mc.simulate(e, 50, seed, extra=["minors", "log_pivots"])
    minors, rank = runs["minors"], min(rows - 1, dim)
    np.testing.assert_allclose(minors[..., 0], runs["variance"], rtol=1e-12)
    assert (np.isfinite(runs["log_pivots"]).sum(axis=2) == rank).all()
    assert (minors[..., :rank] > 0).all()
    # Rounding of a determinant whose value is 0.
    scale = minors[..., :1] ** np.arange(rank + 1, dim + 1)
    assert (np.abs(minors[..., rank:]) <= 1e-12 * scale).all()
    if rank == dim:
        volume = np.exp(runs["log_pivots"].sum(axis=2))
        np.testing.assert_allclose(minors[..., -1], volume, rtol=1e-9)


@pytest.mark.parametrize(
    ("edit", "n"),
    [({"rows": 1}, 10**8), ({"rows": 3}, 10**9), ({"share": 2e-14}, 50), ({"share": 1e-10}, 10**6)],
)
def test_edits_that_change_less_than_a_rounding(edit, n):
    """The variance vanishes all the same, what it loses goes to the mean, and the fate says so."""
    e = mc.Experiment(mc.Gaussian(), mc.Edit(**edit), n, 2)
    p = mc.predict(e)
    assert {name: p.limits[name] for name in ("variance", "squared_error", "second_moment")} == {
        "variance": 0,
        "squared_error": 1,
        "second_moment": 1,
    }
    assert p.fates["variance"].verdict == "clumps"
    assert p.fates["variance"].rate.startswith("(1 - ")
    assert p.fates["squared_error"].verdict == "bounded"
    # Of the determinant in more dimensions it cannot be said.
    q = mc.predict(mc.Experiment(mc.Gaussian(3), mc.Edit(**edit), n, 2))
    assert q.fates["determinant"].verdict == "undetermined" or q.limits["determinant"] == 0


def test_many_dimensions_and_draws():
    """Numbers of ways beyond 64 bits: all rows edited are replace's."""
    for workflow in (mc.Edit(rows=200), mc.Edit(share=1)):
        ours = mc.predict(mc.Experiment(mc.Gaussian(100), workflow, 200, 3))
        theirs = mc.predict(mc.Experiment(mc.Gaussian(100), mc.Replace(), 200, 3))
        assert ours["determinant"] == pytest.approx(theirs["determinant"], rel=1e-11)
    loop = mc.Experiment(mc.Discrete(200), mc.Edit(rows=400), 400, 3)
    other = mc.Experiment(mc.Discrete(200), mc.Replace(), 400, 3)
    drawn = mc.discrete.all_different(loop, 70)
    assert drawn == pytest.approx(mc.discrete.all_different(other, 70), rel=1e-11)


def test_a_set_has_as_many_rows_as_a_batch_may():
    """Not more, whichever way it is edited."""
    for workflow in (mc.Edit(rows=2), mc.Edit(share=0.5)):
        with pytest.raises(mc.InvalidInput, match="at most 1000000000000 rows"):
            mc.Experiment(mc.Gaussian(), workflow, 10**15, 3)
    with pytest.raises(mc.InvalidInput, match="rows"):
        mc.Edit(rows=b"12")


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_eigenvalue(rows):
    """1 - k (2n - k - 1)/(n^2 (n - 1)) for v2 = -1: .98, .94666..., and replace's .9."""
    n = 10
    s = scheduled(mc.Edit(rows=rows), n, 2)
    wanted = 1 - rows * (2 * n - rows - 1) / (n**2 * (n - 1))
    assert edits.growth(s.edits, -1.0) == pytest.approx(wanted, rel=1e-13)
    assert edits.growth(s.edits, 0.0) == pytest.approx(1, rel=1e-13)
    assert edits.growth(s.edits, 0.5) > 1


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_all_rows_edited_is_replace(model):
    """Every expectation, variance and limit."""
    everything = [
        mc.predict(mc.Experiment(model, workflow, 6, 5))
        for workflow in (mc.Replace(), mc.Edit(rows=6), mc.Edit(share=1))
    ]
    for edited in everything[1:]:
        for part in ("expected", "variances", "limits"):
            ours, theirs = getattr(edited, part), getattr(everything[0], part)
            shared = set(ours) & set(theirs)
            assert shared or not ours
            for name in shared:
                assert ours[name] == pytest.approx(theirs[name], rel=1e-12), name
        assert edited.fates["squared_error"].verdict == everything[0].fates["squared_error"].verdict


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("workflow", [mc.Edit(rows=(3, 0, 7, 1)), mc.Edit(share=SHARES)], ids=repr)
def test_simulated_means_are_those_predicted(model, workflow, seed):
    """At the last generation of a schedule, with editing that pauses and that takes all rows."""
    e = mc.Experiment(model, workflow, 7, 5)
    prediction, count = mc.predict(e), 40_000
    runs = mc.simulate(e, count, seed, [5])
    for name in prediction.variances:
        if name in runs and prediction.variances[name][-1] > 0:
            assert_mean(runs[name][:, 0], prediction[name][-1], prediction.variances[name][-1])


@pytest.mark.parametrize(("ddof", "heat"), [*product((0, 1), (1.0, 0.9, 1.2))])
@pytest.mark.parametrize("how", [{"rows": 3}, {"share": 0.3}], ids=str)
def test_gaussian_limits_are_those_of_long_loops(ddof, heat, how):
    """Where V_t falls: what is left of it, and of its limit's error, is what the factor says."""
    T = 4000
    e = mc.Experiment(mc.Gaussian(2, ddof=ddof), mc.Edit(**how), 10, T, temperature=heat)
    p = mc.predict(e)
    if p["variance"][-1] > p["variance"][0]:
        assert p.limits["variance"] == np.inf == p.limits["squared_error"]
        assert p.fates["variance"].verdict == "diverges"
    else:
        assert p.limits["variance"] == 0 == p.limits["determinant"]
        assert p["variance"][-1] < 1e-8
        assert p["squared_error"][-1] == pytest.approx(p.limits["squared_error"], rel=1e-9)
        assert p.fates["variance"].verdict == "clumps" == p.typical["variance"].verdict


def test_unbiased_fits_collapse_under_editing_and_not_under_replace():
    """The factor is 1 - k (n - k)/(n^2 (n - 1)) with ddof 1."""
    n = 10
    for k in range(1, n + 1):
        e = mc.Experiment(mc.Gaussian(ddof=1), mc.Edit(rows=k), n, 3)
        V = mc.predict(e)["variance"]
        assert V[2] / V[1] == pytest.approx(1 - k * (n - k) / (n**2 * (n - 1)), rel=1e-13)


def test_survival_is_decided_by_the_sum_of_the_shares():
    """Shares 1/t^2 leave a part for ever; 1/t takes all of it, as t^(-2/n): not by the squares."""
    n, T = 5, 20_000
    kept = mc.predict(mc.Experiment(mc.Gaussian(), mc.Edit(share=lambda t: t**-2.0), n, T))
    lost = mc.predict(mc.Experiment(mc.Gaussian(), mc.Edit(share=lambda t: 1 / t), n, T))
    ahead = 2 / n / T  # of the sum of f_t/n < 2/(n t^2)
    assert kept["variance"][-1] > 0.5
    assert 1 - kept["variance"][-1] / kept["variance"][T // 2] < 2 * ahead
    ratio = lost["variance"][-1] / lost["variance"][T // 2 - 1]
    assert ratio == pytest.approx(2 ** (-2 / n), rel=1e-3)
    for prediction in (kept, lost):
        assert prediction.fates["variance"].verdict == "undetermined"
        assert "iff the sum of the chances" in prediction.fates["variance"].reason
        assert "variance" not in prediction.limits


@pytest.mark.parametrize(("workflow", "count"), [(mc.Edit(rows=2), 2), (mc.Edit(share=0.5), None)])
def test_each_row_is_as_likely(workflow, count, seed):
    """Every subset of the set's places is replaced with the same chance, by rows of the batch."""
    n, runs = 4, 6000
    sizes = batch_sizes(workflow, n, 2).tolist()
    rng, before = np.random.default_rng(seed), np.array([3, 1, 0, 2])
    replaced = np.zeros((runs, n), bool)
    for i in range(runs):
        rows, _ = select(workflow, sizes, rng, before)
        replaced[i] = rows >= n
        assert np.array_equal(rows[~replaced[i]], before[~replaced[i]])
    for place, other in ((0, 1), (1, 3)):
        both = int((replaced[:, place] & replaced[:, other]).sum())
        assert_frequency(int(replaced[:, place].sum()), runs, 1 / 2)
        assert_frequency(both, runs, 1 / 6 if count else 1 / 4)
    assert count is None or (replaced.sum(axis=1) == count).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give one of the two"),
        ({"rows": 3, "share": 0.2}, "give one of the two"),
        ({"rows": 0}, "nothing would be edited"),
        ({"share": 0}, "nothing would be edited"),
        ({"rows": -1}, "at least 0"),
        ({"rows": 2.5}, "rows = 2.5"),
        ({"rows": [1, -2]}, r"rows\[1\] = -2"),
        ({"rows": "many"}, "a number, a sequence or a callable"),
        ({"share": 1.2}, "share = 1.2 .*from 0 to 1"),
        ({"share": [0.1, 2]}, r"share\[1\] = 2"),
        ({"share": np.nan}, "share = nan"),
    ],
)
def test_what_cannot_be_edited_is_refused(options, message):
    """The message names the argument and its value."""
    with pytest.raises(mc.InvalidInput, match=message):
        mc.Edit(**options)


@pytest.mark.parametrize(
    ("workflow", "samples", "message"),
    [
        (mc.Edit(rows=11), 10, "rows at generation 2 = 11 .*the data set has 10 rows"),
        (mc.Edit(rows=lambda t: 4 * t), 10, "rows at generation 3 = 12"),
        (mc.Edit(rows=(1, 2)), 10, "generations = 5"),
        (mc.Edit(share=lambda _: 2), 10, r"share\(2\) = 2"),
        (mc.Edit(rows=3), [10, 3, 3, 3, 3], "sets the later batches itself"),
    ],
)
def test_loops_that_cannot_be_are_refused(workflow, samples, message):
    """More edits than rows, and schedules that are too short."""
    with pytest.raises(mc.InvalidInput, match=message):
        mc.Experiment(mc.Gaussian(), workflow, samples, 5)


def test_a_fixed_design_edits_labels():
    """Each by the label for the same inputs: rows of other inputs are refused."""
    with pytest.raises(mc.InvalidInput, match=r"Edit\(share=...\)"):
        mc.Experiment(mc.LinearRegression(2), mc.Edit(rows=3), 10)
    e = mc.Experiment(mc.LinearRegression(2), mc.Edit(share=0.5), 10, 4)
    prediction = mc.predict(e)
    assert not list(prediction.expected)
    assert prediction.fates["risk"].verdict == "undetermined"
    rows = [rows for rows, _ in e.schedule.chosen(np.random.default_rng(0))]
    assert all(np.array_equal(chosen % 10, np.arange(10)) for chosen in rows)


@pytest.mark.parametrize(
    "workflow",
    [mc.Edit(rows=3), mc.Edit(rows=(1, 0, 2)), mc.Edit(share=lambda t: 1 / t)],
    ids=["rows", "schedule", "function"],
)
def test_an_experiment_is_built_from_its_description(workflow):
    """Also where a function says how many rows: it is told by its numbers."""
    e = mc.Experiment(mc.Gaussian(), workflow, 10, 4)
    told = json.loads(json.dumps(mc.described(e)))
    assert told["workflow"]["name"] == "edit"
    assert told["samples"] == 10
    assert mc.Experiment.from_dict(told) == e


def test_what_extends_it_is_another_workflow():
    """Its own choice of rows has no theorem; one that changes nothing is the same."""

    class Own(mc.Edit):
        def keep(self, previous_rows, sizes, rng):
            return super().keep(previous_rows, sizes, rng)

    class Same(mc.Edit):
        pass

    own, same = (mc.Experiment(mc.Gaussian(), kind(rows=3), 10, 4) for kind in (Own, Same))
    assert own.schedule.edits is None
    assert not list(mc.predict(own).expected)
    plain = mc.predict(mc.Experiment(mc.Gaussian(), mc.Edit(rows=3), 10, 4))
    assert np.array_equal(mc.predict(same)["variance"], plain["variance"])


def test_real_rows_are_all_that_can_be_known():
    """The price of editing grows from the first edit on: its information is that of n real rows."""
    s = scheduled(mc.Edit(rows=3), 10, 8)
    assert np.array_equal(solver.information(s, s.sizes), np.full(8, 10.0))
    price = solver.price(s, s.sizes)
    assert price[0] == pytest.approx(1)
    assert (np.diff(price) > 0).all()


def test_the_solver_says_where_variances_are():
    """They need the set's rows: a family's prediction has them."""
    s = scheduled(mc.Edit(rows=3), 10, 3)
    with pytest.raises(mc.NoClosedForm, match=r"see predict\(experiment\)"):
        solver.error_variances(s, s.sizes)


@pytest.mark.parametrize("rows", [1, None])
@pytest.mark.parametrize("model", [mc.NormalMean(), mc.Poisson(), mc.Binomial(2)], ids=repr)
def test_a_single_row_that_is_edited(model, rows):
    """It has no second row to share anything with: E x^2 gains e (1 + v2 E x^2) each time."""
    workflow = mc.Edit(rows=rows) if rows else mc.Edit(share=0.25)
    e, v2 = (1.0 if rows else 0.25), {"NormalMean": 0, "Poisson": 0, "Binomial": -0.5}
    v2 = v2[type(model).__name__]
    found = mc.predict(mc.Experiment(model, workflow, 1, 40))
    x = np.empty(40)
    x[0] = 1.0
    for t in range(1, 40):
        x[t] = x[t - 1] + e * (1 + v2 * x[t - 1])
    np.testing.assert_allclose(found["inflation"], x, rtol=1e-12)
    assert found.fates["squared_error"].verdict == ("bounded" if v2 < 0 else "diverges")
