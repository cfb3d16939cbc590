"""The five workflows of the literature: which batches a generation is fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers, Samples, fraction, whole
from modelcollapse._support.tables import is_number
from modelcollapse.workflows import series
from modelcollapse.workflows.protocols import Selection


def batch_rows(sizes: Sequence[int], first: int, last: int) -> Integers:
    """Return the row numbers of batches first..last, counted from 1, both included."""
    return np.arange(sum(sizes[: first - 1]), sum(sizes[:last]), dtype=np.int64)


@dataclass(frozen=True)
class Replace:
    r"""Train on the last batch alone: :math:`W_{t,s} = 1[s = t]`.

    Examples
    --------
    >>> import numpy as np
    >>> import modelcollapse as mc
    >>> print(mc.Replace().training_rows([3, 3, 3], np.random.default_rng(0)))
    [6 7 8]
    """

    name = "replace"

    def training_rows(self, sizes: Sequence[int], rng: np.random.Generator) -> Selection:
        """Return the rows of batch t."""
        del rng
        return batch_rows(sizes, len(sizes), len(sizes))

    def batch_weights(self, sizes: Sequence[int]) -> Floats:
        """Return 0, ..., 0, 1."""
        weights = np.zeros(len(sizes))
        weights[-1] = 1.0
        return weights

    def memory(self, sizes: Sequence[int]) -> tuple[Floats, Floats]:
        """Keep one slot: the new batch."""
        carry = np.zeros((1, 1 if len(sizes) == 1 else 2))
        carry[0, -1] = 1.0
        return carry, np.ones(1)


@dataclass(frozen=True)
class Accumulate:
    r"""Train on all rows so far: :math:`W_{t,s} = n_s / N_t`.

    Examples
    --------
    >>> import numpy as np
    >>> import modelcollapse as mc
    >>> print(mc.Accumulate().training_rows([3, 3, 3], np.random.default_rng(0)))
    [0 1 2 3 4 5 6 7 8]
    """

    name = "accumulate"

    def training_rows(self, sizes: Sequence[int], rng: np.random.Generator) -> Selection:
        """Return all rows."""
        del rng
        return batch_rows(sizes, 1, len(sizes))

    def batch_weights(self, sizes: Sequence[int]) -> Floats:
        """Return n_s / N_t."""
        return np.asarray(np.asarray(sizes, dtype=np.float64) / sum(sizes))

    def memory(self, sizes: Sequence[int]) -> tuple[Floats, Floats]:
        """Keep one slot: the pool."""
        share = sizes[-1] / sum(sizes)
        carry = np.ones((1, 1)) if len(sizes) == 1 else np.array([[1 - share, share]])
        return carry, np.ones(1)


@dataclass(frozen=True)
class AccumulateSubsample:
    r"""Train on :math:`k_t = \min(k, N_t)` of all :math:`N_t` rows, drawn without replacement.

    Parameters
    ----------
    budget
        The number k of training rows: a number, a sequence with one for each generation, or a
        callable of t = 1, 2, ...; None means the size n_t of the newest batch. See
        `modelcollapse.solver.best_budgets`.

    Raises
    ------
    InvalidInput
        If a number is not whole, or below 1.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.AccumulateSubsample(budget=10), 10, 4)
    >>> print(mc.predict(loop)["variance"].round(4))
    [0.9    0.8313 0.8036 0.7887]
    """

    budget: Samples | None = None
    name = "accumulate-subsample"

    def __post_init__(self) -> None:
        if self.budget is not None:
            object.__setattr__(self, "budget", series.settled("budget", self.budget, whole))

    @property
    def steady(self) -> bool:
        """Whether the budget is one number, or the newest batch's size, for ever."""
        return self.budget is None or is_number(self.budget)

    @property
    def generations(self) -> int | None:
        """The largest number of generations, or None where it goes on for ever."""
        return len(self.budget) if isinstance(self.budget, tuple) else None

    def described(self, generations: int) -> dict[str, Any]:
        """Return the budget up to generation T; a function by its numbers."""
        return {"budget": series.told("budget", self.budget, generations, 1, whole)}

    def wanted(self, size: int, generation: int) -> int:
        """Return the rows that generation t would train on, if there are as many; n_t is `size`."""
        return (
            size if self.budget is None else series.at("budget", self.budget, generation, 1, whole)
        )

    def training_size(self, sizes: Sequence[int]) -> int:
        """Return k_t, the number of rows that generation t = len(sizes) trains on."""
        return int(min(self.wanted(sizes[-1], len(sizes)), sum(sizes)))

    def training_sizes(self, sizes: Sequence[int]) -> list[int]:
        """Return k_1, ..., k_T."""
        pools = accumulate(sizes)
        each = (self.wanted(n, t) for t, n in enumerate(sizes, start=1))
        return [int(min(k, N)) for k, N in zip(each, pools, strict=True)]

    def training_rows(self, sizes: Sequence[int], rng: np.random.Generator) -> Selection:
        """Return k_t distinct rows, all subsets being equally likely."""
        return rng.choice(sum(sizes), size=self.training_size(sizes), replace=False)


