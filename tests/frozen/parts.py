"""What loops are made of beside the package's own: functions, a kernel, and workflows.

Each has a text that builds it again and holds no address, as errors repeat it.
"""

from dataclasses import dataclass

import numpy as np

import modelcollapse as mc


@dataclass(frozen=True)
class Line:
    """A schedule of whole numbers: first, first + step, first + 2 step, ..."""

    first: int
    step: int

    def __call__(self, t):
        """Return the number of generation t = 1, 2, ..."""
        return self.first + self.step * (t - 1)


@dataclass(frozen=True)
class Shrinking:
    """A schedule of bandwidths: scale / (1 + t)."""

    scale: float

    def __call__(self, t):
        """Return the bandwidth of generation t = 1, 2, ..."""
        return self.scale / (1 + t)


OWN_KERNEL = mc.kde.Kernel(
    "own",  # a normal one with half the width, by functions alone
    lambda u, dim: np.exp(-np.square(np.minimum(u, 1e4)) / 8),  # noqa: ARG005
    lambda n, dim, rng: rng.standard_normal((n, dim)) / 2,
    lambda square, dim: -2 * square - dim * np.log(np.pi / 2) / 2,
    lambda dim: 0.25,  # noqa: ARG005
)


@dataclass(frozen=True)
class Halving:
    """Weights without a memory: each batch weighs half of the next newer one."""

    def batch_weights(self, sizes):
        """Return weights proportional to 2^s."""
        weights = 2.0 ** np.arange(len(sizes))
        return weights / weights.sum()

    def training_rows(self, sizes, rng):
        """Return all rows, weighted."""
        del rng
        return np.arange(sum(sizes)), np.repeat(self.batch_weights(sizes) / sizes, sizes)


@dataclass(frozen=True)
class Fading:
    """Weights with a memory of one slot: what was there before fades by a factor."""

    factor: float

    def batch_weights(self, sizes):
        """Return factor^(t-1), and (1 - factor) factor^(t-s) from batch 2 on."""
        weights = (1 - self.factor) * self.factor ** np.arange(len(sizes))[::-1]
        weights[0] = self.factor ** (len(sizes) - 1)
        return weights

    def memory(self, sizes):
        """Keep one slot, the faded pool."""
        if len(sizes) == 1:
            return np.ones((1, 1)), np.ones(1)
        return np.array([[self.factor, 1 - self.factor]]), np.ones(1)

    def training_rows(self, sizes, rng):
        """Return all rows, weighted."""
        del rng
        return np.arange(sum(sizes)), np.repeat(self.batch_weights(sizes) / sizes, sizes)


@dataclass(frozen=True)
class Bootstrap:
    """A random workflow: as many rows as there are, drawn with replacement."""

    def training_rows(self, sizes, rng):
        """Return rows, some of them twice."""
        return rng.integers(sum(sizes), size=sum(sizes))


@dataclass(frozen=True)
class Drip:
    """Fresh real rows without a memory: the last two batches, real rows with a weight."""

    real: int
    synthetic: int
    weight: float

    def real_rows(self, generation):
        """Return the fresh rows of a batch."""
        return self.real + generation % 2

    def batch_sizes(self, first, generations):
        """Return all rows of each batch."""
        later = [self.real_rows(t) + self.synthetic for t in range(2, generations + 1)]
        return np.array([first, *later], dtype=np.int64)

    def source_weights(self, sizes):
        """Return the weights of real and of sampled rows, those of the last two batches."""
        real, synthetic = np.zeros(len(sizes)), np.zeros(len(sizes))
        real[-1] = 1.0 if len(sizes) == 1 else self.weight
        synthetic[-2:] = 0.0 if len(sizes) == 1 else (1 - self.weight) / 2
        if len(sizes) == 2:
            real[0], synthetic[0] = synthetic[0], 0.0
        return real, synthetic

    def training_rows(self, sizes, rng):
        """Return all rows of positive weight, weighted."""
        del rng
        parts = []
        real, synthetic = self.source_weights(sizes)
        for t, size in enumerate(sizes, start=1):
            fresh = size if t == 1 else self.real_rows(t)
            for count, weight in ((fresh, real[t - 1]), (size - fresh, synthetic[t - 1])):
                parts.append(np.full(count, weight / max(count, 1)))
        weights = np.concatenate(parts)
        rows = np.flatnonzero(weights > 0)
        return rows, weights[rows]


@dataclass(frozen=True)
class Contradictory(Halving):
    """A workflow whose rows are not those of its weights."""

    def training_rows(self, sizes, rng):
        """Return all rows, unweighted."""
        del rng
        return np.arange(sum(sizes))
