"""Loops on a set of rows, written in plain NumPy: the peers of `test_sets.py`.

One repeat after the other: a fit to all rows of the set, then new rows in the place of all of them
or of some that are chosen at random. A family draws n rows of a fit, None being the truth, fits
rows, and measures a fit.
"""

from typing import NamedTuple

import numpy as np


class Gaussian(NamedTuple):
    """A standard normal truth; `floor` is added to every fitted variance. The variance."""

    dim: int
    floor: float = 0.0

    def sample(self, rng, fit, n):
        """Draw rows."""
        mean, covariance = fit or (np.zeros(self.dim), np.eye(self.dim))
        return rng.multivariate_normal(mean, covariance, size=n)

    def fit(self, rows):
        """Return mean and covariance."""
        covariance = np.cov(rows, rowvar=False, bias=True).reshape(self.dim, self.dim)
        return rows.mean(axis=0), covariance + self.floor * np.eye(self.dim)

    def measure(self, fit):
        """Return the trace over the truth's."""
        return np.trace(fit[1]) / self.dim


class Poisson(NamedTuple):
    """A Poisson truth of mean 1. The squared error."""

    def sample(self, rng, fit, n):
        """Draw rows."""
        return rng.poisson(1.0 if fit is None else fit, n)

    def fit(self, rows):
        """Return the mean."""
        return rows.mean()

    def measure(self, fit):
        """Return the squared distance from the truth."""
        return (fit - 1.0) ** 2


class Discrete(NamedTuple):
    """Outcomes alike; `smoothing` is added to each count. The heterozygosity."""

    outcomes: int
    smoothing: float = 0.0

    def sample(self, rng, fit, n):
        """Draw rows."""
        p = np.full(self.outcomes, 1 / self.outcomes) if fit is None else fit
        return rng.choice(self.outcomes, size=n, p=p)

    def fit(self, rows):
        """Return probabilities."""
        counts = np.bincount(rows, minlength=self.outcomes) + self.smoothing
        return counts / counts.sum()

    def measure(self, fit):
        """Return the chance that two rows differ."""
        return 1 - (fit**2).sum()


def loop(peer, samples, replaced, generations, repeats, seed):
    """Run the loop; return the quantity, shape (repeats, generations)."""
    rng, found = np.random.RandomState(seed), np.empty((repeats, generations))
    for repeat in range(repeats):
        rows = peer.sample(rng, None, samples)
        for t in range(generations):
            fit = peer.fit(rows)
            found[repeat, t] = peer.measure(fit)
            new = peer.sample(rng, fit, replaced)
            if replaced == samples:
                rows = new
            else:
                rows[rng.choice(samples, replaced, replace=False)] = new
    return found


def labelled(weight, dim, samples, generations, repeats, seed, *, fresh):
    """Run regressions on labels that are partly real; return risks, (repeats, generations).

    Each generation labels inputs, new ones if `fresh`, by the truth and by the last fit.
    """
    rng, truth = np.random.RandomState(seed), np.eye(dim)[0]
    risks = np.empty((repeats, generations))
    for repeat in range(repeats):
        inputs = rng.standard_normal((samples, dim))
        fitted = truth
        for t in range(generations):
            if fresh:
                inputs = rng.standard_normal((samples, dim))
            real = inputs @ truth + rng.standard_normal(samples)
            sampled = inputs @ fitted + rng.standard_normal(samples)
            labels = weight * real + (1 - weight) * sampled if t else real
            fitted = np.linalg.pinv(inputs) @ labels
            risks[repeat, t] = ((fitted - truth) ** 2).sum()
    return risks


def blurred(real, sampled, bandwidth, generations, repeats, seed):
    """Run kernel densities with fresh real rows; return the rows' second moments."""
    rng, found = np.random.RandomState(seed), np.empty((repeats, generations))
    for repeat in range(repeats):
        rows = rng.standard_normal(real + sampled)
        for t in range(generations):
            found[repeat, t] = (rows**2).mean()
            parents = rng.choice(rows, sampled)
            new = parents + bandwidth * rng.standard_normal(sampled)
            rows = np.concatenate([rng.standard_normal(real), new])
    return found


def exchanged(rows, generations, repeats, seed):
    """Run normal means that train on each other's rows; return the means, (repeats, T, K)."""
    rng, K = np.random.RandomState(seed), len(rows)
    found = np.empty((repeats, generations, K))
    for repeat in range(repeats):
        means = np.array([rng.standard_normal(sum(line)).mean() for line in rows])
        found[repeat, 0] = means
        for t in range(1, generations):
            sets = [
                np.concatenate([rng.normal(means[j], 1.0, line[j]) for j in range(K)])
                for line in rows
            ]
            means = found[repeat, t] = np.array([one.mean() for one in sets])
    return found
