"""A loop that forgets: old batches fade, and each model is a Laplace distribution."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fading:
    """A workflow whose batches lose a share of their weight at each generation."""

    kept: float = 0.5

    def batch_weights(self, sizes):
        """Return W[t, 1..t]: kept^(t - s), divided by their sum."""
        weights = self.kept ** np.arange(len(sizes) - 1.0, -1.0, -1.0)
        return weights / weights.sum()

    def training_rows(self, sizes, rng):
        """Return all rows and what each weighs."""
        del rng
        return np.arange(sum(sizes)), np.repeat(self.batch_weights(sizes) / np.array(sizes), sizes)


class Laplace:
    """Columns with medians and mean absolute deviations, independent of each other."""

    def fit(self, X, y=None, sample_weight=None):
        """Learn from rows, which may be weighted."""
        del y
        X = np.asarray(X, dtype=float)
        if not np.isfinite(X).all():
            raise ValueError("X: give finite rows")
        order = np.argsort(X, axis=0)
        weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
        shares = np.cumsum((weights / weights.sum())[order], axis=0)
        middle = np.argmax(shares >= 0.5 - 1e-9, axis=0)
        self.median_ = np.take_along_axis(np.sort(X, axis=0), middle[None], axis=0)[0]
        self.scale_ = np.average(np.abs(X - self.median_), axis=0, weights=weights)
        return self

    def sample(self, n, random_state=None):
        """Draw rows."""
        rng = np.random.default_rng(random_state)
        return rng.laplace(self.median_, self.scale_, (n, len(self.median_)))

    def score_samples(self, X):
        """Return log-densities."""
        return -(np.abs(X - self.median_) / self.scale_ + np.log(2 * self.scale_)).sum(axis=1)
