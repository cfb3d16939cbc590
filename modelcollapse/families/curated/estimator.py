"""The two curated learners: majority labels behind a verifier, a mean behind a region."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    generator,
    number,
    positive,
    require_fit,
    row_count,
    shares,
    whole,
)
from modelcollapse._support.errors import invalid
from modelcollapse.families.curated.labels import PROBABILITY
from modelcollapse.families.curated.regions import truncated
from modelcollapse.families.curated.truths import LabelError, RealMean
from modelcollapse.loop.convention import Estimator, renamed

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request

LEAST_ACCEPTED = 0.01  # below it rows are drawn by inversion, not by rejection
LARGEST = 1e150  # a spread, whose square is a float; and its reciprocal the smallest
SPREAD = f"give a number from {1 / LARGEST:g} to {LARGEST:g}"


class LabelVerifier(Estimator):
    """Binary labels at `cells` inputs, learned by majority from the labels a verifier keeps.

    A row is one label for each input: 1 where it is correct, 0 where it is wrong. The model
    answers each input rightly or wrongly; asked for rows, it gives its own answer, and with
    probability `noise` the other one. Every training label, real ones too, passes the verifier
    or is dropped; a tie, or no label kept, is decided by a coin. Inputs are independent. The
    question is that of arXiv 2406.07515, Theorem 4.2.

    In an `Experiment` the truth is the probability that a real label is wrong (default 0), and
    `samples` is the number of labels of each input. Replace is supported.

    Parameters
    ----------
    keep_correct, keep_wrong
        The verifier's probabilities phi and psi to keep a correct and a wrong label.
    noise
        The generator's probability to contradict its model. With 0 a wrong input gives no
        correct label, so no verifier can mend it.
    cells
        The number of inputs.
    random_state
        The verifier's and the coin's randomness in `fit`.

    Attributes
    ----------
    correct_
        Whether the model is right at each input, shape (cells,).

    Examples
    --------
    >>> import modelcollapse as mc
    >>> model = mc.LabelVerifier(keep_correct=0.9, keep_wrong=0.3, noise=0.1)
    >>> loop = mc.Experiment(model, mc.Replace(), 25, 4, truth=0.4)
    >>> print(mc.predict(loop)["label_error"].round(4))
    [0.0022 0.0021 0.0019 0.0018]
    """

    no_test = "curated loops take no test set: leave it out"
    no_temperature = "it belongs to the Gaussian: curated loops have none"
    family = "label-verifier"
    correct_: Any

    def __init__(
        self,
        keep_correct: float = 1.0,
        keep_wrong: float = 0.5,
        noise: float = 0.1,
        cells: int = 1,
        random_state: Any = None,
    ) -> None:
        self.keep_correct = keep_correct
        self.keep_wrong = keep_wrong
        self.noise = noise
        self.cells = cells
        self.random_state = random_state

    @property
    def dim(self) -> int:
        """The number of columns of a row: one for each input."""
        return self.cells

    def checked(self) -> dict[str, Any]:
        """Return what its law depends on, or raise InvalidInput for a wrong parameter."""
        generator(self.random_state)
        chances = ("keep_correct", "keep_wrong", "noise")
        found = {name: number(name, getattr(self, name), 0.0, 1.0, PROBABILITY) for name in chances}
        return {**found, "cells": whole("cells", self.cells)}

    def as_truth(self, value: Any) -> LabelError:
        """Return the error probability of real labels; None is 0."""
        if value is None or isinstance(value, LabelError):
            return value or LabelError(0.0)
        return LabelError(number("truth", value, 0.0, 1.0, PROBABILITY))

    def check(self, experiment: "Experiment") -> None:
        """Raise InvalidInput for what this room cannot do."""
        if not experiment.schedule.newest:
            raise invalid("workflow", experiment.workflow, "LabelVerifier supports Replace()")

    def theory(self, experiment: "Experiment") -> "Prediction":
        """Return what is known of a loop: what `modelcollapse.predict` returns."""
        from modelcollapse.families.curated.predict import predict

        return predict(experiment)

    def simulation(self, experiment: "Experiment", request: "Request") -> "tuple[Lazy, int]":
        """Simulate a loop: what `modelcollapse.simulate` asks for."""
        from modelcollapse.families.curated.simulate import simulate

        return simulate(experiment, request)

    def fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Learn from rows X of zeros and ones, shape (N, cells), with optional row weights."""
        del y
        own = self.settled()
        X, seen = self._training(X, own.cells)
        if not np.isin(X, (0, 1)).all():
            raise invalid("X", X, "give 1 for a correct label and 0 for a wrong one")
        rng = generator(self.random_state)
        chance = np.where(X == 1, own.keep_correct, own.keep_wrong)
        kept = rng.random(X.shape) < chance
        weight = np.ones(len(X)) if sample_weight is None else shares(sample_weight, len(X))
        lead = weight @ (kept * (2 * X - 1))
        coin = rng.random(own.cells) < 0.5
        tie = np.abs(lead) <= 4 * len(X) * np.finfo(float).eps * weight.max()
        return self._learn(seen, own, correct_=np.where(tie, coin, lead > 0))

    @renamed("n", "n_samples")
    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Draw rows of labels from the model.

        Parameters
        ----------
        n_samples
            The number of rows.
        random_state
            None, an integer, or a Generator or RandomState of NumPy.

        Returns
        -------
        Floats
            Shape (n_samples, cells).
        """
        require_fit(self, "correct_")
        rng, n = generator(random_state), row_count("n_samples", n_samples)
        flipped = rng.random((n, len(self.correct_))) < self._own_.noise
        return np.asarray(self.correct_ ^ flipped, dtype=np.float64)

    def score_samples(self, X: Any) -> Floats:
        """Return the log-probability of each row under the model, shape (N,)."""
        agrees = self._given(X) == self.correct_
        noise = self._own_.noise
        with np.errstate(divide="ignore"):
            logs = np.log(np.where(agrees, 1 - noise, noise))
        return np.asarray(logs.sum(axis=1))


class RegionVerifier(Estimator):
    """A normal mean with known spread, learned from rows that a verifier's region lets pass.

    The model N(m, spread^2) is sampled until the wanted number of rows lies within `radius` of
    `centre`, so every synthetic batch has as many kept rows as its size. Real rows are not
    verified: generation 1 is the plain mean. The question is that of arXiv 2510.16657.

    In an `Experiment` the truth is the mean of the real rows (default 0), whose standard
    deviation is the same spread. Every workflow with batch weights is simulated; predictions are
    for replace.

    Parameters
    ----------
    centre, radius
        The verifier keeps x with abs(x - centre) <= radius; in the unit of the rows, as `spread`.
    spread
        The known standard deviation s.

    Attributes
    ----------
    mean_, covariance_
        The fitted mean, shape (1,), and the known variance, shape (1, 1).

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.RegionVerifier(centre=0.5, radius=1.0), mc.Replace(), 10, 3)
    >>> low, high = mc.curated.error_bounds(loop)
    >>> print(low.round(4), high.round(4))
    [0.1    0.0663 0.0994] [0.1    0.5512 0.4687]
    """

    no_test = "curated loops take no test set: leave it out"
    no_temperature = "it belongs to the Gaussian: curated loops have none"
    family = "region-verifier"
    dim = 1
    mean_: Floats
    covariance_: Floats

    def __init__(self, centre: float = 0.0, radius: float = 1.0, spread: float = 1.0) -> None:
        self.centre = centre
        self.radius = radius
        self.spread = spread

    def checked(self) -> dict[str, Any]:
        """Return the parameters, or raise InvalidInput for a wrong one."""
        return {
            "centre": number("centre", self.centre),
            "radius": positive("radius", self.radius),
            "spread": number("spread", self.spread, 1 / LARGEST, LARGEST, SPREAD),
        }

    def as_truth(self, value: Any) -> RealMean:
        """Return the mean of the real rows; None is 0."""
        if value is None or isinstance(value, RealMean):
            return value or RealMean(0.0)
        return RealMean(number("truth", value, remedy="give the mean of the real rows"))

    def check(self, experiment: "Experiment") -> None:
        """Raise InvalidInput for what this room cannot do."""
        if experiment.schedule.fresh or not experiment.schedule.weighted:
            raise invalid(
                "workflow",
                experiment.workflow,
                "RegionVerifier needs batch_weights(sizes), as of Replace() or KeepReal()",
            )

    def theory(self, experiment: "Experiment") -> "Prediction":
        """Return what is known of a loop: what `modelcollapse.predict` returns."""
        from modelcollapse.families.curated.predict import predict

        return predict(experiment)

    def simulation(self, experiment: "Experiment", request: "Request") -> "tuple[Lazy, int]":
        """Simulate a loop: what `modelcollapse.simulate` asks for."""
        from modelcollapse.families.curated.simulate import simulate

        return simulate(experiment, request)

    def fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Fit the mean of rows X, shape (N, 1), with optional row weights."""
        del y
        own = self.settled()
        X, seen = self._training(X, own.dim)
        mean = shares(sample_weight, len(X)) @ X
        return self._learn(seen, own, mean_=mean, covariance_=np.array([[own.spread**2]]))

    @renamed("n", "n_samples")
    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Draw rows that the verifier keeps.

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
        n, own = row_count("n_samples", n_samples), self._own_
        rng, m, s = generator(random_state), float(self.mean_[0]), own.spread
        low, high = (own.centre - own.radius - m) / s, (own.centre + own.radius - m) / s
        from scipy.special import ndtr

        if ndtr(high) - ndtr(low) < LEAST_ACCEPTED:
            x = truncated(rng, np.array([low]), np.array([high]), n)[0]
            return np.asarray(m + s * x)[:, None]
        kept = np.empty(0)
        while len(kept) < n:
            x = rng.standard_normal(n)
            kept = np.concatenate([kept, x[(low <= x) & (x <= high)]])
        return np.asarray(m + s * kept[:n])[:, None]

    def score_samples(self, X: Any) -> Floats:
        """Return the log-density of each row under N(m, s^2), before the verifier, shape (N,)."""
        x, spread = self._given(X)[:, 0], self._own_.spread
        z = (x - self.mean_[0]) / spread
        return np.asarray(-(z**2) / 2 - np.log(spread) - np.log(2 * np.pi) / 2)
