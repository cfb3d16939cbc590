"""Signals during the commands: each ends soon, without a traceback, and keeps what is finished."""

import csv
import signal
import threading
import time

import pytest

from modelcollapse.cli import main
from tests.helpers.signals import answers, ended, members, start, wait_until, workers

pytestmark = pytest.mark.usefixtures("interruptible")
SOON = 60.0  # seconds: on an idle machine it takes less than 2, without an answer minutes
GRID = """
samples = 200
generations = 100
replicates = 1000
seed = [0, 1, 2, 3, 4, 5, 6, 7]
quantities = ["variance"]

[model]
family = "gaussian"
dim = 5

[workflow]
name = "accumulate-subsample"
"""
LONG = ["--samples", "100", "--generations", "20000", "--at", "20000", "--replicates", "1000000"]
WINDOW = ["--workflow", "sliding-window", "--window", "500", "--samples", "100"]
IRIS = ["--estimator", "gaussian", "--data", "iris", "--generations", "100000"]
KDE = ["kde", "--bandwidth", "0.1"]


def cpu(process):
    """Return the CPU seconds of a session."""
    return sum(seconds for _, seconds in members(process))


def busy(process):
    """Return whether a process has computed for so long that it has begun its work."""
    return cpu(process) > 3


# The command, a sign that it is at work, and a file that it has kept in the end.
COMMANDS = {
    "predict": (
        ["predict", *KDE, *WINDOW, "--generations", "20000"],
        lambda process, _: busy(process),
        "",
    ),
    "simulate": (
        ["simulate", "gaussian", *LONG, "--jobs", "2", "--output", "runs.csv"],
        lambda process, _: busy(process),
        "",
    ),
    "run": (
        ["run", *IRIS, "--checkpoint", "run.npz", "--output", "run.csv"],
        lambda _, folder: (folder / "run.npz").exists(),
        "run.csv",
    ),
    "sweep": (
        ["sweep", "grid.toml", "--jobs", "2"],
        lambda _, folder: any(folder.glob("grid/cells/*.parquet")),
        "grid/cells/*.parquet",
    ),
    "verify": (["verify"], lambda process, _: busy(process), ""),
    "reproduce": (
        ["reproduce", "gaussian", "--jobs", "2"],
        lambda process, _: len(workers(process)) == 2 and min(workers(process)) > 1,
        "reproduction/gaussian/sweeps/*",
    ),
}


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# One signal for each command, and each signal for one.
PAIRS = {(name, SIGNALS[i % 3]) for i, name in enumerate(COMMANDS)} | {
    ("sweep", s) for s in SIGNALS
}


@pytest.mark.parametrize(("name", "sign"), sorted(PAIRS))
def test_a_signal_ends_a_command_at_work(tmp_path, name, sign):
    """With its own exit status, soon, no worker left, nothing half-written, and no traceback."""
    arguments, at_work, kept = COMMANDS[name]
    (tmp_path / "grid.toml").write_text(GRID)
    process = start(*arguments, cwd=tmp_path)
    wait_until(lambda: at_work(process, tmp_path), process)
    begun = time.monotonic()
    process.send_signal(sign)
    status, _, err = ended(process)
    assert time.monotonic() - begun < SOON
    assert status == 128 + sign, err
    assert "interrupted" in err
    assert "Traceback" not in err
    assert "warn" not in err
    assert not list(tmp_path.rglob("*.partial"))
    if kept:
        assert list(tmp_path.glob(kept))


@pytest.mark.parametrize("seconds", [0, 0.3, 0.6, 1, 2, 3, 4])
def test_a_signal_while_a_command_begins(tmp_path, seconds):
    """While it imports and compiles, for the first time on this machine."""
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    arguments = [
        "simulate",
        "kde",
        "--bandwidth",
        "0.1",
        "--samples",
        "1000",
        "--generations",
        "50",
    ]
    process = start(*arguments, "--test", "1000", environment=environment)
    wait_until(lambda: answers(process) and cpu(process) >= seconds, process)
    process.send_signal(signal.SIGINT)
    status, _, err = ended(process)
    assert status == 130, err
    compiling = "modelcollapse: compiling for this machine, which takes some seconds, once\n"
    assert err.replace(compiling, "") == "modelcollapse: interrupted\n"


def test_a_block_that_takes_minutes_is_left(tmp_path):
    """One call of compiled code, in which no signal is heard: the blocks before it are kept."""
    code = """
import hashlib, os, signal, sys
from modelcollapse.cli import main
from modelcollapse.families.gaussian.simulate import Blocks

def fill(self, seed, index, *rest):
    if index < 2:
        return right(self, seed, index, *rest)
    print(flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

right, Blocks.fill = Blocks.fill, fill
sys.exit(main())
"""
    output = tmp_path / "runs.csv"
    size = ["--samples", "5", "--generations", "3", "--replicates", "4000", "--at", "3"]
    process = start("simulate", "gaussian", *size, "--output", output, code=code)
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    status, _, err = ended(process)
    assert status == 143, err
    assert "2048 of 4000" in err
    with output.open(newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == 1 + 2048


def test_a_command_in_a_thread(capsys):
    """Where no handler can be installed, all else is the same."""
    found = []
    thread = threading.Thread(target=lambda: found.append(main(["predict", "gaussian"])))
    thread.start()
    thread.join()
    assert found == [0]
    assert "variance" in capsys.readouterr().out
