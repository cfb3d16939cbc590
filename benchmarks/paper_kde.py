"""The paper's kernel density loop, written from its description: the peer of the benchmarks.

One generation after the other, scikit-learn's estimator is fitted on the training rows, scores
the test rows and draws the next batch. Its settings are the defaults, as in the paper; what the
paper logs to disk is left out, and all rows live in one array that is allocated once.
"""

from typing import NamedTuple

import numpy as np
from sklearn.neighbors import KernelDensity

from benchmarks.paper import training_rows


class Run(NamedTuple):
    """What a run leaves behind.

    Attributes
    ----------
    log_densities
        Of each test row at each generation, shape (generations, m), in nats.
    trained
        The training rows of each generation.
    """

    log_densities: np.ndarray
    trained: list[np.ndarray]


def loop(workflow, bandwidth, real, tests, generations, seed):
    """Run the loop from a first batch of real rows (n, d), scored on test rows (m, d)."""
    rng, n = np.random.RandomState(seed), len(real)
    pool = np.empty((generations * n, real.shape[1]))
    pool[:n] = real
    log_densities, trained = np.empty((generations, len(tests))), []
    for t in range(generations):
        rows = training_rows(workflow, pool[: (t + 1) * n], n, rng)
        model = KernelDensity(bandwidth=bandwidth).fit(rows)
        log_densities[t] = model.score_samples(tests)
        trained.append(rows)
        if t + 1 < generations:
            pool[(t + 1) * n : (t + 2) * n] = model.sample(n, random_state=rng)
    return Run(log_densities, trained)
