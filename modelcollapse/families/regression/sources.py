"""What each generation is fitted to, with as few compressed batches in memory as it needs."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


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
        The number of slots.
    """

    counts: Integers
    homes: Integers
    carried: Floats
    starts: Integers
    used: Integers
    scales: Floats
    room: int


def row_weights(e: "Experiment") -> tuple[Integers, Floats]:
    """Return rows (T, 2) of each part, and their weights (T, T, 2) at each generation.

    Weights have a mean of one over the rows of positive weight.
    """
    schedule, T = e.schedule, e.generations
    counts = np.column_stack([schedule.real, schedule.sampled])
    weights = np.zeros((T, T, 2))
    for t in range(1, T + 1):
        both = np.column_stack(schedule.weights(t))
        trained = np.where(both > 0, counts[:t], 0).sum()
        weights[t - 1, :t] = both * trained / np.maximum(counts[:t], 1)
    return counts, weights


def sources_of(e: "Experiment") -> Sources:
    """Return the plan of an experiment with a deterministic workflow."""
    schedule, T = e.schedule, e.generations
    counts = np.column_stack([schedule.real, schedule.sampled])
    if schedule.alone or schedule.everything:
        carried = np.full(T, float(schedule.everything))
        carried[0] = 0.0
        return _chained(counts, carried, np.ones((T, 2)))
    if (chain := schedule.chain) is None:
        return _kept(*row_weights(e))
    parts = np.column_stack([chain.real, chain.sampled])
    trained = np.zeros(T + 1)  # rows of positive weight, generation by generation
    for t, new in enumerate(np.where(parts > 0, counts, 0).sum(axis=1).tolist()):
        trained[t + 1] = new + (trained[t] if chain.carried[t] > 0 else 0)
    # In row weights with a mean of one over the rows of positive weight.
    newest = parts * trained[1:, None] / np.maximum(counts, 1)
    carried = chain.carried * trained[1:] / np.maximum(trained[:-1], 1)
    return _chained(counts, carried, newest)


def _chained(counts: Integers, carried: Floats, newest: Floats) -> Sources:
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
        2,
    )


def _kept(counts: Integers, weights: Floats) -> Sources:
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
        len(busy),
    )
