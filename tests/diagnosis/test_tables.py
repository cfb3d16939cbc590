"""Tables of every form and format are one record, bit for bit, and what is done is said."""

import json
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse._support.errors import InvalidInput
from modelcollapse.cli import main
from modelcollapse.diagnosis import diagnose
from modelcollapse.diagnosis.columns import Columns
from modelcollapse.diagnosis.reading import read

LONG = "seed,generation,eval_loss\n"
# Three runs of four generations; 2 lacks its last one. No two numbers are the same.
VALUES = np.array([[1.5, 2.25, 1 / 3, np.inf], [0.1, -7.0, 1e-300, 3.0], [4.0, 0.2, 0.3, np.nan]])


def written(path, text):
    """Write a file."""
    path.write_text(text, encoding="utf-8")
    return path


def cell(value):
    """Return a number as CSV has it; a missing one is empty."""
    return "" if np.isnan(value) else repr(float(value))


def lines(rows, mark=","):
    """Return rows of texts as a file."""
    return "".join(mark.join(row) + "\n" for row in rows)


def long_rows(values):
    """Return a header and one row per run and generation."""
    cells = [
        [f"seed{i + 1}", str(t + 1), cell(values[i, t])]
        for i in range(values.shape[0])
        for t in range(values.shape[1])
    ]
    return [["seed", "generation", "eval_loss"], *cells]


def wide_rows(values, name="eval_loss_seed{}"):
    """Return a header and one row per generation, with a column for each run."""
    names = [name.format(i + 1) for i in range(values.shape[0])]
    rows = [[str(t + 1), *map(cell, values[:, t])] for t in range(values.shape[1])]
    return [["generation", *names], *rows]


def turned_rows(values, name="eval_loss_t{}"):
    """Return a header and one row per run, with a column for each generation."""
    names = [name.format(t + 1) for t in range(values.shape[1])]
    rows = [[f"seed{i + 1}", *map(cell, values[i])] for i in range(values.shape[0])]
    return [["seed", *names], *rows]


def records(values):
    """Return one mapping per run and generation, as JSON has it."""
    head, *rows = long_rows(values)
    return [
        dict(
            zip(
                head,
                [seed, int(t), (float(x) if np.isfinite(float(x)) else x) if x else None],
                strict=True,
            )
        )
        for seed, t, x in rows
    ]


def as_columns(values):
    """Return the long table as columns with None for what is missing."""
    rows = records(values)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns["eval_loss"] = [None if x is None else float(x) for x in columns["eval_loss"]]
    return columns


def same(record, values, name="eval_loss", generations=None):
    """Assert that a record holds these numbers and no others of that name."""
    expected = np.arange(1, values.shape[1] + 1) if generations is None else generations
    assert record.generations.tolist() == list(expected)
    assert record.runs == len(values)
    assert np.array_equal(record.columns[name](), values, equal_nan=True)


def gaps(values):
    """Return numbers with None for those that are missing."""
    return [None if np.isnan(x) else x for x in values]


def options(**given):
    """Return the options of a table."""
    return Columns.of(*(given.get(name) for name in ("generation", "run", "by", "wide")))


def said(path, **given):
    """Return the notes of a table."""
    return " | ".join(read(path, columns=options(**given)).notes)


