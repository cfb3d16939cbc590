"""The spread of rows, whatever the units of their columns: deviations, correlations and a rank.

A covariance is D V R^2 V' D, with the deviations D of the columns and the axes V of their
correlations. Nothing compares one column's unit with another's.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput

EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)
# How wrong correlations of d columns may be, over d, as computed. With u = EPS/2, centred and
# scaled entries are wrong by 4u each, and the products' sums, which are added up in blocks of some
# hundred rows, by some 2^8 u, however many rows there are: an entry by 2^9 u = 2^8 EPS at most, and
# so an eigenvalue by d times that. eigh adds a few u times the norm, which is at most d.
ROUNDING = 2**8 * EPS
# What is stored is wrong by u|x| in each entry, and a few times that where it was computed: in a
# column's deviations by REPRESENTED times its root mean square. A direction v of independent
# columns' errors is wrong by the root of the sum of their squares, each times v_j.
REPRESENTED = 4 * EPS
SOLID = 2.0  # a column that spreads by less than this times its error is constant but for rounding
FLAT = 16 * REPRESENTED  # of its mean: how far the entries of a constant column may be from it


class Spread(NamedTuple):
    """A mean and a covariance, and which of its directions are more than rounding.

    Attributes
    ----------
    mean
        Shape (d,).
    deviations
        Standard deviations of the columns, shape (d,); 0 where a column is constant.
    correlations
        Shape (d, d), with zeros for constant columns.
    vectors, roots
        Eigenvectors of the correlations, and the roots of their eigenvalues, which ascend.
    noise
        What of each eigenvalue may be rounding, shape (d,).
    kept
        Which directions vary, shape (d,).
    """

    mean: Floats
    deviations: Floats
    correlations: Floats
    vectors: Floats
    roots: Floats
    noise: Floats
    kept: npt.NDArray[np.bool_]

    @property
    def rank(self) -> int:
        """The number of directions that vary."""
        return int(self.kept.sum())

    @property
    def covariance(self) -> Floats:
        """The covariance, shape (d, d); infinite where it is no float."""
        with np.errstate(over="ignore"):
            return np.asarray(np.outer(self.deviations, self.deviations) * self.correlations)

    @property
    def matrix(self) -> Floats:
        """F with F F' the covariance, shape (d, d); zeros where nothing varies."""
        roots = np.where(self.kept, self.roots, 0.0)
        return np.asarray(self.deviations[:, None] * self.vectors * roots)

    @property
    def factor(self) -> Floats:
        """F with F F' the covariance, shape (d, rank)."""
        return self.matrix[:, self.kept]

    @property
    def whitening(self) -> Floats:
        """B, shape (d, rank), with B' covariance B = I."""
        units = np.where(self.deviations > 0, self.deviations, np.inf)
        return np.asarray(self.vectors[:, self.kept] / self.roots[self.kept] / units[:, None])

    @property
    def log_volume(self) -> float:
        """The logarithm of the product of the deviations along the principal axes."""
        if self.kept.all():
            return float(np.log(self.roots).sum() + np.log(self.deviations).sum())
        return float(np.log(self.principal()[0]).sum())

    def within(self, centred: Floats) -> npt.NDArray[np.bool_]:
        """Return which centred rows, shape (N, d), are in the space of those that vary."""
        if self.kept.all():
            return np.ones(len(centred), dtype=bool)
        solid, axes = self.deviations > 0, self.vectors[:, self.kept]
        inside = (np.abs(centred[:, ~solid]) <= FLAT * np.abs(self.mean[~solid])).all(axis=1)
        units = np.where(solid, self.deviations, np.inf)
        with np.errstate(over="ignore"):  # infinitely far is outside
            scaled = centred / units
            off = ((scaled - scaled @ axes @ axes.T) ** 2).sum(axis=1)
            near = off <= self.noise.max() * (1 + (scaled**2).sum(axis=1))
        return np.asarray(inside & near)

    def principal(self) -> tuple[Floats, Floats]:
        """Return the deviations along the principal axes, and the map to the scores on them.

        The deviations, shape (rank,), descend, and each has all its digits, whatever the units
        are. Centred rows times the map, shape (d, rank), are the scores.
        """
        if not self.rank:
            return np.empty(0), np.empty((len(self.mean), 0))
        singular, right = by_rows(self.factor)
        return singular, np.asarray(self.whitening @ (right * singular))


