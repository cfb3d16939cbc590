"""Workflows with fresh real rows: each generation alone, or accumulated as on the web."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from modelcollapse._support.checks import (
    LARGEST_BATCH,
    Floats,
    Integers,
    Samples,
    fraction,
    listed,
    whole,
)
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.tables import is_number
from modelcollapse.workflows.batches import batch_rows
from modelcollapse.workflows.protocols import Selection


@dataclass(frozen=True)
class FreshData:
    r"""Train on the last batch: fresh real rows, and rows sampled from the last model.

    Generation 1 is trained on batch 1, `Experiment.samples` real rows.

    Parameters
    ----------
    real, synthetic
        Fresh real rows and sampled rows in each later batch.
    weight
        The total weight w of the real rows, strictly between 0 and 1; None pools all rows,
        w = real / (real + synthetic).

    Raises
    ------
    InvalidInput
        If a number of rows is not whole, or below 1, or the weight is out of its range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.FreshData(real=10, synthetic=90), 100, 3)
    >>> prediction = mc.predict(loop)
    >>> print(prediction["variance"].round(4), round(prediction.limits["variance"], 4))
    [0.99   0.982  0.9756] 0.9497
    """

    real: int
    synthetic: int
    weight: float | None = None
    name = "fresh-data"

    def __post_init__(self) -> None:
        object.__setattr__(self, "real", whole("real", self.real))
        object.__setattr__(self, "synthetic", whole("synthetic", self.synthetic))
        if self.real + self.synthetic > LARGEST_BATCH:
            remedy = f"real and sampled rows of a batch are at most {LARGEST_BATCH} together"
            raise invalid("real + synthetic", self.real + self.synthetic, remedy)
        if self.weight is not None:
            object.__setattr__(self, "weight", fraction("weight", self.weight))

    @property
    def real_weight(self) -> float:
        """The total weight of the real rows."""
        pooled = self.real / (self.real + self.synthetic)
        return pooled if self.weight is None else self.weight

    def real_rows(self, generation: int) -> int:
        """Return `real`."""
        del generation
        return self.real

    def batch_sizes(self, first: int, generations: int) -> Integers:
        """Return first, real + synthetic, real + synthetic, ..."""
        sizes = np.full(generations, self.real + self.synthetic, dtype=np.int64)
        sizes[0] = first
        return sizes

    def source_weights(self, sizes: Sequence[int]) -> tuple[Floats, Floats]:
        """Return (0, ..., 0, w) and (0, ..., 0, 1 - w)."""
        real, synthetic = np.zeros(len(sizes)), np.zeros(len(sizes))
        real[-1] = 1.0 if len(sizes) == 1 else self.real_weight
        synthetic[-1] = 1 - real[-1]
        return real, synthetic

    def source_memory(self, sizes: Sequence[int]) -> tuple[Floats, Floats]:
        """Keep two slots: the real and the sampled part of the last batch."""
        if len(sizes) == 1:
            return np.ones((1, 1)), np.ones(1)
        carry = np.zeros((2, 3 if len(sizes) == 2 else 4))
        carry[0, -2] = carry[1, -1] = 1.0
        return carry, np.array([self.real_weight, 1 - self.real_weight])

    def training_rows(self, sizes: Sequence[int], rng: np.random.Generator) -> Selection:
        """Return the rows of batch t, with weights where a weight is set."""
        del rng
        t = len(sizes)
        rows = batch_rows(sizes, t, t)
        if t == 1 or self.weight is None:
            return rows
        per_row = [self.weight / self.real, (1 - self.weight) / self.synthetic]
        return rows, np.repeat(per_row, [self.real, self.synthetic])


@dataclass(frozen=True)
class Growth:
    """Rows of one kind that batch t = 2, 3, ... adds to a web growing at a rate.

    Before batch t there are first * (1 + rate)^(t-2) rows, real and sampled, rounded; of those
    that it adds, the share `real_share` is real, rounded.
    """

    kind: Literal["real", "synthetic"]
    first: int
    rate: float
    real_share: float

    @property
    def pace(self) -> tuple[float, float]:
        """The rate, and the share of real rows."""
        return self.rate, self.real_share

    def __call__(self, generation: int) -> int:
        """Return the rows of this kind in batch t."""
        before, after = (self._all(generation - 1), self._all(generation))
        real = round(self.real_share * (after - before))
        return real if self.kind == "real" else after - before - real

    def _all(self, generation: int) -> int:
        try:
            return round(self.first * (1 + self.rate) ** (generation - 1))
        except OverflowError as error:
            remedy = f"generation {generation} has no finite size; give fewer generations"
            raise invalid("growth", self.rate, remedy) from error


@dataclass(frozen=True)
class Web:
    r"""Train on everything so far, like a model trained on the web: real and sampled rows alike.

    Before the first model there are `Experiment.samples` real rows; each later batch t = 2, 3, ...
    adds real and sampled rows, and nobody can tell them apart.

    Parameters
    ----------
    real, synthetic
        Rows that batch t adds: a number, a sequence that starts with batch 2, or a callable of
        t = 2, 3, ...; 0 is allowed for one of the two.

    Raises
    ------
    InvalidInput
        If they are no whole numbers from 0 on, or both are 0.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Web(real=10, synthetic=90), 100, 50)
    >>> prediction = mc.predict(loop)
    >>> print(prediction["squared_error"][[0, 9, 49]].round(4), prediction.limits["squared_error"])
    [0.01   0.0112 0.0088] 0.0
    """

    real: Samples
    synthetic: Samples
    name = "web"

    def __post_init__(self) -> None:
        for name in ("real", "synthetic"):
            value = getattr(self, name)
            if isinstance(value, (str, Mapping, AbstractSet)):
                raise invalid(name, value, "give a number, a sequence or a callable")
            if is_number(value):
                object.__setattr__(self, name, whole(name, value, 0))
            elif not callable(value):
                given = enumerate(listed(name, value))
                rows = tuple(whole(f"{name}[{i}]", each, 0) for i, each in given)
                object.__setattr__(self, name, rows)
        if self.real == 0 == self.synthetic:
            raise invalid("real, synthetic", (0, 0), "a batch needs rows of at least one kind")

    @property
    def generations(self) -> int | None:
        """The largest number of generations, or None where both curves go on for ever."""
        lengths = [len(c) for c in (self.real, self.synthetic) if isinstance(c, tuple)]
        return min(lengths) + 1 if lengths else None

    def described(self, generations: int) -> dict[str, Any]:
        """Return the curves up to generation T; a function by its numbers, a rate as it is."""
        plain: dict[str, Any] = {}
        for name, value in (("real", self.real), ("synthetic", self.synthetic)):
            if type(value) is Growth:
                plain[name] = asdict(value)
            elif callable(value):
                plain[name] = [_curve(name, value, t) for t in range(2, generations + 1)]
            else:
                plain[name] = list(value[: generations - 1]) if isinstance(value, tuple) else value
        return plain

    def real_rows(self, generation: int) -> int:
        """Return the real rows that batch t adds."""
        return _curve("real", self.real, generation)

    def synthetic_rows(self, generation: int) -> int:
        """Return the sampled rows that batch t adds."""
        return _curve("synthetic", self.synthetic, generation)

    def batch_sizes(self, first: int, generations: int) -> Integers:
        """Return first, real + synthetic of batch 2, ..."""
        sizes = [first]
        for t in range(2, generations + 1):
            sizes.append(self.real_rows(t) + self.synthetic_rows(t))
            if not 1 <= sizes[-1] <= LARGEST_BATCH:
                allowed = f"between 1 and {LARGEST_BATCH} rows"
                raise invalid(f"real + synthetic at generation {t}", sizes[-1], f"give {allowed}")
        return np.array(sizes, dtype=np.int64)

    def source_weights(self, sizes: Sequence[int]) -> tuple[Floats, Floats]:
        """Return each part's share of all rows."""
        total = np.asarray(sizes, dtype=np.float64)
        fresh = [self.real_rows(t) for t in range(2, len(sizes) + 1)]
        real = np.array([sizes[0], *fresh], dtype=np.float64)
        return real / total.sum(), (total - real) / total.sum()

    def source_memory(self, sizes: Sequence[int]) -> tuple[Floats, Floats]:
        """Keep one slot: everything so far."""
        if len(sizes) == 1:
            return np.ones((1, 1)), np.ones(1)
        real = self.real_rows(len(sizes))
        parts = np.array([sum(sizes[:-1]), real, sizes[-1] - real], dtype=np.float64)
        return parts[None, parts > 0] / parts.sum(), np.ones(1)

    def training_rows(self, sizes: Sequence[int], rng: np.random.Generator) -> Selection:
        """Return all rows."""
        del rng
        return batch_rows(sizes, 1, len(sizes))


def _curve(name: str, curve: Samples, generation: int) -> int:
    """Return a growth curve's rows at a generation from 2 on."""
    if callable(curve):
        return whole(f"{name}({generation})", curve(generation), 0)
    if isinstance(curve, int):
        return curve
    if generation - 2 >= len(curve):
        raise InvalidInput(
            f"{name} has {len(curve)} entries, the first for generation 2, and generation "
            f"{generation} needs one more: give one for each, or fewer generations"
        )
    return int(curve[generation - 2])