def wrong(capsys, *arguments):
    """Return the one line that a wrong call prints."""
    assert main(["diagnose", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


# Every form and format


FORMS = {
    "long.csv": lambda v: lines(long_rows(v)),
    "long.tsv": lambda v: lines(long_rows(v), "\t"),
    "shuffled.csv": lambda v: lines(
        [long_rows(v)[0], *sorted(long_rows(v)[1:], key=lambda r: r[1])]
    ),
    "wide.csv": lambda v: lines(wide_rows(v)),
    "first.csv": lambda v: lines(wide_rows(v, "Seed {} eval_loss")),
    "plain.csv": lambda v: lines(wide_rows(v, "run-{}")),
    "wandb.csv": lambda v: lines(wide_rows(v, "my-run-{} - eval_loss")),
    "turned.csv": lambda v: lines(turned_rows(v)),
    "numbered.tsv": lambda v: lines(turned_rows(v, "{}"), "\t"),
    "records.json": lambda v: json.dumps(records(v)),
    "columns.json": lambda v: json.dumps(as_columns(v)),
    "by-index.json": lambda v: json.dumps(
        {name: dict(enumerate(column)) for name, column in as_columns(v).items()}
    ),
    "grid.json": lambda v: json.dumps({"eval_loss": [gaps(row) for row in v.tolist()]}),
    "log.jsonl": lambda v: "\n".join(map(json.dumps, records(v))) + "\n\n",
    "tall.csv": lambda v: lines(
        [
            ["seed", "generation", "metric", "value"],
            *([s, t, m, x] for s, t, x in long_rows(v)[1:] for m in ("eval_loss", "other")),
        ]
    ),
}


NAMELESS = dict.fromkeys(["plain.csv", "numbered.tsv"], Columns(wide="eval_loss"))


@pytest.mark.parametrize("name", FORMS)
def test_forms_are_one_record(tmp_path, name):
    """Each run keeps its numbers, whichever way the table lies."""
    path = written(tmp_path / name, FORMS[name](VALUES))
    same(read(path, columns=NAMELESS.get(name)), VALUES)


@pytest.mark.parametrize(
    "library", [pl.DataFrame, pd.DataFrame, pa.table], ids=["polars", "pandas", "arrow"]
)
def test_frames_and_mappings_are_the_same_record(library, tmp_path):
    """Of any library, long, wide and turned, and in Parquet."""
    columns = as_columns(VALUES)
    same(read(library(columns)), VALUES)
    same(read(columns), VALUES)
    wide = {"generation": [1, 2, 3, 4]} | {
        f"seed_{i}": row.tolist() for i, row in enumerate(VALUES)
    }
    missing = {name: gaps(column) for name, column in wide.items()}
    same(read(library(missing), columns=options(wide="eval_loss")), VALUES)
    turned = {str(t + 1): gaps(VALUES[:, t].tolist()) for t in range(4)}
    same(read(library(turned), columns=options(wide="eval_loss")), VALUES)
    path = tmp_path / "runs.parquet"
    pl.DataFrame(columns).write_parquet(path)
    same(read(path), VALUES)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_numbers_go_through_any_form(tmp_path_factory, data):
    """Runs and generations of any number, with gaps, in any order of rows."""
    runs, width = data.draw(st.integers(2, 4)), data.draw(st.integers(2, 4))
    number = st.one_of(st.just(np.nan), st.floats(allow_nan=False))
    values = np.array([[data.draw(number) for _ in range(width)] for _ in range(runs)])
    folder = tmp_path_factory.mktemp("forms")
    name = data.draw(st.sampled_from(sorted(FORMS)))
    if name == "shuffled.csv":
        head, *rows = long_rows(values)
        text = lines([head, *data.draw(st.permutations(rows))])
    else:
        text = FORMS[name](values)
    record = read(written(folder / name, text), columns=NAMELESS.get(name))
    got = record.columns["eval_loss"]()
    if name == "shuffled.csv":  # runs come in the order of their first rows
        assert sorted(map(repr, got.tolist())) == sorted(map(repr, values.tolist()))
    else:
        same(record, values)


# Which columns


def test_columns_are_known_by_name_and_by_option(tmp_path):
    """The histories of the paper: other names, two settings, seeds; case does not matter."""
    rows = [["Model-Fitting Iteration", "SETTING", "Seed", "Test Loss"]]
    numbers = {"Accumulate": VALUES[:, :3], "Replace": 2 * VALUES[:, :3]}
    for setting, values in numbers.items():
        for i, t in np.ndindex(*values.shape):
            rows.append([str(t + 1), setting, str(i), cell(values[i, t])])
    path = written(tmp_path / "history.csv", lines(rows))
    for setting, values in numbers.items():
        for given_options in ({}, {"by": "setting"}, {"by": "SETTING", "run": ["seed"]}):
            record = read(path, setting, columns=options(**given_options))
            same(record, values, "Test Loss")
            assert record.source.endswith(f"({setting})")
    with pytest.raises(InvalidInput, match="in its column 'SETTING' Accumulate, Replace: give one"):
        diagnose(path)
    with pytest.raises(InvalidInput, match="did you mean Replace"):
        diagnose(path, workflow="replace")
    with pytest.raises(InvalidInput, match="unknown by column 'Settings'; did you mean SETTING"):
        diagnose(path, by="Settings")
    with pytest.raises(InvalidInput, match="unknown generation column 'iteration'"):
        diagnose(path, generation="iteration")
    with pytest.raises(InvalidInput, match="a column has two roles"):
        diagnose(path, by="Seed", run="seed")
    other = [[f"x{name}" for name in rows[0]], *rows[1:]]
    path = written(tmp_path / "own.csv", lines(other))
    found = options(generation="xModel-fitting iteration", by="xsetting", run="xSeed")
    same(read(path, "Replace", columns=found), numbers["Replace"], "xTest Loss")
    assert (
        diagnose(
            path,
            generation="xmodel-fitting iteration",
            by="xsetting",
            run=["xseed"],
            workflow="Replace",
            risk="xtest loss",
        )["any_risk"].metric
        == "xTest Loss"
    )


def test_a_name_that_is_there_in_two_cases_has_to_be_exact(tmp_path):
    """Else nobody knows which is meant."""
    path = written(tmp_path / "a.csv", "Round_,round_,loss\n1,1,1\n2,2,2\n")
    assert read(path, columns=options(generation="round_")).runs == 1
    with pytest.raises(InvalidInput, match="unknown generation column 'ROUND_'"):
        read(path, columns=options(generation="ROUND_"))


def test_several_columns_tell_runs_apart(tmp_path):
    """All of the usual ones do, and those that are asked for."""
    text = "seed,trial,fold,generation,eval_loss\n"
    cells = [(s, r, f, t) for s in "ab" for r in "ab" for f in "xy" for t in (1, 2)]
    text += "".join(f"{s},{r},{f},{t},{i}\n" for i, (s, r, f, t) in enumerate(cells))
    path = written(tmp_path / "a.csv", text)
    values = np.arange(16.0).reshape(8, 2)
    same(read(path, columns=options(run=["seed", "trial", "fold"])), values)
    with pytest.raises(InvalidInput, match=r"by='fold' \(--by fold\), or runs with run='fold'"):
        read(path)
    same(read(path, "y", columns=options(by="fold")), values[1::2])


def test_the_first_of_two_known_names_is_taken_and_said(tmp_path):
    """Step comes before epoch."""
    path = written(tmp_path / "a.csv", "epoch,step,loss\n1,0,3\n2,1,4\n")
    record = read(path)
    assert record.generations.tolist() == [0, 1]
    assert "'step' is the column taken for generation=, which may name 'epoch'" in record.notes[0]
    other = written(tmp_path / "b.csv", "step,epoch,loss\n0,1,3\n1,2,4\n")
    assert read(other).generations.tolist() == [0, 1]
    assert read(path, columns=options(generation="epoch")).generations.tolist() == [1, 2]
    assert said(path, generation="epoch") == ""


def test_steps_are_taken_in_order(tmp_path):
    """With a note; a run that lacks the first one that others have is told as ever."""
    text = "seed,step,eval_loss\na,100,1\na,200,2\na,300,3\nb,200,5\nb,300,6\n"
    path = written(tmp_path / "a.csv", text)
    record = read(path)
    same(record, np.array([[1, 2, 3], [np.nan, 5, 6]]))
    assert "'step' is 100, 200, 300: taken in order as generations 1, 2" in record.notes[0]
    notes = diagnose(path).notes
    assert any(
        "generations 1, 2, 3 left out, as a run has none at generation 1" in n for n in notes
    )
    grid = {"step": [5, 9], "eval_loss": VALUES[:2, :2].tolist()}
    for given_grid in (grid, written(tmp_path / "grid.json", json.dumps(grid))):
        same(read(given_grid), VALUES[:2, :2])
        assert any("'step' is 5, 9: taken in order" in note for note in read(given_grid).notes)
    plain = written(tmp_path / "b.csv", "generation,eval_loss\n0,1\n10,2\n")
    assert read(plain).generations.tolist() == [0, 10]
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 6)
    late = written(tmp_path / "c.csv", "generation,variance\n2,1\n6,2\n")
    with pytest.raises(InvalidInput, match="begins at generation 2"):
        read(late, experiment=e)


def test_a_training_logs_steps_without_evaluation_are_no_generations(tmp_path):
    """As Lightning and Trainers log: a line for each metric, evaluations at some steps only."""
    text = "epoch,step,train_loss,val_loss\n0,49,9,\n0,99,8,\n0,99,,3\n1,149,7,\n1,199,,2\n"
    path = written(tmp_path / "metrics.csv", text)
    same(read(path), np.array([[3.0, 2.0]]), "val_loss")
    assert "2 steps without 'val_loss' left out" in said(path)
    epochs = read(path, columns=options(generation="epoch"))
    same(epochs, np.array([[3.0, 2.0]]), "val_loss", [0, 1])
    with pytest.raises(InvalidInput, match="line 2 and line 3 are the same generation"):
        epochs.columns["train_loss"]()
    counted_text = text.replace("step", "round").replace("99,,3", "98,,3").replace("epoch", "lap")
    plain = written(tmp_path / "plain.csv", counted_text)
    assert len(read(plain).generations) == 5  # of generations nothing is left out
    late = written(tmp_path / "late.csv", counted_text.replace("round", "generation"))
    with pytest.raises(InvalidInput, match="begins at generation 49: give generation 1 too"):
        read(late)


# Wide tables


def test_numbered_runs_of_several_names_are_settings(tmp_path):
    """Replace-0 and accumulate-0 are not two runs of one loop."""
    head = ["Step", *(f"{name}-{i} - loss" for name in ("replace", "accumulate") for i in (0, 1))]
    path = written(tmp_path / "a.csv", lines([head, list("01234"), list("15678")]))
    with pytest.raises(InvalidInput, match="accumulate, replace: give one as workflow"):
        read(path)
    same(read(path, "accumulate"), np.array([[3.0, 7.0], [4.0, 8.0]]), "loss", [0, 1])


def test_wide_tables_of_several_metrics(tmp_path):
    """Each column goes to its metric and its run; what is no run is left out, and said."""
    head = ["Step", "s1 - eval/loss", "s1 - eval/loss__MIN", "s2 - eval/loss", "s1 - acc", "lr"]
    rows = [["0", "1", "9", "2", "3", "7"], ["1", "4", "9", "5", "6", "7"]]
    path = written(tmp_path / "a.csv", lines([head, *rows]))
    record = read(path)
    same(record, np.array([[1.0, 4.0], [2.0, 5.0]]), "eval/loss", [0, 1])
    same(record, np.array([[3.0, 6.0], [np.nan, np.nan]]), "acc", [0, 1])
    assert set(record.columns) == {"eval/loss", "acc"}
    for text in ("__MIN': left out", "read as runs of 'eval/loss'", "'lr': left out"):
        assert text in said(path)
    assert diagnose(path)["any_risk"].metric == "eval/loss"
    with pytest.raises(InvalidInput, match="several metrics, 'eval/loss', 'acc': leave it out"):
        read(path, columns=options(wide="loss"))


def test_wide_is_said_where_names_do_not_say_it(tmp_path):
    """A number after the metric is a run on request only; texts are never runs."""
    path = written(tmp_path / "a.csv", "step,loss/3,loss/4,note\n0,1,2,x\n1,3,4,y\n")
    assert set(read(path).columns) == {"loss/3", "loss/4", "note"}
    same(
        read(path, columns=options(wide="eval_loss")),
        np.array([[1, 3], [2, 4.0]]),
        "eval_loss",
        [0, 1],
    )
    bad = written(tmp_path / "bad.csv", "step,a,b\n0,1,2\n1,3,oops\n")
    with pytest.raises(InvalidInput, match="line 3, column 'b': 'oops' is not a number"):
        diagnose(bad, wide="loss")


def test_a_single_column_of_that_form_may_be_chance(tmp_path):
    """It takes nothing from the others; alone it is a run."""
    path = written(tmp_path / "a.csv", "generation,eval_loss,the run 2 flag\n1,1,0\n2,3,1\n")
    assert set(read(path).columns) == {"eval_loss", "the run 2 flag"}
    path = written(tmp_path / "b.csv", "Step,r - eval_loss,r - eval_loss__MAX\n0,1,0\n1,3,1\n")
    same(read(path), np.array([[1.0, 3.0]]), generations=[0, 1])


def test_runs_in_rows_and_in_columns(tmp_path):
    """A column of runs stays one beside those of a wide table; so does a setting named run."""
    text = "run,generation,a,b\nx,1,1,2\nx,2,3,4\ny,1,5,6\ny,2,7,8\n"
    path = written(tmp_path / "a.csv", text)
    expected = np.array([[1, 3], [5, 7], [2, 4], [6, 8.0]])
    same(read(path, columns=options(wide="eval_loss")), expected)
    by = options(wide="eval_loss", by="run")
    same(read(path, "y", columns=by), np.array([[5, 7], [6, 8.0]]))
    turned = written(tmp_path / "b.csv", "run,gen 1,gen 2\nx,1,2\ny,3,4\nx,5,6\n")
    values = np.array([[1, 2], [5, 6.0]])
    same(read(turned, "x", columns=options(by="run")), values, "value")


def test_long_frames_of_the_package_are_read():
    """One row per quantity, as `to_frame(long=True)` has it."""
    runs = mc.simulate(mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 4), 3)
    for long in (False, True):
        record = read(runs.to_frame(long=long))
        for name in ("variance", "squared_error"):
            same(record, runs[name], name)


