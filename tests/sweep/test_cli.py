"""``modelcollapse sweep`` and ``reproduce``: what is printed, and what a kill leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from modelcollapse.cli import main
from modelcollapse.sweep import read

GRID = """
samples = [5, 8]
generations = 4
replicates = 30
seed = [0, 1, 2]

[model]
family = "gaussian"
dim = [1, 2]

[workflow]
name = ["replace", "accumulate"]
"""
SLOW = """
samples = 200
generations = 100
replicates = 100
seed = [{seeds}]
quantities = ["variance"]

[model]
family = "gaussian"
dim = 5

[workflow]
name = "accumulate-subsample"
"""


def command(*arguments):
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "modelcollapse", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process, folder, count):
    """Wait until some cells are finished; none may be so slow that it takes a minute."""
    for _ in range(1200):
        if len(list(folder.glob("cells/*.parquet"))) >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pytest.fail("no cell was finished")


def test_a_sweep_is_run_reported_and_taken_up(tmp_path, capsys):
    """The folder is named after the file; a second call computes nothing."""
    file = tmp_path / "grid.toml"
    file.write_text(GRID)
    for kept, computed in ((0, 24), (24, 0)):
        assert main(["sweep", str(file), "--json"]) == 0
        printed = capsys.readouterr()
        report = json.loads(printed.out)
        assert (report["cells"], report["kept"], report["computed"]) == (24, kept, computed)
        assert "24 of 24 cells finished" in printed.err
    assert_frame_equal(pl.read_parquet(report["results"]), read(tmp_path / "grid"))


def test_the_plan_runs_nothing(tmp_path, capsys):
    """It lists the cells with what they will cost, and which are finished."""
    file = tmp_path / "grid.toml"
    file.write_text(GRID)
    assert main(["sweep", str(file), "--plan"]) == 0
    printed = capsys.readouterr()
    assert "24 cells, 0 of them finished" in printed.out
    assert printed.out.count("gaussian") == 24
    assert "s on one core" in printed.err
    assert list(tmp_path.iterdir()) == [file]

    assert main(["sweep", str(file)]) == 0
    capsys.readouterr()
    assert main(["sweep", str(file), "--plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert all(row["finished"] for row in plan["cells"])
    assert plan["seconds"] == 0
    assert plan["bytes"] > 0


def test_failed_cells_are_exit_status_1(tmp_path, capsys):
    """Each is one line."""
    file = tmp_path / "grid.toml"
    file.write_text('extra = ["mise"]\n' + GRID.replace("[0, 1, 2]", "0"))
    assert main(["sweep", str(file)]) == 1
    error = capsys.readouterr().err
    assert error.count("failed: gaussian") == 8
    assert "0 of 8 cells finished" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["reproduce", "gausian"], "unknown figure 'gausian'; did you mean gaussian"),
        (
            ["reproduce", "gaussian", "--size", "big"],
            "size = 'big' is not valid: give paper or quick",
        ),
        (["reproduce", "gaussian", "--jobs", "0"], "jobs = 0"),
        (["reproduce", "gaussian", "--option", "model"], "give NAME=VALUE"),
        (["reproduce", "gaussian", "--option", "model=x"], "unknown option of these figures"),
    ],
)
def test_wrong_use_is_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    """Exit status 2, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the file of a slow sweep, and the results of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("undisturbed")
    file = folder / "slow.toml"
    file.write_text(SLOW.format(seeds=", ".join(map(str, range(12)))))
    assert main(["sweep", str(file), "--output", str(folder / "whole")]) == 0
    return file, read(folder / "whole")


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT], ids=lambda sign: sign.name)
def test_a_stopped_sweep_goes_on(tmp_path, undisturbed, sign):
    """No cell is lost or computed twice, and the results are those of an undisturbed run."""
    folder = tmp_path / "slow"
    file = shutil.copy(undisturbed[0], tmp_path)
    process = command("sweep", file)
    wait_for(process, folder, 2)
    process.send_signal(sign)
    error = process.communicate(timeout=60)[1]
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("cells/*.parquet")}
    assert 2 <= len(finished) < 12
    if sign is signal.SIGINT:
        assert process.returncode == 130
        assert "the same command goes on" in error
    assert main(["sweep", str(file), "--jobs", "2"]) == 0
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert not list(folder.rglob("*.partial"))
    assert_frame_equal(read(folder), undisturbed[1], check_exact=True)


def test_a_figure_is_made_and_its_folder_refuses_another_size(tmp_path, capsys):
    """The same command takes it up; another size wants another folder."""
    arguments = ["reproduce", "gaussian", "--output", str(tmp_path / "figures"), "--size"]
    assert main([*arguments, "quick"]) == 0
    about = json.loads((tmp_path / "figures/gaussian/figure.json").read_text())
    assert about["command"] == "modelcollapse reproduce gaussian --size quick"
    for picture in about["pictures"]:
        for kind in ("png", "pdf"):
            assert (tmp_path / "figures/gaussian" / picture[kind]).stat().st_size > 1000
    assert main([*arguments, "paper"]) == 2
    assert "holds the figure 'gaussian' of size 'quick'" in capsys.readouterr().err


def test_figures_are_listed(capsys):
    """With their titles, in the order in which they are made."""
    assert main(["reproduce", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("gaussian: ")
    assert len(lines) == 12


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_during_a_figure_is_said(tmp_path, capsys, monkeypatch):
    """With the figure, and exit status 130."""
    from modelcollapse.sweep import engine

    def stopped(cells):
        yield from cells[:0]
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(engine.backends, "here", stopped)
    assert main(["reproduce", "gaussian", "--size", "quick", "--output", str(tmp_path)]) == 130
    assert "interrupted: gaussian" in capsys.readouterr().err
