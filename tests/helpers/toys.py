"""Estimators that the tests of the loop drive, and what they compare."""

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from modelcollapse import (
    Accumulate,
    AccumulateSubsample,
    KeepReal,
    Normal,
    Replace,
    SlidingWindow,
)

WORKFLOWS = (
    Replace(),
    Accumulate(),
    AccumulateSubsample(7),
    SlidingWindow(2),
    KeepReal(),
    KeepReal(0.3),
)


@dataclass(frozen=True)
class Reservoir:
    """Algorithm R: k rows, all subsets of the rows so far being equally likely at each time."""

    k: int

    def keep(self, previous_rows, sizes, rng):
        """Let each new row take a place of the k with probability k over the rows so far."""
        kept = previous_rows.tolist()
        for row in range(sum(sizes[:-1]), sum(sizes)):
            if len(kept) < self.k:
                kept.append(row)
            elif (place := int(rng.integers(row + 1))) < self.k:
                kept[place] = row
        return np.array(kept)


@dataclass(frozen=True)
class Editing:
    """Replaces a share of the rows by rows of the newest batch, which weigh more."""

    share: float = 0.3

    def keep(self, previous_rows, sizes, rng):
        """Edit; the first set is the real batch."""
        newest = np.arange(sum(sizes[:-1]), sum(sizes))
        if len(sizes) == 1:
            return newest
        edited = rng.random(len(previous_rows)) < self.share
        rows = np.where(edited, rng.choice(newest, len(previous_rows)), previous_rows)
        return rows, 1.0 + edited


KEEPING = (Reservoir(5), Editing())
PLANE = Normal.standard(2)
ARGUMENTS = {"samples": [6, 4, 7, 5, 6, 8], "generations": 6, "seed": 5, "test": np.zeros((2, 2))}


class Ladder:
    """A toy for hand counts: fits the weighted mean m, and samples m + 1, ..., m + n, shuffled."""

    def fit(self, X, sample_weight=None):
        """Keep the mean."""
        self.mean = np.average(X, axis=0, weights=sample_weight)
        return self

    def sample(self, n, random_state):
        """Climb from the mean."""
        steps = np.random.default_rng(random_state).permutation(n) + 1
        return self.mean + steps[:, None]


class Failing:
    """A toy that does something wrong at the k-th fit or sample."""

    def __init__(self, stage, at, what):
        self.stage, self.at, self.what = stage, at, what
        self.counts = []

    def __deepcopy__(self, memo):
        copy = Failing(self.stage, self.at, self.what)
        copy.counts = self.counts  # counts calls over all unfitted copies
        if hasattr(self, "mean"):
            copy.counts, copy.mean = list(self.counts), self.mean
        return copy

    def __repr__(self):
        return "Failing()"

    def described(self):
        """Return what all of them are to a checkpoint."""
        return {"estimator": "failing"}

    def _due(self, stage):
        self.counts.append(stage)
        return stage == self.stage and self.counts.count(stage) == self.at

    def fit(self, X):
        """Fit the mean."""
        if self._due("fit"):
            self.what()
        self.mean = X.mean(axis=0)

    def sample(self, n, rng):
        """Draw normal rows around the mean."""
        if self._due("sample"):
            return self.what()
        return rng.normal(self.mean, size=(n, len(self.mean)))

    def score_samples(self, X):
        """Return log-densities."""
        if self._due("score"):
            return self.what()
        return -((X - self.mean) ** 2).sum(axis=1) / 2


# For mixtures of so few rows that they need scikit-learn's `reg_covar`, which `run` warns of.
FLOORED = pytest.mark.filterwarnings("ignore:GaussianMixture adds reg_covar:UserWarning")


def mixture(random_state):
    """Return scikit-learn's mixture, without the k-means that makes it slow to start."""
    return GaussianMixture(2, init_params="random", random_state=random_state)


def fail():
    """Raise an error of an estimator."""
    raise ArithmeticError("matrix is singular")


def interrupt():
    """Press Ctrl-C."""
    raise KeyboardInterrupt


def same(one, other):
    """Return whether two runs hold the same bits."""
    return (
        one.outcome == other.outcome
        and one.metrics.keys() == other.metrics.keys()
        and all(one[name].tobytes() == other[name].tobytes() for name in one.metrics)
        and len(one.batches) == len(other.batches)
        and all(a.tobytes() == b.tobytes() for a, b in zip(one.batches, other.batches, strict=True))
        and one.generations.tolist() == other.generations.tolist()
        and one.warnings == other.warnings
        and one.experiment == other.experiment
    )


def same_batches(one, other):
    """Return whether two runs drew the same rows."""
    return all(np.array_equal(a, b) for a, b in zip(one.batches, other.batches, strict=True))


def stream_keys(monkeypatch):
    """Return a list to which every random stream that is made adds its entropy and its key."""
    keys = []

    class Noted(np.random.SeedSequence):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            keys.append((self.entropy, self.spawn_key))

    monkeypatch.setattr(np.random, "SeedSequence", Noted)
    return keys


class OnlyReal:
    """Each generation after the first trains on the fresh real rows of its batch alone."""

    def __init__(self, real, sampled=4):
        self.real, self.sampled = real, sampled

    def real_rows(self, generation):
        """Return the fresh rows."""
        del generation
        return self.real

    def batch_sizes(self, first, generations):
        """Return equal batches after the first."""
        return np.array([first] + [self.real + self.sampled] * (generations - 1))

    def source_weights(self, sizes):
        """Give the newest batch's real part all the weight."""
        real = np.zeros(len(sizes))
        real[-1] = 1.0
        return real, np.zeros(len(sizes))

    def training_rows(self, sizes, rng):
        """Return those rows."""
        del rng
        first = sum(sizes[:-1])
        return np.arange(first, first + (self.real if len(sizes) > 1 else sizes[0]))
