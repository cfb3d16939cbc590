"""The memory that scoring takes, in a process of its own: ``python -m benchmarks.memory``.

Prints one JSON object: the peak memory in MiB beyond the inputs, and the mean log-density, for
each tolerance. Compiled code allocates by itself, so only the process as a whole can tell.
"""

import json
import resource
import sys
from pathlib import Path

import numpy as np

from modelcollapse.families.kde import scoring

ROWS, POINTS, DIM = 10**5, 5000, 2
BANDWIDTH = 0.2
TOLERANCES = (0.0, 1e-10, 1e-7)
STATUS = Path("/proc/self/status")


def inputs(seed):
    """Return points (5000, 2) and rows (100000, 2), standard normal."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((POINTS, DIM)), rng.standard_normal((ROWS, DIM))


def resident(name):
    """Return the memory of this process in MiB: "VmHWM", its peak, or "VmRSS", now.

    Where the system does not say, it is the peak, which may be the parent's before the fork.
    """
    lines = STATUS.read_text(encoding="utf-8").splitlines() if STATUS.exists() else []
    for line in lines:
        if line.startswith(name):
            return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main(seed):
    """Score once for each tolerance and print the outcome."""
    points, rows = inputs(seed)
    for tolerance in TOLERANCES:  # compiles
        scoring.log_densities(points[:20], rows[:10000], BANDWIDTH, tolerance=tolerance)
    before = resident("VmRSS")  # below the peak so far, so that the outcome can only be too much
    means = [
        float(scoring.log_densities(points, rows, BANDWIDTH, tolerance=tolerance).mean())
        for tolerance in TOLERANCES
    ]
    json.dump({"mib": resident("VmHWM") - before, "means": means}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
