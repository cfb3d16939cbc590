"""Diagnoses of files, folders and runs, the command, and what bad input is told."""

import json
import re

import numpy as np
import polars as pl
import pytest

import modelcollapse as mc
from modelcollapse._support.errors import InvalidInput
from modelcollapse.cli import main
from modelcollapse.diagnosis import diagnose
from modelcollapse.language.results import Results
from tests.helpers.language_folders import generation, parquet, real_batch, run_folder, small_run
from tests.helpers.toys import Failing, fail

SIMULATE = ["simulate", "gaussian", "--samples", "10", "--generations", "6", "--replicates", "50"]


def verdicts(found):
    """Return the verdicts and numbers of a diagnosis, without its source."""
    return {f.name: (f.verdict, f.metric, f.statistic, f.reason) for f in found}


def written(path, text):
    """Write a file."""
    path.write_text(text, encoding="utf-8")
    return path


def table(path, rows=64, **columns):
    """Write a CSV of runs that all follow the same generations, each scaled by its own factor."""
    width = len(next(iter(columns.values())))
    lines = [",".join(["replicate", "generation", *columns])]
    for run in range(rows):
        factor = 1 + run / rows
        for t in range(width):
            cells = [repr(factor * values[t]) for values in columns.values()]
            lines.append(",".join([str(run), str(t + 1), *cells]))
    return written(path, "\n".join(lines) + "\n")


