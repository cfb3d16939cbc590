"""What each generation trains on, as far as second moments can see it.

Batches merge into slots (`selection.memory_step`), and a fit weights the slots.
Accumulate-subsample has one slot, the pool, and draws k of its N rows without replacement: that
keeps first moments, and moves a share (N - k)/(k (N - 1)) of a second moment from pairs of
different rows to a row with itself.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    Refreshing,
    Replace,
    Weighting,
)
from modelcollapse.workflows.selection import memory_step

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


class Training(NamedTuple):
    """The training rows of one generation.

    Attributes
    ----------
    carry
        How slots and, last, the new batch become the slots kept, shape (kept, before + 1).
    weights
        The weight of each slot, shape (kept,).
    subsampled
        The share (N - k)/(k (N - 1)); 0 where all rows of the slots are used.
    squares
        sum w^2 over the training rows; its inverse is the effective number of rows.
    rows
        How many training rows have weight.
    least
        The smallest positive weight of a row.
    """

    carry: Floats
    weights: Floats
    subsampled: float
    squares: float
    rows: int
    least: float


def trainings(e: "Experiment") -> list[Training]:
    """Return the training of each generation.

    Raises
    ------
    NoClosedForm
        If the workflow is neither a weighting nor accumulate-subsample.
    """
    workflow = e.workflow
    if type(workflow) in (Replace, Accumulate, AccumulateSubsample):
        return _single_slot(e)
    if isinstance(workflow, Refreshing):
        raise NoClosedForm("fresh real rows: kernel densities are not predicted, only simulated")
    if not isinstance(workflow, Weighting):
        raise NoClosedForm(
            f"{workflow!r} has no batch_weights(sizes); add it if the workflow is "
            "deterministic and weights the rows of a batch alike"
        )
    return _weighted(e, workflow)


def _single_slot(e: "Experiment") -> list[Training]:
    """Return what `_weighted` would, for workflows that keep one slot, in linear time."""
    workflow, one = e.workflow, np.ones(1)
    sizes, pools = e.sizes.tolist(), np.cumsum(e.sizes).tolist()
    chosen = workflow.training_sizes(sizes) if isinstance(workflow, AccumulateSubsample) else pools
    found = []
    for t, (n, N, k) in enumerate(zip(sizes, pools, chosen, strict=True)):
        share = 1.0 if isinstance(workflow, Replace) else n / N
        carry = np.array([[1 - share, share]]) if t else np.ones((1, 1))
        rows = n if isinstance(workflow, Replace) else k
        subsampled = (N - k) / (k * (N - 1)) if k < N else 0.0
        found.append(Training(carry, one, subsampled, 1 / rows, rows, 1 / rows))
    return found


def _weighted(e: "Experiment", workflow: Weighting) -> list[Training]:
    sizes, found = e.sizes.tolist(), []
    # Of each slot: sum w^2, the number of rows with weight, and the smallest weight.
    squares, rows, least = np.empty(0), np.empty(0), np.empty(0)
    for t in range(1, e.generations + 1):
        n = sizes[t - 1]
        squares, rows, least = (
            np.append(old, new) for old, new in ((squares, 1 / n), (rows, float(n)), (least, 1 / n))
        )
        carry, weights = memory_step(workflow, sizes[:t])
        squares, rows, least = carry**2 @ squares, (carry > 0) @ rows, _least(carry, least)
        used = weights > 0
        found.append(
            Training(
                carry,
                weights,
                0.0,
                float(weights**2 @ squares),
                int(used @ rows),
                float((weights[used] * least[used]).min()),
            )
        )
    return found


def _least(carry: Floats, least: Floats) -> Floats:
    """Return the smallest positive weight within each new slot."""
    weighted = np.where(carry > 0, carry * least, np.inf)
    return np.asarray(weighted.min(axis=1))