def test_frames_with_an_index_or_a_name_twice():
    """A named index is a column; two columns of one name are refused as ever."""
    index = pd.MultiIndex.from_tuples(
        [(s, t) for s in "ab" for t in (1, 2)], names=["seed", "step"]
    )
    frame = pd.DataFrame({"eval_loss": [1.0, 2.0, 3.0, 4.0]}, index=index)
    same(read(frame), np.array([[1, 2], [3, 4.0]]))
    plain = pd.DataFrame({"generation": [1, 2], "eval_loss": [5.0, 6.0]}, index=["x", "y"])
    same(read(plain), np.array([[5.0, 6.0]]))
    twice = pd.DataFrame([[1, 2.0], [2, 3.0]], columns=["generation", "generation"])
    with pytest.raises(InvalidInput, match="trajectory: no table can be made of the data frame"):
        read(twice)


def test_two_columns_of_one_run_are_refused(tmp_path):
    """Else one of them would be lost."""
    path = written(tmp_path / "a.csv", "generation,loss_seed1,seed1_loss\n1,1,2\n2,3,4\n")
    with pytest.raises(
        InvalidInput, match="'loss_seed1' and 'seed1_loss' are both 'loss' of seed1"
    ):
        read(path)
    path = written(tmp_path / "b.csv", "gen_1,t1,t2\n1,1,2\n2,3,4\n")
    with pytest.raises(InvalidInput, match="are both 'value' of 1: drop one"):
        read(path)


