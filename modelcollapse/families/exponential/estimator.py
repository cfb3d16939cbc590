"""What the six families share: a fit is a mean, and the truth is one too."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    generator,
    number,
    require_fit,
    row_count,
    shares,
)
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.loop.convention import Estimator, renamed
from modelcollapse.loop.truth import Law

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request

LARGEST_COUNT = 1e12  # the expected total of a batch of counts
LARGEST_VARIANCE = 1e140  # its square is a float


class Family(Estimator):
    """A one-parameter family with variance function V(m) = v0 + v1 m + v2 m^2.

    Attributes
    ----------
    mean_
        Fitted mean, shape (1,).
    covariance_
        V(mean_), shape (1, 1); zero where the fit is a point.
    """

    no_test = "a family of one parameter is not scored: leave it out"
    no_temperature = "it belongs to the Gaussian; leave it at 1.0 for a family of one parameter"
    dim = 1
    counts: ClassVar[bool] = False
    mean_: Floats
    covariance_: Floats

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """v0, v1 and v2."""
        raise NotImplementedError

    @property
    def curvature(self) -> float:
        """v2 = V''/2."""
        return self.coefficients[2]

    @property
    def range(self) -> tuple[float, float]:
        """The open interval of means."""
        return -np.inf, np.inf

    @property
    def standard(self) -> float:
        """The mean of the standard truth."""
        return 0.0

    def variance_function(self, mean: Any) -> Any:
        """Return V at one or many means."""
        v0, v1, v2 = self.coefficients
        return v0 + mean * (v1 + v2 * mean)

    def skewness(self, mean: float) -> float:
        """Return V'(m) / sqrt(V(m)), the skewness of one observation."""
        _, v1, v2 = self.coefficients
        return float((v1 + 2 * v2 * mean) / np.sqrt(self.variance_function(mean)))

    def batch_means(self, rng: np.random.Generator, mean: Floats, n: int) -> Floats:
        """Draw the mean of n rows for each entry of `mean`, exactly; the same shape."""
        raise NotImplementedError

    @property
    def kernel(self) -> tuple[int, float] | None:
        """The law and the parameter by which `kernels.batch_means` draws batches of simulations.

        None leaves them to `batch_means`; a family that overrides one overrides the other.
        """
        return None

    def log_density(self, x: Floats, mean: float) -> Floats:
        """Return the log-density (counts: log-probability) at x, for a mean inside the range."""
        raise NotImplementedError

    def conjugate(self, mean: float, rows: float) -> Any:
        """Return the conjugate prior of the mean that is worth so many rows of this mean.

        Its density is proportional to exp(rows int (mean - x)/V(x) dx)/V(x) (Diaconis & Ylvisaker,
        Annals of Statistics 7(2), 1979), on the range; a frozen distribution of SciPy.
        """
        raise NotImplementedError

    def checked(self) -> dict[str, Any]:
        """Return the parameters, or raise InvalidInput for a wrong one."""
        return {}

    def as_truth(self, value: Any) -> "MeanTruth":
        """Return the law with mean `value`; None is the family's standard one.

        Of another family's truth the mean is taken.

        Raises
        ------
        InvalidInput
            If `value` is not a number strictly inside the family's range of means.
        """
        value = value.value if isinstance(value, MeanTruth) else value
        mean = self.standard if value is None else value
        low, high = self.range
        allowed = f"the truth of {self!r} is its mean, strictly between {low:g} and {high:g}"
        mean = number("truth", mean, remedy=allowed)
        if not low < mean < high:
            raise invalid("truth", value, allowed)
        with np.errstate(over="ignore", under="ignore"):
            variance = float(self.variance_function(mean))
        if not 1 / LARGEST_VARIANCE <= variance <= LARGEST_VARIANCE:
            raise invalid("truth", value, f"{self!r} has the variance {variance:g} there: rescale")
        return MeanTruth(self, mean)

    def check(self, experiment: "Experiment") -> None:
        """Raise InvalidInput where this room has no theory, or counts would be too large."""
        largest, mean = int(experiment.sizes.max()), experiment.truth.value
        scale = self.range[1] if np.isfinite(self.range[1]) else mean
        if self.counts and largest * max(scale, 1.0) > LARGEST_COUNT:
            raise InvalidInput(
                f"samples = {experiment.samples!r}: a batch of {largest} rows of {self!r} with "
                f"mean {mean:g} is a count beyond {LARGEST_COUNT:g}; use fewer rows"
            )

    def theory(self, experiment: "Experiment") -> "Prediction":
        """Return what is known of a loop: what `modelcollapse.predict` returns."""
        from modelcollapse.families.exponential.predict import predict

        return predict(experiment)

    def simulation(self, experiment: "Experiment", request: "Request") -> "tuple[Lazy, int]":
        """Simulate a loop: what `modelcollapse.simulate` asks for."""
        from modelcollapse.families.exponential.simulate import simulate

        return simulate(experiment, request)

    def fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Fit the mean of rows X, shape (N, 1), with optional row weights, shape (N,).

        Raises
        ------
        InvalidInput
            If X is not finite, has more than one column, or leaves the family's range.
        """
        del y
        own = self.settled()
        X, seen = self._training(X, own.dim)
        low, high = own.range
        least, most = float(X.min()), float(X.max())
        if least < low or most > high:
            text = f"rows of {own!r} are between {low:g} and {high:g}"
            raise invalid("X", least if least < low else most, text)
        # About the first row, so that equal rows have exactly their mean.
        mean = X[0] + shares(sample_weight, len(X)) @ (X - X[0])
        mean = np.clip(mean, least, most)
        covariance = np.array([[float(own.variance_function(mean[0]))]])
        return self._learn(seen, own, mean_=mean, covariance_=covariance)

    @renamed("n", "n_samples")
    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Draw rows from the fit; a degenerate fit repeats its mean.

        Parameters
        ----------
        n_samples
            The number of rows.
        random_state
            None, an integer, or a Generator or RandomState of NumPy.

        Returns
        -------
        Floats
            Shape (n_samples, 1).
        """
        require_fit(self, "mean_")
        rng, n = generator(random_state), row_count("n_samples", n_samples)
        return self._own_.batch_means(rng, np.full((n, 1), self.mean_[0]), 1)

    def score_samples(self, X: Any) -> Floats:
        """Return the log-density (counts: log-probability) of each row of X in nats, shape (N,).

        A degenerate fit has 0 at its mean and minus infinity elsewhere.
        """
        x = self._given(X)[:, 0]
        mean = float(self.mean_[0])
        if self.covariance_[0, 0] == 0:
            return np.where(x == mean, 0.0, -np.inf)
        return np.asarray(self._own_.log_density(x, mean))


@dataclass(frozen=True, eq=False)
class MeanTruth(Law):
    """The law of a family with a given mean.

    Parameters
    ----------
    model
        The family.
    value
        Its mean, inside the range.
    """

    model: Family
    value: float
    dim = 1
    is_normal = False

    @property
    def mean(self) -> Floats:
        """The mean, shape (1,)."""
        return np.array([self.value])

    @property
    def variance(self) -> float:
        """V(mean)."""
        return float(self.model.variance_function(self.value))

    @property
    def covariance(self) -> Floats:
        """V(mean), shape (1, 1)."""
        return np.array([[self.variance]])

    def described(self) -> dict[str, Any]:
        """Return the truth as plain data."""
        return {**self.model.described(), "mean": self.value}

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n rows, shape (n, 1)."""
        return self.model.batch_means(rng, np.full((n, 1), self.value), 1)
