"""What the general loop measures at each generation."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.loop import estimators
from modelcollapse.loop.batches import Batch
from modelcollapse.loop.truth import Law, form_of_law

Metric = Callable[..., Any]
MOMENTS = ("mean_", "covariance_")
BUILT_IN = ("second_moment", "central_variance", "variance", "squared_error", "test_log_loss")
WANTED = ("model", "rows", "truth", "sample", "reference", "generation", "rng")
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
COLUMNS = ("replicate", "generation", "quantity", "value")  # of tables, beside the metrics
BY_PLACE = ("model", "rows", "truth")  # what three parameters of other names stand for


def built_in(
    model: Any,
    training: Batch,
    weights: Floats | None,
    truth: Law,
    test: Batch | None,
    reasons: dict[str, str],
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
    reasons
        Takes, for what is not measured, why.

    Returns
    -------
    dict
        second_moment: E|x - mu0|^2 / tr S_0 over the (weighted) training rows.
        central_variance: their variance, ddof 0, the trace over tr S_0.
        variance, squared_error: tr S / tr S_0 and |m - mu0|^2 / tr S_0, where the model has
        a mean_ and a covariance_ of the data's dimension.
        test_log_loss: minus the mean log-density of the test rows.
        Of a table with other columns than numbers, those of the numbers.
    """
    form = form_of_law(truth)
    rows, values = form.numbers(training), dict[str, float]()
    total = float(np.trace(truth.covariance))
    if not total > 0:
        none = "no column holds numbers that differ"
        reasons.update(dict.fromkeys(("second_moment", "central_variance"), none))
    else:
        with np.errstate(all="ignore"):
            centre = np.average(rows, axis=0, weights=weights)
            values["second_moment"] = _mean_square(rows - truth.mean, weights) / total
            values["central_variance"] = _mean_square(rows - centre, weights) / total
    if why := _no_moments(model, truth.dim):
        reasons.update(dict.fromkeys(("variance", "squared_error"), why))
    else:
        with np.errstate(all="ignore"):
            mean, covariance = (reals(name, getattr(model, name)) for name in MOMENTS)
            values["variance"] = float(np.trace(covariance)) / total
            values["squared_error"] = float(((mean - truth.mean) ** 2).sum()) / total
    if test is None:
        reasons["test_log_loss"] = "there is no test set: give run(..., test=rows)"
    else:
        with np.errstate(all="ignore"):
            values["test_log_loss"] = -float(estimators.score(model, test, form).mean())
    return values


def checked(metrics: Any) -> dict[str, Metric]:
    """Return the user's metrics: functions by name, or names of ready-made ones.

    A name that the loop itself records, and a function that asks for what there is not, are
    refused.
    """
    remedy = "give names, or a function for each name in a dictionary"
    given = [metrics] if isinstance(metrics, str) else metrics
    if isinstance(given, (list, tuple)) and all(isinstance(name, str) for name in given):
        given = {name: name for name in given}
    if not isinstance(given, Mapping):
        raise invalid("metrics", metrics, remedy)
    found = {}
    for name, metric in given.items():
        if not isinstance(name, str) or not name.strip():
            raise invalid("metrics", name, "a metric's name is a text, and not empty")
        if name in COLUMNS:
            raise invalid("metrics", name, "tables have a column of this name; take another")
        if name in BUILT_IN:
            raise invalid("metrics", name, "the loop records this name itself; take another")
        if isinstance(metric, str):
            from modelcollapse.loop import sample_metrics

            metric = sample_metrics.named(metric)  # noqa: PLW2901 - what the name stands for
        if not callable(metric):
            raise invalid("metrics", metrics, remedy)
        wanted(name, metric)
        found[name] = metric
    return found


def wanted(name: str, metric: Metric) -> tuple[str, ...] | None:
    """Return what a metric asks for by the names of its parameters, or None for three by place.

    Raises
    ------
    InvalidInput
        If it needs other things, or another number of them.
    """
    try:
        parameters = inspect.signature(metric).parameters.values()
    except (TypeError, ValueError):  # a compiled function need not say
        return None
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in VARIADIC]
    if set(needed) <= set(WANTED) and all(p.kind != p.POSITIONAL_ONLY for p in parameters):
        preset = getattr(metric, "keywords", {})  # of functools.partial
        asked = tuple(p.name for p in parameters if p.name in WANTED and p.name not in preset)
        if asked:
            return asked
    by_place = any(p.kind is p.VAR_POSITIONAL for p in parameters) or len(places) >= len(BY_PLACE)
    optional = all(p.default is not p.empty for p in places[len(BY_PLACE) :])
    if (
        by_place
        and optional
        and not any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters)
    ):
        return None
    raise invalid(
        f"metrics[{name!r}]",
        metric,
        f"it takes {', '.join(needed) or 'nothing'}: a metric takes any of {', '.join(WANTED)}",
    )


def custom(
    metrics: Mapping[str, Metric],
    generation: int,
    there: Mapping[str, Callable[[], Any]],
    reasons: dict[str, str],
) -> dict[str, float]:
    """Return the user's metrics of one generation; one that fails is named.

    What a ready-made one cannot measure, as the loop has diverged, is left out.

    Parameters
    ----------
    metrics
        A function for each name.
    generation
        t.
    there
        How to get each thing that a metric may ask for.
    reasons
        Takes, for what is not measured, why.

    Returns
    -------
    dict
        A number for each name; where a metric returns several, ``name_1``, ``name_2``, ...
    """
    values = dict[str, float]()
    for name, metric in metrics.items():
        asked = wanted(name, metric)
        try:
            if asked is None:
                found = metric(*(there[place]() for place in BY_PLACE))
            else:
                found = metric(**{key: there[key]() for key in asked})
            own = _numbers(name, found)
        except Exception as error:
            if type(error).__name__ == "TooLargeError" and generation > 1:
                reasons[name] = str(error)
                continue
            raise InvalidInput(
                f"metrics[{name!r}] failed at generation {generation} "
                f"({estimators.brief(error)}): give a function of any of {', '.join(WANTED)} "
                "that returns a number"
            ) from error
        if twice := next((one for one in own if one in values), None):
            raise InvalidInput(f"metrics: two of them are called {twice!r}: rename one")
        values |= own
    return values


def _numbers(name: str, found: Any) -> dict[str, float]:
    """Return what a metric gave: one number, or several with names of their own."""
    if isinstance(found, (bool, np.bool_)):
        return {name: float(found)}
    numbers = reals("the value", found)
    if numbers.ndim > 1:
        raise invalid("the value", f"array of shape {numbers.shape}", "return a number or a row")
    if numbers.ndim == 0:
        return {name: float(numbers)}
    return {f"{name}_{i}": float(value) for i, value in enumerate(numbers, 1)}


def _mean_square(differences: Floats, weights: Floats | None) -> float:
    return float(np.average((differences**2).sum(axis=1), weights=weights))


def _no_moments(model: Any, dim: int) -> str:
    """Return why a model has no moments of the data's dimension, or "" if it has."""
    shapes = tuple(np.shape(getattr(model, name, 0)) for name in MOMENTS)
    if shapes == ((dim,), (dim, dim)):
        return ""
    return (
        f"{type(model).__name__} has no attributes mean_ of shape {(dim,)} and covariance_ of "
        f"shape {(dim, dim)}; central_variance is that of its training rows"
    )
