"""What a workflow offers: rows, and where it is deterministic the weights of its batches."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from modelcollapse._support.checks import Floats, Integers

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Selection = Integers | tuple[Integers, Floats]


@runtime_checkable
class Workflow(Protocol):
    """What every workflow offers, but for those that are `Keeping`."""

    def training_rows(self, sizes: Sequence[int], rng: np.random.Generator) -> Selection:
        """Choose the training rows of generation t = len(sizes).

        Parameters
        ----------
        sizes
            The batch sizes n_1, ..., n_t so far.
        rng
            The only source of randomness to use.

        Returns
        -------
        rows, or (rows, weights)
            Row numbers in [0, N_t), and optionally one non-negative weight per row; without
            weights all rows count alike.
        """
        ...


class Keeping(Protocol):
    """A workflow whose training set persists, as in a reservoir or under editing.

    It has none of the methods of other workflows. Only `run` follows it: nothing is predicted.
    `keeps` says whether an object is one.
    """

    def keep(
        self, previous_rows: Integers, sizes: Sequence[int], rng: np.random.Generator
    ) -> Selection:
        """Return the training rows of generation t = len(sizes), made of those before.

        Parameters
        ----------
        previous_rows
            The rows of generation t - 1, as they were returned; none at t = 1.
        sizes
            The batch sizes n_1, ..., n_t so far.
        rng
            The only source of randomness to use.

        Returns
        -------
        rows, or (rows, weights)
            As of `Workflow.training_rows`; each row is one of `previous_rows` or of the newest
            batch, [N_{t-1}, N_t).
        """
        ...


AnyWorkflow = Workflow | Keeping


def keeps(workflow: object) -> "TypeIs[Keeping]":
    """Return whether a workflow is `Keeping`; a parameter of that name does not make it one."""
    return callable(getattr(workflow, "keep", None))


@runtime_checkable
class Weighting(Workflow, Protocol):
    """A deterministic workflow, given by the total weight of each batch."""

    def batch_weights(self, sizes: Sequence[int]) -> Floats:
        """Return W[t, 1..t]: non-negative, summing to 1; row weights are W[t, s] / n_s."""
        ...


@runtime_checkable
class Remembering(Weighting, Protocol):
    """A weighting that needs few numbers per generation: batches merge into slots."""

    def memory(self, sizes: Sequence[int]) -> tuple[Floats, Floats]:
        """Return (carry, weights) of generation t.

        `carry` has one row per slot kept and one column per earlier slot and, last, the new
        batch: each slot becomes the mixture of those with the given weights. `weights` is the
        training weight of each slot.
        """
        ...


@runtime_checkable
class Refreshing(Workflow, Protocol):
    """A deterministic workflow that brings fresh real rows after batch 1.

    Batch t > 1 starts with ``real_rows(t)`` fresh rows of the truth; the others are sampled from
    model t - 1. Batch 1 is real.
    """

    def real_rows(self, generation: int) -> int:
        """Return the number of fresh real rows in batch t = generation > 1."""
        ...

    def batch_sizes(self, first: int, generations: int) -> Integers:
        """Return n_1 = first, n_2, ..., n_T: all rows of each batch, real and synthetic."""
        ...

    def source_weights(self, sizes: Sequence[int]) -> tuple[Floats, Floats]:
        """Return the training weights of the real and of the synthetic part of batches 1..t.

        Both have shape (t,); together they sum to 1, and rows of one part weigh alike.
        """
        ...
