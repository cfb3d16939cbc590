"""Arguments of the solver, and the weights of real and of sampled rows."""

from typing import Any

import numpy as np

from modelcollapse._support.checks import LARGEST_BATCH, Floats, Integers, labelled, number
from modelcollapse._support.errors import NoClosedForm, invalid
from modelcollapse.loop.consistency import check
from modelcollapse.loop.schedule import MOST_DENSE, Schedule
from modelcollapse.workflows import AnyWorkflow
from modelcollapse.workflows.selection import require_workflow


def checked_sizes(sizes: Any) -> Integers:
    """Return the batch sizes n_1, ..., n_T as an array of shape (T,)."""
    remedy = "give the whole numbers n_1, ..., n_T, at least one"
    array, _ = labelled("sizes", sizes, remedy)
    if array.ndim != 1 or array.size == 0 or not np.issubdtype(array.dtype, np.integer):
        raise invalid("sizes", sizes, remedy)
    if array.min() < 1 or array.max() > LARGEST_BATCH:
        t = int(np.argmax((array < 1) | (array > LARGEST_BATCH)))
        raise invalid(f"sizes[{t}]", int(array[t]), f"between 1 and {LARGEST_BATCH} rows")
    return array.astype(np.int64)


def at_least(name: str, value: object, minimum: float, why: str) -> float:
    """Return `value` as a finite float that is at least `minimum`."""
    remedy = f"give a finite number, at least {minimum:g}: {why}"
    return number(name, value, minimum, remedy=remedy)


def checked_curvature(value: object) -> float:
    """Return v2, at least -1: no distribution on an interval spreads more than a coin."""
    return at_least("curvature", value, -1, "a coin (Bernoulli) has V''/2 = -1, the least")


def checked(workflow: AnyWorkflow | Schedule, sizes: Any) -> Schedule:
    """Return what a workflow trains on; a schedule has been checked.

    Raises
    ------
    InvalidInput
        If the sizes are not batch sizes, or not those that the workflow sets, or its methods
        disagree.
    """
    if isinstance(workflow, Schedule):
        return workflow
    require_workflow(workflow)
    schedule = Schedule(workflow, checked_sizes(sizes))
    if schedule.sets_sizes:
        array = schedule.sizes
        own = np.asarray(schedule.workflow.batch_sizes(int(array[0]), len(array)))
        if not np.array_equal(own, array):
            t = int(np.argmax(own != array))
            remedy = f"{workflow!r} makes batch {t + 1} of {own[t]} rows; use Experiment.sizes"
            raise invalid(f"sizes[{t}]", int(array[t]), remedy)
    check(schedule)
    return schedule


def weight_matrices(schedule: Schedule) -> tuple[Floats, Floats]:
    """Return the weights at every generation, two lower-triangular arrays of shape (T, T)."""
    T = len(schedule)
    if T > MOST_DENSE:  # four matrices of 200 MB
        raise NoClosedForm(
            f"{schedule!r} needs a matrix of {T} x {T} weights, more than {MOST_DENSE} squared; "
            "add memory(sizes) (see workflows.Remembering), or ask for fewer generations"
        )
    real, sampled = np.zeros((T, T)), np.zeros((T, T))
    for t in range(1, T + 1):
        real[t - 1, :t], sampled[t - 1, :t] = schedule.weights(t)
    return real, sampled


def shared(numerator: Floats, rows: Floats | Integers) -> Floats:
    """Return numerator / rows, and 0 where a part has no rows (and so no weight)."""
    out = np.zeros(np.broadcast_shapes(numerator.shape, rows.shape))
    return np.divide(numerator, rows, out=out, where=rows > 0)
