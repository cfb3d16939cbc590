"""Sweeps: the grid, the cells' tables, the folder, and that nothing is lost or done twice."""

import json
import os
import signal
from itertools import pairwise
from pathlib import Path

import joblib
import numpy as np
import polars as pl
import pytest
from joblib.externals.loky.process_executor import BrokenProcessPool
from polars.testing import assert_frame_equal, assert_series_equal

import modelcollapse as mc
from modelcollapse.sweep import Sweep, backends, cells, grid, read, run, store, work
from modelcollapse.sweep.cost import cost
from modelcollapse.sweep.store import Store
from modelcollapse.sweep.work import QUANTILES, quantiles

TABLE = {
    "model": {"family": "gaussian", "dim": [1, 2]},
    "workflow": {"name": ["replace", "accumulate"]},
    "samples": [5, 8],
    "generations": 4,
    "replicates": 30,
}


def test_a_list_is_an_axis_and_a_list_in_a_list_a_value():
    """The grid is the product of its axes, in the order in which they are written."""
    table = {
        "model": [{"family": "gaussian", "dim": [1, 2]}, {"family": "gamma", "shape": 2.0}],
        "workflow": [
            {"name": "replace"},
            {"name": "accumulate-subsample", "budget": [4, 6]},
            {"name": "web", "growth": 0.5, "real_share": 0.4},
        ],
        "samples": [5],
        "at": [1, 3],
        "generations": 3,
        "seed": [0, 1],
    }
    found = Sweep.of(table).cells
    assert len(found) == 3 * 4 * 2
    assert [c.model["family"] for c in found[::16]] == ["gaussian", "gamma"]
    assert found[0].at == (1, 3)
    assert found[2].experiment().workflow == mc.AccumulateSubsample(4)
    web = found[6].experiment().workflow
    assert (web.real.rate, web.real.real_share) == (0.5, 0.4)
    assert len({c.key for c in found}) == len(found)

    scheduled = Sweep.of({**TABLE, "samples": [[5, 6, 7, 8], 9]}).cells
    assert [c.samples for c in scheduled[:2]] == [[5, 6, 7, 8], 9]
    assert scheduled[0].experiment().sizes.tolist() == [5, 6, 7, 8]
    assert len(Sweep.of({**TABLE, "seed": [3, 3]}).cells) == 8


def test_schedules_in_short_forms(tmp_path, monkeypatch):
    """As on the command line; cells that are spelled in two ways are one."""
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("rows\n5\n10\n20\n")
    table = {"model": {"family": "gaussian"}, "workflow": {"name": "accumulate"}, "generations": 3}
    sizes = ["double:5", "5*2^(t-1)", "5,10,20", "a.csv", [5, 10, 20]]
    (cell,) = Sweep.of({**table, "samples": sizes}).cells
    assert cell.samples == [5, 10, 20]
    assert cell.experiment().sizes.tolist() == [5, 10, 20]
    for workflow, own in (
        ({"name": "accumulate-subsample", "budget": "2*t"}, [2, 4, 6]),
        ({"name": "edit", "edits": "double:2"}, [0, 2, 4]),
        ({"name": "web", "real": 1, "synthetic": "double:3"}, [5, 4, 7]),
    ):
        (cell,) = Sweep.of({**table, "workflow": workflow, "samples": 5}).cells
        e, name = cell.experiment(), workflow["name"]
        found = e.sizes if name == "web" else e.schedule.counts
        found = e.schedule.edits.rows if name == "edit" else found
        assert found.tolist() == own
    with pytest.raises(mc.InvalidInput, match="samples = '5,x'"):
        Sweep.of({**table, "samples": "5,x"})
    outcome = run(Sweep.of({**table, "samples": "double:5", "replicates": 5}), tmp_path / "out")
    assert set(pl.read_parquet(outcome.results)["samples"]) == {"double:5"}


