"""The discrete loop, row by row: the peer of the benchmarks.

The rows of the training set are tallied by ``np.unique``, and the next batch is drawn by
``np.random.choice`` with the relative frequencies as probabilities, with NumPy's legacy generator.
All rows of a repeat live in one array that is allocated once.
"""

from typing import NamedTuple

import numpy as np

from benchmarks.paper import training_rows


class Records(NamedTuple):
    """What is recorded at each generation, each of shape (repeats, generations)."""

    heterozygosity: np.ndarray
    absent: np.ndarray


def loop(workflow, outcomes, samples, generations, repeats, seed):
    """Run the loop from the uniform distribution and return its `Records`."""
    rng = np.random.RandomState(seed)
    records = Records(*np.empty((2, repeats, generations)))
    for repeat in range(repeats):
        pool = np.empty(generations * samples, dtype=np.int64)
        values, shares = np.arange(outcomes), np.full(outcomes, 1 / outcomes)
        for t in range(generations):
            end = (t + 1) * samples
            pool[end - samples : end] = rng.choice(values, size=samples, p=shares)
            rows = training_rows(workflow, pool[:end], samples, rng)
            values, counts = np.unique(rows, return_counts=True)
            shares = counts / len(rows)
            records.heterozygosity[repeat, t] = 1 - np.sum(shares**2)
            records.absent[repeat, t] = outcomes - len(values)
    return records
