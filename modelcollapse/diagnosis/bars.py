"""What later values are held against, and which of them are above it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bar:
    """What a later value is held against: a multiple of the first one, or a level.

    `sign` is that of the values: -1 where the column gets worse as it falls.
    """

    factor: float = 1.0
    level: float | None = None
    sign: int = 1

    def of(self, first: Floats) -> Floats:
        """Return the bar of each first value."""
        if self.level is not None:
            return np.full_like(first, self.sign * self.level)
        with np.errstate(over="ignore"):
            return self.factor * first

    @property
    def plain(self) -> bool:
        """Whether it is the first value itself."""
        return self.level is None and self.factor == 1

    @property
    def side(self) -> str:
        """On which side of the bar the column is worse."""
        return "above" if self.sign > 0 else "below"

    def text(self, first: int) -> str:
        """Return the bar in words, for a trajectory whose first generation is `first`."""
        if self.level is not None:
            return f"{self.level:.5g}"
        times = "" if self.factor == 1 else f"{self.factor:.5g} times "
        return f"{times}that of generation {first}"


def above(values: Floats, bar: Bar) -> Flags:
    """Return which later values are above the bar, shape (runs, later generations)."""
    return np.asarray(values[:, 1:] > bar.of(values[:, :1]))


def became_infinite(values: Floats) -> Integers:
    """Return how many runs have gone from a finite value to inf by each later generation."""
    flags = np.isfinite(values[:, :1]) & np.isposinf(values[:, 1:])
    return np.asarray(flags.sum(axis=0))
