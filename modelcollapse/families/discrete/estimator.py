"""The discrete estimator: the relative frequencies of its training rows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    Integers,
    columns,
    generator,
    require_fit,
    row_count,
    rows,
    shares,
    whole,
)
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.families.discrete.truth import Categorical, uniform

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request


@dataclass(frozen=True)
class Discrete:
    """A distribution on K outcomes fitted by relative frequencies (maximum likelihood).

    A row is one outcome, a number from 0 to K - 1. The truth of an experiment is None (all
    outcomes alike), an array of K probabilities, such as ``zipf(K, 1.0)``, or a `Categorical`.

    Parameters
    ----------
    outcomes
        The number K of outcomes, at least 2.

    Attributes
    ----------
    probabilities_
        Fitted relative frequencies, shape (K,).
    """

    outcomes: int
    probabilities_: ClassVar[Floats]  # so that it is no field: only `fit` sets it

    extra = ("probabilities",)
    no_test = "it belongs to kde; leave it out"
    no_temperature = "it belongs to gaussian; leave it at 1.0 here"
    name = "discrete"
    dim = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcomes", whole("outcomes", self.outcomes, 2))

    def described(self) -> dict[str, Any]:
        """Return the model as plain data."""
        return {"model": "discrete", "outcomes": self.outcomes}

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
        drawn = self._outcomes(X)
        weights = shares(sample_weight, len(drawn))
        fitted = np.bincount(drawn, weights, self.outcomes)
        object.__setattr__(self, "probabilities_", fitted / fitted.sum())
        return self

    def sample(self, n: int, random_state: Any = None) -> Floats:
        """Draw n outcomes from the fit, shape (n, 1).

        `random_state` is None, an integer or a numpy Generator.
        """
        require_fit(self, "probabilities_")
        rng = generator(random_state)
        drawn = rng.choice(self.outcomes, size=row_count("n", n), p=self.probabilities_)
        return np.asarray(drawn[:, None], dtype=np.float64)

    def score_samples(self, X: Any) -> Floats:
        """Return the log-probability of each row in nats, shape (N,); -inf if it is lost."""
        require_fit(self, "probabilities_")
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.probabilities_)[self._outcomes(X)])

    def _outcomes(self, X: Any) -> Integers:
        values = columns(rows("X", X), 1)[:, 0]
        bad = np.flatnonzero((values != np.floor(values)) | (values < 0))
        bad = bad if bad.size else np.flatnonzero(values >= self.outcomes)
        if bad.size:
            at = int(bad[0])
            remedy = f"an outcome is a whole number from 0 to {self.outcomes - 1}"
            raise invalid(f"X[{at}]", float(values[at]), remedy)
        return values.astype(np.int64)
