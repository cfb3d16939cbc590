"""The command line: its JSON, its files, its errors and its exit statuses."""

import csv
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse._support.strict_json import plain
from modelcollapse.cli import main, simulate, verify

PREDICT = ["predict", "gaussian", "--workflow", "accumulate", "--samples", "10"]
SIMULATE = ["simulate", "gaussian", "--workflow", "replace", "--generations", "4"]
MIXTURE = ["run", "--estimator", "sklearn.mixture.GaussianMixture", "--data", "wine"]


def wrong(capsys, *arguments):
    """Return the one line that a wrong call prints, having checked that it prints only that."""
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("modelcollapse: ")
    assert err.count("\n") == 1
    return err


def test_predict_prints_one_json_object_with_the_shipped_numbers(capsys):
    """The documented command prints the contract's keys and the library's own values."""
    assert main([*PREDICT, "--generations", "100", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    keys = {"experiment", "generation", "expected", "laws", "limits", "exponents", "reasons"}
    assert set(document) == {*keys, "fates", "variances"}
    assert document["generation"] == list(range(1, 101))
    prediction = mc.predict(mc.Experiment(mc.Gaussian(), mc.Accumulate(), 10, 100))
    assert document["expected"]["variance"] == prediction["variance"].tolist()
    assert document["limits"]["variance"] == prediction.limits["variance"]
    assert err == ""


def test_infinite_values_are_strings_with_a_reason(capsys):
    """JSON has no infinity: it is the string "inf", and `reasons` says why."""
    arguments = ["predict", "gaussian", "--samples", "3", "--generations", "2", "--json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["expected"]["test_log_loss"] == ["inf", "inf"]
    assert "inf" in document["reasons"]["test_log_loss"]


def test_plain_converts_what_json_lacks():
    """Infinities, NaN, arrays and NumPy numbers become plain JSON values."""
    assert plain({"a": np.array([np.inf, -np.inf, np.nan, 1.5])}) == {
        "a": ["inf", "-inf", None, 1.5]
    }
    assert plain((np.int64(3), np.True_)) == [3, True]


def test_predict_without_json_prints_a_table(capsys):
    """The table has the first and the last generation and the limit; reasons go to stderr."""
    assert main([*PREDICT, "--generations", "100"]) == 0
    out, err = capsys.readouterr()
    first_cells = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert {"1", "100", "limit"} <= set(first_cells)
    assert "test_log_loss" in err


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("accumulate-subsample", ["--budget", "7"]),
        ("sliding-window", ["--window", "2"]),
        ("keep-real", ["--share", "0.3"]),
        ("keep-real", []),
    ],
)
def test_every_workflow_has_its_option(capsys, name, options):
    """Workflows are built with the options that belong to them."""
    arguments = [
        "predict",
        "gaussian",
        "--workflow",
        name,
        *options,
        "--generations",
        "3",
        "--json",
    ]
    assert main(arguments) == 0
    described = json.loads(capsys.readouterr().out)["experiment"]
    assert described["workflow"]["name"] == name
    for option, value in zip(options[::2], options[1::2], strict=True):
        key = {"--window": "k"}.get(option, option[2:])
        assert described["workflow"][key] == float(value)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_simulate_writes_one_row_per_replicate_and_generation(capsys, tmp_path, ending):
    """The file holds the library's numbers, bit for bit, and nothing else is left beside it."""
    output = tmp_path / f"runs{ending}"
    assert main([*SIMULATE, "--replicates", "30", "--at", "1,4", "--output", str(output)]) == 0
    assert capsys.readouterr().out == ""
    if ending == ".csv":
        with output.open(newline="") as file:
            rows = list(csv.DictReader(file))
        variance = np.array([float(row["variance"]) for row in rows])
    else:
        import polars as pl

        variance = pl.read_parquet(output)["variance"].to_numpy()
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), 100, 4)
    assert np.array_equal(variance, mc.simulate(e, 30, 0, [1, 4])["variance"].ravel())
    said = [tmp_path / "runs.csv-metadata.json"] if ending == ".csv" else []
    assert sorted(tmp_path.iterdir()) == [output, *said]


