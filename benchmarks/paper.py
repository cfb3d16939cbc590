"""The paper's Gaussian loop, written from its description: the peer of the benchmarks.

One repeat after the other and one generation after the other, each generation draws its rows
from the fitted Gaussian and fits the next one to the rows themselves, with NumPy's legacy
generator (``RandomState``, the one behind ``np.random.multivariate_normal``), as the paper's
experiments did. What the paper logs to disk is left out, and so is every avoidable copy: all
rows live in one array that is allocated once per repeat.
"""

from typing import NamedTuple

import numpy as np


class Records(NamedTuple):
    """What is recorded at each generation, each of shape (repeats, generations)."""

    squared_error: np.ndarray
    trace: np.ndarray
    log_determinant: np.ndarray


def training_rows(workflow, rows, samples, rng):
    """Return the rows that a generation is fitted on, out of all rows drawn so far."""
    if workflow == "replace":
        return rows[-samples:]
    if workflow == "accumulate":
        return rows
    return rows[rng.choice(len(rows), size=samples, replace=False)]


def loop(workflow, dim, samples, generations, repeats, seed):
    """Run the loop from a standard normal truth and return its `Records`."""
    rng = np.random.RandomState(seed)
    records = Records(*np.empty((3, repeats, generations)))
    for repeat in range(repeats):
        pool = np.empty((generations * samples, dim))
        mean, covariance = np.zeros(dim), np.eye(dim)
        for t in range(generations):
            end = (t + 1) * samples
            pool[end - samples : end] = rng.multivariate_normal(mean, covariance, size=samples)
            rows = training_rows(workflow, pool[:end], samples, rng)
            mean = np.mean(rows, axis=0)
            covariance = np.cov(rows, rowvar=False, bias=True).reshape(dim, dim)
            records.squared_error[repeat, t] = mean @ mean
            records.trace[repeat, t] = np.trace(covariance)
            records.log_determinant[repeat, t] = np.linalg.slogdet(covariance)[1]
    return records
