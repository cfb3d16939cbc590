"""Compiled: random training sets, by index plans for many replicates at once, or in cells."""

import numpy as np

from modelcollapse._support.cells import draw_cells, scratch
from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream
from modelcollapse._support.variates import draw_plan
from modelcollapse.families.exponential.kernels import batch_means


@compiled
def draw_plans(
    stream: Stream, sizes: Integers, counts: Integers, edits: Floats, plans: Integers
) -> None:
    """Fill plans[r, t, :counts[t]] with distinct rows of the pool of generation t."""
    rows = sizes.sum()
    order, used = np.empty(rows, np.int64), np.empty(rows, np.int64)
    for r in range(plans.shape[0]):
        draw_plan(stream, sizes, counts, edits, order, plans[r], used)


@compiled
def chosen_means(pool: Floats, plans: Integers, t: int, k: int, means: Floats) -> None:
    """Fill means[r] with the mean of rows plans[r, t, :k]; equal rows have exactly their mean."""
    for r in range(means.size):
        first, total = pool[r, plans[r, t, 0]], 0.0
        for i in range(1, k):
            total += pool[r, plans[r, t, i]] - first
        means[r] = first + total / k


@compiled
def cell_means(
    stream: Stream,
    law: int,
    parameter: float,
    truth: float,
    sizes: Integers,
    counts: Integers,
    edits: Floats,
    room: int,
    slots: Integers,
    fitted: Floats,
) -> None:
    """Simulate loops on random sets by the means of at most `room` cells, see `_support.cells`.

    Merged by differences: cells that all have one mean are a set with exactly that mean.
    """
    T = sizes.size
    sets = scratch(room, T)
    _, rows, last, order, starts, member = sets
    held, means, mean, new, none = np.empty(T), np.empty(T), np.empty(1), np.empty(1), np.empty(0)
    for r in range(fitted.shape[0]):
        draw_cells(stream, sizes, counts, edits, *sets)
        held[:], means[:] = 0.0, 0.0
        mean[0] = truth
        for t in range(T):
            for c in order[starts[t] : starts[t + 1]]:
                batch_means(stream, law, parameter, rows[c], none, mean, new)
                for s in range(t, last[c] + 1):
                    if member[c, s] == 1:
                        held[s] += rows[c]
                        means[s] += (new[0] - means[s]) * (rows[c] / held[s])
            mean[0] = means[t]
            if slots[t] >= 0:
                fitted[r, slots[t]] = mean[0]