def test_simulate_summarises_as_json(capsys):
    """The summary has means and quantiles beside the expectations."""
    assert main([*SIMULATE, "--replicates", "50", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["generation"] == [1, 2, 3, 4]
    assert len(document["mean"]["variance"]) == 4
    assert document["expected"]["variance"][0] == 0.99
    assert set(document["quantiles"]["variance"]) == {"0.05", "0.5", "0.95"}


def test_verify_reports_verdicts_as_json(capsys):
    """The same evidence as data, exit status 0 when all verdicts are the expected ones."""
    assert main(["verify", "--only", "gaussian/accumulate/limit*", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["summary"]["unexpected"] == 0
    for verdict in document["verdicts"]:
        assert verdict["verdict"] == verdict["expected"]
        assert all(verdict["near_misses"].values())


def test_verify_fails_when_a_verdict_is_not_the_expected_one(capsys, monkeypatch):
    """Exit status 1 if a prediction is wrong by 2 %."""
    from modelcollapse.families.gaussian import limits

    right = limits.accumulate_limits
    monkeypatch.setattr(
        limits, "accumulate_limits", lambda n, ddof: tuple(1.02 * x for x in right(n, ddof))
    )
    assert main(["verify", "--only", "gaussian/accumulate/limit"]) == 1
    assert "1 unexpected" in capsys.readouterr().out


def test_run_follows_a_mixture_on_real_data(capsys, tmp_path):
    """Any class with fit and sample runs; the metrics go to a file."""
    output = tmp_path / "run.csv"
    arguments = [*MIXTURE, "--standardize", "--samples", "60", "--generations", "3"]
    assert main([*arguments, "--holdout", "0.2", "--output", str(output)]) == 0
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["generation"] for row in rows] == ["1", "2", "3"]
    assert all(np.isfinite(float(row["test_log_loss"])) for row in rows)
    capsys.readouterr()


def test_run_takes_options_of_the_estimator_and_resumes(capsys, tmp_path):
    """--option reaches the constructor; a checkpointed run continues with the same numbers."""
    common = [*MIXTURE, "--option", "n_components=2", "--samples", "80", "--standardize", "--json"]
    assert main([*common, "--generations", "4"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["experiment"]["estimator"]["parameters"]["n_components"] == 2
    saved = ["--checkpoint", str(tmp_path / "state.npz")]
    assert main([*common, *saved, "--generations", "2"]) == 0
    capsys.readouterr()
    assert main([*common, *saved, "--generations", "4"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == whole["metrics"]


def test_run_has_replicates_and_metrics(capsys, tmp_path):
    """One row for each of them and generation; JSON with their seeds; medians on the screen."""
    output, folder = tmp_path / "runs.csv", tmp_path / "there"
    given = [
        *MIXTURE,
        "--standardize",
        "--samples",
        "60",
        "--generations",
        "3",
        "--replicates",
        "3",
    ]
    given += ["--metric", "energy_distance", "--metric", "covariance_spectrum"]
    assert main([*given, "--output", str(output)]) == 0
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["replicate"], r["generation"]) for r in rows] == [
        (str(r), str(t)) for r in range(3) for t in (1, 2, 3)
    ]
    assert all(np.isfinite(float(row["covariance_spectrum_13"])) for row in rows)
    capsys.readouterr()

    assert main([*given, "--json", "--jobs", "2", "--checkpoint", str(folder)]) == 0
    told = json.loads(capsys.readouterr().out)
    distances = [d for one in told["replicates"] for d in one["metrics"]["energy_distance"]]
    assert distances == [float(row["energy_distance"]) for row in rows]
    assert [one["experiment"]["seed"] for one in told["replicates"]] == list(
        map(int, told["seeds"])
    )
    assert main([*given, "--checkpoint", str(folder)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "3 replicates, 3 completed: medians"
    middle = np.median(np.reshape(distances, (3, 3)), axis=0)
    assert [line.split()[3] for line in shown[2:]] == [f"{value:.5g}" for value in middle]


def test_run_draws_weighted_rows_again_on_request(capsys):
    """For an estimator that takes no weights."""
    given = [*MIXTURE, "--workflow", "keep-real", "--share", "0.3", "--generations", "2"]
    assert main(given) == 2
    assert "resample_weights=True" in capsys.readouterr().err
    assert main([*given, "--resample-weights"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*MIXTURE, "--metric", "energy"], "did you mean energy_distance"),
        ([*MIXTURE, "--replicates", "0"], "replicates = 0"),
        ([*MIXTURE, "--jobs", "2"], "give replicates too"),
        (["predct"], "predict"),
        (["predict"], "FAMILY is missing: the model: gaussian"),
        (["predict", "gausian"], "gaussian"),
        (["predict", "gaussian", "--workflow", "acumulate"], "accumulate"),
        (["predict", "gaussian", "--sampels", "3"], "--samples"),
        (["predict", "gaussian", "--samples", "ten"], "samples = 'ten'"),
        (["predict", "gaussian", "--samples", "10,20", "--generations", "3"], "2 sizes"),
        (["predict", "gaussian", "--samples", "1"], "at least 2"),
        (["predict", "gaussian", "--samples", "-5"], "-5"),
        (["predict", "gaussian", "--samples", "2.5"], "2.5"),
        (["predict", "gaussian", "--ddof", "2"], "ddof = 2"),
        (["predict", "gaussian", "--floor", "-1"], "floor = -1.0"),
        (["predict", "kde", "--bandwidth", "1", "--floor", "1"], "floor = 1.0 belongs to"),
        (["predict", "gaussian", "--dim", "0"], "dim = 0"),
        (["predict", "gaussian", "--temperature", "0"], "temperature"),
        (["predict", "gaussian", "--generations", "0"], "generations = 0"),
        (["predict", "gaussian", "--budget", "3"], "accumulate-subsample"),
        (["predict", "gaussian", "--workflow", "sliding-window"], "window"),
        (["predict", "gaussian", "--workflow", "keep-real", "--share", "1.5"], "share = 1.5"),
        (["predict", "gaussian", "--data", "digit"], "digits"),
        (["predict", "gaussian", "--data", "wine", "--dim", "3"], "13"),
        (["predict", "gaussian", "--standardize"], "--data"),
        (["simulate", "gaussian", "--replicates", "0"], "replicates = 0"),
        (["simulate", "gaussian", "--replicates", "1e3"], "1e3"),
        (["simulate", "gaussian", "--seed", "-1"], "seed = -1"),
        (["simulate", "gaussian", "--at", "1,99"], "99"),
        (["simulate", "gaussian", "--at", "first"], "at = 'first'"),
        (["simulate", "gaussian", "--output", "runs.xlsx"], ".csv"),
        (["simulate", "gaussian", "--output", "no/such/folder/runs.csv"], "no folder"),
        (["verify", "--only", "gaussian/acumulate/variance"], "gaussian/accumulate/variance"),
        (["verify", "--alpha", "2"], "alpha"),
        (["run", "--estimator", "gauss", "--data", "wine"], "gaussian"),
        (
            ["run", "--estimator", "sklearn.mixture.GausianMixture", "--data", "wine"],
            "GaussianMixture",
        ),
        (["run", "--estimator", "no.such.module.Class", "--data", "wine"], "no.such.module"),
        (["run", "--estimator", "math.sqrt", "--data", "wine"], "not a class"),
        ([*MIXTURE, "--option", "components=2"], "components"),
        ([*MIXTURE, "--option", "n_components"], "NAME=VALUE"),
        ([*MIXTURE, "--holdout", "1.5"], "holdout = 1.5"),
        ([*MIXTURE, "--samples", "1"], "generation 1"),
    ],
)
def test_wrong_use_is_one_line_that_names_the_remedy(capsys, arguments, said):
    """Status 2, nothing on standard output, one line on standard error, no traceback."""
    assert said in wrong(capsys, *arguments)


def test_files_that_cannot_be_used_are_one_line(capsys, tmp_path):
    """Empty files, text columns and missing values are named with their place."""
    for text, said in [("", "empty"), ("a,b\n1,x\n2,3\n", "'x'"), ("a,b\n1,\n2,3\n", "b")]:
        path = tmp_path / "rows.csv"
        path.write_text(text)
        assert said in wrong(capsys, "run", "--estimator", "gaussian", "--data", str(path))


def test_an_unwritable_folder_is_said_before_any_work(capsys, tmp_path, monkeypatch):
    """Nothing is simulated for an output that could not be written."""

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", denied)
    monkeypatch.setattr(simulate, "simulate_experiment", None)
    message = wrong(capsys, *SIMULATE, "--output", str(tmp_path / "a.csv"))
    assert "cannot be written" in message
    assert "Permission denied" in message


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_keeps_the_finished_replicates(tmp_path):
    """An interrupted simulation writes whole blocks of replicates and exits with 130."""
    output = tmp_path / "runs.csv"
    code = (
        "import os, signal, sys\n"
        "from modelcollapse.cli import main\n"
        "from modelcollapse.families.gaussian.simulate import Blocks\n"
        "right, calls = Blocks.fill, []\n"
        "def draw(*arguments):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 3:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return right(*arguments)\n"
        "Blocks.fill = draw\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = [*SIMULATE, "--replicates", "5000", "--at", "4", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert "2048 of 5000" in done.stderr
    with output.open(newline="") as file:
        assert sum(1 for _ in file) == 1 + 2048
    assert sorted(tmp_path.iterdir()) == [output, tmp_path / "runs.csv-metadata.json"]


def test_a_reader_that_goes_away_costs_no_traceback():
    """The console script ends quietly when its output is closed, as by `head`.

    It prints half a megabyte, of which a pipe holds 64 kilobytes.
    """
    command = [Path(sys.executable).with_name("modelcollapse"), "predict", "gaussian", "--json"]
    with subprocess.Popen(
        [*command, "--generations", "2000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"{\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_log_gets_a_line_now_and_then(capsys, monkeypatch):
    """Where standard error is no terminal, progress is plain lines, not more than one in ten s."""
    from modelcollapse.cli import output

    clock = iter([0.0, 3.0, 12.0, 15.0])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(clock))
    with output.progress(4) as show:
        for done in (1, 2, 3):
            show(done, "generations")
    assert capsys.readouterr().err == " 50% after 12 s: generations\n"


@pytest.mark.parametrize("arguments", [PREDICT, [*PREDICT, "--json"], ["--help"]])
def test_a_full_disk_is_one_line(arguments):
    """Standard output that cannot be written is an error of one line, status 2."""
    command = [Path(sys.executable).with_name("modelcollapse"), *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("modelcollapse: ")
    assert done.stderr.count("\n") == 1


def test_ctrl_c_is_said(monkeypatch, capsys):
    """An interruption with nothing to keep ends with 130 and a word."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(verify, "verify_all", interrupted)
    assert main(["verify"]) == 130
    assert capsys.readouterr().err == "modelcollapse: interrupted\n"


def test_tables_are_never_cut(capsys, monkeypatch):
    """On a narrow screen the numbers stay whole."""
    monkeypatch.setenv("COLUMNS", "40")
    assert main([*PREDICT, "--generations", "3"]) == 0
    out = capsys.readouterr().out
    assert "…" not in out
    assert "0.86775" in out


@pytest.mark.parametrize(
    ("options", "model", "truth"),
    [
        (
            "label-verifier --keep-correct 0.9 --keep-wrong 0.2 --noise 0.3 --cells 4 --wrong 0.1",
            mc.LabelVerifier(0.9, 0.2, 0.3, 4),
            0.1,
        ),
        (
            "region-verifier --centre 0.5 --radius 2 --spread 3 --mean 1",
            mc.RegionVerifier(0.5, 2.0, 3.0),
            1.0,
        ),
    ],
    ids=["labels", "region"],
)
def test_verified_loops_are_families(options, model, truth, capsys):
    """Each option reaches the model, and the truth."""
    assert (
        main(["predict", *options.split(), "--samples", "9", "--generations", "2", "--json"]) == 0
    )
    document = json.loads(capsys.readouterr().out)
    prediction = mc.predict(mc.Experiment(model, mc.Replace(), 9, 2, truth=truth))

    assert document["experiment"]["model"] == model.described()
    assert document["expected"].keys() == set(prediction)
    for name, values in document["expected"].items():
        assert values == prediction[name].tolist()
    assert main(["predict", "gaussian", "--radius", "2"]) == 2
    assert "radius = 2.0 belongs to 'region-verifier', not to 'gaussian'" in capsys.readouterr().err


def test_run_seeds_the_global_generators_on_request(capsys):
    """Without it an estimator that draws from them gives other numbers, and that is said."""
    command = ["run", "--estimator", "tests.helpers.broken.DrawsGlobally", "--data", "iris"]
    command += ["--workflow", "replace", "--generations", "3", "--json"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert err.startswith("warning: DrawsGlobally takes no random_state, seed or rng")
    assert json.loads(out)["reproducible"] is False
    found = []
    for state in (1, 2):
        np.random.seed(state)  # noqa: NPY002
        assert main([*command, "--seed-global"]) == 0
        out, err = capsys.readouterr()
        assert "warning" not in err
        found.append(json.loads(out))
    assert found[0] == found[1]
    assert found[0]["reproducible"]
    assert found[0]["experiment"]["seed_global"]


@pytest.mark.parametrize("count", [3, 1])
@pytest.mark.parametrize(
    ("chances", "alpha", "alarms"),
    [
        (1, 1e-9, "in all with probability below 1e-09"),
        (0, 1e-9, "impossible"),
        (1, 0.9, "in all with probability below 0.9"),
        (3, 0.9, "in all with probability below 1"),
    ],
)
def test_the_sentence_of_verify_is_made_of_the_verdicts(count, chances, alpha, alarms):
    """Each count is theirs, one theorem has no s, and no probability is above 1."""
    one = mc.verify("gaussian/keep-real/pooled")
    decided = [
        replace(one, samples=10 * (i < chances), near_misses={"a": True, "b": i == 0})
        for i in range(3)
    ]
    decided[2] = replace(decided[2], verdict="weak")
    said = verify._sentence(verify._summary(decided[:count], count, 0, alpha, 1.23))
    weak = int(count == 3)
    if chances > count:  # of one theorem there is one chance
        alarms = f"in all with probability below {alpha:g}"
    assert said == (
        f"{count} theorem{'s' * weak}: {count - weak} hold, 0 refuted as expected, {weak} "
        f"unexpected; {count + 1} of {2 * count} near misses rejected; false alarms {alarms}; 1.2 s"
    )
