"""Schedules in short forms, as every command takes them."""

import json
from pathlib import Path

import pytest

from modelcollapse.cli import main


def test_a_schedule_sets_the_generations(capsys, tmp_path, monkeypatch):
    """Of predict, excess and run, unless they are given; a contradiction is said."""
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("10\n20\n40\n")
    for sizes in ("10,20,40", "a.csv"):
        assert main(["excess", "--samples", sizes, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["sizes"] == [10, 20, 40]
        assert main(["predict", "normal-mean", "--samples", sizes, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["experiment"]["generations"] == 3
        for given_, message in (("2", "has 3 sizes"), ("4", "3 sizes")):
            assert main(["excess", "--samples", sizes, "--generations", given_]) == 2
            assert message in capsys.readouterr().err
    assert main(["excess", "--samples", "double:10", "--generations", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sizes"] == [10, 20, 40]
    words = ["--workflow", "accumulate-subsample", "--budget", "3*t", "--generations", "3"]
    assert main(["excess", *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inflation"][0] == pytest.approx(100 / 3)
    loop = ["run", "--estimator", "gaussian", "--data", "iris", "--samples", "a.csv", "--json"]
    assert main(loop) == 0
    assert json.loads(capsys.readouterr().out)["generation"] == [1, 2, 3]