@pytest.mark.parametrize("head", ["2018,2019", "2,3", "1,3", "1,x", "gen1,x"])
def test_numbers_that_may_be_anything_are_no_generations(tmp_path, head):
    """Years, or the first row of data without a header."""
    path = written(tmp_path / "a.csv", f"{head}\n1,2\n3,4\n")
    with pytest.raises(InvalidInput, match="has no column 'generation'"):
        read(path)


# Several files, logs and folders


def test_each_file_is_a_run(tmp_path):
    """Unless a column tells runs apart; the same file twice is no second run."""
    paths = []
    for i, row in enumerate(VALUES):
        rows = [["generation", "eval_loss", f"own{i}"]]
        rows += [[str(t + 1), cell(x), "1"] for t, x in enumerate(row)]
        paths.append(written(tmp_path / f"{i}.csv", lines(rows)))
    record = read(paths)
    same(record, VALUES)
    assert "'own0', 'own1', 'own2': left out, as not in each" in " ".join(record.notes)
    assert record.source.endswith("0.csv and 2 more")
    with pytest.raises(InvalidInput, match=r"1\.csv, line 2 and .*1\.csv, line 2 are the same gen"):
        read([paths[1], paths[0], paths[1]])
    first = written(tmp_path / "first.csv", "seed,generation,eval_loss\na,1,1\nb,1,2\n")
    later = written(tmp_path / "later.csv", "seed,generation,eval_loss\nb,2,4\na,2,3\n")
    same(read([first, str(later)]), np.array([[1, 3], [2, 4.0]]))
    with pytest.raises(InvalidInput, match="are the same generation of the same run"):
        read([first, first])
    mixed = written(tmp_path / "mixed.csv", "setting,generation,eval_loss\nA,1,1\nA,2,2\n")
    with pytest.raises(InvalidInput, match=r"0\.csv has no column 'setting', as other files"):
        read([paths[0], mixed])