def wrong(capsys, *arguments):
    """Return the one line that a wrong call prints."""
    assert main(["diagnose", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("modelcollapse: ")
    assert err.count("\n") == 1
    return err


# Round trips


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("options", [[], ["--at", "1,3,6"]])
def test_file_of_simulate_is_diagnosed_as_its_numbers(tmp_path, ending, options, seed, capsys):
    """The file says the same as the trajectories that it was written from, theorems too."""
    path = tmp_path / f"runs.{ending}"
    assert main([*SIMULATE, *options, "--seed", str(seed), "--output", str(path)]) == 0
    capsys.readouterr()
    at = [1, 3, 6] if options else None
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 6)
    runs = mc.simulate(e, 50, seed, at)
    arrays = {name: runs[name] for name in runs if runs[name].ndim == 2}
    more = {"vanished": 0.5, "catastrophe": 2.0}
    one = diagnose(path, **more)
    assert verdicts(one) == verdicts(diagnose(runs, **more))
    assert verdicts(one) == verdicts(diagnose(path, experiment=e, **more))
    assert (one.replicates, one.generations) == (50, (1, 6))
    plain = path.with_stem("plain")
    rows = pl.read_csv(path) if ending == "csv" else pl.read_parquet(path)
    rows.write_csv(plain) if ending == "csv" else rows.write_parquet(plain)
    other = diagnose({**arrays, "generation": runs.generations}, **more)
    assert verdicts(diagnose(plain, **more)) == verdicts(other)


def test_file_of_run_is_diagnosed_as_the_run(tmp_path, capsys):
    """One run has no replicate column."""
    path = tmp_path / "run.csv"
    start = ["run", "--estimator", "gaussian", "--data", "wine", "--generations", "4"]
    assert main([*start, "--output", str(path)]) == 0
    capsys.readouterr()
    result = mc.run(mc.Gaussian(13), mc.datasets.load("wine"), mc.Replace(), 100, 4)
    assert verdicts(diagnose(path)) == verdicts(diagnose(result))
    assert diagnose(result)["any_risk"].metric == "squared_error"


def test_several_runs_are_replicates():
    """Runs of several seeds are one trajectory; one that failed shortens it, with a note."""
    data = np.random.default_rng(1).normal(size=(50, 1))
    runs = [mc.run(mc.Gaussian(), data, mc.Replace(), 5, 5, seed) for seed in range(4)]
    found = diagnose(runs)
    assert (found.replicates, found.generations) == (4, (1, 5))
    short = mc.run(Failing("fit", 3, fail), data, mc.Replace(), 5, 5)
    assert not short.completed
    found = diagnose([short, short], risk="second_moment")
    assert found.generations == (1, 2)
    assert "matrix is singular" in found.notes[0]
    mixed = diagnose([runs[0], short], risk="second_moment")
    assert mixed.generations == (1, 5)
    assert "run 1 died after generation 2: from there on it counts as worse" in mixed.notes
    assert mixed["any_risk"].effect.died == 1
    without = diagnose([runs[0], short], risk="second_moment", ended="left out")
    assert any(
        "generations 3, 4, 5 left out, as a run has none there" in note for note in without.notes
    )
    assert without["any_risk"].effect.generations == (1, 2)


def test_a_column_without_its_first_generation_is_left_out(tmp_path):
    """There is nothing to compare the later ones with: not even those that are whole."""
    text = "seed,generation,loss,other\na,0,1,\na,1,1,2\na,2,1,9\n"
    path = written(tmp_path / "late.csv", text)
    found = diagnose(path, risk="loss", tail="other")

    assert found["tail_loss"].verdict == "undetermined"
    assert "run 0 lacks generation 0, with which" in found["tail_loss"].reason
    said = "other: generations 0, 1, 2 left out, as a run has none at generation 0"
    assert any(said in note for note in found.notes)


def test_hand_made_file(tmp_path):
    """Generations in any order, from 0 on, with a text column, blank lines and a missing cell."""
    path = written(
        tmp_path / "mine.csv",
        "seed,generation,note,my_loss,other\n"
        "b,1,worse,3.0,\n"
        "b,0,first,1.0,1\n\n"
        "a,0,first,1.5,1\n"
        "a,1,worse,inf,2\n",
    )
    found = diagnose(path, risk="my_loss", tail="other")
    assert found.generations == (0, 1)
    assert found.replicates == 2
    assert found["any_risk"].basis == "fact"
    assert "infinite at generation 1 in 1 of 2 runs" in found["any_risk"].statistic
    assert found["tail_loss"].verdict == "undetermined"
    assert "lacks each of the later generations" in found["tail_loss"].reason
    assert any("other: generation 1 left out" in note for note in found.notes)
    assert any("no theorem" in note for note in found.notes)


def test_an_index_comments_and_trailing_commas_are_no_columns(tmp_path):
    """As pandas and spreadsheets write them."""
    plain = written(tmp_path / "plain.csv", "generation,loss\n1,2\n2,3\n")
    index = written(tmp_path / "index.csv", ",generation,loss\na,1,2\nb,2,3\n")
    ends = written(tmp_path / "ends.csv", "# mine\ngeneration,loss,,\n1,2,,\n2,3,,\n")
    expected = diagnose(plain, risk="loss")

    for path in (index, ends):
        assert diagnose(path, risk="loss")["any_risk"] == expected["any_risk"]


# Language runs


def scored(path, nats, *, seeds=(0,), rows=40, **more):
    """Write a run of replace whose held-out rows all have these losses, generation by generation.

    A row's loss is its number plus the generation's.
    """
    run_folder(path)
    for seed in seeds:
        real_batch(path, seed)
        for t, level in enumerate(nats, start=1):
            extra = {name: values[t - 1] for name, values in more.items()}
            chain = "real" if t == 1 else "replace"
            place = generation(path, chain, seed, t, row_loss=level, **extra)
            parquet(place / "held_out.parquet", {"nats": np.arange(rows) + float(level)})
    return path


@pytest.mark.parametrize(("nats", "verdict"), [([9, 8, 10], "holds"), ([9, 8, 7], "does not hold")])
def test_held_out_rows_decide_a_single_language_run(tmp_path, nats, verdict):
    """One run of a language model has many rows: their losses are paired by generation."""
    path = scored(tmp_path / "run", nats)
    for trajectory in (path, str(path), Results.read(path)):
        found = diagnose(trajectory)["any_risk"]
        assert (found.verdict, found.basis, found.metric) == (verdict, "test", "row_loss")
        assert "held-out rows" in found.statistic
    assert diagnose(scored(tmp_path / "few", nats, rows=4))["any_risk"].verdict == "undetermined"


def test_unlike_rows_decide_nothing(tmp_path):
    """The rows of the small run have unrelated losses at each generation."""
    path = small_run(tmp_path / "run", workflows=("replace",))
    assert diagnose(path)["any_risk"].verdict == "undetermined"


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        ([0.99, 0.98, 0.8], "holds"),
        ([0.7, 0.95, 0.99], "does not hold"),
        ([0.9, 0.9, 0.91], "undetermined"),
    ],
)
@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_counts_of_grammatical_samples_decide_hallucination(tmp_path, shares, verdict, seeds):
    """A share of so many samples has exact intervals; a file of the same numbers agrees."""
    counts = [1000] * 3
    path = scored(tmp_path / "run", [1, 2, 3], seeds=seeds, grammatical=shares, sampled=counts)
    found = diagnose(path)["hallucination"]
    assert (found.verdict, found.metric) == (verdict, "-grammatical")
    lines = ["workflow,seed,generation,grammatical,sampled"]
    lines += [
        f"replace,{seed},{t},{share},1000"
        for seed in seeds
        for t, share in enumerate(shares, start=1)
    ]
    same = diagnose(written(tmp_path / "results.csv", "\n".join(lines)))["hallucination"]
    assert same == found


