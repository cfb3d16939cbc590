"""The linear model: ordinary, minimum-norm or ridge least squares."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    columns,
    generator,
    number,
    one_of,
    require_fit,
    row_count,
    rows,
    shares,
    whole,
)
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.spread import ROUNDING
from modelcollapse.families.regression.coefficients import Coefficients, as_coefficients

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request

LARGEST = 1e70  # of noise and ridge; fourth powers are floats
FITTED = 64 * np.finfo(float).eps  # of |y| + |x'w|: how near a noise-free label must be


@dataclass(frozen=True)
class LinearRegression:
    r"""Inputs x ~ N(0, I_d), labels y = x'w + noise, and w fitted by least squares.

    The fit is the w that minimises sum (y - x'w)^2 + ridge |w|^2 over the training rows, without
    an intercept. Row weights are scaled to a mean of one over the rows of positive weight, so
    that equal weights are no weights. With ridge = 0 and fewer different rows than inputs it is
    the solution of least norm. Labels of generation t + 1 are x'w_t plus fresh noise.

    Parameters
    ----------
    dim
        The number of inputs d.
    noise
        The standard deviation of the labels' noise, at least 0.
    ridge
        The penalty on |w|^2, at least 0.
    design
        "fixed": one set of inputs is labelled again in every batch, as in arXiv 2404.01413;
        "fresh": every batch has new inputs. `run` always draws new inputs.

    Attributes
    ----------
    coef_
        Fitted coefficients, shape (d,).
    """

    dim: int = 1
    noise: float = 1.0
    ridge: float = 0.0
    design: Literal["fixed", "fresh"] = "fixed"

    no_test: ClassVar = "the risk is computed exactly, without a test set: leave test out"
    no_temperature: ClassVar = (
        "a regression has no temperature; change the noise instead and leave it at 1.0"
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", whole("dim", self.dim))
        for name in ("noise", "ridge"):
            object.__setattr__(self, name, _amount(name, getattr(self, name)))
        object.__setattr__(self, "design", one_of("design", self.design, ("fixed", "fresh")))

    def described(self) -> dict[str, Any]:
        """Return the model as plain data."""
        return {
            "model": "regression",
            "dim": self.dim,
            "noise": self.noise,
            "ridge": self.ridge,
            "design": self.design,
        }

    def as_truth(self, value: Any) -> Coefficients:
        """Return the coefficients w*, shape (d,); None is the first unit vector."""
        return as_coefficients(value, self.dim)

    def check(self, experiment: "Experiment") -> None:
        """Raise InvalidInput if the loop and the model do not fit together."""
        e = experiment
        if self.design == "fresh":
            return
        if e.schedule.fresh:
            raise InvalidInput(
                f"workflow = {e.workflow!r} brings fresh rows, and design = 'fixed' has one set of "
                "inputs: give design='fresh'"
            )
        if np.ptp(e.sizes) > 0:
            raise invalid(
                "samples",
                e.samples,
                "a fixed design has one size: give one number, or design='fresh'",
            )

    def theory(self, experiment: "Experiment") -> "Prediction":
        """Return what is known of a loop: what `modelcollapse.predict` returns."""
        from modelcollapse.families.regression.predict import predict

        return predict(experiment)

    def simulation(self, experiment: "Experiment", request: "Request") -> "tuple[Lazy, int]":
        """Simulate a loop: what `modelcollapse.simulate` asks for."""
        from modelcollapse.families.regression.simulate import simulate

        return simulate(experiment, request)

    def fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Fit to rows (x_1, ..., x_d, y), shape (N, d + 1), with optional weights, shape (N,).

        Raises
        ------
        InvalidInput
            If X is not finite or does not have d + 1 columns, or weights are unusable.
        """
        del y
        data = columns(rows("X", X), self.dim + 1)
        weights = shares(sample_weight, len(data))
        scale = np.sqrt(weights * np.count_nonzero(weights))[:, None]
        inputs, labels = data[:, :-1] * scale, data[:, -1:] * scale
        if self.ridge > 0:
            inputs = np.vstack([inputs, math.sqrt(self.ridge) * np.eye(self.dim)])
            labels = np.vstack([labels, np.zeros((self.dim, 1))])
        object.__setattr__(self, "coef_", _least_squares(inputs, labels[:, 0]))
        return self

    def sample(self, n: int, random_state: Any = None) -> Floats:
        """Draw rows (x, y) with new inputs, shape (n, d + 1)."""
        rng = generator(random_state)
        inputs = rng.standard_normal((row_count("n", n), self.dim))
        labels = inputs @ self._fitted() + self.noise * rng.standard_normal(n)
        return np.column_stack([inputs, labels])

    def score_samples(self, X: Any) -> Floats:
        """Return the log-density of each row (x, y) in nats, shape (N,).

        Without noise the fit has a density on its own plane alone: that of x is returned there,
        and minus infinity elsewhere.
        """
        data = columns(rows("X", X), self.dim + 1)
        inputs, labels = data[:, :-1], data[:, -1]
        predicted = inputs @ self._fitted()
        log_density = -0.5 * ((inputs**2).sum(axis=1) + self.dim * math.log(2 * math.pi))
        gaps = labels - predicted
        if self.noise > 0:
            spread = math.log(self.noise * math.sqrt(2 * math.pi))
            return np.asarray(log_density - 0.5 * (gaps / self.noise) ** 2 - spread)
        near = np.abs(gaps) <= FITTED * (np.abs(labels) + np.abs(inputs) @ np.abs(self._fitted()))
        return np.asarray(np.where(near, log_density, -np.inf))

    def _fitted(self) -> Floats:
        require_fit(self, "coef_")
        coefficients: Floats = self.coef_  # type: ignore[attr-defined]
        return coefficients


def _amount(name: str, value: object) -> float:
    """Return `value` as a float that is not negative."""
    return number(name, value, 0.0, LARGEST, f"give a number from 0 to {LARGEST:g}")


def _least_squares(inputs: Floats, labels: Floats) -> Floats:
    """Return the solution of least norm; which inputs depend is no matter of their units."""
    powers = np.frexp(np.abs(inputs).max(axis=0))[1]
    lengths = np.ldexp(np.linalg.norm(np.ldexp(inputs, -powers), axis=0), powers)
    units = np.where(lengths > 0, lengths, 1.0)
    scaled = inputs / units
    solution, _, rank, _ = np.linalg.lstsq(scaled, labels, rcond=ROUNDING * inputs.shape[1])
    if rank < len(units):  # the shortest in the inputs' own units, of all with the same labels
        unseen = np.linalg.svd(np.linalg.qr(scaled, mode="r"))[2][rank:].T
        steps = np.linalg.lstsq(unseen / units[:, None], -solution / units, rcond=0)[0]
        solution = solution + unseen @ steps
    return np.asarray(solution / units)
