"""Where training rows come from: real and sampled parts of each batch, of any workflow."""

from collections.abc import Sequence

import numpy as np

from modelcollapse._support.checks import Floats, Integers, whole
from modelcollapse._support.errors import InvalidInput, NoClosedForm
from modelcollapse.workflows import Refreshing, Remembering, Weighting, Workflow, keeps
from modelcollapse.workflows.selection import batch_weights, memory_step, pair, reason_if_kept


def is_refreshing(workflow: Workflow) -> bool:
    """Return whether fresh real rows arrive after batch 1."""
    return isinstance(workflow, Refreshing)


def real_counts(workflow: Workflow, sizes: Sequence[int]) -> Integers:
    """Return the number of real rows at the start of each batch, shape (t,)."""
    counts = np.zeros(len(sizes), dtype=np.int64)
    counts[0] = sizes[0]
    if isinstance(workflow, Refreshing):
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


def source_weights(workflow: Workflow, sizes: Sequence[int]) -> tuple[Floats, Floats]:
    """Return the training weights of the real and of the sampled part of each batch.

    Both have shape (t,), t = len(sizes), and together they sum to 1.

    Raises
    ------
    NoClosedForm
        If the workflow is random, or does not say its weights.
    """
    if isinstance(workflow, Refreshing):
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
    if not isinstance(workflow, Weighting):
        raise NoClosedForm(
            f"{workflow!r} has no batch_weights(sizes), so its moments are not predicted exactly; "
            "add it if the workflow is deterministic and weights the rows of a batch alike"
        )
    weights = batch_weights(workflow, sizes)
    real, synthetic = np.zeros(len(sizes)), weights.copy()
    real[0], synthetic[0] = weights[0], 0.0
    return real, synthetic


def training_size(workflow: Workflow, sizes: Sequence[int]) -> int:
    """Return the number of rows that generation len(sizes) gives a positive weight."""
    real, synthetic = source_weights(workflow, sizes)
    counts = real_counts(workflow, sizes)
    return int(counts[real > 0].sum() + (np.asarray(sizes) - counts)[synthetic > 0].sum())


def parts(workflow: Workflow, sizes: Sequence[int]) -> tuple[int, int]:
    """Return the numbers of real and of sampled rows in the newest batch."""
    real = int(real_counts(workflow, sizes)[-1])
    return real, int(sizes[-1]) - real


def remembers(workflow: Workflow) -> bool:
    """Return whether a workflow merges what it remembers, and so needs few numbers."""
    if isinstance(workflow, Refreshing):
        return hasattr(workflow, "source_memory")
    return isinstance(workflow, Remembering)


def source_memory(workflow: Workflow, sizes: Sequence[int]) -> tuple[Floats, Floats]:
    """Return (carry, weights) of generation t, as `Remembering.memory` with parts for batches.

    The last columns of `carry` are the newest batch's real part and its sampled part, where they
    have rows. A workflow that brings fresh rows and has no ``source_memory(sizes)`` of its own
    keeps a slot for every part.
    """
    if not isinstance(workflow, Refreshing):
        if not isinstance(workflow, Weighting):
            source_weights(workflow, sizes)  # it says what is missing
        return memory_step(workflow, sizes)  # type: ignore[arg-type]
    if hasattr(workflow, "source_memory"):
        where = f"{workflow!r}.source_memory at generation {len(sizes)}"
        return pair(where, workflow.source_memory(sizes))
    weights = part_weights(workflow, sizes)
    return np.eye(len(weights)), weights


def part_weights(workflow: Workflow, sizes: Sequence[int]) -> Floats:
    """Return the training weight of each part that has rows, real before sampled."""
    counts = real_counts(workflow, sizes)
    there = np.stack([counts > 0, counts < np.asarray(sizes)], axis=1)
    return np.stack(source_weights(workflow, sizes), axis=1)[there]