def test_language_run_with_several_workflows_needs_a_choice(tmp_path):
    """It says which there are."""
    path = small_run(tmp_path / "run")
    with pytest.raises(InvalidInput, match="accumulate, replace: give one as workflow"):
        diagnose(path)
    assert diagnose(path, workflow="replace").source.endswith("(replace)")
    with pytest.raises(InvalidInput, match="did you mean replace"):
        diagnose(path, workflow="replac")


# The command


def test_command_prints_table_and_json(tmp_path, capsys):
    """The table on standard output, numbers and what is needed on standard error."""
    path = table(tmp_path / "runs.csv", loss=[1.0, 2.0, 3.0], variance=[1.0, 0.5, 0.1])
    assert main(["diagnose", str(path), "--catastrophe", "2.5", "--vanished", "0.2"]) == 0
    out, err = capsys.readouterr()
    found = diagnose(path, catastrophe=2.5, vanished=0.2)
    assert out == found.table() + "\n"
    assert found["catastrophic_risk"].statistic in err
    assert "scaling_law would be decided by" in err
    assert "--scaling 100=one.csv" in err
    assert "--modes 'my_column'" in err
    assert not re.search(r"\b(catastrophe|bounds|modes|tail|vanished)=", err)
    assert main(["diagnose", str(path), "--json", "--alpha", "1e-6", "--bounds", "0,6"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["alpha"] == 1e-6
    assert document["verdicts"]["diverging_risk"]["verdict"] == "does not hold"
    risk = document["verdicts"]["any_risk"]
    assert risk["p_value"] == pytest.approx(1 / risk["e_value"])
    assert risk["effect"]["ratio"] == pytest.approx(3)
    assert document["sentence"].startswith("loss is higher at generation 3 than at generation 1")
    assert err == ""


def test_command_takes_columns_with_a_minus_and_sizes(tmp_path, capsys):
    """--modes=-there counts modes that are there; --scaling takes a file for each size."""
    small = table(tmp_path / "small.csv", risk=[1.0, 2.0], there=[5.0, 4.0])
    large = table(tmp_path / "large.csv", risk=[0.1, 0.4], there=[5.0, 4.0])
    options = ["--modes=-there", "--scaling", f"10={small}", "--scaling", f"100={large}"]
    assert main(["diagnose", str(small), *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["verdicts"]
    assert found["mode_loss"]["verdict"] == "holds"
    assert found["scaling_law"]["verdict"] == "holds"
    assert main(["diagnose", str(small), "--modes", "-there", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"]["mode_loss"]["verdict"] == "holds"


# Bad input


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: give a line of names"),
        ("loss,gen\n1,2\n", "has no column 'generation' (its columns: loss, gen)"),
        ("generation,loss\n", "has a header and no rows"),
        ("generation,loss\n1,2\n", "has 1 generation:"),
        ("generation,loss\n1,2\n2,bad\n", "line 3, column 'loss': 'bad' is not a number"),
        ("generation,loss\n1,2\n2,1_0\n", "line 3, column 'loss': '1_0' is not a number"),
        ("generation,loss\n1,nan\n2,1\n", "line 2, column 'loss': NaN"),
        ("generation,loss\n1,2,3\n", "line 2: 3 cells where the first line has 2"),
        ("generation;loss\n1;2\n2;2\n", "semicolons separate columns"),
        ("generation;loss\n1;2,5\n2;2,5\n", "semicolons separate columns"),
        ("2018,2019\n1,2\n", "has no column 'generation' (its columns: 2018, 2019)"),
        ("generation,loss\n1.5,2\n2,2\n", "line 2, column 'generation': 1.5"),
        ("generation,loss\none,2\n2,2\n", "line 2, column 'generation': 'one'"),
        ("generation,loss\n1,2\n2,2\n1,3\n", "line 2 and line 4 are the same generation"),
        ("generation,loss\n1,2\n2,2\n1,3\n", "tell runs apart by a column 'replicate'"),
        ("seed,generation,loss\n1,1,2\n1,1,2\n1,2,3\n", "keep one of the two"),
        ("generation,loss,loss\n1,2,3\n", "the column 'loss' is there twice"),
    ],
)
def test_bad_files_are_told_the_place(tmp_path, capsys, text, message):
    """One line: the file, the place, and what would be accepted."""
    path = written(tmp_path / "bad.csv", text)
    error = wrong(capsys, path)
    assert message in error
    assert "bad.csv" in error


def test_bad_calls_are_one_line(tmp_path, capsys):
    """Missing files, wrong endings, unknown columns, wrong thresholds."""
    path = table(tmp_path / "runs.csv", loss=[1.0, 2.0])
    assert "no such file or folder" in wrong(capsys, tmp_path / "none.csv")
    assert "give a .csv or a .tsv or a .parquet or a .json or a .jsonl file" in wrong(
        capsys, written(tmp_path / "a.txt", "x")
    )
    assert "has no run.json" in wrong(capsys, tmp_path)
    error = wrong(capsys, path, "--risk", "los")
    assert "unknown risk column 'los'; did you mean loss?" in error
    assert "give a factor above 1" in wrong(capsys, path, "--catastrophe", "0.5")
    assert "one of the two" in wrong(capsys, path, "--catastrophe", "2", "--ceiling", "3")
    assert "vanished" in wrong(capsys, path, "--vanished", "2")
    assert "alpha" in wrong(capsys, path, "--alpha", "0")
    assert "give two numbers" in wrong(capsys, path, "--bounds", "1")
    assert "low < high" in wrong(capsys, path, "--bounds", "1,0")
    assert "bounds that are proved" in wrong(capsys, path, "--bounds", "0,1.5")
    assert "SAMPLES=FILE" in wrong(capsys, path, "--scaling", str(path))
    assert "at least two" in wrong(capsys, path, "--scaling", f"10={path}")
    assert "at least 0" in wrong(capsys, path, "--margin=-1")
    assert "no column 'workflow'" in wrong(capsys, path, "--workflow", "replace")
    damaged = written(tmp_path / "damaged.parquet", "x")
    assert "not a Parquet file" in wrong(capsys, damaged)


def test_parquet_with_text_or_nan(tmp_path, capsys):
    """The column and the row are named."""
    path = tmp_path / "runs.parquet"
    pl.DataFrame({"generation": [1, 2], "loss": ["a", "b"]}).write_parquet(path)
    assert "column 'loss' holds String, not numbers" in wrong(capsys, path)
    pl.DataFrame({"generation": [1, 2], "loss": [1.0, np.nan]}).write_parquet(path)
    assert "row 2, column 'loss': NaN" in wrong(capsys, path)
    pl.DataFrame({"generation": [1, 2], "loss": [1.0, None]}).write_parquet(path)
    assert diagnose(path)["any_risk"].verdict == "undetermined"


@pytest.mark.parametrize(
    ("trajectory", "options", "message"),
    [
        ({"loss": [1.0, np.nan]}, {}, "'loss' is NaN in run 0 at generation 2"),
        ({"loss": [1.0]}, {}, "has 1 generation:"),
        ({"loss": ["a", "b"]}, {}, r"loss\[0\] = 'a' .*give an array of numbers"),
        ({"loss": np.zeros((2, 2, 2))}, {}, "loss has shape"),
        ({"loss": [1.0, 2.0], "other": [1.0]}, {}, "make them equal"),
        ({"loss": [1.0, 2.0], "generation": [2, 1]}, {}, "increasing whole numbers"),
        ({"loss": [1.0, 2.0], "generation": [1.5, 2]}, {}, "generation = 1.5"),
        ({}, {}, "give at least one array"),
        ({100: [1.0, 2.0]}, {}, "go into scaling="),
        ([1.0, 2.0], {}, "trajectory = .* give Trajectories"),
        (3, {}, "trajectory = 3"),
        ({"loss": [1.0, 2.0]}, {"risk": ""}, "give the name of a column"),
        ({"loss": [1.0, 2.0]}, {"variance": "-loss"}, "without a minus"),
        ({"loss": [1.0, 2.0]}, {"scaling": {10: {"loss": [1.0, 2.0]}}}, "at least two"),
        ({"loss": [1.0, 2.0]}, {"scaling": 3}, "scaling = 3"),
        ({"loss": [1.0, 2.0]}, {"experiment": 3}, "experiment = 3"),
        ({"loss": [1.0, 2.0]}, {"workflow": "replace"}, "workflow = 'replace'"),
        ({"loss": [1.0, 2.0]}, {"ceiling": np.inf}, "ceiling = inf"),
        ({"loss": [1.0, 2.0]}, {"bounds": 3}, r"bounds = 3"),
    ],
)
def test_bad_arguments_are_told(trajectory, options, message):
    """Each names the argument and its value."""
    with pytest.raises(InvalidInput, match=message):
        diagnose(trajectory, **options)


def test_trajectories_need_generation_one_and_their_own_experiment():
    """Later generations are compared with the fit to real data."""
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 6)
    with pytest.raises(InvalidInput, match="begins at generation 2"):
        diagnose(mc.simulate(e, 2, at=[2, 6]))
    with pytest.raises(InvalidInput, match="experiment of its own"):
        diagnose(e, experiment=e)
    other = mc.Experiment(mc.Gaussian(), mc.Accumulate(), 100, 6)
    with pytest.raises(InvalidInput, match="differ in samples only"):
        diagnose(e, scaling={10: e, 100: other})
