"""Where training rows come from: real and sampled parts of each batch, of any workflow."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers, whole
from modelcollapse._support.errors import InvalidInput, NoClosedForm
from modelcollapse.workflows import keeps
from modelcollapse.workflows.selection import (
    FRESH,
    batch_weights,
    memory_step,
    offers,
    pair,
    reason_if_kept,
)


def is_refreshing(workflow: Any) -> bool:
    """Return whether fresh real rows arrive after batch 1."""
    return offers(workflow, *FRESH)


def is_weighting(workflow: Any) -> bool:
    """Return whether the workflow says the weight of each batch."""
    return offers(workflow, "batch_weights")


def real_counts(workflow: Any, sizes: Sequence[int]) -> Integers:
    """Return the number of real rows at the start of each batch, shape (t,)."""
    counts = np.zeros(len(sizes), dtype=np.int64)
    counts[0] = sizes[0]
    if is_refreshing(workflow):
        name = f"{workflow!r}.real_rows"
        counts[1:] = [
            whole(f"{name}({t})", workflow.real_rows(t), 0) for t in range(2, len(sizes) + 1)
        ]
        if np.any(counts > np.asarray(sizes)) or np.any(counts < 0):
            t = int(np.argmax((counts > np.asarray(sizes)) | (counts < 0))) + 1
            raise InvalidInput(
                f"{workflow!r}.real_rows({t}) = {counts[t - 1]} and batch {t} has {sizes[t - 1]} "
                "rows: make the real rows a part of the batch"
            )
    return counts


def source_weights(workflow: Any, sizes: Sequence[int]) -> tuple[Floats, Floats]:
    """Return the training weights of the real and of the sampled part of each batch.

    Both have shape (t,), t = len(sizes), and together they sum to 1.

    Raises
    ------
    NoClosedForm
        If the workflow is random, or does not say its weights.
    """
    if is_refreshing(workflow):
        where = f"{workflow!r}.source_weights at generation {len(sizes)}"
        real, synthetic = pair(where, workflow.source_weights(sizes))
        wrong = real.shape != (len(sizes),) or synthetic.shape != real.shape
        if (
            wrong
            or not min(real.min(), synthetic.min()) >= 0
            or abs(sum([*real, *synthetic]) - 1) > 1e-9
        ):
            raise InvalidInput(
                f"{workflow!r}.source_weights({list(sizes)!r}) gave {real!r} and {synthetic!r}: "
                f"return two arrays of {len(sizes)} weights that are not negative and sum to 1"
            )
        return real, synthetic
    if keeps(workflow):
        raise NoClosedForm(reason_if_kept(workflow))
    if not is_weighting(workflow):
        raise NoClosedForm(
            f"{workflow!r} has no batch_weights(sizes), so its moments are not predicted exactly; "
            "add it if the workflow is deterministic and weights the rows of a batch alike"
        )
    weights = batch_weights(workflow, sizes)
    real, synthetic = np.zeros(len(sizes)), weights.copy()
    real[0], synthetic[0] = weights[0], 0.0
    return real, synthetic


def remembers(workflow: Any) -> bool:
    """Return whether a workflow merges what it remembers, and so needs few numbers."""
    return offers(workflow, "source_memory" if is_refreshing(workflow) else "memory")


def source_memory(workflow: Any, sizes: Sequence[int]) -> tuple[Floats, Floats]:
    """Return (carry, weights) of generation t of a workflow that merges what it remembers.

    As `Remembering.memory`, with parts for batches: the last columns of `carry` are the newest
    batch's real part and its sampled part, where they have rows.
    """
    if not is_refreshing(workflow):
        return memory_step(workflow, sizes)
    where = f"{workflow!r}.source_memory at generation {len(sizes)}"
    return pair(where, workflow.source_memory(sizes))
