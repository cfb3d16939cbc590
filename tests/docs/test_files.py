"""The page on files names what is written."""

import json
import re
from pathlib import Path

import pytest

from modelcollapse.cli import main
from modelcollapse.sweep import Sweep, run
from tests.helpers.pages import ROOT

PAGE = (ROOT / "modelcollapse/docs/files.md").read_text("utf-8")
CELL = {
    "model": {"family": "gaussian"},
    "workflow": {"name": ["replace"]},
    "samples": 10,
    "generations": 2,
    "replicates": 3,
    "runs": True,
}


def named(heading):
    """Return what a section of the page names."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"`([^`]+)`", section))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Return the folder of a small sweep."""
    pytest.importorskip("polars")
    folder = tmp_path_factory.mktemp("files") / "sweep"
    run(Sweep.of(CELL), folder)
    return folder


def test_a_sweeps_columns_are_named(sweep):
    """All of its table, and all files in the folder."""
    import polars as pl

    told = named("A sweep")
    assert set(pl.read_parquet(sweep / "results.parquet").columns) <= told
    files = {path.relative_to(sweep).as_posix() for path in sweep.rglob("*") if path.is_file()}
    files = {re.sub(r"/\w{16}\.", "/KEY.", name) for name in files}
    assert files <= told
    assert {"cells/KEY.parquet", "runs/KEY.parquet"} <= files


def test_a_simulations_columns_are_named(tmp_path, monkeypatch):
    """And what stands beside the table."""
    monkeypatch.chdir(tmp_path)
    command = "simulate gaussian --samples 5 --generations 2 --replicates 2 --output runs.csv"
    assert main(command.split()) == 0
    told = named("A simulation")
    first, second, *_ = Path("runs.csv").read_text("utf-8").partition("\n")[0].split(",")
    assert {first, second} <= told
    (note,) = json.loads(Path("runs.csv-metadata.json").read_text("utf-8"))["notes"]
    assert note["modelcollapse"]["experiment"].keys() <= told


def test_verdicts_are_named(capsys):
    """Every key of the JSON."""
    assert main(["verify", "--only", "gaussian/replace/log-determinant", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    told = named("Verdicts")
    assert printed.keys() <= told
    assert printed["verdicts"][0].keys() <= told