@pytest.mark.parametrize(("most", "fits"), [(4, True), (3, False)])
def test_a_grid_is_counted_before_it_is_made(monkeypatch, most, fits):
    """As many cells as are allowed are made, and no more; huge grids cost nothing."""
    monkeypatch.setattr(grid, "MOST_CELLS", most)
    four = {**TABLE, "samples": 5}
    if fits:
        assert len(Sweep.of(four).cells) == 4
    else:
        with pytest.raises(mc.InvalidInput, match="the grid has 4 cells: give between 1 and 3"):
            Sweep.of(four)
    axis = list(range(10**5))
    huge = {**TABLE, **dict.fromkeys(("samples", "seed", "replicates", "generations"), axis)}
    with pytest.raises(mc.InvalidInput, match=f"the grid has 4{'0' * 20} cells"):
        Sweep.of(huge)
    with pytest.raises(mc.InvalidInput, match="the grid has 0 cells"):
        Sweep.of({**TABLE, "model": []})


def test_cells_are_known_by_their_experiments(tmp_path):
    """Not by how these are written, nor by a file's name; what is there is read without it."""
    data = tmp_path / "data.csv"
    data.write_text("x\n" + "\n".join(map(str, range(40))))
    table = {**TABLE, "model": {"family": "gaussian", "data": str(data)}, "samples": 8}
    (plain, accumulated) = Sweep.of(table).cells
    assert plain.key != accumulated.key
    same = Sweep.of(
        {**table, "samples": [[8] * 4, 8], "model": {**table["model"], "ddof": 0, "floor": 0}}
    )
    assert [cell.key for cell in same.cells] == [plain.key, accumulated.key]
    run(Sweep.of(table), tmp_path / "out")
    data.write_text("x\n" + "\n".join(map(str, range(41))))
    assert {cell.key for cell in Sweep.of(table).cells}.isdisjoint({plain.key, accumulated.key})
    with pytest.raises(mc.InvalidInput, match="2 of its cells are not in this one"):
        run(Sweep.of(table), tmp_path / "out")
    data.unlink()
    assert len(read(tmp_path / "out")) > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample": 3}, "unknown key 'sample'; did you mean samples"),
        ({"model": {"family": "gaussian", "dimm": 3}}, "key of model 'dimm'; did you mean dim"),
        ({"workflow": {"nam": "replace"}}, "key of workflow 'nam'; did you mean name"),
        ({"model": {"family": "gausian"}}, "did you mean gaussian"),
        ({"model": {"dim": 3}}, "model.family = None"),
        ({"model": 3}, r"give a table \[model\]"),
        ({"workflow": {"name": "replace", "budget": 3}}, "belongs to the workflow"),
        ({"workflow": {"name": "replace", "growth": 0.3}}, "belongs to the workflow 'web'"),
        ({"workflow": {"name": "web", "growth": 0.3}}, "give growth and real_share"),
        ({"samples": []}, "give at least one value"),
        ({"samples": 1}, "at least 2"),
        ({"replicates": 0}, "replicates = 0"),
        ({"at": 3}, "at = 3 is not valid: give a list"),
        ({"runs": 1}, "give true or false"),
        ({"seed": [-1]}, "cell gaussian replace dim=1, samples=5, .*seed = -1"),
    ],
)
def test_a_wrong_table_is_refused_before_anything_is_written(change, message, tmp_path):
    """The message names the key or the cell, and the nearest name."""
    with pytest.raises(mc.InvalidInput, match=message):
        run(Sweep.of({**TABLE, **change}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_tables_and_files_that_are_no_toml(tmp_path):
    """The file is named."""
    file = tmp_path / "grid.toml"
    for text, message in (("x = = 3", "no TOML"), ("samples = 3", "grid.toml: model is missing")):
        file.write_text(text)
        with pytest.raises(mc.InvalidInput, match=message):
            Sweep.read(file)
    with pytest.raises(mc.InvalidInput, match="cannot be read"):
        Sweep.read(tmp_path / "nowhere.toml")


def test_a_cell_is_what_simulate_and_predict_say(tmp_path):
    """Means, deviations and quantiles of the same runs; expectations of the same prediction."""
    outcome = run(Sweep.of({**TABLE, "runs": True, "at": [1, 4]}), tmp_path)
    assert (outcome.kept, outcome.computed, outcome.failed) == (0, 8, {})
    frame = pl.read_parquet(outcome.results)
    assert_frame_equal(frame, read(tmp_path))
    e = mc.Experiment(mc.Gaussian(2), mc.Accumulate(), 8, 4)
    runs, prediction = mc.simulate(e, 30, 0, [1, 4]), mc.predict(e)
    own = (pl.col.dim == 2) & (pl.col.workflow == "accumulate") & (pl.col.samples == 8)
    for name in ("variance", "log_determinant"):
        rows = frame.filter(own & (pl.col.quantity == name)).sort("generation")
        assert rows["generation"].to_list() == [1, 4]
        values = runs[name]
        np.testing.assert_array_equal(rows["mean"], values.mean(axis=0))
        np.testing.assert_array_equal(rows["deviation"], values.std(axis=0, ddof=1))
        ordered = np.sort(values, axis=0)
        np.testing.assert_array_equal(rows["median"], ordered[14])
        np.testing.assert_array_equal(rows["q95"], ordered[28])
        if name in prediction:
            np.testing.assert_array_equal(rows["expected"], prediction[name][[0, 3]])
        else:
            assert rows["expected"].is_nan().all()
    predicted = frame.filter((pl.col.quantity == "test_log_loss") & (pl.col.dim == 2))
    assert set(predicted["workflow"]) == {"replace"}
    assert predicted["mean"].is_nan().all()
    assert not predicted["expected"].is_nan().any()
    cell = Sweep.of({**TABLE, "runs": True, "at": [1, 4]}).cells[-1]
    kept = pl.read_parquet(Store(tmp_path).place(cell, "runs"))
    np.testing.assert_array_equal(kept["variance"], runs["variance"].ravel())


def test_cells_that_differ_in_seeds_share_a_prediction(monkeypatch, tmp_path):
    """One is made for each experiment, and the runs of each seed are their own."""
    predicted = []

    def counted(e):
        predicted.append(e.identity)
        return mc.predict(e)

    monkeypatch.setattr(work, "predict", counted)
    work._predicted.cache_clear()
    run(Sweep.of({**TABLE, "seed": [0, 1, 2]}), tmp_path)
    assert len(predicted) == len(set(predicted)) == 8
    frame = read(tmp_path).sort("seed")
    one, *others = (part.drop("seed") for part in frame.partition_by("seed", maintain_order=True))
    for other in others:
        for name in ("quantity", "expected", "expected_deviation"):
            assert_series_equal(one[name], other[name], check_exact=True)
        assert not one["mean"].equals(other["mean"])


def test_processes_give_the_same_bits(tmp_path):
    """In any order of completion."""
    run(Sweep.of(TABLE), tmp_path / "here")
    run(Sweep.of(TABLE), tmp_path / "there", jobs=2)
    assert_frame_equal(read(tmp_path / "here"), read(tmp_path / "there"), check_exact=True)


def test_a_failed_cell_is_reported_and_stops_no_other(tmp_path):
    """It is tried again by the next run."""
    table = {
        **TABLE,
        "model": [{"family": "gaussian"}, {"family": "kde", "bandwidth": 0.3}],
        "extra": ["mise"],
    }
    said = []
    for computed in (4, 0):
        outcome = run(Sweep.of(table), tmp_path, found=said.append)
        assert outcome.computed == computed
        assert len(outcome.failed) == 4
        assert all("mise" in error for error in outcome.failed.values())
    assert len(said) == 8
    assert "failed: gaussian replace samples=5" in said[0]
    assert len(list((tmp_path / "failed").iterdir())) == 4
    assert set(read(tmp_path)["family"]) == {"kde"}


def test_a_damaged_file_is_found_named_and_done_again(tmp_path):
    """Cut off, or not Parquet at all."""
    sweep = Sweep.of(TABLE)
    run(sweep, tmp_path)
    whole, place = read(tmp_path), Store(tmp_path).place
    cut, empty = place(sweep.cells[2]), place(sweep.cells[5])
    cut.write_bytes(cut.read_bytes()[:-20])
    empty.write_bytes(b"")
    said = []
    outcome = run(sweep, tmp_path, found=said.append)
    assert (outcome.kept, outcome.computed, len(outcome.damaged)) == (6, 2, 2)
    assert str(cut) in said[0]
    assert str(empty) in said[1]
    assert_frame_equal(read(tmp_path), whole, check_exact=True)


def test_a_folder_takes_up_what_it_has_and_refuses_another_sweep(tmp_path):
    """More cells extend it; fewer, or others, are another sweep."""
    run(Sweep.of(TABLE), tmp_path)
    outcome = run(Sweep.of({**TABLE, "samples": [5, 8, 9]}), tmp_path)
    assert (outcome.kept, outcome.computed) == (8, 4)
    with pytest.raises(mc.InvalidInput, match="holds another sweep: 12 of its cells"):
        run(Sweep.of({**TABLE, "generations": 5}), tmp_path)


@pytest.mark.parametrize("what", ["a file", "foreign files", "a broken header"])
def test_a_folder_that_is_something_else_is_refused(what, tmp_path):
    """And nothing in it is touched."""
    place = tmp_path / "out"
    if what == "a file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / ("mine.txt" if what == "foreign files" else "sweep.json")).write_text("{")
    before = sorted(tmp_path.rglob("*"))
    message = {"a file": "is a file", "foreign files": "is not empty"}.get(what, "is damaged")
    with pytest.raises(mc.InvalidInput, match=message):
        run(Sweep.of(TABLE), place)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_of_another_format_is_refused(tmp_path):
    """Of the version before, say; it is neither read nor taken up."""
    run(Sweep.of(TABLE), tmp_path)
    header = json.loads((tmp_path / "sweep.json").read_text())
    del header["seal"]
    (tmp_path / "sweep.json").write_text(json.dumps({**header, "format": 2}))
    for use in (read, lambda folder: run(Sweep.of(TABLE), folder)):
        with pytest.raises(mc.InvalidInput, match="has format 2, and this version reads 3"):
            use(tmp_path)


@pytest.mark.parametrize("part", ["cells", "runs"])
def test_a_cell_in_anothers_place_is_done_again(tmp_path, part):
    """It is whole, and of other numbers."""
    sweep = Sweep.of({**TABLE, "runs": True})
    run(sweep, tmp_path)
    whole, folder = read(tmp_path), Store(tmp_path)
    one, other = (folder.place(cell, part) for cell in sweep.cells[:2])
    one.write_bytes(other.read_bytes())
    outcome = run(sweep, tmp_path)
    assert outcome.damaged == [sweep.cells[0]]
    assert_frame_equal(read(tmp_path), whole, check_exact=True)


def test_a_damaged_header_is_made_again(tmp_path):
    """What a sweep is of, its cells' names say too; those of another sweep are not taken up."""
    sweep = Sweep.of(TABLE)
    run(sweep, tmp_path)
    whole = (tmp_path / "sweep.json").read_bytes()
    for small in (False, True):
        (tmp_path / "sweep.json").write_bytes(whole.replace(b"gaussian", b"gauszian"))
        with pytest.raises(mc.InvalidInput, match=r"sweep.json is damaged"):
            read(tmp_path)
        if small:
            with pytest.raises(mc.InvalidInput, match="4 of its cells are not in this one"):
                run(Sweep.of({**TABLE, "samples": 5}), tmp_path)
        else:
            assert run(sweep, tmp_path).kept == 8
            assert (tmp_path / "sweep.json").read_bytes() == whole


def test_what_another_build_computed_is_refused(monkeypatch, tmp_path):
    """Its numbers may be others; it can still be read."""
    run(Sweep.of(TABLE), tmp_path)
    kept = read(tmp_path)
    for module in (store, cells):
        monkeypatch.setattr(module, "build", lambda: "0.0.1+another")
    with pytest.raises(
        mc.InvalidInput, match=r"computed by modelcollapse \S+, and this is 0.0.1\+"
    ):
        run(Sweep.of(TABLE), tmp_path)
    assert_frame_equal(read(tmp_path), kept)


def test_a_test_file_counts_by_what_is_in_it(tmp_path):
    """Under its old name it is another cell; one that changes under way is a failure."""
    path, copy = tmp_path / "test.csv", tmp_path / "copy.csv"
    for file in (path, copy):
        file.write_text("x\n1\n2\n")
    table = {**TABLE, "model": {"family": "kde", "bandwidth": 0.5}, "workflow": {"name": "replace"}}
    table |= {"samples": 5, "test": [str(copy), str(path)]}
    before = Sweep.of(table)
    assert len(before.cells) == 1
    path.write_text("x\n1\n3\n")
    assert len(Sweep.of(table).cells) == 2
    outcome = run(before, tmp_path / "out")
    assert "test file has changed since" in next(iter(outcome.failed.values()))


def test_other_peoples_files_stay(tmp_path):
    """Whatever they are called; what a killed sweep left is removed."""
    run(Sweep.of({**TABLE, "samples": 5}), tmp_path)
    key = Sweep.of(TABLE).cells[0].key
    mine = [tmp_path / name for name in ("a.partial", "notes/b.partial", "cells/x.parquet.partial")]
    left = [
        tmp_path / "sweep.json.0123abcd.partial",
        tmp_path / f"cells/{key}.parquet.89abcdef.partial",
    ]
    for path in (*mine, *left):
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    run(Sweep.of(TABLE), tmp_path)
    assert [path.exists() for path in (*mine, *left)] == [True] * 3 + [False] * 2


def test_two_processes_do_not_share_a_folder(tmp_path):
    """The second is told so."""
    sweep = Sweep.of(TABLE)
    with Store(tmp_path).opened(sweep.cells), pytest.raises(mc.InvalidInput, match="is working"):
        run(sweep, tmp_path)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_keeps_what_is_finished(tmp_path):
    """And the same call goes on."""

    def stop(done: int, _: str) -> None:
        if done == 3:
            os.kill(os.getpid(), signal.SIGINT)

    outcome = run(Sweep.of(TABLE), tmp_path, progress=stop)
    assert outcome.interrupted
    assert outcome.results is None
    assert len(read(tmp_path).group_by("dim", "workflow", "samples").len()) == 3
    assert run(Sweep.of(TABLE), tmp_path).kept == 3


def test_a_killed_process_loses_no_cell(tmp_path):
    """The processes are started again for what is left."""
    from joblib.externals.loky import reusable_executor

    killed = []

    def kill(done: int, _: str) -> None:
        if done and not killed:
            killed.append(next(iter(reusable_executor._executor._processes)))
            os.kill(killed[0], signal.SIGKILL)

    sweep = Sweep.of({**TABLE, "seed": list(range(6))})
    outcome = run(sweep, tmp_path / "killed", jobs=2, progress=kill)
    assert killed
    assert (outcome.computed, outcome.failed) == (48, {})
    run(sweep, tmp_path / "whole")
    assert_frame_equal(read(tmp_path / "killed"), read(tmp_path / "whole"), check_exact=True)


@pytest.mark.parametrize(
    "model",
    [
        {"family": "gaussian", "dim": 3},
        {"family": "kde", "bandwidth": 0.3},
        {"family": "gamma"},
        {"family": "discrete", "outcomes": 20},
        {"family": "regression", "dim": 3},
    ],
    ids=lambda model: model["family"],
)
def test_costs_grow_with_the_work(model):
    """With replicates, generations and rows where they matter; both parts are positive."""

    def of(**change):
        sizes = {"samples": 50, "generations": 20, "replicates": 100, **change}
        workflow = {"name": "accumulate-subsample"}
        return cost(Sweep.of({"model": model, "workflow": workflow, **sizes}).cells[0])

    least = of()
    assert least.seconds > 0
    assert least.memory > 0
    for change in ({"replicates": 1000}, {"generations": 200}, {"samples": 500}):
        assert of(**change).seconds > least.seconds
    assert of(replicates=10**6).memory > least.memory


@pytest.mark.parametrize("workflow", ["replace", "accumulate", "accumulate-subsample", "keep-real"])
@pytest.mark.parametrize(
    ("model", "option"),
    [
        ({"family": "gaussian"}, "dim"),
        ({"family": "kde", "bandwidth": 0.3}, "dim"),
        ({"family": "regression"}, "dim"),
        ({"family": "discrete"}, "outcomes"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["family"],
)
def test_costs_grow_with_the_model(model, option, workflow):
    """Never less for a larger one, and more for a much larger one; in proportion to the runs."""

    def of(size, replicates=100):
        table = {
            "model": {**model, option: size},
            "workflow": {"name": workflow},
            "samples": 3000,
            "generations": 20,
            "replicates": replicates,
        }
        return cost(Sweep.of(table).cells[0])

    costs = [of(size) for size in (2, 5, 20, 100)]
    for larger, smaller in pairwise(reversed(costs)):
        assert larger.seconds >= smaller.seconds
        assert larger.memory >= smaller.memory
    assert costs[-1].memory > costs[0].memory
    if option == "dim":  # rows of a subset are drawn one by one, however many outcomes there are
        assert costs[-1].seconds > costs[0].seconds
    one, two, three = (of(5, replicates).seconds for replicates in (1000, 2000, 3000))
    assert three - two == pytest.approx(two - one, rel=1e-9)
    assert two > one


@pytest.mark.parametrize(
    ("model", "twice"),
    [
        ({"family": "label-verifier", "cells": 5}, {"cells": 10}),
        ({"family": "region-verifier"}, None),
    ],
    ids=lambda value: None if value is None else value.get("family"),
)
def test_verified_loops_are_swept(model, twice, tmp_path):
    """Families that verify rows: a cell's columns are the simulation's, and its cost grows."""

    def of(**change):
        table = {"samples": 20, "generations": 3, "replicates": 50, "model": model, **change}
        return Sweep.of({"workflow": {"name": "replace"}, **table})

    least = cost(of().cells[0])
    more = of(model={**model, **twice}) if twice else of(samples=40)
    assert cost(more.cells[0]).seconds > least.seconds > 0
    run(of(), tmp_path)
    e = of().cells[0].experiment()
    runs = mc.simulate(e, 50)
    frame = read(tmp_path)
    for name in runs:
        means = frame.filter(pl.col.quantity == name).sort("generation")["mean"].to_numpy()
        assert means == pytest.approx(runs[name].mean(axis=0), rel=1e-12)


@pytest.mark.parametrize(("workflow", "more"), [("replace", True), ("accumulate", False)])
def test_exact_chains_cost_where_they_are_computed(workflow, more):
    """Replace predicts outcomes lost from a chain of counts; what needs none is cheaper."""

    def seconds(quantity):
        model = {"family": "discrete", "outcomes": 10}
        sizes = {"samples": 500, "generations": 50, "quantities": [quantity]}
        table = {"model": model, "workflow": {"name": workflow}, **sizes}
        return cost(Sweep.of(table).cells[0]).seconds

    assert (seconds("absent") > seconds("heterozygosity")) == more


def test_settings_name_a_cell_for_ever(tmp_path):
    """The key of a cell is of its settings alone, and the header holds those."""
    sweep = Sweep.of(TABLE)
    run(sweep, tmp_path)
    header = json.loads((Path(tmp_path) / "sweep.json").read_text())
    assert header["cells"] == {c.key: c.settings for c in sweep.cells}
    assert Sweep.of(dict(reversed(TABLE.items()))).cells[0].key == sweep.cells[0].key


def test_processes_that_die_again_and_again_are_given_up(monkeypatch):
    """They are started once, and RESTARTS times more; then what is left has failed."""
    started = []

    class Dying:
        def __init__(self, **_):
            started.append(1)

        def __call__(self, _):
            raise BrokenProcessPool("killed")

    monkeypatch.setattr(joblib, "Parallel", Dying)
    cells = Sweep.of(TABLE).cells[:2]
    found = dict(backends.with_joblib(cells, 2))

    assert len(started) == 1 + backends.RESTARTS
    assert [result.error[:30] for result in found.values()] == [
        "the processes were killed agai"
    ] * 2


@pytest.mark.parametrize("count", [*range(1, 42), 100, 1000])
def test_quantiles_are_the_inverse_of_the_distribution(count):
    """They are NumPy's, bit for bit, with ties, infinities and columns that hold NaN."""
    rng = np.random.default_rng(count)
    values = rng.normal(size=(count, 5))
    values[:, 1] = rng.integers(3, size=count)
    values[rng.integers(count), 2] = np.inf
    values[rng.integers(count), 3] = np.nan
    levels = list(QUANTILES.values())
    for table in (values, values[:, :2].astype(np.int64), values[:, :1] > 0):
        expected = np.quantile(table, levels, axis=0, method="inverted_cdf")
        assert np.array_equal(quantiles(table), expected, equal_nan=True)
        assert quantiles(table).dtype == expected.dtype
