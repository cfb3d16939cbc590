"""Commands that are killed at random moments: nothing is lost or changed, and no process is left.

Each is run to its end once; then it is started again, ended by a signal at a random moment,
and run once more, which has to give the same files. What was complete before stays as it was.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

STATUSES = {
    signal.SIGINT: {0, 130, -signal.SIGINT},
    signal.SIGTERM: {0, 143, -signal.SIGTERM},
    signal.SIGHUP: {0, 129, -signal.SIGHUP},
    signal.SIGKILL: {0, -signal.SIGKILL},
}
GONE = 10  # seconds for workers to notice
LOOP = ["gaussian", "accumulate", "--dim", "3", "--samples", "9", "--generations", "60"]
FIT = ["--estimator", "gaussian", "--data", "wine", "--generations", "60"]
GRID = """\
samples = [5, 6, 7, 8]
generations = 20
replicates = 500
runs = true
model = { family = "gaussian", dim = 2 }
workflow = { name = ["replace", "accumulate"] }
"""
COMMANDS = (
    ["simulate", *LOOP, "--replicates", "2000", "--output", "out.csv"],
    ["simulate", *LOOP, "--replicates", "6000", "--jobs", "2", "--output", "out.parquet"],
    ["run", *FIT, "--checkpoint", "out.npz", "--output", "out.csv"],
    ["sweep", "grid.toml", "--output", "out"],
    ["sweep", "grid.toml", "--output", "out", "--jobs", "2"],
    ["verify", "--only", "gaussian/replace/variance"],
    ["predict", "discrete", "--outcomes", "20", "--samples", "30", "--generations", "50"],
)


def kills(count: int, seed: int, folder: Path) -> Iterator[str]:
    """Kill commands; yield what went wrong.

    Parameters
    ----------
    count
        The number of kills.
    seed
        Of the moments and signals.
    folder
        A new folder to work in.
    """
    dice = random.Random(seed)  # noqa: S311 - no secret
    whole, seconds = {}, {}
    for number, command in enumerate(COMMANDS[:count]):
        home = _new(folder / f"whole-{number}")
        start = time.monotonic()
        if (status := _start(command, home).wait()) != 0:
            yield f"{command}: status {status}"
        whole[number], seconds[number] = _contents(home), time.monotonic() - start
    for number in range(count):
        which = number % len(COMMANDS)
        home = _new(folder / f"{number}")
        kind = dice.choice(list(STATUSES))
        if dice.random() < 0.3:  # over a complete output
            shutil.copytree(folder / f"whole-{which}", home, dirs_exist_ok=True)
        complete = _contents(home)
        process = _start(COMMANDS[which], home)
        time.sleep(dice.uniform(0.0, seconds[which]))
        process.send_signal(kind)
        for problem in _after(process, kind, home, COMMANDS[which], complete, whole[which]):
            yield f"{COMMANDS[which]} in {home.name}, {kind.name}: {problem}"
        shutil.rmtree(home)


def _after(
    process: Any, kind: signal.Signals, home: Path, command: list[str], complete: Any, whole: Any
) -> Iterator[str]:
    """Yield what is wrong after a kill, and after the next run."""
    process.wait()
    said = _errors(home).read_text(encoding="utf-8", errors="replace")
    if process.returncode not in STATUSES[kind]:
        yield f"status {process.returncode}: {said[-300:]!r}"
    if "Traceback" in said:
        yield f"a traceback: {said[-600:]!r}"
    until = time.monotonic() + GONE
    while (left := _session(process.pid)) and time.monotonic() < until:
        time.sleep(0.05)
    if left:
        yield f"{len(left)} processes are left"
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    now = _contents(home)
    for name, content in complete.items():
        if now.get(name) != content:
            yield f"{name} was complete and is another now"
    if (status := _start(command, home).wait()) != 0:
        yield f"the next run ended with {status}"
    again = {name: x for name, x in _contents(home).items() if "interrupted" not in name}
    if again != whole:
        yield f"{sorted(again)} after the next run differ from {sorted(whole)}"


def _new(home: Path) -> Path:
    home.mkdir(parents=True)
    (home / "grid.toml").write_text(GRID, encoding="utf-8")
    return home


def _start(command: list[str], home: Path) -> Any:
    """Start a command in a session of its own."""
    with _errors(home).open("w") as errors:  # no pipe: workers that are left would hold it
        return subprocess.Popen(
            [sys.executable, "-m", "modelcollapse", *command],
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )


def _errors(home: Path) -> Path:
    return home.with_name(f"{home.name}.err")


def _session(leader: int) -> list[int]:
    """Return the living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def _contents(home: Path) -> dict[str, Any]:
    """Return what the files of a folder say."""
    found: dict[str, Any] = {}
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if path.suffix == ".parquet":
            found[name] = repr(pl.read_parquet(path).to_dict(as_series=False))
        elif path.suffix == ".npz":
            with np.load(path) as archive:
                found[name] = {key: archive[key].tolist() for key in archive if key != "header"}
        elif path.is_file() and path.name != "lock":
            found[name] = path.read_bytes()
    return found
