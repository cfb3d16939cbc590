"""The discrete estimator: the relative frequencies of its training rows, or smoothed ones."""

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    Integers,
    generator,
    number,
    require_fit,
    row_count,
    shares,
    whole,
)
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.families.discrete.truth import Categorical, uniform
from modelcollapse.loop.convention import Estimator, renamed

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request


LARGEST = 1e70  # of the smoothing, and its reciprocal


class Discrete(Estimator):
    r"""A distribution on K outcomes fitted by relative frequencies, which may be smoothed.

    Of N rows, c_i of them outcome i, the fit is q_i = (c_i + smoothing)/(N + K smoothing): by
    maximum likelihood without smoothing, and else as if each outcome had been seen `smoothing`
    times more (add-alpha, or Laplace, smoothing; the posterior mean under a Dirichlet prior). Row
    weights are scaled to a mean of one over the rows of positive weight, so that equal weights are
    no weights.

    A row is one outcome, a number from 0 to K - 1. The truth of an experiment is None (all
    outcomes alike), an array of K probabilities, such as ``zipf(K, 1.0)``, or a `Categorical`.

    Parameters
    ----------
    outcomes
        The number K of outcomes, at least 2.
    smoothing
        The count added to each outcome, alpha: 0, or a number from 1e-70 to 1e70. Above 0 no
        outcome has the probability 0, so that none is ever `absent` from a fit.

    Attributes
    ----------
    probabilities_
        Fitted probabilities, shape (K,).

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.Discrete(3).fit([0, 0, 2]).probabilities_.round(2))
    [0.67 0.   0.33]
    """

    probabilities_: Floats

    extra = ("probabilities",)
    no_test = "it belongs to kde; leave it out"
    no_temperature = "it belongs to gaussian; leave it at 1.0 here"
    family = "discrete"
    later: ClassVar = {"smoothing": 0.0}
    dim = 1

    def __init__(self, outcomes: int, smoothing: float = 0.0) -> None:
        self.outcomes = outcomes
        self.smoothing = smoothing

    def checked(self) -> dict[str, Any]:
        """Return the parameters, or raise InvalidInput."""
        return {
            "outcomes": whole("outcomes", self.outcomes, 2),
            "smoothing": added_count(self.smoothing),
        }

    def as_truth(self, truth: Any) -> Categorical:
        """Return a truth as an object; None is the uniform distribution.

        Raises
        ------
        InvalidInput
            If it does not hold K probabilities.
        """
        if truth is None:
            return uniform(self.outcomes)
        found = truth if isinstance(truth, Categorical) else Categorical(truth)
        if found.outcomes != self.outcomes:
            raise InvalidInput(
                f"truth has {found.outcomes} probabilities and the model has outcomes = "
                f"{self.outcomes}: make them equal"
            )
        return found

    def check(self, experiment: "Experiment") -> None:
        """Accept any loop."""

    def theory(self, experiment: "Experiment") -> "Prediction":
        """Return what is known of a loop: what `modelcollapse.predict` returns."""
        from modelcollapse.families.discrete.predict import predict

        return predict(experiment)

    def simulation(self, experiment: "Experiment", request: "Request") -> "tuple[Lazy, int]":
        """Simulate a loop: what `modelcollapse.simulate` asks for."""
        from modelcollapse.families.discrete.simulate import simulate

        return simulate(experiment, request)

    def fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Fit to outcomes X, shape (N,) or (N, 1), with optional row weights, shape (N,).

        Raises
        ------
        InvalidInput
            If X holds anything but whole numbers from 0 to K - 1.
        """
        del y
        own = self.settled()
        X, seen = self._training(X, own.dim)
        drawn = _outcomes(X, own.outcomes)
        weights = shares(sample_weight, len(drawn))
        counts = np.bincount(drawn, weights, own.outcomes)
        rows = int(np.count_nonzero(weights))
        fitted = smoothed(counts / counts.sum(), rows, own.smoothing)
        return self._learn(seen, own, probabilities_=fitted)

    @renamed("n", "n_samples")
    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Draw outcomes from the fit.

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
        require_fit(self, "probabilities_")
        rng, n = generator(random_state), row_count("n_samples", n_samples)
        drawn = rng.choice(len(self.probabilities_), size=n, p=self.probabilities_)
        return np.asarray(drawn[:, None], dtype=np.float64)

    def score_samples(self, X: Any) -> Floats:
        """Return the log-probability of each row in nats, shape (N,); -inf if it is lost."""
        drawn = _outcomes(self._given(X), len(self.probabilities_))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.probabilities_)[drawn])


def smoothed(frequencies: Floats, rows: int, smoothing: float) -> Floats:
    """Return the fits to so many rows of these relative frequencies, outcomes last."""
    if smoothing == 0:
        return frequencies
    added = frequencies.shape[-1] * smoothing
    return np.asarray((rows * frequencies + smoothing) / (rows + added))


def added_count(value: Any) -> float:
    """Return the count added to each outcome, if the fits' squares are then floats."""
    remedy = f"give 0, or a number from {1 / LARGEST:g} to {LARGEST:g}"
    given = number("smoothing", value, 0.0, LARGEST, remedy)
    if 0 < given < 1 / LARGEST:
        raise invalid("smoothing", value, remedy)
    return given


def _outcomes(X: Floats, count: int) -> Integers:
    """Return rows of one column as outcomes, if each of them is one of so many."""
    values = X[:, 0]
    bad = np.flatnonzero((values != np.floor(values)) | (values < 0))
    bad = bad if bad.size else np.flatnonzero(values >= count)
    if bad.size:
        at = int(bad[0])
        remedy = f"an outcome is a whole number from 0 to {count - 1}"
        raise invalid(f"X[{at}]", float(values[at]), remedy)
    return values.astype(np.int64)