def trainer_state(path, losses, *, final=None):
    """Write what the Trainer of transformers leaves, with training lines between."""
    history = []
    for i, loss in enumerate(losses, start=1):
        history.append({"loss": 9.0, "epoch": i - 0.5, "learning_rate": 0.1, "step": 100 * i - 50})
        history.append({"loss": 8.0, "epoch": i, "learning_rate": 0.1, "step": 100 * i})
        history.append({"eval_loss": loss, "eval_runtime": 1.0, "epoch": i, "step": 100 * i})
        history.append({"eval_other_loss": loss + 1, "epoch": i, "step": 100 * i})
    history.append({"train_runtime": 1.0, "train_loss": 8.5, "step": 100 * len(losses)})
    if final is not None:
        history.append({"eval_loss": final, "step": 100 * len(losses)})
    path.parent.mkdir(exist_ok=True)
    return written(path, json.dumps({"epoch": 3, "best_metric": None, "log_history": history}))


def test_trainers_states(tmp_path):
    """The evaluations are the generations; those of a step belong together."""
    paths = [
        trainer_state(tmp_path / f"seed{i}" / "trainer_state.json", row)
        for i, row in enumerate(VALUES[:2, :3])
    ]
    record = read(paths)
    same(record, VALUES[:2, :3])
    same(record, VALUES[:2, :3] + 1, "eval_other_loss")
    assert not {"loss", "train_loss", "epoch"} & set(record.columns)
    assert "each evaluation is a generation" in record.notes[0]
    again = trainer_state(tmp_path / "again.json", [1.0, 2.0], final=3.0)
    same(read(again), np.array([[1.0, 3.0]]))
    assert "of several evaluations at step 200 the last one counts" in said(again)
    none = written(tmp_path / "none.json", json.dumps({"log_history": [{"loss": 1, "step": 1}]}))
    with pytest.raises(InvalidInput, match=r"none\.json has no evaluations"):
        read(none)