def by_rows(factor: Floats) -> tuple[Floats, Floats]:
    """Return singular values and right vectors of a factor (d, r), r <= d, with rows of any units.

    LAPACK's Jacobi method is not disturbed by the scales of rows.
    """
    from scipy.linalg.lapack import dgejsv

    found = dgejsv(np.asfortranarray(factor), joba=2, jobu=3, jobv=0, jobr=0, jobp=0)
    singular, right, scales = found[0], found[2], found[3]
    return np.asarray(singular * scales[0] / scales[1]), np.asarray(right)


def spread_of(name: str, rows: Floats, weights: Floats, ddof: int = 0) -> Spread:
    """Return the spread of rows with weights that sum to 1, about their weighted mean.

    The divisor of the covariance is 1 - ddof * sum w^2.

    Raises
    ------
    InvalidInput
        If one row has all the weight and ddof is 1, or the rows' differences overflow.
    """
    if not weights.all():
        rows, weights = rows[weights > 0], weights[weights > 0]
    divisor = 1 - ddof * float(weights @ weights)
    if divisor <= 0:
        raise InvalidInput(
            f"{name} needs at least 2 rows with weight, as its covariance is over 1 - sum w^2"
        )
    largest = float(np.abs(rows).max())
    if largest > 1 / (4 * TINY):  # from here on the difference of two of them may be no float
        raise InvalidInput(f"{name} reaches {largest:.3g}, where differences overflow: rescale it")
    # About the first row, so that a constant column has no variance, not one of rounding; in
    # units that are powers of two, which change no bits and leave no square out of range.
    centred = rows - rows[0]
    powers = np.frexp(np.abs(centred).max(axis=0))[1]
    centred = np.ldexp(centred, -powers)
    shift = weights @ centred
    centred = centred - shift
    mean = rows[0] + np.ldexp(shift, powers)
    spreads = np.sqrt((weights @ centred**2) / divisor)
    deviations = np.ldexp(spreads, powers)
    error = REPRESENTED * np.maximum(np.hypot(mean, deviations), TINY)
    solid = deviations > SOLID * error
    scaled = np.where(solid, centred, 0.0) / np.where(solid, spreads, 1.0)
    correlations = (weights[:, None] * scaled).T @ scaled / divisor
    deviations = np.where(solid, deviations, 0.0)
    relative = error / np.where(solid, deviations, np.inf)
    return _decided(mean, deviations, correlations, relative, len(weights) - 1)


def spread_of_covariance(mean: Floats, covariance: Floats) -> Spread:
    """Return the spread that a covariance with a positive diagonal says."""
    deviations = np.sqrt(np.diagonal(covariance))
    correlations = covariance / deviations[:, None] / deviations
    return _decided(mean, deviations, correlations, np.zeros(len(mean)), len(mean))


def _decided(
    mean: Floats, deviations: Floats, correlations: Floats, relative: Floats, most: int
) -> Spread:
    """Find the axes of correlations, and which of them vary: at most so many.

    `relative` are the errors of what is stored, in the columns' deviations.
    """
    values, vectors = np.linalg.eigh(correlations)
    d = len(values)
    noise = ROUNDING * d + ((relative[:, None] * vectors) ** 2).sum(axis=0)
    kept = values > noise
    kept[: max(0, d - most)] = False
    roots = np.sqrt(np.maximum(values, 0.0))
    return Spread(mean, deviations, correlations, vectors, roots, noise, kept)