@dataclass(frozen=True)
class SlidingWindow:
    r"""Train on the last k batches: :math:`W_{t,s} = n_s 1[s > t-k] / \sum_{r > t-k} n_r`.

    Parameters
    ----------
    k
        The number of batches in the window; 1 is `Replace`.

    Raises
    ------
    InvalidInput
        If it is no whole number from 1 on.

    Examples
    --------
    >>> import numpy as np
    >>> import modelcollapse as mc
    >>> print(mc.SlidingWindow(2).training_rows([3, 3, 3], np.random.default_rng(0)))
    [3 4 5 6 7 8]
    """

    k: int
    name = "sliding-window"

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", whole("k", self.k))

    def training_rows(self, sizes: Sequence[int], rng: np.random.Generator) -> Selection:
        """Return the rows of the last k batches."""
        del rng
        return batch_rows(sizes, max(1, len(sizes) - self.k + 1), len(sizes))

    def batch_weights(self, sizes: Sequence[int]) -> Floats:
        """Return n_s over the window's size, zero outside the window."""
        kept = np.array(sizes, dtype=np.float64)
        kept[: max(0, len(sizes) - self.k)] = 0.0
        return np.asarray(kept / kept.sum())

    def memory(self, sizes: Sequence[int]) -> tuple[Floats, Floats]:
        """Keep one slot for each batch in the window."""
        kept = min(len(sizes), self.k)
        before = min(len(sizes) - 1, self.k)
        return np.eye(before + 1)[-kept:], self.batch_weights(sizes)[-kept:]


@dataclass(frozen=True)
class KeepReal:
    r"""Train on the real batch and the last synthetic batch.

    :math:`W_{t,1} = \alpha`, :math:`W_{t,t} = 1 - \alpha` for t > 1; generation 1 trains on the
    real batch. Without a share the two batches are pooled, :math:`\alpha = n_1 / (n_1 + n_t)`.

    Parameters
    ----------
    share
        The weight :math:`\alpha` of the real batch, strictly between 0 and 1, or None.

    Raises
    ------
    InvalidInput
        If it is out of that range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.KeepReal(share=0.5), samples=10, generations=3)
    >>> prediction = mc.predict(loop)
    >>> print(prediction["variance"].round(4), round(prediction.limits["variance"], 4))
    [0.9    0.8775 0.8724] 0.871
    """

    share: float | None = None
    name = "keep-real"

    def __post_init__(self) -> None:
        if self.share is not None:
            object.__setattr__(self, "share", fraction("share", self.share))

    def _real_weight(self, sizes: Sequence[int]) -> float:
        if len(sizes) == 1:
            return 1.0
        return sizes[0] / (sizes[0] + sizes[-1]) if self.share is None else self.share

    def training_rows(self, sizes: Sequence[int], rng: np.random.Generator) -> Selection:
        """Return the rows of batches 1 and t, with weights where a share is set."""
        del rng
        real = batch_rows(sizes, 1, 1)
        if len(sizes) == 1:
            return real
        rows = np.concatenate([real, batch_rows(sizes, len(sizes), len(sizes))])
        if self.share is None:
            return rows
        per_row = [self.share / sizes[0], (1 - self.share) / sizes[-1]]
        return rows, np.repeat(per_row, [sizes[0], sizes[-1]])

    def batch_weights(self, sizes: Sequence[int]) -> Floats:
        """Return alpha, 0, ..., 0, 1 - alpha."""
        weights = np.zeros(len(sizes))
        weights[-1] = 1 - self._real_weight(sizes)
        weights[0] += self._real_weight(sizes)
        return weights

    def memory(self, sizes: Sequence[int]) -> tuple[Floats, Floats]:
        """Keep two slots: the real batch and the last synthetic one."""
        if len(sizes) == 1:
            return np.ones((1, 1)), np.ones(1)
        carry = np.zeros((2, 2 if len(sizes) == 2 else 3))
        carry[0, 0] = carry[1, -1] = 1.0
        real = self._real_weight(sizes)
        return carry, np.array([real, 1 - real])
