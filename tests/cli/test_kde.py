"""The command line with kernel density estimates: the library's own numbers, and clear errors."""

import csv
import json

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.cli import main

DOCUMENTED = "predict kde --workflow accumulate --samples 100 --bandwidth 0.42 --generations 100"


def test_predict_prints_the_shipped_numbers(capsys):
    """The documented command has errors, moments and fates for a standard normal truth."""
    assert main([*DOCUMENTED.split(), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    loop = mc.Experiment(mc.KDE(0.42), mc.Accumulate(), samples=100, generations=100)
    prediction = mc.predict(loop)

    for name in ("mise", "second_moment", "central_variance"):
        assert document["expected"][name] == prediction[name].tolist()
    assert document["experiment"]["model"]["bandwidth"] == 0.42
    assert document["experiment"]["truth"] == "standard normal"
    assert document["fates"]["second_moment"]["verdict"] == "diverges"
    assert document["limits"]["second_moment"] == "inf"
    assert document["laws"]["density"]["variance"][0] == 1 + 0.42**2


def test_predict_prints_a_table(capsys):
    """Without --json there is a table, and the fates in words."""
    assert main(DOCUMENTED.split()) == 0
    out = capsys.readouterr().out

    assert "mise_bias" in out
    assert "in the long run second_moment: diverges (log t)" in out


@pytest.mark.parametrize(
    ("text", "bandwidth"),
    [
        ("scott", "scott"),
        ("power:0.5,0.2", mc.PowerBandwidth(0.5, 0.2)),
        ("power:0.5,0.2,1", mc.PowerBandwidth(0.5, 0.2, 1.0)),
        ("0.5,0.4,0.3", [0.5, 0.4, 0.3]),
    ],
)
def test_bandwidths_of_every_kind(capsys, text, bandwidth):
    """Rules, powers and lists mean what they mean in the library."""
    command = ["predict", "kde", "--bandwidth", text, "--generations", "3", "--json"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)["expected"]["mise"]

    expected = mc.predict(mc.Experiment(mc.KDE(bandwidth), mc.Replace(), 100, 3))["mise"]
    assert found == expected.tolist()


def test_simulate_scores_and_measures(tmp_path):
    """--test and --extra add columns; they are the library's numbers."""
    path = tmp_path / "runs.csv"
    command = "simulate kde --bandwidth 0.5 --samples 10 --generations 3 --replicates 20 --seed 4"
    assert main([*command.split(), "--test", "30", "--extra", "mise", "--output", str(path)]) == 0
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))

    loop = mc.Experiment(mc.KDE(0.5), mc.Replace(), samples=10, generations=3)
    runs = mc.simulate(loop, 20, 4, extra=["mise"], test=30)
    for name in ("mise", "test_log_loss", "central_variance"):
        assert np.array_equal([float(row[name]) for row in rows], runs[name].ravel())


def test_run_fits_our_estimator(capsys):
    """--estimator kde takes its bandwidth as an option, and the data's dimension."""
    command = "run --estimator kde --option bandwidth=0.3 --data moons --samples 40"
    assert main([*command.split(), "--generations", "3", "--holdout", "0.01", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)

    assert document["outcome"] == "completed"
    assert len(document["metrics"]["test_log_loss"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("predict kde", "bandwidth is missing: give --bandwidth 0.5"),
        ("predict kde --bandwidth scot", "unknown rule for bandwidth 'scot'; did you mean scott"),
        ("predict kde --bandwidth -1", "bandwidth = -1.0 is not valid"),
        ("predict kde --bandwidth power:1", "give power:SCALE,EXPONENT"),
        ("predict kde --bandwidth power:a,b", "give power:SCALE,EXPONENT"),
        ("predict kde --bandwidth 0.5 --ddof 1", "ddof = 1 belongs to 'gaussian'"),
        ("predict gaussian --bandwidth 0.5", "bandwidth = '0.5' belongs to 'kde'"),
        ("predict kde --bandwidth 0.5,0.4 --generations 3", "has 2 bandwidths"),
        ("simulate kde --bandwidth 0.5 --test digits", "test has 64 columns"),
        ("simulate kde --bandwidth 0.5 --extra misee", "did you mean mise?"),
        ("simulate kde --bandwidth 0 --test 5", "bandwidth = 0 at generation 1"),
        ("run --estimator kde --data moons", "bandwidth is missing: give --option bandwidth=0.5"),
    ],
)
def test_wrong_use_is_one_line(capsys, arguments, message):
    """Each mistake is named on standard error, with status 2."""
    assert main(arguments.split()) == 2
    out, err = capsys.readouterr()

    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""
