"""Workflows and estimators that each break one law of their contract."""

import random

import numpy as np


class Base:
    """A workflow that breaks nothing: all rows, alike."""

    def training_rows(self, sizes, rng):
        """Return all rows."""
        del rng
        return np.arange(sum(sizes))

    def batch_weights(self, sizes):
        """Return the shares of the batches."""
        return np.array(sizes) / sum(sizes)

    def memory(self, sizes):
        """Return one slot for each batch."""
        return np.eye(len(sizes)), self.batch_weights(sizes)


class Future(Base):
    """Chooses a row that does not exist yet."""

    def training_rows(self, sizes, rng):
        """Return one row too many."""
        del rng
        return np.arange(sum(sizes) + 1)


class OwnGenerator(Base):
    """Draws from a generator of its own."""

    rng = np.random.default_rng(0)

    def training_rows(self, sizes, rng):
        """Return a row, ignoring the generator given."""
        del rng
        return self.rng.integers(sum(sizes), size=3)


class OwnWeights(OwnGenerator):
    """Draws the weights of its rows from a generator of its own."""

    def training_rows(self, sizes, rng):
        """Return all rows."""
        del rng
        return np.arange(sum(sizes)), self.rng.random(sum(sizes))


class GlobalNumPy(Base):
    """Draws from NumPy's global generator."""

    def training_rows(self, sizes, rng):
        """Return a random row."""
        del rng
        return np.random.randint(0, sum(sizes), size=3)  # noqa: NPY002


class GlobalPython(Base):
    """Draws from Python's global generator."""

    def training_rows(self, sizes, rng):
        """Return a random row."""
        del rng
        return np.array([random.randrange(sum(sizes))])  # noqa: S311


class SeedsGlobally(Base):
    """Seeds NumPy's global generator, and so reads nothing but changes it."""

    def training_rows(self, sizes, rng):
        """Return all rows."""
        np.random.seed(0)  # noqa: NPY002
        return super().training_rows(sizes, rng)


class ChangesSizes(Base):
    """Empties its argument."""

    def training_rows(self, sizes, rng):
        """Return all rows."""
        rows = super().training_rows(sizes, rng)
        sizes.clear()
        return rows


class UnequalSum(Base):
    """Its batch weights do not sum to one."""

    def batch_weights(self, sizes):
        """Return the sizes."""
        return np.array(sizes, dtype=float)


class OffByOne(Base):
    """Says it trains on the last batch and trains on all."""

    def batch_weights(self, sizes):
        """Return 0, ..., 0, 1."""
        return np.eye(len(sizes))[-1]


class UnevenRows(Base):
    """Weights each batch as it says, but not the rows within a batch."""

    def training_rows(self, sizes, rng):
        """Return the first row of each batch, as often as the batch has rows."""
        del rng
        return np.repeat(np.cumsum(sizes) - sizes, sizes)


class TooManyColumns(Base):
    """Its carry has a column too many."""

    def memory(self, sizes):
        """Return a carry for one slot more than there is."""
        return np.eye(len(sizes) + 1), np.ones(len(sizes) + 1) / (len(sizes) + 1)


class NoMixture(Base):
    """Its carry doubles the slots and its weights halve them again."""

    def memory(self, sizes):
        """Return slots that are no mixtures."""
        return 2 * np.eye(len(sizes)), self.batch_weights(sizes) / 2 ** len(sizes)


class WrongSlots(Base):
    """Keeps the batches in the reverse order."""

    def memory(self, sizes):
        """Return weights for another order of slots."""
        return np.eye(len(sizes)), self.batch_weights(sizes)[::-1]


class Recaller:
    """Takes back a row that it had lost."""

    def keep(self, previous_rows, sizes, rng):
        """Return the newest batch, and the first row again at generation 3."""
        del previous_rows, rng
        newest = np.arange(sum(sizes[:-1]), sum(sizes))
        return np.append(newest, 0) if len(sizes) == 3 else newest


class Unkept(Base):
    """Chooses its rows in two ways."""

    def keep(self, previous_rows, sizes, rng):
        """Return the newest batch."""
        del previous_rows, rng
        return np.arange(sum(sizes[:-1]), sum(sizes))


