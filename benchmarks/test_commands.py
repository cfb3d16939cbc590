"""What answers at once: commands, beyond the interpreter's start, and a monitor's update."""

import os
import resource
import subprocess
import sys
import time

import numpy as np
import pytest

import modelcollapse as mc

TRIES = 4  # of which the best counts, as others may use the machine
MOST = 1.0  # seconds
AT_ONCE, HELD_OUT = 1e-3, 1000  # seconds of an update, and its rows
ADVICE = "--real 50000 --synthetic 500000 --generations 12"
COMMANDS = {
    "advise": f"advise {ADVICE} --fresh-real 5000 --budget 50000 --at-most 1.5",
    "theorems": "theorems KDE collapse replace",
    "diagnose": "diagnose {table}",  # of a hundred runs
}
CODE = "import sys; from modelcollapse.cli import main; sys.exit(main(sys.argv[1:]))"


def spent(*arguments):
    """Return the processor time of an interpreter with these arguments, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603 - our own code
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("name", COMMANDS)
def test_it_answers_within_a_second(benchmark, record_other, name, tmp_path):
    """The best of some tries, less the best start of an interpreter that does nothing."""
    benchmark.group = "commands that answer at once (whole process)"
    table = tmp_path / "runs.csv"
    loss = np.exp(np.random.default_rng(0).normal(0.01, 0.1, (100, 100)).cumsum(axis=1))
    lines = [f"{run},{t + 1},{x},{1 / x}" for run in range(100) for t, x in enumerate(loss[run])]
    table.write_text("\n".join(["seed,generation,loss,variance", *lines]) + "\n")
    words = COMMANDS[name].format(table=table).split()
    start = min(spent("-c", "pass") for _ in range(TRIES))
    tries = [spent("-c", CODE, *words) for _ in range(TRIES - 1)]
    tries.append(benchmark.pedantic(spent, ("-c", CODE, *words), rounds=1))
    beyond = min(tries) - start
    record_other(f"modelcollapse {name}, processor time beyond the start", "s", value=beyond)

    assert beyond < MOST


@pytest.mark.parametrize("fresh", [False, True])
def test_a_monitor_updates_within_a_millisecond(benchmark, rounds, record_other, bench_seed, fresh):
    """The median of forty updates by 1,000 losses each, as they rise beyond the margin."""
    rng = np.random.default_rng(bench_seed)
    monitor = mc.Monitor("loss", margin=0.1, range=(0, 5), fresh=fresh)
    first, seconds = rng.random(HELD_OUT), []
    extra = {"reference": first} if fresh else {}
    monitor.update(1, losses=first, **extra)

    def update():
        t = len(seconds) + 2
        losses = rng.random(HELD_OUT) + 0.01 * t
        start = time.process_time()
        monitor.update(t, losses=losses, **extra)
        seconds.append(time.process_time() - start)

    rounds(update, lambda: ((), {}), 40)
    middle = float(np.median(seconds))
    name = "fresh" if fresh else "the same"
    record_other(
        f"update of a monitor, {HELD_OUT} {name} rows, processor", "ms", value=1e3 * middle
    )

    assert monitor.alarmed
    assert middle < AT_ONCE or benchmark.disabled  # beside other work its time says nothing
