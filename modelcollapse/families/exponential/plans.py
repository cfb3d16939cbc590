"""Compiled: the index plans of random training sets for many replicates."""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream
from modelcollapse._support.variates import draw_plan


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
