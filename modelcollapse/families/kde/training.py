"""What each generation trains on, as far as second moments can see it.

The real and the sampled part of a batch merge into slots (`Schedule.step`), and a fit weights the
slots.
Accumulate-subsample has one slot, the pool, and draws k of its N rows without replacement: that
keeps first moments, and moves a share (N - k)/(k (N - 1)) of a second moment from pairs of
different rows to a row with itself.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.loop.schedule import Edits
from modelcollapse.solver.edits import chances

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


class TrainingSet(NamedTuple):
    """The training rows of one generation.

    Attributes
    ----------
    real, sampled
        The rows of each part of the newest batch.
    carry
        How slots and, last, those parts of the newest batch that have rows, real before sampled,
        become the slots kept, shape (kept, before + 1 or 2).
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
    edited
        Of a set that is edited, the chances that a row and that one of two rows is replaced; then
        `sampled` is 1, whatever their number.
    """

    real: int
    sampled: int
    carry: Floats
    weights: Floats
    subsampled: float
    squares: float
    rows: int
    least: float
    edited: tuple[float, float] | None = None


def trainings(e: "Experiment") -> list[TrainingSet]:
    """Return the training of each generation.

    Raises
    ------
    NoClosedForm
        If the workflow is neither a weighting, nor accumulate-subsample, nor an edit.
    """
    if e.schedule.one_pool:
        return _single_slot(e)
    if e.schedule.edits is not None:
        return _edited(e.schedule.edits)
    if not e.schedule.weighted:
        raise NoClosedForm(
            f"{e.workflow!r} has no batch_weights(sizes); add it if the workflow is "
            "deterministic and weights the rows of a batch alike"
        )
    return _weighted(e)


def _single_slot(e: "Experiment") -> list[TrainingSet]:
    """Return what `_weighted` would, for workflows that keep one slot, in linear time."""
    found: list[TrainingSet] = []
    one, newest, counts, N = np.ones(1), e.schedule.newest, e.schedule.counts, 0
    for n, k in zip(e.schedule.listed, counts.tolist(), strict=True):
        parts = (0, n) if found else (n, 0)
        N = n if newest else N + n
        carry = np.array([[1 - n / N, n / N]]) if found else np.ones((1, 1))
        subsampled = (N - k) / (k * (N - 1)) if k < N else 0.0
        found.append(TrainingSet(*parts, carry, one, subsampled, 1 / k, k, 1 / k))
    return found


def _edited(edits: Edits) -> list[TrainingSet]:
    """Return one slot, the set: its rows are as likely to be replaced as any others."""
    n, found = edits.size, list[TrainingSet]()
    for one, pair in zip(*(chance.tolist() for chance in chances(edits)), strict=True):
        parts, carry = ((0, 1), [[1 - one, one]]) if found else ((n, 0), [[1.0]])
        chance = (one, pair) if found else None
        slot = np.array(carry), np.ones(1)
        found.append(TrainingSet(*parts, *slot, 0.0, 1 / n, n, 1 / n, chance))
    return found


def _weighted(e: "Experiment") -> list[TrainingSet]:
    found: list[TrainingSet] = []
    # Of each slot: sum w^2, the number of rows with weight, and the smallest weight.
    squares, rows, least = np.empty(0), np.empty(0), np.empty(0)
    parts = zip(e.schedule.real.tolist(), e.schedule.sampled.tolist(), strict=True)
    for t, (real, sampled) in enumerate(parts, 1):
        new = np.array([n for n in (real, sampled) if n], dtype=np.float64)
        squares, rows, least = (
            np.append(old, each)
            for old, each in ((squares, 1 / new), (rows, new), (least, 1 / new))
        )
        carry, weights = e.schedule.step(t)
        squares, rows, least = carry**2 @ squares, (carry > 0) @ rows, _least(carry, least)
        used = weights > 0
        found.append(
            TrainingSet(
                real,
                sampled,
                carry,
                weights,
                0.0,
                float(weights**2 @ squares),
                int(used @ rows),
                float((weights[used] * least[used]).min()),
            )
        )
    return found


def gathered(
    training: TrainingSet, slots: Floats, real: Floats | float, sampled: Floats | float
) -> Floats:
    """Return the slots that a generation keeps, of those before and of its batch's parts.

    Parameters
    ----------
    training
        The generation's.
    slots
        A mean over the rows of each slot before, shape (before, ...).
    real, sampled
        The same of the batch's two parts, shape (...).
    """
    parts = ((real, training.real), (sampled, training.sampled))
    new = [np.broadcast_to(part, slots.shape[1:])[None] for part, rows in parts if rows]
    return np.asarray(training.carry @ np.concatenate([slots, *new]))


def _least(carry: Floats, least: Floats) -> Floats:
    """Return the smallest positive weight within each new slot."""
    weighted = np.where(carry > 0, carry * least, np.inf)
    return np.asarray(weighted.min(axis=1))