class KeptInPlace:
    """Changes the rows before."""

    def keep(self, previous_rows, sizes, rng):
        """Put the newest row in the place of the first."""
        if len(sizes) == 1:
            return np.arange(sizes[0])
        previous_rows[0] = rng.integers(sum(sizes[:-1]), sum(sizes))
        return previous_rows


class KeptByChance:
    """Has a random generator of its own."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def keep(self, previous_rows, sizes, rng):
        """Keep some rows, and all of the newest batch."""
        del rng
        kept = previous_rows[self.rng.random(len(previous_rows)) < 0.5]
        return np.concatenate([kept, np.arange(sum(sizes[:-1]), sum(sizes))])


class Resampler:
    """An estimator that breaks nothing: resamples its rows, and scores them by their mean."""

    def fit(self, X, sample_weight=None):
        """Keep the rows."""
        if not np.isfinite(X).all():
            raise ValueError
        self.rows, self.weights = X, sample_weight
        self.centre = np.average(X, axis=0, weights=sample_weight)
        return self

    def sample(self, n, random_state=None):
        """Draw rows with replacement."""
        return np.random.default_rng(random_state).choice(self.rows, size=n)

    def score_samples(self, X):
        """Return a log-density, up to a constant."""
        return -((X - self.centre) ** 2).sum(axis=1)


class NoSample:
    """An estimator that cannot sample."""

    def fit(self, X):
        """Do nothing."""


class ReturnsNumber(Resampler):
    """Its fit returns a number."""

    def fit(self, X, sample_weight=None):
        """Keep the rows and return their number."""
        super().fit(X, sample_weight)
        return len(X)


class CentresInPlace(Resampler):
    """Its fit changes the rows."""

    def fit(self, X, sample_weight=None):
        """Centre the rows in place."""
        X -= X.mean(axis=0)
        return super().fit(X, sample_weight)


class OneTooMany(Resampler):
    """Returns a row more than asked for."""

    def sample(self, n, random_state=None):
        """Draw n + 1 rows."""
        return super().sample(n + 1, random_state)


class Infinite(Resampler):
    """Its samples are infinite."""

    def sample(self, n, random_state=None):
        """Draw rows and divide them by zero."""
        return super().sample(n, random_state) * np.inf


class Unseeded(Resampler):
    """Ignores the random state: every sample differs."""

    def sample(self, n, random_state=None):
        """Draw rows from fresh entropy."""
        del random_state
        return super().sample(n)


class DrawsGlobally(Resampler):
    """Draws from NumPy's global generator."""

    def sample(self, n):
        """Draw rows with replacement."""
        return self.rows[np.random.randint(len(self.rows), size=n)]  # noqa: NPY002


class Frozen(Resampler):
    """Ignores the random state: every sample is the same."""

    def sample(self, n, random_state=None):
        """Draw rows from the seed 0."""
        del random_state
        return super().sample(n, 0)


class Nowhere(Resampler):
    """Its density is zero everywhere."""

    def score_samples(self, X):
        """Return minus infinity."""
        return np.full(len(X), -np.inf)


class OneScore(Resampler):
    """Returns one score for all rows."""

    def score_samples(self, X):
        """Return the mean score."""
        return super().score_samples(X).mean()


class FirstRow(Resampler):
    """Its centre is the first row."""

    def fit(self, X, sample_weight=None):
        """Keep the first row."""
        super().fit(X, sample_weight)
        self.centre = X[0]
        return self


class DoublesWeighted(Resampler):
    """With weights, it doubles its centre."""

    def fit(self, X, sample_weight=None):
        """Fit, and treat weighted rows differently."""
        super().fit(X, sample_weight)
        self.centre = self.centre if sample_weight is None else 1 + self.centre
        return self


class AcceptsAll(Resampler):
    """Fits to rows that are not finite."""

    def fit(self, X, sample_weight=None):
        """Replace what is not finite by zero."""
        return super().fit(np.nan_to_num(X), sample_weight)
