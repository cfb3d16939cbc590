"""The linear model: ordinary, minimum-norm or ridge least squares."""

import math
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    columns,
    generator,
    labelled,
    number,
    one_of,
    optional,
    require_fit,
    row_count,
    rows,
    shares,
    whole,
)
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.spread import ROUNDING
from modelcollapse.families.regression.coefficients import Coefficients, as_coefficients
from modelcollapse.loop.convention import Estimator, Seen, renamed

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request

LARGEST = 1e70  # of noise and ridge; fourth powers are floats
FITTED = 64 * np.finfo(float).eps  # of |y| + |x'w|: how near a noise-free label must be


class LinearRegression(Estimator):
    r"""Inputs x ~ N(0, I_d), labels y = x'w + noise, and w fitted by least squares.

    The fit is the w that minimises sum (y - x'w)^2 + ridge |w|^2 over the training rows, without
    an intercept. Row weights are scaled to a mean of one over the rows of positive weight, so
    that equal weights are no weights. With ridge = 0 and fewer different rows than inputs it is
    the solution of least norm. Labels of generation t + 1 are x'w_t plus fresh noise.

    The truth of an experiment is the coefficients w*, shape (d,); None is the first unit vector.

    Parameters
    ----------
    dim
        The number of inputs d. None is as many as there are: in `fit` the columns of X (of rows
        with their labels, all but the last), in an experiment the coefficients of the truth, and
        1 without a truth.
    noise
        The standard deviation of the labels' noise, at least 0.
    ridge
        The penalty on |w|^2, at least 0.
    design
        "fixed": one set of inputs is labelled again in every batch, as in arXiv 2404.01413;
        "fresh": every batch has new inputs; "paired": every batch has new inputs, and where it has
        fresh real rows, these and the sampled ones are two labels of the same inputs, as in arXiv
        2509.22341. ``FreshData(n, n, weight=w)`` then trains on labels w y + (1 - w) y', real and
        sampled, of the same inputs for ever ("fixed") or of new ones ("paired"). `run` always draws
        new inputs.

    Attributes
    ----------
    coef_
        Fitted coefficients, shape (d,).

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.LinearRegression(dim=2), mc.Replace(), samples=20, generations=3)
    >>> print(mc.predict(loop)["risk"].round(4))
    [0.1176 0.2353 0.3529]
    """

    family = "regression"
    label_columns = 1
    coef_: Floats

    no_test: ClassVar = "the risk is computed exactly, without a test set: leave test out"
    no_temperature: ClassVar = (
        "a regression has no temperature; change the noise instead and leave it at 1.0"
    )

    def __init__(
        self,
        dim: int | None = None,
        noise: float = 1.0,
        ridge: float = 0.0,
        design: Literal["fixed", "fresh", "paired"] = "fixed",
    ) -> None:
        self.dim: int = dim  # type: ignore[assignment]  # of an experiment's model it is a number
        self.noise = noise
        self.ridge = ridge
        self.design = design

    def checked(self) -> dict[str, Any]:
        """Return the parameters, or raise InvalidInput for a wrong one."""
        return {
            "dim": optional(whole, "dim", self.dim),
            "noise": _amount("noise", self.noise),
            "ridge": _amount("ridge", self.ridge),
            "design": one_of("design", self.design, ("fixed", "fresh", "paired")),
        }

    def as_truth(self, value: Any) -> Coefficients:
        """Return the coefficients w*, shape (d,); None is the first unit vector."""
        return as_coefficients(value, self.dim)

    def check(self, experiment: "Experiment") -> None:
        """Raise InvalidInput if the loop and the model do not fit together."""
        e = experiment
        if self.design == "fresh":
            return
        real, sampled = e.schedule.real, e.schedule.sampled
        if e.schedule.fresh and np.any((real != sampled) & (real > 0) & (sampled > 0)):
            raise InvalidInput(
                f"workflow = {e.workflow!r} brings other numbers of real and of sampled rows, and "
                f"design = {self.design!r} labels the same inputs twice: make them equal, or give "
                "design='fresh'"
            )
        if self.design == "paired":
            return
        if e.schedule.fresh:
            n = int(e.sizes[0])
            if np.any((real > 0) & (real != n)) or np.any((sampled > 0) & (sampled != n)):
                raise InvalidInput(
                    f"samples = {e.samples!r}, workflow = {e.workflow!r}: design = 'fixed' has one "
                    "set of inputs, which each batch labels; give as many samples as the workflow "
                    "has real and sampled rows, or design='paired' or 'fresh'"
                )
            return
        if e.schedule.edits is not None and e.schedule.edits.rows is not None:
            raise InvalidInput(
                f"workflow = {e.workflow!r} replaces rows by others, and design = 'fixed' has one "
                "set of inputs: give Edit(share=...), which edits the labels, or design='fresh'"
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

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit to inputs X, shape (N, d), and labels y, shape (N,); or to rows of both.

        Parameters
        ----------
        X
            The inputs; without `y` the rows (x_1, ..., x_d, y), shape (N, d + 1), as in the loop.
        y
            The labels, or None.
        sample_weight
            One non-negative weight per row, shape (N,), or None.

        Raises
        ------
        InvalidInput
            If X or y is not finite or they do not fit together, or weights are unusable.
        """
        own = self.settled()
        if y is None:
            data, seen = self._training(X, own.dim)
            X, y = data[:, :-1], data[:, -1]
        else:
            X, y, seen = self._labelled(X, y, own.dim)
        weights = shares(sample_weight, len(X))
        scale = np.sqrt(weights * np.count_nonzero(weights))
        inputs, labels = X * scale[:, None], y * scale
        if own.ridge > 0:
            inputs = np.vstack([inputs, math.sqrt(own.ridge) * np.eye(seen.features)])
            labels = np.concatenate([labels, np.zeros(seen.features)])
        return self._learn(seen, own, coef_=_least_squares(inputs, labels))

    def predict(self, X: Any) -> Floats:
        """Return the labels x'w without noise of inputs X, shape (N, d): shape (N,)."""
        return np.asarray(self._given(X, 0) @ self.coef_)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the coefficient of determination R^2, as scikit-learn's regressors do.

        Of inputs X and labels y, or without `y` of rows (x, y).
        """
        from sklearn.metrics import r2_score

        if y is None:
            data = self._given(X)
            X, y = data[:, :-1], data[:, -1]
            return float(r2_score(y, X @ self.coef_, sample_weight=sample_weight))
        return float(r2_score(y, self.predict(X), sample_weight=sample_weight))

    @renamed("n", "n_samples")
    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Draw rows (x, y) with new inputs.

        Parameters
        ----------
        n_samples
            The number of rows.
        random_state
            None, an integer, or a Generator or RandomState of NumPy.

        Returns
        -------
        Floats
            Shape (n_samples, d + 1).
        """
        require_fit(self, "coef_")
        rng, n = generator(random_state), row_count("n_samples", n_samples)
        inputs = rng.standard_normal((n, self.n_features_in_))
        labels = inputs @ self.coef_ + self._own_.noise * rng.standard_normal(n)
        return np.column_stack([inputs, labels])

    def score_samples(self, X: Any) -> Floats:
        """Return the log-density of each row (x, y) in nats, shape (N,).

        Of inputs x alone, shape (N, d), it is their own. Without noise the fit has a density on
        its own plane alone: that of x is returned there, and minus infinity elsewhere.
        """
        data = self._given(X, 1, 0)
        noise, d = self._own_.noise, self.n_features_in_
        inputs = data[:, :d]
        log_density = -0.5 * ((inputs**2).sum(axis=1) + d * math.log(2 * math.pi))
        if data.shape[1] == d:
            return np.asarray(log_density)
        labels = data[:, d]
        gaps = labels - inputs @ self.coef_
        if noise > 0:
            spread = math.log(noise * math.sqrt(2 * math.pi))
            return np.asarray(log_density - 0.5 * (gaps / noise) ** 2 - spread)
        near = np.abs(gaps) <= FITTED * (np.abs(labels) + np.abs(inputs) @ np.abs(self.coef_))
        return np.asarray(np.where(near, log_density, -np.inf))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import RegressorTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags

    def _labelled(self, X: Any, y: Any, dim: int | None) -> tuple[Floats, Floats, Seen]:
        """Return inputs and labels that were given apart, and what they say of the columns."""
        given, names = labelled("X", X, "give inputs of shape (rows, columns)")
        if given.ndim == 1:
            raise invalid("X", X, "it has one dimension: give inputs of shape (rows, columns)")
        inputs = rows("X", given)
        columns(inputs, inputs.shape[1] if dim is None else dim, dim or 0)
        told, _ = labelled("y", y, "give one label per row")
        labels = rows("y", told)
        if labels.shape != (len(inputs), 1):
            raise invalid("y", y, f"its shape is {told.shape}: give {len(inputs)} labels")
        if told.ndim == 2:
            from sklearn.exceptions import DataConversionWarning

            text = (
                "A column-vector y was passed when a 1d array was expected. Please change the "
                f"shape of y to {(len(inputs),)}, for example using ravel()."
            )
            warnings.warn(text, DataConversionWarning, stacklevel=3)
        return inputs, labels[:, 0], Seen.of(inputs.shape[1], names)


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
