"""Arguments of the solver, and each batch's two parts: real rows and sampled rows."""

import math
import numbers
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import LARGEST_BATCH, Floats, Integers
from modelcollapse._support.errors import InvalidInput, NoClosedForm, invalid
from modelcollapse.loop.consistency import check
from modelcollapse.loop.schedule import Own, understood
from modelcollapse.workflows import Refreshing, Workflow
from modelcollapse.workflows.sources import real_counts, source_weights

MOST_DENSE = 5000  # generations: four matrices of 200 MB


class Parts(NamedTuple):
    """The rows of each batch's real and sampled part, each of shape (T,)."""

    real: Floats
    sampled: Floats


def checked_sizes(sizes: Any) -> Integers:
    """Return the batch sizes n_1, ..., n_T as an array of shape (T,)."""
    array = np.asarray(sizes)
    if array.ndim != 1 or array.size == 0 or not np.issubdtype(array.dtype, np.integer):
        raise invalid("sizes", sizes, "give the whole numbers n_1, ..., n_T, at least one")
    if array.min() < 1 or array.max() > LARGEST_BATCH:
        t = int(np.argmax((array < 1) | (array > LARGEST_BATCH)))
        raise invalid(f"sizes[{t}]", int(array[t]), f"between 1 and {LARGEST_BATCH} rows")
    return array.astype(np.int64)


def number(name: str, value: object, minimum: float, why: str) -> float:
    """Return `value` as a finite float that is at least `minimum`."""
    real = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    if not real or not minimum <= value < math.inf:  # type: ignore[operator]
        raise invalid(name, value, f"give a finite number, at least {minimum:g}: {why}")
    return float(value)  # type: ignore[arg-type]


def checked_curvature(value: object) -> float:
    """Return v2, at least -1: no distribution on an interval spreads more than a coin."""
    return number("curvature", value, -1, "a coin (Bernoulli) has V''/2 = -1, the least")


def checked_parts(workflow: Workflow, sizes: Any) -> tuple[Workflow, Integers, Parts]:
    """Return what the workflow counts as, the sizes, and the parts of each batch.

    Raises
    ------
    InvalidInput
        If the sizes are not batch sizes, or not those that the workflow sets, or its methods
        disagree.
    """
    array = checked_sizes(sizes)
    if isinstance(workflow, Refreshing):
        own = np.asarray(workflow.batch_sizes(int(array[0]), len(array)))
        if not np.array_equal(own, array):
            t = int(np.argmax(own != array))
            remedy = f"{workflow!r} makes batch {t + 1} of {own[t]} rows; use Experiment.sizes"
            raise invalid(f"sizes[{t}]", int(array[t]), remedy)
    if not isinstance(workflow, Own):  # which has been looked at
        check(workflow, array)
    counted = understood(workflow)
    real = real_counts(counted, array)  # type: ignore[arg-type]
    return counted, array, Parts(real.astype(float), (array - real).astype(float))


def weights_of(workflow: Workflow, sizes: Sequence[int], parts: Parts) -> tuple[Floats, Floats]:
    """Return the weights of the real and the sampled parts at generation t = len(sizes).

    Raises
    ------
    InvalidInput
        If a part without rows has a weight.
    NoClosedForm
        If the workflow is random, or does not say its weights.
    """
    t = len(sizes)
    weights = source_weights(workflow, sizes)
    for name, rows, part in zip(("real", "sampled"), parts, weights, strict=True):
        empty = (rows[:t] == 0) & (part > 0)
        if empty.any():
            s = int(np.argmax(empty))
            raise InvalidInput(
                f"{workflow!r} at generation {t} gives weight {part[s]:g} to the {name} part of "
                f"batch {s + 1}, which has no rows: give it weight 0"
            )
    return weights


def weight_matrices(workflow: Workflow, sizes: Integers, parts: Parts) -> tuple[Floats, Floats]:
    """Return the weights at every generation, two lower-triangular arrays of shape (T, T)."""
    T = len(sizes)
    if T > MOST_DENSE:
        raise NoClosedForm(
            f"{workflow!r} needs a matrix of {T} x {T} weights, more than {MOST_DENSE} squared; "
            "add memory(sizes) (see workflows.Remembering), or ask for fewer generations"
        )
    real, sampled = np.zeros((T, T)), np.zeros((T, T))
    listed = sizes.tolist()
    for t in range(1, T + 1):
        real[t - 1, :t], sampled[t - 1, :t] = weights_of(workflow, listed[:t], parts)
    return real, sampled


def shared(numerator: Floats, rows: Floats) -> Floats:
    """Return numerator / rows, and 0 where a part has no rows (and so no weight)."""
    out = np.zeros(np.broadcast_shapes(numerator.shape, rows.shape))
    return np.divide(numerator, rows, out=out, where=rows > 0)
