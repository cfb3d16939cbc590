"""The Gaussian estimator: mean and covariance of its training rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from modelcollapse.checks import Floats, positive, rows, whole
from modelcollapse.errors import InvalidInput, invalid
from modelcollapse.workflows import AccumulateSubsample, Weighting, batch_weights

if TYPE_CHECKING:
    from modelcollapse.experiment import Experiment


class Gaussian:
    """A multivariate normal fitted by its moments.

    Parameters
    ----------
    dim
        The number of columns d.
    ddof
        0 divides the scatter by the number of rows N (maximum likelihood, as in the code of
        arXiv 2410.16713); 1 divides by N - 1 (unbiased). With row weights w that sum to 1 the
        divisor is 1 - ddof * sum w^2, which is the same for equal weights.

    Attributes
    ----------
    mean_
        Fitted mean, shape (d,).
    covariance_
        Fitted covariance, shape (d, d).
    rank_
        Rank of the covariance; below d when there are too few rows or dependent columns. Then
        samples lie in the fitted subspace.
    """

    room = "modelcollapse.gaussian"
    mean_: Floats
    covariance_: Floats
    rank_: int

    def __init__(self, dim: int = 1, ddof: int = 0) -> None:
        self.dim = whole("dim", dim)
        if ddof not in (0, 1) or isinstance(ddof, bool):
            raise invalid("ddof", ddof, "give 0 (maximum likelihood) or 1 (unbiased)")
        self.ddof = int(ddof)

    def __repr__(self) -> str:
        return f"Gaussian(dim={self.dim}, ddof={self.ddof})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Gaussian) and (self.dim, self.ddof) == (other.dim, other.ddof)

    def __hash__(self) -> int:
        return hash((self.dim, self.ddof))

    def check(self, experiment: "Experiment") -> None:
        """Raise InvalidInput if a generation would have fewer than two training rows."""
        sizes, workflow = experiment.sizes, experiment.workflow
        if isinstance(workflow, AccumulateSubsample):
            if workflow.budget is not None and workflow.budget < 2:
                raise invalid("budget", workflow.budget, "a covariance needs at least 2 rows")
            counts = [workflow.training_size(sizes[:t].tolist()) for t in _short(sizes)]
        elif isinstance(workflow, Weighting):
            counts = [_training_rows(workflow, sizes[:t].tolist()) for t in _short(sizes)]
        else:
            return
        for generation, count in zip(_short(sizes), counts, strict=True):
            if count < 2:
                raise InvalidInput(
                    f"samples = {experiment.samples!r}: generation {generation} would train on "
                    f"{count} row, and a covariance needs at least 2"
                )

    def fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Fit to rows X, shape (N, d), with optional non-negative row weights, shape (N,).

        Raises
        ------
        InvalidInput
            If X is not finite, has another number of columns than `dim`, or too few rows.
        """
        del y
        X = rows("X", X, minimum=2)
        if X.shape[1] != self.dim:
            raise InvalidInput(f"X has {X.shape[1]} columns and dim = {self.dim}: make them equal")
        weights = _normalised(sample_weight, len(X))
        self.mean_ = weights @ X
        centred = X - self.mean_
        divisor = 1 - self.ddof * float(weights @ weights)
        if divisor <= 0:
            raise InvalidInput("sample_weight puts all weight on one row: ddof = 1 needs two")
        self.covariance_ = (weights[:, None] * centred).T @ centred / divisor
        values, vectors = np.linalg.eigh(self.covariance_)
        noise = max(values[-1], 0.0) * max(X.shape) * np.finfo(float).eps
        kept = values > noise
        # No more directions than rows allow, whatever rounding says.
        kept[: max(0, self.dim - (np.count_nonzero(weights) - 1))] = False
        self.rank_ = int(kept.sum())
        self._values, self._vectors = values[kept], vectors[:, kept]
        self._noise = noise
        return self

    def sample(self, n: int, random_state: Any = None, temperature: float = 1.0) -> Floats:
        """Draw rows from the fit, its covariance multiplied by the temperature; shape (n, d).

        `random_state` is None, an integer or a numpy Generator.
        """
        n = whole("n", n)
        scale = np.sqrt(positive("temperature", temperature) * self._values)
        noise = np.random.default_rng(random_state).standard_normal((n, self.rank_))
        return self.mean_ + (noise * scale) @ self._vectors.T

    def score_samples(self, X: Any) -> Floats:
        """Return the log-density of each row of X in nats, shape (N,).

        A fit of lower rank has a density only on its own subspace: there the density on that
        subspace is returned, and minus infinity elsewhere.
        """
        centred = rows("X", X) - self.mean_
        scores = centred @ self._vectors
        log_density = -0.5 * (
            (scores**2 / self._values).sum(axis=1)
            + np.log(self._values).sum()
            + self.rank_ * np.log(2 * np.pi)
        )
        if self.rank_ == self.dim:
            return np.asarray(log_density)
        off = ((centred - scores @ self._vectors.T) ** 2).sum(axis=1)
        scale = self._noise + (centred**2).sum(axis=1) * self.dim * np.finfo(float).eps
        return np.where(off > scale, -np.inf, log_density)


def _short(sizes: Sequence[int] | np.ndarray[Any, Any]) -> list[int]:
    """Return the generations that can be short of rows: those near batches of one row."""
    small = np.flatnonzero(np.asarray(sizes) < 2)
    return sorted({int(t) for s in small for t in (s + 1, s + 2) if t <= len(sizes)})


def _training_rows(workflow: Weighting, sizes: list[int]) -> int:
    """Return how many rows have a positive weight at generation len(sizes)."""
    return int(np.asarray(sizes)[batch_weights(workflow, sizes) > 0].sum())


def _normalised(weights: Any, n: int) -> Floats:
    """Return row weights that sum to 1."""
    if weights is None:
        return np.full(n, 1 / n)
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (n,) or not np.all(array >= 0) or not 0 < array.sum() < np.inf:
        raise invalid("sample_weight", weights, f"give {n} finite weights >= 0, not all zero")
    return array / array.sum()
