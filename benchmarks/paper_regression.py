"""The paper's linear regression, written from its description: the peer of the benchmarks.

The inputs are drawn once per repeat; each generation labels them again by the last fit, with
fresh noise, and the next fit is the pseudo-inverse of all training rows times their labels. Under
accumulate the inputs are tiled, one copy for each generation so far. All rows live in arrays that
are allocated once per repeat.
"""

import numpy as np


def loop(workflow, dim, samples, generations, repeats, seed):
    """Run the loop from the first unit vector and return risks, shape (repeats, generations)."""
    rng = np.random.RandomState(seed)
    truth = np.eye(dim)[0]
    risks = np.empty((repeats, generations))
    for repeat in range(repeats):
        inputs = rng.standard_normal((samples, dim))
        tiled, labels = np.tile(inputs, (generations, 1)), np.empty(generations * samples)
        fitted = truth
        for t in range(generations):
            first, end = t * samples, (t + 1) * samples
            labels[first:end] = inputs @ fitted + rng.standard_normal(samples)
            start = 0 if workflow == "accumulate" else first
            fitted = np.linalg.pinv(tiled[start:end]) @ labels[start:end]
            risks[repeat, t] = ((fitted - truth) ** 2).sum()
    return risks
