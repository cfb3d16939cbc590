"""The truth: what generation 1 is drawn from.

Any room that fits moments needs of a truth its mean, its covariance and the fourth moment
E|x - mu|^4; a simulator also needs rows, and an integrated error a density: that of `Normal` and
`NormalMixture`. A data set is a truth too: its rows are drawn with replacement, its moments are
those of all its rows, with ddof 0, and it has no density.
"""

import os
import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from inspect import getattr_static
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats, divided, frozen, reals, shares, table
from modelcollapse._support.errors import InvalidInput, WrongType, invalid
from modelcollapse._support.spread import EPS, Spread, spread_of, spread_of_covariance
from modelcollapse._support.table_files import read
from modelcollapse._support.tables import framed
from modelcollapse._support.words import many
from modelcollapse.loop.batches import Columns, Form, Numbers, form_of, mixed
from modelcollapse.loop.json_data import canonical, plain

LARGEST = 1e70  # its fourth power, summed over any data set, is a float


class Described:
    """Equal to what is of the same type and says the same of itself; see `described`."""

    @cached_property
    def _identity(self) -> str:
        return canonical(plain(self, 0))

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self is other or self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __getstate__(self) -> dict[str, Any]:
        """Return what it was made of, for pickle: not what was computed from it since."""
        kind = type(self)
        return {
            name: value
            for name, value in vars(self).items()
            if not isinstance(getattr_static(kind, name, None), cached_property)
        }


class Law(Described, ABC):
    """What rows can be drawn from: by this class `run` knows a truth.

    One of another package extends it, or is registered: ``Law.register(Mine)``. It has what is
    below, and the attributes ``dim``, the number d of columns, ``mean``, shape (d,), and
    ``covariance``, shape (d, d).
    """

    if TYPE_CHECKING:

        @property
        def dim(self) -> int:
            """The number d of columns."""

        @property
        def mean(self) -> Floats:
            """The mean, shape (d,)."""

        @property
        def covariance(self) -> Floats:
            """The covariance, shape (d, d)."""

    @property
    def form(self) -> Form:
        """The form of its rows."""
        return Numbers(self.dim)

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> Any:
        """Draw n rows, shape (n, d)."""


