"""Processes in a session of their own, which get signals, and what is left of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE = 60.0  # seconds for a sign of work: machines may be slow, and loops are compiled
PROC = Path("/proc")
WORKER = b"popen_loky"  # in the command line of joblib's worker processes


def start(*arguments, code=None, environment=None, **options):
    """Start the command line, or code that gets the arguments."""
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    program = ["-m", "modelcollapse"] if code is None else ["-c", code]
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        env=os.environ | path | (environment or {}),
        text=True,
        start_new_session=True,
    )


def wait_until(sign, process=None):
    """Wait until there is a sign, and return it; the process must not end before."""
    end = time.monotonic() + PATIENCE
    while not (found := sign()):
        if process is not None and process.poll() is not None:
            pytest.fail(f"it ended with {process.returncode}: {process.communicate()}")
        if time.monotonic() > end:
            if process is not None:
                os.killpg(process.pid, signal.SIGKILL)
            pytest.fail("there was no sign")
        time.sleep(0.01)
    return found


def members(process):
    """Return the command lines and CPU seconds of the living processes of a session."""
    if not PROC.is_dir():
        pytest.skip("sessions are read from /proc")
    found = []
    for folder in PROC.iterdir():
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(state[3]) == process.pid and state[0] != "Z":
                ticks = int(state[11]) + int(state[12])
                line = (folder / "cmdline").read_bytes()
                found.append((line, ticks / os.sysconf("SC_CLK_TCK")))
        except (OSError, IndexError):
            continue
    return found


def workers(process):
    """Return the CPU seconds of the worker processes of a session."""
    return [seconds for line, seconds in members(process) if WORKER in line]


def answers(process):
    """Return whether a process has a handler of SIGTERM: Python itself has none."""
    if not PROC.is_dir():
        pytest.skip("handlers are read from /proc")
    text = (PROC / str(process.pid) / "status").read_text()
    caught = next(line for line in text.splitlines() if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1


def ended(process, timeout=PATIENCE):
    """Wait for its end; return its exit status and what it wrote. No worker may be left."""
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    left = workers(process)
    out, err = process.communicate(timeout=timeout)
    assert left == []
    wait_until(lambda: not members(process))  # joblib's tracker of resources ends after it
    return status, out, err
