"""Asking a workflow what to train on, and checking its answer: the workflow may be a user's."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse.checks import Floats, Integers, Samples, whole
from modelcollapse.checks import sizes as checked_sizes
from modelcollapse.errors import InvalidInput, invalid
from modelcollapse.workflows import Refreshing, Remembering, Weighting, Workflow

MOST_ROWS = 10**6  # beyond it comparing rows with weights costs more than it tells


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


def check_consistent(workflow: Weighting, sizes: Sequence[int]) -> None:
    """Raise InvalidInput if training_rows and batch_weights disagree in the first generations.

    Predictions follow the weights and the plain loop follows the rows: they must be one workflow.
    """
    for t in range(1, min(3, len(sizes)) + 1):
        if sum(sizes[:t]) > MOST_ROWS:
            return
        rows, weights = select(workflow, sizes[:t], np.random.default_rng(0))
        weights = np.ones(len(rows)) if weights is None else weights
        batch = np.repeat(np.arange(t), sizes[:t])[rows]
        shares = np.bincount(batch, weights / weights.sum(), t)
        claimed = batch_weights(workflow, sizes[:t])
        if not np.allclose(shares, claimed, rtol=0, atol=1e-9):
            raise InvalidInput(
                f"{workflow!r}: at generation {t} training_rows gives the batches the weights "
                f"{shares.tolist()} and batch_weights says {claimed.tolist()}; make them agree, or "
                "remove batch_weights if the rows are random"
            )
