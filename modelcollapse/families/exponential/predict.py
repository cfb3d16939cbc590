"""Predictions of the exponential-family room: which quantity has which exact route."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.exponential import absorption, exchangeable, fates, limits
from modelcollapse.families.exponential.families import NormalMean, Poisson
from modelcollapse.families.exponential.poisson_laws import PoissonLaws
from modelcollapse.loop.experiment import Lazy, Prediction
from modelcollapse.loop.routes import decided, each

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse.loop.experiment import Experiment, Route
    from modelcollapse.solver.fourth import Higher

QUANTITIES = (
    *("mean", "squared_error", "variance", "inflation", "effective_samples"),
    *("cubed_error", "absorbed"),
)
RANDOM = (
    "the workflow has no batch_weights(sizes); add it if the workflow is deterministic and weights "
    "the rows of a batch alike"
)
NO_STATISTIC = "it is not the mean of a number that a replicate has: see squared_error"


@dataclass(frozen=True)
class NormalLaw:
    """A normal law with mean 0."""

    variance: float
    mean: float = 0.0

    def cdf(self, x: Floats) -> Floats:
        """Return P(X <= x)."""
        from scipy.special import ndtr

        return np.asarray(ndtr(reals("x", x) / np.sqrt(self.variance)))


def predict(e: "Experiment") -> Prediction:
    """Return the exact predictions for a one-parameter family, computed at the first look."""
    routes: dict[str, Route] = {}
    spreads: dict[str, Route] = {}
    reasons: dict[str, str] = {}
    if e.schedule.known:
        errors = cache(lambda: squared_errors(e))
        _errors(e, errors, routes, spreads)
    else:
        reasons.update(dict.fromkeys(QUANTITIES[:6], RANDOM))
    _absorption(e, routes, spreads, reasons)
    laws: dict[str, Route] = {}
    if isinstance(e.model, NormalMean) and e.schedule.weighted:
        laws["mean"] = lambda: [NormalLaw(float(r)) for r in errors()]
    elif isinstance(e.model, Poisson) and (e.schedule.alone or e.schedule.everything):
        laws["mean"] = lambda: PoissonLaws(e, errors())
    open_laws = {
        "mean": "exact for NormalMean under deterministic workflows, and for Poisson where whole "
        "batches are trained on alike; else open"
    }
    found, open_limits, notes = _limits(e)
    notes["mean"] = "the fitted mean's distance from the true one, over the deviation of one row"
    if e.model.curvature > 0 and fates.error_fate(e).verdict == "diverges":
        notes["squared_error"] = "inf where it is beyond the largest float"
    return Prediction(
        e,
        Lazy(routes, reasons),
        Lazy(spreads, _missing(e, spreads, reasons)),
        Lazy(laws, open_laws),
        Lazy(found, open_limits),
        *_long_run(e),
        notes=notes,
        typical=decided({"variance": lambda: fates.typical_variance(e)}),
    )


def squared_errors(e: "Experiment") -> Floats:
    """Return E (m_t - m_0)^2 / V(m_0), shape (generations,)."""
    from modelcollapse import solver

    return solver.squared_errors(e.schedule, e.sizes, e.model.curvature)


def _errors(
    e: "Experiment",
    errors: "Callable[[], Floats]",
    routes: "dict[str, Route]",
    spreads: "dict[str, Route]",
) -> None:
    n, v2, s = int(e.sizes[0]), e.model.curvature, e.model.skewness(e.truth.value)
    routes["mean"] = lambda: np.zeros(e.generations)
    routes["squared_error"] = errors
    routes["variance"] = lambda: _variances(e, errors())
    routes["inflation"] = lambda: _times(n, errors())
    routes["effective_samples"] = lambda: 1 / errors()
    higher = cache(lambda: higher_moments(e, s))
    routes["cubed_error"] = lambda: higher().third
    spreads["mean"] = errors
    spreads["squared_error"] = lambda: higher().spread
    spreads["inflation"] = lambda: _times(n**2, higher().spread)
    # V(m) is linear or even in the error: then no third moment is needed.
    if v2 == 0:
        spreads["variance"] = lambda: _times(s**2, errors())
    elif s == 0:
        spreads["variance"] = lambda: _times(v2**2, higher().spread)
    else:
        spreads["variance"] = lambda: higher().variance


def higher_moments(e: "Experiment", s: float) -> "Higher":
    """Return the third moment of the error, and what fourth moments give, of a known schedule."""
    from modelcollapse.solver import fourth

    v2 = e.model.curvature
    if not e.schedule.random_sets:
        return fourth.higher_moments(e.schedule, v2, s)
    found = exchangeable.error_moments(e.schedule, s, v2)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = found.fourth - found.second**2
        spread = np.where(np.isfinite(spread), np.maximum(spread, 0.0), np.inf)
        variance = fourth.curved(found.second, found.third, spread, v2, s)
    return fourth.Higher(found.third, spread, variance)


def _variances(e: "Experiment", errors: Floats) -> Floats:
    v2 = e.model.curvature
    if e.schedule.kind == "subset" and v2 >= 0:
        return 1 + _times(v2, errors)
    from modelcollapse import solver

    return solver.variances(e.schedule, e.sizes, v2)


def _times(factor: float, values: Floats) -> Floats:
    """Return a multiple; 0 times infinity is 0 here."""
    with np.errstate(over="ignore"):
        return np.asarray(factor * values) if factor else np.zeros(len(values))


def _absorption(
    e: "Experiment",
    routes: "dict[str, Route]",
    spreads: "dict[str, Route]",
    reasons: dict[str, str],
) -> None:
    try:
        found = cache(absorption.route(e))
    except NoClosedForm as error:
        reasons["absorbed"] = str(error)
        return
    routes["absorbed"] = lambda: found().absorbed
    spreads["absorbed"] = lambda: found().absorbed * found().alive


def _missing(
    e: "Experiment", spreads: "dict[str, Route]", reasons: dict[str, str]
) -> dict[str, str]:
    """Return why a variance over replicates is not there."""
    why = {name: reasons.get(name, NO_STATISTIC) for name in QUANTITIES if name not in spreads}
    if e.schedule.known:
        why["cubed_error"] = "it needs a sixth moment of the error"
    return why


def _limits(e: "Experiment") -> "tuple[dict[str, Route], dict[str, str], dict[str, str]]":
    names = QUANTITIES[1:5]
    try:
        error = limits.error_limit(e)
    except NoClosedForm as reason:
        return {}, dict.fromkeys(names, str(reason)), {"limits": str(reason)}
    n, v2 = int(e.sizes[0]), e.model.curvature
    found: dict[str, Route] = {
        "squared_error": lambda: error,
        "variance": lambda: 1 + v2 * error if v2 else 1.0,
        "inflation": lambda: n * error,
        "effective_samples": lambda: 1 / error if error else np.inf,
    }
    notes = {}
    if np.isinf(error):
        fate = fates.error_fate(e)
        notes["limits"] = f"the squared error is unbounded, {fate.rate}: {fate.reason}"
    return found, {}, notes


def _long_run(e: "Experiment") -> tuple[Lazy, Lazy]:
    """Return growth exponents and fates."""
    powers: dict[str, Route] = {}
    known = e.schedule.kind == "subset" and e.schedule.equal is not None
    if known and limits.subsample_power(e) > 0:
        powers["power"] = lambda: limits.subsample_power(e)
    fated: dict[str, Route] = {}
    reasons = dict.fromkeys(("squared_error", "inflation", "variance"), RANDOM)
    if e.schedule.known:
        fated = {**each(lambda: fates.fates(e), reasons)}
    return Lazy(powers), Lazy(fated, reasons)
