"""A million replicates in d = 1, in a process of its own: ``python -m benchmarks.million``.

Prints one JSON object: the seconds taken, the peak memory in GiB and the rejected checks.
"""

import json
import sys
import time

import modelcollapse as mc
from benchmarks.memory import resident
from modelcollapse import evidence

AT = list(range(10, 101, 10))
QUANTITIES = ("log_variance", "squared_error")


def main(seed):
    """Simulate replace, compare ten generations with the theory and print the outcome."""
    e = mc.Experiment(mc.Gaussian(dim=1), mc.Replace(), samples=100, generations=100)
    mc.simulate(e, 1, at=AT)  # compiles
    start = time.perf_counter()
    trajectories = mc.simulate(e, 10**6, seed, at=AT)
    values = {q: trajectories[q] for q in QUANTITIES}
    seconds = time.perf_counter() - start
    peak = resident("VmHWM")
    theory = mc.predict(e)
    rejected = [
        (q, t)
        for q in QUANTITIES
        for column, t in enumerate(AT)
        if evidence.mean(
            values[q][:, column], theory[q][t - 1], theory.variances[q][t - 1]
        ).rejected
    ]
    json.dump({"seconds": seconds, "peak_gib": peak / 2**10, "rejected": rejected}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
