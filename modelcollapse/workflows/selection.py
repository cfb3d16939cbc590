"""Asking a workflow what to train on, and checking its answer: the workflow may be a user's."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers, Samples, whole
from modelcollapse._support.checks import sizes as checked_sizes
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.workflows import Refreshing, Remembering, Weighting, Workflow


def batch_sizes(workflow: Workflow, samples: Samples, generations: int) -> Integers:
    """Return the batch sizes n_1, ..., n_T of a loop, shape (generations,)."""
    if not isinstance(workflow, Refreshing):
        return checked_sizes(samples, generations)
    if callable(samples) or hasattr(samples, "__len__"):
        remedy = f"{workflow!r} sets the later batches itself; give the size of batch 1"
        raise invalid("samples", samples, remedy)
    return workflow.batch_sizes(whole("samples", samples), generations)


def memory_step(workflow: Weighting, sizes: Sequence[int]) -> tuple[Floats, Floats]:
    """Return (carry, weights) of any weighting; without `memory`, every batch keeps its slot."""
    if isinstance(workflow, Remembering):
        return workflow.memory(sizes)
    return np.eye(len(sizes)), batch_weights(workflow, sizes)


def batch_weights(workflow: Weighting, sizes: Sequence[int]) -> Floats:
    """Return the checked batch weights of generation len(sizes), shape (t,)."""
    weights = np.asarray(workflow.batch_weights(sizes), dtype=np.float64)
    if weights.shape != (len(sizes),) or not np.all(weights >= 0):
        raise InvalidInput(
            f"{workflow!r}.batch_weights({list(sizes)!r}) gave {weights!r}: "
            f"return {len(sizes)} weights, none of them negative"
        )
    if not np.isclose(weights.sum(), 1.0, rtol=1e-9, atol=0):
        raise InvalidInput(
            f"{workflow!r}.batch_weights({list(sizes)!r}) sums to {weights.sum():.12g}: "
            "divide the weights by their sum"
        )
    return weights


def select(
    workflow: Workflow, sizes: Sequence[int], rng: np.random.Generator
) -> tuple[Integers, Floats | None]:
    """Return the checked (rows, weights or None) of generation len(sizes).

    Raises
    ------
    InvalidInput
        If the workflow returns no rows, rows that do not exist, or unusable weights.
    """
    chosen: Any = workflow.training_rows(sizes, rng)
    rows, weights = chosen if isinstance(chosen, tuple) else (chosen, None)
    rows, total = np.asarray(rows), sum(sizes)
    where = f"{workflow!r}.training_rows at generation {len(sizes)}"
    if rows.ndim != 1 or rows.size == 0 or not np.issubdtype(rows.dtype, np.integer):
        raise InvalidInput(
            f"{where} gave an array of shape {rows.shape} and type {rows.dtype}: "
            "return a one-dimensional, non-empty array of row numbers"
        )
    outside = rows[(rows < 0) | (rows >= total)]
    if outside.size:
        raise InvalidInput(
            f"{where} chose row {outside[0]}, which does not exist: "
            f"there are {total} rows, numbered 0 to {total - 1}"
        )
    if weights is not None:
        weights = np.asarray(weights, dtype=np.float64)
        usable = weights.shape == rows.shape and np.all(weights >= 0) and weights.sum() > 0
        if not usable or not np.isfinite(weights.sum()):
            raise InvalidInput(
                f"{where} gave weights of shape {weights.shape} for {rows.size} rows, the smallest "
                f"{weights.min(initial=np.inf):g}: return one finite weight per row, none "
                "negative, not all zero"
            )
    return rows, weights
