"""The truth: what generation 1 is drawn from.

Any room that fits moments needs of a truth its mean, its covariance and the fourth moment
E|x - mu|^4; a simulator also needs rows. A data set is a truth: its rows are drawn with
replacement, and its moments are those of all its rows, with ddof 0.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from modelcollapse.checks import Floats, rows
from modelcollapse.errors import InvalidInput, invalid

LARGEST = 1e70  # its fourth power, summed over any data set, is a float


@dataclass(frozen=True, eq=False)
class Normal:
    """The normal distribution.

    Parameters
    ----------
    mean
        Shape (d,).
    covariance
        Shape (d, d), symmetric and positive definite.
    """

    mean: Floats
    covariance: Floats

    def __post_init__(self) -> None:
        try:
            mean = np.atleast_1d(np.asarray(self.mean, dtype=np.float64))
            covariance = np.atleast_2d(np.asarray(self.covariance, dtype=np.float64))
        except (TypeError, ValueError) as error:
            shown = f"{self.mean!r}, {self.covariance!r}"
            raise invalid("mean, covariance", shown, "give arrays of numbers") from error
        dim = len(mean)
        if mean.ndim != 1 or covariance.shape != (dim, dim):
            raise InvalidInput(
                f"mean of shape {mean.shape} and covariance of shape {covariance.shape} do not "
                "fit together: give shapes (d,) and (d, d)"
            )
        if not np.isfinite(mean).all():
            raise invalid("mean", self.mean, "every entry must be finite")
        symmetric = np.isfinite(covariance).all() and np.allclose(covariance, covariance.T)
        if not symmetric or np.linalg.eigvalsh(covariance)[0] <= 0:
            raise invalid("covariance", self.covariance, "give a positive definite matrix")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "covariance", covariance)

    @classmethod
    def standard(cls, dim: int) -> "Normal":
        """Return N(0, I) in `dim` dimensions."""
        return cls(np.zeros(dim), np.eye(dim))

    is_normal = True

    @property
    def dim(self) -> int:
        """The number of columns."""
        return len(self.mean)

    @cached_property
    def spectrum(self) -> Floats:
        """The eigenvalues of the covariance, all positive, shape (d,)."""
        return np.asarray(np.linalg.eigvalsh(self.covariance), dtype=np.float64)

    @property
    def fourth_moment(self) -> float:
        """E|x - mu|^4 = (tr S)^2 + 2 tr S^2."""
        return float(self.spectrum.sum() ** 2 + 2 * (self.spectrum**2).sum())

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n rows, shape (n, d)."""
        factor = np.linalg.cholesky(self.covariance)
        return self.mean + rng.standard_normal((n, self.dim)) @ factor.T


@dataclass(frozen=True, eq=False)
class Rows:
    """The empirical distribution of a data set.

    Parameters
    ----------
    values
        Shape (rows, d); finite, at least two rows, not all of them equal.
    name
        What to call it in reports.
    """

    values: Floats
    name: str = "data"

    def __post_init__(self) -> None:
        values = rows(self.name, self.values, minimum=2)
        if np.ptp(values, axis=0).max() == 0:
            raise InvalidInput(
                f"{self.name}: all {len(values)} rows are equal, so the total variance is zero; "
                "give data with at least two different rows"
            )
        object.__setattr__(self, "values", values)

    is_normal = False

    @property
    def dim(self) -> int:
        """The number of columns."""
        return int(self.values.shape[1])

    @cached_property
    def mean(self) -> Floats:
        """The mean of all rows, shape (d,)."""
        return np.asarray(self.values.mean(axis=0))

    @cached_property
    def _svd(self) -> tuple[Floats, Floats]:
        """Scores of the rows on the principal axes of non-zero variance, and those variances."""
        # About the first row before the mean, whose rounding would be a direction of its own.
        centred = self.values - self.values[0]
        centred = centred - centred.mean(axis=0)
        left, singular, _ = np.linalg.svd(centred, full_matrices=False)
        noise = max(singular[0], np.abs(self.values).max()) * max(centred.shape)
        kept = singular > noise * np.finfo(float).eps
        return left[:, kept] * singular[kept], singular[kept] ** 2 / len(centred)

    @property
    def spectrum(self) -> Floats:
        """The non-zero eigenvalues of the covariance; fewer than d where columns depend."""
        return self._svd[1]

    @property
    def scores(self) -> Floats:
        """The centred rows in an orthonormal basis of the space they span, shape (rows, rank)."""
        return self._svd[0]

    @property
    def covariance(self) -> Floats:
        """The covariance of all rows, ddof 0, shape (d, d)."""
        centred = self.values - self.mean
        return centred.T @ centred / len(centred)

    @property
    def fourth_moment(self) -> float:
        """E|x - mu|^4 over all rows."""
        return float(((self.scores**2).sum(axis=1) ** 2).mean())

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n rows with replacement, shape (n, d)."""
        return self.values[rng.integers(len(self.values), size=n)]


Truth = Normal | Rows


def as_truth(value: Any, dim: int) -> Truth:
    """Return `value` as a truth in `dim` dimensions; None is the standard normal."""
    if value is None:
        return Normal.standard(dim)
    truth = value if isinstance(value, (Normal, Rows)) else Rows(value, name="truth")
    if truth.dim != dim:
        raise InvalidInput(
            f"truth has {truth.dim} columns and the model has dim = {dim}: make them equal"
        )
    if isinstance(truth, Rows) and (largest := float(np.abs(truth.values).max())) > LARGEST:
        raise invalid(
            f"truth ({truth.name}), its largest entry",
            largest,
            f"fourth moments would overflow: rescale to at most {LARGEST:g}",
        )
    return truth
