r"""Limits t -> infinity of smoothed loops, and what becomes of them in words.

Where the rows trained on do not grow, each fit keeps a share c = n/(n + K alpha) of what is left of
the truth, and the fits settle at a law about the uniform distribution. Under accumulate the fit is
a martingale from generation 1 on: with M = n_1 + K alpha and later batches of n rows

E H_infinity = E H_1 prod_{s>=1} (1 - n/(M + s n)^2)
             = E H_1 Gamma(1 + M/n)^2 / (Gamma(1 + M/n - 1/sqrt n) Gamma(1 + M/n + 1/sqrt n)).
"""

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse.families.discrete import smoothing
from modelcollapse.families.discrete.smoothing import ABSENT, ERRORS, Moved, distance
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.loop.fate import Fate
from modelcollapse.loop.routes import given

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

Route = Callable[[], float]
TERMS = 40  # of a series in at most 1/4


def log_product(n: float, start: float) -> float:
    """Return log prod_{s>=1} (1 - n/(start + s n)^2), with all digits: start at least 1.

    As a series of Hurwitz's zeta functions; gamma functions would lose what they have in common.
    """
    from scipy.special import zeta

    j = np.arange(1, TERMS + 1)
    with np.errstate(under="ignore"):
        return float(-(zeta(2.0 * j, 1 + start / n) * (1 / n) ** j / j).sum())


def limits(e: "Experiment") -> tuple[dict[str, Route], dict[str, str]]:
    """Return the limits in closed form, and why others have none."""
    routes: dict[str, Route] = given(dict.fromkeys(ABSENT, 0.0))
    found = _end(e)
    if found is None:
        why = "known for replace, accumulate, accumulate-subsample and edits, alike for ever"
        return routes, dict.fromkeys(ERRORS, why)
    both, first = cache(found), float(e.sizes[0])
    routes["heterozygosity"] = lambda: both()[0]
    routes["squared_error"] = lambda: both()[1]
    routes["inflation"] = lambda: first * both()[1]
    routes["effective_samples"] = lambda: 1 / both()[1]
    return routes, {}


def _end(e: "Experiment") -> Callable[[], tuple[float, float]] | None:
    """Return what gives the heterozygosity and the squared error in the end, or None."""
    schedule, n = e.schedule, e.schedule.later
    if n is None:
        return None
    if schedule.rule == "replace":
        return lambda: _settled(e, n)
    if schedule.rule == "accumulate":
        return lambda: _pooled(e, n)
    if schedule.kind == "subset":
        return lambda: _levelled(e, schedule.budget or n)
    if schedule.edits is not None and schedule.workflow.steady and len(e.sizes) > 1:
        return partial(_edited, e, smoothing.moved(schedule.edits, 2))
    return None


def _shares(e: "Experiment", rows: float) -> tuple[float, float, float]:
    """Return u, c and h u (2 - u) of fits to so many rows."""
    K, added = e.model.outcomes, e.model.outcomes * e.model.smoothing
    u = added / (rows + added)
    return u, rows / (rows + added), (1 - 1 / K) * u * (2 - u)


def _away(e: "Experiment", spread: float) -> float:
    """Return the squared error of fits whose mean is uniform."""
    return (spread + distance(e)) / truth_of(e).heterozygosity


def _settled(e: "Experiment", n: float) -> tuple[float, float]:
    u, c, fresh = _shares(e, n)
    differ = fresh / (u * (2 - u) + c * c / n)
    return differ, _away(e, c * c * differ / n / (u * (2 - u)))


def _pooled(e: "Experiment", n: float) -> tuple[float, float]:
    fit = next(smoothing.fits(e))
    logs = log_product(n, float(e.sizes[0]) + e.model.outcomes * e.model.smoothing)
    spread = fit.spread - fit.differ * np.expm1(logs)
    error = (spread + fit.even**2 * distance(e)) / truth_of(e).heterozygosity
    return float(fit.differ * np.exp(logs)), float(error)


def _levelled(e: "Experiment", k: float) -> tuple[float, float]:
    """Return the end where uniform rows, a share u of all new ones, take over a growing pool."""
    _, c, fresh = _shares(e, k)
    h = 1 - 1 / e.model.outcomes
    return fresh + c * c * (1 - 1 / k) * h, _away(e, c * c * h / k)


def _edited(e: "Experiment", moved: Moved) -> tuple[float, float]:
    """Return the fixed point of `smoothing.edited`."""
    n, K = float(e.sizes[0]), e.model.outcomes
    u, c, fresh = _shares(e, n)
    two = u * (2 - u) + c * c / n
    pairs = 0.0  # of one row there are none
    if n > 1:
        pairs = moved.new * fresh + 2 * moved.mixed * u * (1 - 1 / K)
        pairs /= moved.new * two + 2 * moved.mixed * (u + c / n)
    differ = fresh + c * c * (1 - 1 / n) * pairs
    moves = moved.mean * u / n
    lost = moves * (2 - moves) - moved.variance * (u / n) ** 2
    spread = (moved.mixed / n * pairs + moved.mean * differ) / n**2 / lost
    return differ, _away(e, c * c * spread)


def fates(e: "Experiment") -> dict[str, Fate]:
    """Return what becomes of each quantity."""
    found = {"heterozygosity": _heterozygosity(e)}
    found["squared_error"] = Fate("bounded", "", "probabilities are: |q_t - p_0|^2 <= 2")
    never = "every outcome keeps a positive probability in every fit"
    return found | dict.fromkeys(ABSENT, Fate("bounded", "", never))


def _heterozygosity(e: "Experiment") -> Fate:
    schedule, K = e.schedule, e.model.outcomes
    added, later = K * e.model.smoothing, e.schedule.later
    reason = ""
    if schedule.everything:
        reason = "prod (1 - n_t/(N_t + K alpha)^2) is positive for any batch sizes"
    elif schedule.rule == "replace":
        # Each step is a mean of H and of the end for n rows, h x/(1 + x), x = A (2 + A/n), where
        # A = K alpha; so that H never falls below all of them, nor below the truth's.
        least = min((1 - 1 / K) * added / (added + 0.5), truth_of(e).heterozygosity)
        reason = f"for any batch sizes its mean is at least {least:.6g}"
        if later is not None:
            reason += f"; of the truth each generation keeps {later / (later + added):.6g}"
    elif schedule.kind == "subset" and (later or schedule.budget):
        reason = "uniform rows take over the pool, and slowly the truth is forgotten"
    elif schedule.edits or (later and schedule.rule):
        reason = "each fit to N rows has a share K alpha/(N + K alpha) of the uniform distribution"
    if reason:
        return Fate("bounded", "", reason)
    return Fate("undetermined", "", "no theorem for this workflow: see its exact finite curves")
