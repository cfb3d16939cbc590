"""Compiled: random training sets as cells, the rows of a batch that the same generations train on.

Which rows train which generation does not depend on the data, and the rows of a batch are alike. So
sets are known by how many rows of each batch have which history, and all that is needed of such
rows can be drawn at once: what that costs does not grow with the batches. A subset that is drawn
anew in each generation may cut every cell in two, an edited set only those that lose rows.
"""

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.hypergeometric import hypergeometric
from modelcollapse._support.stream import Stream
from modelcollapse._support.variates import binomial

Members = npt.NDArray[np.uint8]
MOST = 2**20  # cells that are kept at once
MOST_MEMBERS = 2**26  # cells times generations, 64 MiB


def room(
    sizes: Integers, counts: Integers, edits: Floats, worth: float, beside: float = 0.0
) -> int:
    """Return how many cells there can be at most, or 0 if rows, one by one, are cheaper.

    Parameters
    ----------
    sizes, counts
        The sizes of the batches, and how many rows each generation trains on, (T,) both.
    edits
        As in `variates.draw_plan`.
    worth
        How many rows a cell costs as much as.
    beside
        How many rows all that is not done in rows costs as much as.
    """
    left = np.arange(len(sizes), 0, -1)
    histories = left.astype(float) if edits.size else 2.0 ** np.minimum(left, 60)
    if not edits.size and counts[0] == sizes[0]:
        histories[0] /= 2
    cells = float(np.minimum(sizes, histories).sum())
    if worth * cells + beside > counts.sum(dtype=float) or cells > MOST:
        return 0
    return int(cells) if cells * len(sizes) <= MOST_MEMBERS else 0


@compiled
def scratch(
    room: int, generations: int
) -> tuple[Integers, Integers, Integers, Integers, Integers, Members]:
    """Return the arrays that `draw_cells` fills, for at most so many cells."""
    batch, rows, last = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    order, starts = np.empty(room, np.int64), np.empty(generations + 1, np.int64)
    return batch, rows, last, order, starts, np.empty((room, generations), np.uint8)


@compiled
def draw_cells(
    stream: Stream,
    sizes: Integers,
    counts: Integers,
    edits: Floats,
    batch: Integers,
    rows: Integers,
    last: Integers,
    order: Integers,
    starts: Integers,
    member: Members,
) -> None:
    """Draw the cells of random sets, of the law of `variates.draw_plan`, whose arguments these are.

    The cells of batch t that are trained on are order[starts[t] : starts[t + 1]]; cell c has
    rows[c] rows, last[c] is the last generation that trains on them, and member[c, t] is 1
    for each that does.
    """
    cells, pool, T = 0, 0, sizes.size
    for t in range(T):
        edited, replaced = t > 0 and edits.size > 0, 0
        if edited:
            replaced = int(edits[0, t])
            if edits[1, t] > 0.0:
                replaced = binomial(stream, counts[t], edits[1, t])
            rest, wanted = counts[t - 1], counts[t] - replaced
        else:
            cells = _added(batch, rows, last, member, cells, t, sizes[t])
            pool += sizes[t]
            rest, wanted = pool, counts[t]
        for c in range(cells):  # those that are there before any is cut
            if edited and last[c] < t - 1:
                continue
            have = rows[c]
            chosen = hypergeometric(stream, have, rest - have, wanted)
            rest -= have
            wanted -= chosen
            if chosen == 0:
                continue
            if chosen < have:
                _added(batch, rows, last, member, cells, batch[c], have - chosen)
                for s in range(t):
                    member[cells, s] = member[c, s]
                last[cells] = last[c]
                rows[c] = chosen
                cells += 1
            last[c] = t
            member[c, t] = 1
        if replaced > 0:
            cells = _added(batch, rows, last, member, cells, t, replaced)
            last[cells - 1], member[cells - 1, t] = t, 1
    _sorted(batch[:cells], last, order, starts)


@compiled
def _added(
    batch: Integers,
    rows: Integers,
    last: Integers,
    member: Members,
    cells: int,
    t: int,
    count: int,
) -> int:
    """Add a cell of so many rows of batch t, of no generation yet; return how many there are."""
    batch[cells], rows[cells], last[cells] = t, count, -1
    for s in range(member.shape[1]):
        member[cells, s] = 0
    return cells + 1


@compiled
def _sorted(batch: Integers, last: Integers, order: Integers, starts: Integers) -> None:
    """Fill order and starts with the cells that some generation trains on, batch by batch."""
    T = starts.size - 1
    for t in range(T + 1):
        starts[t] = 0
    for c in range(batch.size):
        if last[c] >= 0:
            starts[batch[c] + 1] += 1
    for t in range(T):
        starts[t + 1] += starts[t]
    for c in range(batch.size):
        if last[c] >= 0:
            order[starts[batch[c]]] = c
            starts[batch[c]] += 1
    for t in range(T, 0, -1):
        starts[t] = starts[t - 1]
    starts[0] = 0
