"""What the general loop measures at each generation."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.loop import estimators
from modelcollapse.loop.truth import Truth

Metric = Callable[[Any, Floats, Truth], float]
MOMENTS = ("mean_", "covariance_")
BUILT_IN = ("second_moment", "central_variance", "variance", "squared_error", "test_log_loss")


def built_in(
    model: Any, training: Floats, weights: Floats | None, truth: Truth, test: Floats | None
) -> dict[str, float]:
    """Return the metrics of one generation; overflow and singular fits are values, not errors.

    Parameters
    ----------
    model
        The fitted model.
    training, weights
        The rows it was fitted to, and their weights or None.
    truth
        What generation 1 is drawn from: its mean is mu0, its covariance S_0.
    test
        Held-out rows, or None.

    Returns
    -------
    dict
        second_moment: E|x - mu0|^2 / tr S_0 over the (weighted) training rows.
        central_variance: their variance, ddof 0, the trace over tr S_0.
        variance, squared_error: tr S / tr S_0 and |m - mu0|^2 / tr S_0, where the model has
        a mean_ and a covariance_ of the data's dimension.
        test_log_loss: minus the mean log-density of the test rows.
    """
    total = float(np.trace(truth.covariance))
    with np.errstate(all="ignore"):
        centre = np.average(training, axis=0, weights=weights)
        values = {
            "second_moment": _mean_square(training - truth.mean, weights) / total,
            "central_variance": _mean_square(training - centre, weights) / total,
        }
        if _fits_moments(model, truth.dim):
            mean, covariance = (reals(name, getattr(model, name)) for name in MOMENTS)
            values["variance"] = float(np.trace(covariance)) / total
            values["squared_error"] = float(((mean - truth.mean) ** 2).sum()) / total
        if test is not None:
            values["test_log_loss"] = -float(estimators.score(model, test).mean())
    return values


def check_names(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Return the user's metrics; a name that the loop itself records is refused."""
    if not isinstance(metrics, Mapping) or not all(map(callable, metrics.values())):
        raise invalid("metrics", metrics, "give a function for each name, in a dictionary")
    for name in metrics:
        if name in BUILT_IN:
            raise invalid("metrics", name, "the loop records this name itself; take another")
    return dict(metrics)


def custom(
    metrics: Mapping[str, Metric], generation: int, model: Any, training: Floats, truth: Truth
) -> dict[str, float]:
    """Return the user's metrics of one generation; one that fails is named."""
    values = {}
    for name, metric in metrics.items():
        try:
            found = metric(model, training, truth)
            number = found if isinstance(found, (bool, np.bool_)) else reals("the value", found)
            values[name] = float(number)
        except Exception as error:
            raise InvalidInput(
                f"metrics[{name!r}] failed at generation {generation} "
                f"({estimators.brief(error)}): give a function of (model, training rows, truth) "
                "that returns a number"
            ) from error
    return values


def _mean_square(differences: Floats, weights: Floats | None) -> float:
    return float(np.average((differences**2).sum(axis=1), weights=weights))


def _fits_moments(model: Any, dim: int) -> bool:
    shapes = tuple(np.shape(getattr(model, name, 0)) for name in MOMENTS)
    return shapes == ((dim,), (dim, dim))
