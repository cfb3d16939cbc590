"""Predictions of the discrete room: which quantity has which exact route."""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.discrete import (
    chains,
    fates,
    limits,
    lost,
    moments,
    smooth_ends,
    smoothing,
)
from modelcollapse.families.discrete.survival import log_power
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.loop.experiment import Lazy, Prediction
from modelcollapse.loop.routes import Parts, given

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

ERRORS = ("heterozygosity", "squared_error", "inflation", "effective_samples")
COUNTS = ("absent", "missing_mass", "collapsed", "any_absent")
QUANTITIES = (*ERRORS, *COUNTS, "entropy")


def predict(e: "Experiment") -> Prediction:
    """Return the exact predictions for a discrete loop, computed at the first look."""
    parts = Parts()
    if e.model.smoothing > 0:
        smoothing.fill(e, parts)
        ends, became = smooth_ends.limits(e), smooth_ends.fates(e)
    else:
        ends, became = limits.limits(e), fates.fates(e)
        _errors(e, parts)
        _counts(e, parts)
        _entropy(e, parts)
    for name in QUANTITIES:
        if name not in parts.spreads:
            why = parts.reasons.get(name, "its variance over replicates is not known here")
            parts.spread_reasons.setdefault(name, why)
    why = "see `exact_law` for the whole law of a small loop"
    return Prediction(
        e,
        Lazy(parts.routes, parts.reasons),
        Lazy(parts.spreads, parts.spread_reasons),
        Lazy({}, dict.fromkeys(QUANTITIES, why)),
        Lazy(*ends),
        fates=Lazy(given(became)),
        bounds=_bounds(e),
        invents=False,
    )


def _bounds(e: "Experiment") -> dict[str, tuple[float, float]]:
    """Return bounds on every replicate: p_t and p_0 are at most the square root of 2 apart."""
    truth: Any = e.truth
    most = 2 / float(truth.heterozygosity)
    return {
        "heterozygosity": (0.0, 1 - 1 / e.model.outcomes),
        "missing_mass": (0.0, 1.0),
        "squared_error": (0.0, most),
        "inflation": (0.0, int(e.sizes[0]) * most),
    }


def _errors(e: "Experiment", parts: Parts) -> None:
    if not (e.schedule.one_pool or e.schedule.edits):
        try:
            e.schedule.weights(1)
        except NoClosedForm as error:
            parts.reasons.update(dict.fromkeys(ERRORS, str(error)))
            return
    errors = cache(lambda: moments.squared_errors(e))
    first = float(e.sizes[0])
    parts.routes["heterozygosity"] = lambda: moments.heterozygosity(e)
    parts.routes["squared_error"] = errors
    parts.routes["inflation"] = lambda: first * errors()
    parts.routes["effective_samples"] = lambda: 1 / errors()
    if not (e.schedule.one_pool or e.schedule.edits):
        why = "known for replace, accumulate, accumulate-subsample and edits; elsewhere open"
        parts.spread_reasons.update(dict.fromkeys(ERRORS, why))
        return
    both = cache(lambda: moments.variances(e))
    parts.spreads["heterozygosity"] = lambda: both()[0]
    parts.spreads["squared_error"] = lambda: both()[1]
    parts.spreads["inflation"] = lambda: first**2 * both()[1]
    parts.spread_reasons["effective_samples"] = "it is a reciprocal of an expectation"


def _counts(e: "Experiment", parts: Parts) -> None:
    truth = truth_of(e)
    points = len(truth.groups[0])
    if (why := lost.sets_reason(e)) is None:
        some = cache(lambda: lost.any_absent(e))
        parts.routes["any_absent"] = lambda: some()[0]
        parts.spreads["any_absent"] = lambda: some()[0] * some()[1]
    else:
        parts.reasons["any_absent"] = why
    why = lost.reason(e, points)
    if why is None:
        one = cache(lambda: lost.collapsed(e))
        parts.routes["absent"] = lambda: lost.absent(e)
        parts.routes["missing_mass"] = lambda: lost.missing_mass(e)
        parts.routes["collapsed"] = one
        parts.spreads["collapsed"] = lambda: one() * lost.several(e)
        couples = lost.pairs(e)
        if couples > lost.MOST_PAIRS:
            why = f"{couples} pairs of different probabilities are too many: see its expectation"
            parts.spread_reasons |= dict.fromkeys(("absent", "missing_mass"), why)
        elif lost.reason(e, couples) is None:
            parts.spreads["absent"] = lambda: lost.absent_variance(e)
            parts.spreads["missing_mass"] = lambda: lost.missing_mass_variance(e)
        return
    parts.reasons |= dict.fromkeys(COUNTS, why)
    if not e.schedule.newest:
        return
    (p, counts), others = truth.groups, truth.group_others
    each = cache(lambda: lost.bounds(e, p, others))
    collapsed = cache(lambda: [bound @ counts for bound in lost.bounds(e, others, p)])
    parts.routes["absent_lower"] = lambda: each()[0] @ counts
    parts.routes["absent_upper"] = lambda: each()[1] @ counts
    parts.routes["missing_mass_lower"] = lambda: each()[0] @ (counts * p)
    parts.routes["missing_mass_upper"] = lambda: each()[1] @ (counts * p)
    parts.routes["collapsed_lower"] = lambda: collapsed()[0]
    parts.routes["collapsed_upper"] = lambda: np.minimum(collapsed()[1], 1.0)


def _entropy(e: "Experiment", parts: Parts) -> None:
    """Exact through one outcome's chain; else between the truth's and that of two draws.

    The entropy is concave, and above -log sum p_i^2, which is convex in sum p_i^2.
    """
    (p, counts), others = truth_of(e).groups, truth_of(e).group_others
    why = chains.reason(e, len(p))
    if why is None:
        parts.routes["entropy"] = lambda: chains.expectations(e, p, surprise, others) @ counts
        return
    parts.reasons["entropy"] = f"{why}; see entropy_lower and entropy_upper"
    if "heterozygosity" in parts.routes:
        heterozygosity = parts.routes["heterozygosity"]
        parts.routes["entropy_lower"] = lambda: -np.log1p(-heterozygosity())
        most = float(-(p * log_power(others, p, 1.0)) @ counts)
        parts.routes["entropy_upper"] = lambda: np.full(e.generations, most)
    else:
        parts.reasons["entropy"] = why


def surprise(p: Floats) -> Floats:
    """Return -p log p, zero at zero."""
    return np.asarray(-p * np.log(np.where(p > 0, p, 1.0)))
