"""Predictions of the curated room."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse.families.curated.estimator import LabelVerifier
from modelcollapse.families.curated.labels import majority
from modelcollapse.families.curated.regions import contraction_rate, second_round
from modelcollapse.loop.experiment import Lazy, Prediction
from modelcollapse.loop.fate import Fate

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse.loop.experiment import Experiment, Route

BEYOND = (
    "exact for one verified round (generations = 2) under replace; later the law of the mean is "
    "not closed: modelcollapse.curated.distance_bound and error_bounds enclose it"
)


@dataclass(frozen=True)
class BinomialShare:
    """The law of a share of `cells` independent events with one probability."""

    cells: int
    chance: float

    @property
    def mean(self) -> float:
        """The probability."""
        return self.chance

    @property
    def variance(self) -> float:
        """p (1 - p) / cells."""
        return self.chance * (1 - self.chance) / self.cells

    def cdf(self, x: Any) -> Floats:
        """Return P(share <= x)."""
        from scipy.special import bdtr

        shares = np.arange(self.cells + 1) / self.cells
        events = np.searchsorted(shares, reals("x", x), side="right") - 1.0
        inside = bdtr(np.clip(events, 0, self.cells), self.cells, self.chance)
        return np.where(events < 0, 0.0, inside)


def predict(e: "Experiment") -> Prediction:
    """Return the exact predictions for a curated loop, computed at the first look.

    `LabelVerifier`: "label_error", the share of inputs that the model gets wrong. `RegionVerifier`:
    "squared_error" E(m_t - mu_0)^2/s^2 and "centre_distance" E(m_t - c)^2/s^2.
    """
    return _labels(e) if isinstance(e.model, LabelVerifier) else _region(e)


def turn_wrong(e: "Experiment", generation: int) -> tuple[float, float]:
    """Return P(wrong next), from an input that is right and from one that is wrong now."""
    model, n = e.model, int(e.sizes[generation - 1])
    correct, wrong, noise = model.keep_correct, model.keep_wrong, model.noise
    return (
        majority(n, noise * wrong, (1 - noise) * correct),
        majority(n, (1 - noise) * wrong, noise * correct),
    )


def _errors(e: "Experiment") -> Floats:
    """Return the probability that an input is wrong, shape (generations,)."""
    steps = cache(lambda n: turn_wrong(e, n))
    first: dict[int, int] = {}  # batches of one size share a step
    model, errors, p = e.model, np.empty(e.generations), e.truth.error
    errors[0] = majority(int(e.sizes[0]), p * model.keep_wrong, (1 - p) * model.keep_correct)
    for t in range(2, e.generations + 1):
        right, wrong = steps(first.setdefault(int(e.sizes[t - 1]), t))
        errors[t - 1] = wrong * errors[t - 2] + right * (1 - errors[t - 2])
    return errors


def _labels(e: "Experiment") -> Prediction:
    errors = cache(lambda: _errors(e))
    cells = e.model.cells
    routes: dict[str, Route] = {"label_error": errors}
    spreads: dict[str, Route] = {"label_error": lambda: errors() * (1 - errors()) / cells}
    laws: dict[str, Route] = {
        "label_error": lambda: [BinomialShare(cells, float(p)) for p in errors()]
    }
    limits, exponents = _long_run(e)
    fate = Fate("bounded", "t^0", "the share of wrong inputs is at most 1")
    fates: dict[str, Route] = {"label_error": lambda: fate}
    return Prediction(e, Lazy(routes), Lazy(spreads), Lazy(laws), limits, exponents, Lazy(fates))


def _long_run(e: "Experiment") -> tuple[Lazy, Lazy]:
    """Return the limit of the label error, and the rate at which the start is forgotten."""
    reason = ""
    if e.schedule.rule != "replace":
        reason = f"{e.workflow!r} does not say what comes after generation {e.generations}"
    elif e.schedule.later is None:
        reason = "known for synthetic batches of one size"
    if reason:
        return Lazy({}, {"label_error": reason}), Lazy({}, {"contraction": reason})

    def limit() -> float:
        right, wrong = turn_wrong(e, 2)
        moved = right + 1 - wrong
        return right / moved if moved > 0 else float(_errors(e)[0])

    def contraction() -> float:
        right, wrong = turn_wrong(e, min(2, e.generations))
        return wrong - right

    rates = Lazy({"contraction": contraction})
    if e.generations == 1:
        reason = "give generations >= 2 for the size of later batches"
        return Lazy({}, {"label_error": reason}), rates
    return Lazy({"label_error": limit}), rates


def _region(e: "Experiment") -> Prediction:
    names = ("centre_distance", "squared_error")
    rho = contraction_rate(e.model.radius, e.model.spread)
    routes: dict[str, Route] = {}
    spreads: dict[str, Route] = {}
    fates: dict[str, Route] = {}
    if e.schedule.rule == "replace":
        words = f"the loop is drawn to within {e.model.radius:g} of the verifier's centre"
        fate = Fate("bounded", f"{rho:.4g}^t", words)
        fates = dict.fromkeys(names, lambda: fate)
    if e.generations <= 2 and e.schedule.newest:
        moments = cache(lambda: _two_rounds(e))
        for i, name in enumerate(names):
            routes[name], spreads[name] = _route(moments, 0, i), _route(moments, 1, i)
    reasons = {} if routes else dict.fromkeys(names, BEYOND)
    return Prediction(
        e,
        Lazy(routes, reasons),
        Lazy(spreads, reasons),
        exponents=Lazy({"contraction": lambda: rho}),
        fates=Lazy(fates),
    )


def _two_rounds(e: "Experiment") -> tuple[Floats, Floats]:
    """Return means and variances of the two squares at generations 1 and 2, shape (t, 2)."""
    n, bias = int(e.sizes[0]), (e.model.centre - e.truth.mean) / e.model.spread
    B = np.array([bias, 0.0])
    means, variances = [B**2 + 1 / n], [4 * B**2 / n + 2 / n**2]
    if e.generations == 2:
        radius = e.model.radius / e.model.spread
        second, fourth = second_round(n, int(e.sizes[1]), bias, radius)
        means.append(second)
        variances.append(fourth - second**2)
    return np.array(means), np.array(variances)


def _route(moments: "Callable[[], tuple[Floats, Floats]]", kind: int, column: int) -> "Route":
    return lambda: moments()[kind][:, column]