def test_json_of_the_own_commands(tmp_path, capsys):
    """Of run, one and several; of predict and simulate the experiment alone."""
    fit = ["run", "--estimator", "gaussian", "--data", "iris", "--generations", "3"]
    assert main([*fit, "--json", "--quiet"]) == 0
    one = written(tmp_path / "one.json", capsys.readouterr().out)
    assert main([*fit, "--json", "--replicates", "2", "--quiet"]) == 0
    two = written(tmp_path / "two.json", capsys.readouterr().out)
    runs = json.loads(two.read_text())["replicates"]
    names = list(runs[0]["metrics"])
    for name in names:
        same(read(two), np.array([run["metrics"][name] for run in runs]), name)
        same(read(one), np.array([json.loads(one.read_text())["metrics"][name]]), name)
    loop = ["gaussian", "--samples", "10", "--generations", "6", "--json"]
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 6)
    for command in (["predict", *loop], ["simulate", *loop, "--replicates", "3", "--quiet"]):
        assert main(command) == 0
        path = written(tmp_path / "e.json", capsys.readouterr().out)
        found, theory = diagnose(path), diagnose(e)
        assert all(found[one.name].reason == one.reason for one in theory)
        assert "theorems alone" in found.notes[0]


# The command


def test_command_diagnoses_every_setting(tmp_path, capsys):
    """One block each; of a single one the JSON is as ever."""
    rows = [["iteration", "kind", "my loss"]]
    rows += [[str(t), kind, str(t * f)] for kind, f in (("up", 1), ("down", -1)) for t in (1, 2, 3)]
    path = written(tmp_path / "a.csv", lines(rows))
    call = ["diagnose", str(path), "--by", "Kind", "--risk", "my loss"]
    assert main(call) == 0
    blocks = capsys.readouterr().out
    expected = {
        kind: diagnose(path, by="kind", workflow=kind, risk="my loss") for kind in ("down", "up")
    }
    assert blocks == "".join(found.table() + "\n" for found in expected.values())
    assert main([*call, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["down", "up"]
    assert document["up"]["source"] == f"{path} (up)"
    assert main([*call, "--json", "--workflow", "up"]) == 0
    assert json.loads(capsys.readouterr().out) == document["up"]
    single = written(tmp_path / "b.csv", lines(rows[:4]))
    assert main(["diagnose", str(single), "--by", "kind", "--json"]) == 0
    assert "verdicts" in json.loads(capsys.readouterr().out)
    remedy = "with by='kind' (--by kind), or runs with run='kind' (--run kind)"
    assert remedy in wrong(capsys, path)


def test_command_takes_files_and_columns(tmp_path, capsys):
    """Several files are runs; options name columns, also of --scaling's files."""
    one = written(tmp_path / "1.csv", "my iteration,eval_loss_a,eval_loss_b\n1,1,2\n2,2,3\n")
    two = written(tmp_path / "2.csv", "my iteration,eval_loss_a,eval_loss_b\n1,1,3\n2,2,4\n")
    more = ["--generation", "my iteration", "--wide", "eval_loss", "--json"]
    assert main(["diagnose", str(one), *more]) == 0
    assert json.loads(capsys.readouterr().out)["replicates"] == 2
    assert (
        main(["diagnose", str(one), *more, "--scaling", f"1={one}", "--scaling", f"2={two}"]) == 0
    )
    assert json.loads(capsys.readouterr().out)["replicates"] == 2
    plain = [
        written(tmp_path / f"p{i}.csv", f"epoch,eval_loss\n1,{i}\n2,{i + 1}\n") for i in range(3)
    ]
    assert main(["diagnose", *map(str, plain), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["replicates"] == 3
    assert "no file is given" in wrong(capsys)
    long = ["--generation", "epoch", "--run", "seed", "--run", "epoch"]
    assert "a column has two roles" in wrong(
        capsys, written(tmp_path / "q.csv", "seed,epoch\n1,1\n"), *long
    )


# Bad input


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tsv", "", "is empty: give a line of names"),
        ("a.tsv", "generation,loss\n1,2\n", "its columns: generation,loss"),
        ("a.tsv", "generation\tloss\n1\t2\n2\tx\n", "line 3, column 'loss': 'x' is not a number"),
        ("a.csv", "iteration,loss\n,2\n2,3\n", "line 2, column 'iteration': empty is not a whole"),
        ("a.csv", "my,loss\n1,2\n2,3\n", "with generation='COLUMN' (--generation COLUMN)"),
        ("a.csv", "seed_1,seed_2\n1,2\n2,3\n", "has no column 'generation'"),
        ("a.csv", "generation,seed_1,seed_2\n1,1,2\n", "has 1 generation:"),
        ("a.csv", "seed,1,2\n1,1,2\n1,2,3\n", "line 2 and line 3 are the same generation"),
        (
            "a.csv",
            "generation,grammatical\n1,0.5\n2,50\n",
            "line 3, column 'grammatical': 50 is no share",
        ),
        (
            "a.csv",
            "generation,hallucinated\n1,-1\n2,0\n",
            "line 2, column 'hallucinated': -1 is no",
        ),
        ("a.json", "", "is empty"),
        ("a.json", "[1", "line 1 is not JSON"),
        ("a.json", '{"a":\n,}', "line 2 is not JSON"),
        ("a.json", "3", "holds one value"),
        ("a.json", "[]", "has no column 'generation'"),
        ("a.json", "[3]", "record 1: give an object"),
        ("a.json", '{"a": 3}', "is no table"),
        ("a.json", '{"loss": [1, 2], "step": [1]}', "'loss' has 2, 'step' has 1"),
        ("a.json", '{"loss": [[1, 2], [1]]}', "give 2 lists of 2 numbers"),
        ("a.json", '{"loss": [1, [2]]}', "entry 2, column 'loss': '[2]' is not a number"),
        ("a.json", '{"loss": [1, NaN]}', "entry 2, column 'loss': NaN"),
        ("a.jsonl", '{"step": 1, "loss": 2}\n{', "line 2 is not JSON"),
        ("a.jsonl", '{"step": 1, "loss": 2}\n\n[1]', "line 3: give an object"),
        ("a.jsonl", '{"step": 1, "loss": 2}\n{"loss": 3}', "line 2, column 'step': empty is not"),
        (
            "a.jsonl",
            '{"step": 1, "loss": 2}\n{"step": 2, "loss": "x"}',
            "line 2, column 'loss': 'x'",
        ),
        ("a.md", "", "give a .csv or a .tsv or a .parquet or a .json or a .jsonl file"),
    ],
)
def test_bad_tables_are_told_the_place(tmp_path, capsys, name, text, message):
    """One line: the file, the place, and what would be accepted."""
    error = wrong(capsys, written(tmp_path / name, text))
    assert message in error
    assert name in error


def test_bad_options_are_told(tmp_path):
    """The name of the argument, its value, and what is accepted."""
    path = written(tmp_path / "a.csv", LONG + "1,1,2\n1,2,3\n")
    for more, message in (
        ({"generation": 3}, "generation = 3"),
        ({"by": ""}, "by = ''"),
        ({"run": [1]}, r"run = \[1\]"),
        ({"run": {"a": 1}}, r"run = \{'a': 1\}"),
        ({"wide": 1.5}, "wide = 1.5"),
        ({"workflow": "x"}, r"by='Setting' \(--by Setting\)"),
    ):
        with pytest.raises(InvalidInput, match=message):
            diagnose(path, **more)
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 6)
    with pytest.raises(InvalidInput, match=r"run = .*only a table has columns"):
        diagnose(e, run="seed")
    with pytest.raises(InvalidInput, match=r"is a folder and has no run\.json"):
        diagnose([tmp_path])
    (tmp_path / "b.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        diagnose(tmp_path / "b.json")
    with pytest.raises(InvalidInput, match="rows: make them equal"):
        diagnose({"step": [1, 2], "loss": [1.0]})


def test_shares_are_checked_where_they_are_used(tmp_path):
    """Percentages are told before they are taken for counts."""
    text = "generation,grammatical,sampled,eval_loss\n1,50,10,1\n2,60,10,2\n"
    with pytest.raises(InvalidInput, match="50 is no share; give numbers from 0 to 1"):
        diagnose(written(tmp_path / "a.csv", text))


NAMES = st.sampled_from(
    [
        "generation",
        "Step",
        "seed",
        "run",
        "Setting",
        "loss",
        "seed_1",
        "t1",
        "t2",
        "1",
        "0",
        "metric",
        "value",
        "grammatical",
        "log_history",
        "replicates",
        "seeds",
        "metrics",
        "experiment",
        "generation_t1",
        "run-seed1",
        "Step/seed1",
    ]
)
CELLS = st.none() | st.integers(-1, 3) | st.floats() | st.sampled_from(["", "a", "nan", "1"])
JSON = st.recursive(
    CELLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
LISTS = st.dictionaries(NAMES, st.lists(CELLS, min_size=2, max_size=2), min_size=1)


@settings(max_examples=150, deadline=None)
@given(JSON | LISTS | st.lists(st.dictionaries(NAMES, CELLS), min_size=1), st.booleans(), st.data())
def test_anything_is_read_or_refused_in_words(tmp_path_factory, value, jsonl, data):
    """Whatever a file holds, and whatever is said of its columns."""
    path = tmp_path_factory.getbasetemp() / f"fuzz.{'jsonl' if jsonl else 'json'}"
    lines_of = value if jsonl and isinstance(value, list) else [value]
    written(path, "\n".join(map(json.dumps, lines_of)))
    told = {name: data.draw(st.none() | NAMES) for name in ("generation", "run", "by", "wide")}
    with suppress(InvalidInput):
        record = read(path, columns=options(**told))
        for load in record.columns.values():
            assert load().shape == (record.runs, len(record.generations))


# Roles


@pytest.mark.parametrize(
    ("names", "metric", "noted"),
    [
        (["loss", "eval/loss"], "eval/loss", False),
        (["train_loss", "Val_Loss"], "Val_Loss", False),
        (["loss", "accuracy"], "-accuracy", False),
        (["r2", "mse"], "mse", False),
        (["R2"], "-R2", False),
        (["train_loss", "loss"], "loss", True),
        (["perplexity", "test_log_loss"], "test_log_loss", False),
    ],
)
def test_risks_of_usual_names(names, metric, noted):
    """Held-out losses before scores, and what was trained on last, with a note."""
    values = {name: np.arange(1.0, 4.0) for name in names}
    found = diagnose(values)
    assert found["any_risk"].metric == metric
    assert any("trained on" in note for note in found.notes) is noted
    column = metric.lstrip("-")
    asked = diagnose(values, risk=column.upper())
    assert asked["any_risk"].metric == metric
    assert not any("trained on" in note for note in asked.notes)
    assert diagnose(values, risk=f"-{column.lower()}")["any_risk"].metric == f"-{column}"


# Cost


def test_a_plain_table_needs_no_heavy_import(tmp_path):
    """Neither compiled kernels nor other people's libraries are loaded for a CSV or JSON file."""
    values = np.random.default_rng(0).random((100, 100))
    paths = [
        written(tmp_path / name, FORMS[name](values))
        for name in ("long.csv", "wide.csv", "log.jsonl")
    ]
    code = (
        "import sys\n"
        "from modelcollapse.diagnosis.reading import read\n"
        "for path in sys.argv[1:]:\n"
        "    record = read(path)\n"
        "    assert record.columns['eval_loss']().shape == (100, 100)\n"
        "heavy = {'numba', 'torch', 'pandas', 'polars', 'scipy', 'sympy', 'sklearn', 'narwhals'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, *map(str, paths)], check=True)
