"""Standard output and error that are closed or full, disks that are, and what files hold."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from modelcollapse.cli import main
from modelcollapse.cli.output import note, print_table

COMMAND = f"'{sys.executable}' -m modelcollapse"
PREDICT = "predict gaussian --generations 2"
SIMULATE = "simulate gaussian --generations 9 --replicates 2000"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")


def shell(line, cwd):
    """Run a line in a shell; return what ended it and what it said."""
    done = subprocess.run(line, shell=True, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S602
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (f"{PREDICT} >&-", 0),
        (f"{PREDICT} 2>&-", 0),
        (f"{PREDICT} >&- 2>&-", 0),
        ("predict gausian 2>&-", 2),
        ("--help >&-", 0),
        (f"{SIMULATE} --output runs.csv >&- 2>&-", 0),
        pytest.param(f"{PREDICT} >/dev/full", 2, marks=FULL),
        pytest.param("predict gausian 2>/dev/full", 2, marks=FULL),
        pytest.param(f"{SIMULATE} --output runs.csv 2>/dev/full", 2, marks=FULL),
        (f"{PREDICT} | true", 0),
    ],
)
def test_streams_that_are_gone(tmp_path, line, status):
    """No traceback, and the status says what became of the work."""
    assert shell(f"{COMMAND} {line}", tmp_path).returncode == status
    if "runs.csv" in line:
        assert len((tmp_path / "runs.csv").read_text().splitlines()) == 1 + 9 * 2000


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_full_disk_loses_no_numbers(tmp_path, ending):
    """What was simulated is summed up all the same; nothing half-written is left."""
    done = shell(f"ulimit -f 8; {COMMAND} {SIMULATE} --json --output runs.{ending}", tmp_path)
    assert done.returncode == 2
    assert f"output = 'runs.{ending}' cannot be written" in done.stderr
    assert len(json.loads(done.stdout)["mean"]["variance"]) == 9
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_obeyed(capsys):
    """Escapes and markup in names and cells are shown, not carried out."""
    note("\x1b[31mred\x07")
    print_table("[bold]t\x1b]0;x\x07", ["\x1b[2J", "b"], [["[red]a", "\x9b1m :smile:"]])
    said = capsys.readouterr()
    assert said.err == "\\x1b[31mred\\x07\n"
    assert said.out.splitlines()[0] == "[bold]t\\x1b]0;x\\x07"
    assert "[red]a" in said.out
    assert "\\x9b1m :smile:" in said.out
    assert said.out.replace("\n", "").isprintable()


def test_a_file_does_not_speak_to_the_terminal(capsys, tmp_path):
    """Nor does its name, nor a column of it."""
    path = tmp_path / "a\x1b[31m.csv"
    path.write_text("x\x1b]0;title\x07,y\n1,\x1b[2Jtwo\n")
    for arguments in (["predict", "gaussian", "--data"], ["diagnose"]):
        assert main([*arguments, str(path)]) == 2
        assert capsys.readouterr().err.replace("\n", "").isprintable()


def test_a_message_is_short(capsys):
    """Six lines of eighty characters, whatever was given, and the remedy is in it."""
    assert main(["predict", "gaussian", "--samples", ",".join(["x"] * 9999)]) == 2
    said = capsys.readouterr().err
    assert len(said) <= 6 * 80
    assert "give a whole number, or one per generation" in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("subprocess.Popen", "has no fit and no sample: give a class with fit and sample"),
        ("sklearn.cluster.KMeans", "has no sample: give"),
        ("math.sqrt", "is not a class: give"),
        ("exits", "cannot be imported: SystemExit"),
        ("raises", "cannot be imported: RuntimeError: no"),
    ],
)
def test_what_is_no_estimator_is_not_made(capsys, tmp_path, monkeypatch, name, said):
    """A class is looked at before it is called."""
    (tmp_path / "exits.py").write_text("raise SystemExit(3)")
    (tmp_path / "raises.py").write_text("raise RuntimeError('no')")
    monkeypatch.syspath_prepend(tmp_path)
    path = name if "." in name else f"{name}.Thing"
    assert main(["run", "--estimator", path, "--data", "wine", "--option", "args=('touch',)"]) == 2
    assert said in capsys.readouterr().err


def test_an_interruption_keeps_the_complete_table(capsys, tmp_path, monkeypatch):
    """What was finished of a later run goes beside it."""
    from modelcollapse.cli import simulate
    from modelcollapse.loop.experiment import Interrupted

    path, right = tmp_path / "runs.csv", simulate.simulate_experiment
    line = [
        "simulate",
        "gaussian",
        "--generations",
        "2",
        "--replicates",
        "9",
        "--output",
        str(path),
    ]
    assert main(line) == 0
    whole = path.read_text()

    def stopped(experiment, *_, **__):
        raise Interrupted(right(experiment, 4))

    monkeypatch.setattr(simulate, "simulate_experiment", stopped)
    assert main(line) == 130
    said = capsys.readouterr().err
    assert path.read_text() == whole
    assert len((tmp_path / "runs.interrupted.csv").read_text().splitlines()) == 1 + 2 * 4
    assert f"{path} stays as it was" in said
    assert main(line) == 130
    assert (tmp_path / "runs.interrupted1.csv").exists()
    path.unlink()
    assert main(line) == 130
    assert len(path.read_text().splitlines()) == 1 + 2 * 4
