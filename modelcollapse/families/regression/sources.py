"""What each generation is fitted to, with as few compressed batches in memory as it needs."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.workflows import Accumulate, Replace
from modelcollapse.workflows.sources import real_counts, source_weights

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

SAME = 1e-12  # relative: weights that differ by rounding alone


class Sources(NamedTuple):
    """The plan of `kernels.fresh`: parts of batches, in slots, and the training set before.

    Attributes
    ----------
    counts
        Rows of each batch's real and sampled part, shape (T, 2).
    homes
        The slot where each part is kept, shape (T, 2).
    carried
        The scale of the last training set in the new one, 0 for none, shape (T,).
    starts, used, scales
        Generation t uses the slots used[starts[t]:starts[t + 1]], scaled; the scale is the root
        of the row weight.
    room
        The number of slots, and the largest number of stacked rows, shape (2,).
    """

    counts: Integers
    homes: Integers
    carried: Floats
    starts: Integers
    used: Integers
    scales: Floats
    room: Integers


def row_weights(e: "Experiment") -> tuple[Integers, Floats]:
    """Return rows (T, 2) of each part, and their weights (T, T, 2) at each generation.

    Weights have a mean of one over the rows of positive weight.
    """
    sizes, T = e.sizes, e.generations
    real = real_counts(e.workflow, sizes.tolist())
    counts = np.column_stack([real, sizes - real])
    weights = np.zeros((T, T, 2))
    for t in range(1, T + 1):
        both = np.column_stack(source_weights(e.workflow, sizes[:t].tolist()))
        trained = np.where(both > 0, counts[:t], 0).sum()
        weights[t - 1, :t] = both * trained / np.maximum(counts[:t], 1)
    return counts, weights


def sources_of(e: "Experiment") -> Sources:
    """Return the plan of an experiment with a deterministic workflow."""
    if type(e.workflow) in (Replace, Accumulate):
        counts = np.zeros((e.generations, 2), dtype=np.int64)
        counts[0, 0], counts[1:, 1] = e.sizes[0], e.sizes[1:]
        pooled = np.full(e.generations, float(isinstance(e.workflow, Accumulate)))
        pooled[0] = 0.0
        return _chained(counts, pooled, np.ones((e.generations, 2)), e.model.dim)
    counts, weights = row_weights(e)
    carried = _carried(weights)
    if carried is not None:
        newest = np.array([weights[t, t] for t in range(e.generations)])
        return _chained(counts, carried, newest, e.model.dim)
    return _kept(counts, weights, e.model.dim)


def _carried(weights: Floats) -> Floats | None:
    """Return the factor on all old weights at each generation, if it is one; else None."""
    carried = np.zeros(len(weights))
    for t in range(1, len(weights)):
        old, new = weights[t - 1, :t], weights[t, :t]
        positive = old > 0
        if np.any(new[~positive] > 0):
            return None
        ratios = new[positive] / old[positive]
        if np.ptp(ratios) > SAME * ratios.max():
            return None
        carried[t] = ratios[0]
    return carried


def _chained(counts: Integers, carried: Floats, newest: Floats, dim: int) -> Sources:
    """Each training set is the last one, scaled, and the newest batch."""
    trained = (counts > 0) & (newest > 0)
    homes = np.tile(np.array([0, 1]), (len(counts), 1))
    return Sources(
        counts,
        homes,
        np.sqrt(carried),
        np.concatenate([[0], np.cumsum(trained.sum(axis=1))]),
        homes[trained],
        np.sqrt(newest[trained]),
        np.array([2, 3 * dim]),
    )


def _kept(counts: Integers, weights: Floats, dim: int) -> Sources:
    """Each part is kept from its birth to its last use."""
    T = len(counts)
    uses = (weights > 0) & (counts > 0)
    last = np.where(uses.any(axis=0), T - 1 - uses[::-1].argmax(axis=0), -1)
    homes, busy = np.zeros((T, 2), dtype=np.int64), list[int]()
    for t in range(T):
        for source in range(2):
            if counts[t, source] == 0:
                continue
            free = next((i for i, until in enumerate(busy) if until < t), len(busy))
            if free == len(busy):
                busy.append(0)
            # Even a part that nobody trains on is drawn, and may not overwrite one of this batch.
            busy[free], homes[t, source] = max(int(last[t, source]), t), free
    chosen = [np.argwhere(uses[t]) for t in range(T)]
    used = [homes[tuple(c.T)] for c in chosen]
    scales = [np.sqrt(weights[t][tuple(c.T)]) for t, c in enumerate(chosen)]
    return Sources(
        counts,
        homes,
        np.zeros(T),
        np.concatenate([[0], np.cumsum([len(u) for u in used])]),
        np.concatenate(used),
        np.concatenate(scales),
        np.array([len(busy), dim * max(len(u) for u in used)]),
    )