@dataclass(frozen=True, eq=False)
class Normal(Law):
    """The normal distribution.

    Parameters
    ----------
    mean
        Shape (d,).
    covariance
        Shape (d, d), symmetric and positive definite.

    Raises
    ------
    InvalidInput
        If the shapes do not fit together, or the covariance is not positive definite.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> truth = mc.Normal(mean=[1.0, 0.0], covariance=[[4.0, 1.0], [1.0, 2.0]])
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 3, truth=truth)
    >>> prediction = mc.predict(loop)
    >>> print(prediction["variance"].round(4), prediction["test_log_loss"].round(4))
    [0.9   0.81  0.729] [4.3572 5.4592 7.487 ]
    """

    mean: Floats
    covariance: Floats

    def __post_init__(self) -> None:
        mean = np.atleast_1d(np.array(reals("mean", self.mean)))
        covariance = np.atleast_2d(np.array(reals("covariance", self.covariance)))
        dim = len(mean)
        if mean.ndim != 1 or covariance.shape != (dim, dim):
            raise InvalidInput(
                f"mean of shape {mean.shape} and covariance of shape {covariance.shape} do not "
                "fit together: give shapes (d,) and (d, d)"
            )
        if not np.isfinite(mean).all():
            raise invalid("mean", self.mean, "every entry must be finite")
        if not _positive_definite(covariance):
            raise invalid("covariance", self.covariance, "give a positive definite matrix")
        object.__setattr__(self, "mean", frozen(mean))
        object.__setattr__(self, "covariance", frozen(covariance))

    @classmethod
    def standard(cls, dim: int) -> "Normal":
        """Return N(0, I) in `dim` dimensions."""
        return cls(np.zeros(dim), np.eye(dim))

    is_normal = True

    def described(self) -> Any:
        """Return the truth as plain data."""
        if not self.mean.any() and np.array_equal(self.covariance, np.eye(self.dim)):
            return "standard normal" + (f" in {self.dim} dimensions" if self.dim > 1 else "")
        return {"mean": self.mean.tolist(), "covariance": self.covariance.tolist()}

    @property
    def components(self) -> tuple[Floats, Floats, Floats]:
        """The same as a mixture of one: weights (1,), means (1, d), covariances (1, d, d)."""
        return np.ones(1), self.mean[None], self.covariance[None]

    @property
    def dim(self) -> int:
        """The number of columns."""
        return len(self.mean)

    @cached_property
    def spectrum(self) -> Floats:
        """The eigenvalues of the covariance, all positive, shape (d,)."""
        values = np.asarray(np.linalg.eigvalsh(self.covariance), dtype=np.float64)
        if _resolved(values):
            return values
        return spread_of_covariance(self.mean, self.covariance).principal()[0][::-1] ** 2

    def projected(self, direction: Floats) -> "Normal":
        """Return the law of the rows along a direction, shape (d,)."""
        variance = direction @ self.covariance @ direction
        return Normal(np.array([direction @ self.mean]), np.array([[variance]]))

    def coordinates(self, direction: Floats) -> Floats:
        """Return a direction in the coordinates of `sample_scores`."""
        return NormalMixture(*self.components).coordinates(direction)

    @property
    def fourth_moment(self) -> float:
        """E|x - mu|^4 = (tr S)^2 + 2 tr S^2."""
        return float(self.spectrum.sum() ** 2 + 2 * (self.spectrum**2).sum())

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n rows, shape (n, d)."""
        factor = np.linalg.cholesky(self.covariance)
        return self.mean + rng.standard_normal((n, self.dim)) @ factor.T

    def sample_scores(self, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        """Draw centred rows in the principal axes, shape (*shape, d)."""
        return np.sqrt(self.spectrum) * rng.standard_normal((*shape, self.dim))


@dataclass(frozen=True, eq=False)
class NormalMixture(Law):
    """A finite mixture of normal distributions.

    Parameters
    ----------
    weights
        Shape (k,), positive; they are divided by their sum.
    means
        Shape (k, d), or (k,) in one dimension.
    covariances
        Shape (k, d, d), each symmetric and positive definite; or (k,), variances in one dimension.

    Raises
    ------
    InvalidInput
        If the shapes do not fit together, or an argument is out of its range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> truth = mc.NormalMixture([0.5, 0.5], means=[-2, 2], covariances=[1, 1])
    >>> print(truth.mean, truth.covariance)
    [0.] [[5.]]
    >>> loop = mc.Experiment(mc.KDE(0.5), mc.Accumulate(), 10, 3, truth=truth)
    >>> print(mc.predict(loop)["mise"].round(4))
    [0.0447 0.0473 0.0473]
    """

    weights: Floats
    means: Floats
    covariances: Floats
    is_normal = False

    def __post_init__(self) -> None:
        names = ("weights", "means", "covariances")
        arrays = (np.array(reals(name, getattr(self, name))) for name in names)
        weights, means, covariances = map(np.atleast_1d, arrays)
        count = len(weights)
        if means.ndim == 1:
            means = means[:, None]
        if covariances.ndim == 1:
            covariances = covariances[:, None, None]
        dim = means.shape[-1]
        if weights.ndim != 1 or means.shape != (count, dim) or dim == 0:
            fits = False
        else:
            fits = covariances.shape == (count, dim, dim)
        if not fits:
            raise InvalidInput(
                f"weights of shape {weights.shape}, means of shape {means.shape} and covariances "
                f"of shape {covariances.shape} do not fit together: give (k,), (k, d), (k, d, d)"
            )
        if count == 0 or not np.isfinite(weights).all() or not np.all(weights > 0):
            raise invalid("weights", self.weights, "give finite weights above 0, one or more")
        parts = [Normal(m, c) for m, c in zip(means, covariances, strict=True)]
        object.__setattr__(self, "weights", frozen(divided(weights, self.weights)))
        object.__setattr__(self, "means", frozen(np.array([part.mean for part in parts])))
        spreads = np.array([part.covariance for part in parts])
        object.__setattr__(self, "covariances", frozen(spreads))

    def described(self) -> Any:
        """Return the truth as plain data."""
        return {name: getattr(self, name).tolist() for name in ("weights", "means", "covariances")}

    @property
    def components(self) -> tuple[Floats, Floats, Floats]:
        """Weights (k,), means (k, d) and covariances (k, d, d)."""
        return self.weights, self.means, self.covariances

    @property
    def dim(self) -> int:
        """The number of columns."""
        return int(self.means.shape[1])

    @cached_property
    def mean(self) -> Floats:
        """The mean, shape (d,)."""
        return np.asarray(self.weights @ self.means)

    @cached_property
    def covariance(self) -> Floats:
        """The covariance, shape (d, d)."""
        shifts = self.means - self.mean
        within = np.tensordot(self.weights, self.covariances, axes=1)
        return np.asarray(within + (self.weights[:, None] * shifts).T @ shifts)

    @cached_property
    def _axes(self) -> tuple[Floats, Floats]:
        """The eigenvalues of the covariance, and the map of centred rows to their scores."""
        values, vectors = np.linalg.eigh(self.covariance)
        if _resolved(values):
            return values, vectors
        deviations, scores = spread_of_covariance(self.mean, self.covariance).principal()
        return deviations[::-1] ** 2, scores[:, ::-1]

    @property
    def spectrum(self) -> Floats:
        """The eigenvalues of the covariance, all positive, shape (d,)."""
        return self._axes[0]

    def projected(self, direction: Floats) -> "NormalMixture":
        """Return the law of the rows along a direction, shape (d,)."""
        spreads = np.einsum("i,kij,j->k", direction, self.covariances, direction)
        return NormalMixture(self.weights, self.means @ direction, spreads)

    def coordinates(self, direction: Floats) -> Floats:
        """Return a direction in the coordinates of `sample_scores`."""
        return np.asarray(self._axes[1].T @ direction)

    @cached_property
    def fourth_moment(self) -> float:
        """E|x - mu|^4, the mean over the components of that about their common mean."""
        shifts = self.means - self.mean
        squares = np.trace(self.covariances, axis1=1, axis2=2) + (shifts**2).sum(axis=1)
        spread = 2 * (self.covariances**2).sum(axis=(1, 2))
        tilt = 4 * np.einsum("ki,kij,kj->k", shifts, self.covariances, shifts)
        return float(self.weights @ (squares**2 + spread + tilt))

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n rows, shape (n, d)."""
        chosen = rng.choice(len(self.weights), size=n, p=self.weights)
        factors = np.linalg.cholesky(self.covariances)
        noise = rng.standard_normal((n, self.dim))
        return np.asarray(self.means[chosen] + np.einsum("nij,nj->ni", factors[chosen], noise))

    def sample_scores(self, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        """Draw centred rows in the principal axes, shape (*shape, d)."""
        centred = self.sample(int(np.prod(shape)), rng) - self.mean
        return np.asarray((centred @ self._axes[1]).reshape(*shape, self.dim))


@dataclass(frozen=True, eq=False)
class Rows(Law):
    """The empirical distribution of a data set.

    Parameters
    ----------
    values
        Shape (rows, d); finite, at least two rows, not all of them equal. An array or a data frame
        of any library.
    name
        What to call it in reports.

    Raises
    ------
    InvalidInput
        If they are no such rows; the message names the place.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> truth = mc.Rows([[1.0], [2.0], [6.0]])
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 3, truth=truth)
    >>> print(truth.mean, mc.predict(loop)["variance"].round(4))
    [3.] [0.9   0.81  0.729]
    """

    values: Floats
    name: str = "data"
    _form: Numbers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise invalid("name", self.name, "give a text")
        values, labels = table(self.name, self.values, minimum=2)
        if np.ptp(values, axis=0).max() == 0:
            raise InvalidInput(
                f"{self.name}: all {len(values)} rows are equal, so the total variance is zero; "
                "give data with at least two different rows"
            )
        object.__setattr__(self, "_form", form_of(self.values, values.shape[1], labels))
        object.__setattr__(self, "values", frozen(values))

    is_normal = False

    @property
    def form(self) -> Numbers:
        """The form of its rows, with the names of the columns of a data frame."""
        return self._form

    def renewed(self, values: Any, name: str = "") -> "Rows":
        """Return other values with the names that the columns have here."""
        other = Rows(values, name or self.name)
        object.__setattr__(other, "_form", self._form)
        return other

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of rows and the number of columns."""
        return self.values.shape

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> Any:
        """Return what the array of values has there."""
        return self.values[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.values, dtype, copy=True if copy is None else copy)

    def described(self) -> Floats:
        """Return the rows, which are known by their digest."""
        return self.values

    @property
    def dim(self) -> int:
        """The number of columns."""
        return int(self.values.shape[1])

    @cached_property
    def mean(self) -> Floats:
        """The mean of all rows, shape (d,)."""
        return np.asarray(self.values.mean(axis=0))

    @cached_property
    def _spread(self) -> Spread:
        return spread_of(self.name, self.values, shares(None, len(self.values)))

    @cached_property
    def _svd(self) -> tuple[Floats, Floats]:
        """Scores of the rows on the principal axes of non-zero variance, and those variances."""
        # About the first row before the mean, whose rounding would be a direction of its own.
        centred = self.values - self.values[0]
        centred = centred - centred.mean(axis=0)
        left, singular, _ = np.linalg.svd(centred, full_matrices=False)
        rank = self._spread.rank
        if not _resolved(singular[rank - 1 :: -1]):
            deviations, scores = self._spread.principal()
            return centred @ scores, deviations**2
        return left[:, :rank] * singular[:rank], singular[:rank] ** 2 / len(centred)

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
        return self._spread.covariance

    def projected(self, direction: Floats) -> "Rows":
        """Return the rows along a direction, shape (d,)."""
        return Rows(self.values @ direction, self.name)

    def coordinates(self, direction: Floats) -> Floats:
        """Return a direction in the coordinates of `sample_scores`."""
        centred = (self.values - self.mean) @ direction
        return np.asarray(self.scores.T @ centred / (len(centred) * self.spectrum))

    @property
    def fourth_moment(self) -> float:
        """E|x - mu|^4 over all rows."""
        return float(((self.scores**2).sum(axis=1) ** 2).mean())

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n rows with replacement, shape (n, d)."""
        return self.values[rng.integers(len(self.values), size=n)]

    def sample_scores(self, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        """Draw centred rows in the principal axes of non-zero variance, shape (*shape, rank)."""
        return self.scores[rng.integers(len(self.scores), size=shape)]


@dataclass(frozen=True, eq=False)
class Table(Law):
    """The empirical distribution of a table with columns of any kind, for the plain loop.

    Parameters
    ----------
    values
        A data frame of pandas, polars or Arrow, of at least two rows; its numbers are finite.
    name
        What to call it in reports.
    """

    values: Any
    name: str = "data"

    def __post_init__(self) -> None:
        form = Columns(mixed(self.values).clone())
        frame = form.received(self.name, self.values)
        if len(frame) < 2:
            raise InvalidInput(f"{self.name} has {many(len(frame), 'row')}: at least 2 are needed")
        object.__setattr__(self, "values", frame.to_native())

    @cached_property
    def form(self) -> Form:
        """The form of its rows."""
        return self._columns

    @cached_property
    def _columns(self) -> Columns:
        return Columns(mixed(self.values))

    def described(self) -> Any:
        """Return its columns and its digest."""
        return {**self._columns.described(), "sha256": self._columns.told(self._columns.frame)}

    @property
    def dim(self) -> int:
        """The number of columns."""
        return self._columns.dim

    @cached_property
    def _numbers(self) -> Floats:
        return self._columns.numbers(self._columns.frame)

    @property
    def mean(self) -> Floats:
        """The mean of the columns that hold numbers, shape (columns,)."""
        return np.asarray(self._numbers.mean(axis=0))

    @property
    def covariance(self) -> Floats:
        """Their covariance, ddof 0."""
        centred = self._numbers - self.mean
        return np.asarray(centred.T @ centred / len(centred))

    def sample(self, n: int, rng: np.random.Generator) -> Any:
        """Draw n rows with replacement."""
        frame = self._columns.frame
        return self._columns.taken(frame, rng.integers(len(frame), size=n))


def form_of_law(law: Any) -> Form:
    """Return the form of the rows of a law, also of one that is only registered as such."""
    form: Form | None = getattr(law, "form", None)
    return Numbers(law.dim) if form is None else form


def of_data(value: Any) -> Any:
    """Return what a user gives as data as a law that rows can be drawn from.

    Parameters
    ----------
    value
        A `Law`, the path of a .csv or .parquet file, an array, a tensor, or a data frame or a
        column of any library; a data frame with other columns than numbers becomes a `Table`.

    Raises
    ------
    InvalidInput
        If it is none of these, or holds what is no finite number.
    """
    if isinstance(value, type):
        raise invalid("data", value, f"it is a class: give an object, {value.__name__}(...)")
    if isinstance(value, Law):
        return value
    if isinstance(value, (str, os.PathLike)):
        path = Path(value)
        if not path.exists() and not path.suffix:
            raise invalid("data", value, "there is no such file; datasets.load(name) has data sets")
        return Rows(read(path, ()), str(path))
    value = framed(value)
    if all(hasattr(value, name) for name in ("sample", "dim", "mean", "covariance")):
        warnings.warn(
            f"{type(value).__name__} is taken for a truth by its methods: let it extend "
            "modelcollapse.loop.truth.Law, or call Law.register(...)",
            DeprecationWarning,
            stacklevel=3,
        )
        return value
    try:
        return Rows(value)
    except WrongType:
        if mixed(value) is None:
            raise
        return Table(value)


def _positive_definite(covariance: Floats) -> bool:
    """Return whether the correlations are: nothing depends on the units of the columns."""
    if not np.isfinite(covariance).all() or not np.all(np.diagonal(covariance) > 0):
        return False
    if len(covariance) == 1:  # its correlation with itself is 1
        return True
    spread = spread_of_covariance(np.zeros(len(covariance)), covariance)
    correlations = spread.correlations
    return bool(np.allclose(correlations, correlations.T) and spread.kept.all())


def _resolved(values: Floats) -> bool:
    """Return whether eigenvalues or singular values, which ascend, have half of their digits.

    Usual methods find each of them up to the rounding of the largest.
    """
    return bool(values[0] > np.sqrt(EPS) * values[-1])


Truth = Normal | NormalMixture | Rows


def as_truth(value: Any, dim: int | None) -> Truth:
    """Return `value` as a truth in `dim` dimensions; None is the standard normal.

    Without a number of dimensions any truth will do, and None has one.
    """
    if value is None:
        return Normal.standard(1 if dim is None else dim)
    if isinstance(value, str):
        remedy = f"give rows of numbers, such as datasets.load({value!r}) if it is a name or a file"
        raise invalid("truth", value, remedy)
    truth = value if isinstance(value, Truth) else Rows(value, name="truth")
    if dim is not None and truth.dim != dim:
        raise InvalidInput(
            f"truth has {many(truth.dim, 'column')} and the model has dim = {dim}: make them equal"
        )
    if isinstance(truth, Rows) and (largest := float(np.abs(truth.values).max())) > LARGEST:
        raise invalid(
            f"truth ({truth.name}), its largest entry",
            largest,
            f"fourth moments would overflow: rescale to at most {LARGEST:g}",
        )
    total = float(truth.spectrum.sum())
    if not LARGEST**-2 <= total <= LARGEST**2:
        raise invalid(
            "truth, its total variance",
            total,
            f"fourth moments would leave the range of floats: rescale it to between "
            f"{LARGEST**-2:g} and {LARGEST**2:g}",
        )
    return truth
