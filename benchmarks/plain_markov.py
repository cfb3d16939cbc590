"""Language by counts written in plain NumPy: the peer of the benchmark.

All texts of a batch go on by a word at a time, with the cumulative rows of the fitted table; the
next fit counts their transitions.
"""

import numpy as np


def batch(rng, table, n):
    """Draw n texts; return how often each word, or the end, follows each context."""
    words = table.shape[1] - 1
    sums = table.cumsum(axis=1)
    counts = np.zeros(table.shape, dtype=np.int64)
    context = np.zeros(n, dtype=np.int64)
    while context.size:
        shares = rng.random(context.size) * sums[context, -1]
        outcome = (sums[context] <= shares[:, None]).sum(axis=1)
        np.add.at(counts, (context, outcome), 1)
        context = 1 + outcome[outcome < words]
    return counts


def loop(workflow, table, samples, generations, repeats, seed):
    """Run the loop from a table of probabilities; return transitions lost, (repeats, T)."""
    rng, lost = np.random.default_rng(seed), np.empty((repeats, generations))
    for repeat in range(repeats):
        fit, counts = table, 0
        for t in range(generations):
            new = batch(rng, fit, samples)
            counts = counts + new if workflow == "accumulate" else new
            total = counts.sum(axis=1, keepdims=True)
            fit = np.divide(counts, total, out=np.zeros(table.shape), where=total > 0)
            lost[repeat, t] = ((table > 0) & (fit == 0)).sum()
    return lost
