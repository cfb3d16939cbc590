"""Predictions of language by counts: which quantity has which exact route.

Transition counts are the sufficient statistics of texts, and the fit is the maximum-likelihood one:
the expected transitions of its texts are those of its training texts. So the expected transitions
of a text are a martingale in every workflow, whatever rows it chooses, and with them the length;
what is no linear function of them is exact where contexts are fixed, as sums over discrete loops.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.discrete import chains
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.families.markov import fixed, used
from modelcollapse.families.markov.fates import fates, keeps_first
from modelcollapse.families.markov.measures import names
from modelcollapse.loop.experiment import Lazy, Prediction
from modelcollapse.loop.experiment import predict as predicted
from modelcollapse.loop.routes import Parts, given

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

LOST = ("absent", "missing_mass", "collapsed")
NONE = "inf: with a positive probability a possible transition is lost, whose loss is infinite"
LAW = "mc.solver.excess_loss(workflow, sizes, parameters=truth.parameters) is its law of many texts"
RANDOM = "how often texts come to a context is random: exact with contexts='fixed'; simulate it"
Sums = Callable[[Mapping[str, Any]], Any]


def predict(e: "Experiment") -> Prediction:
    """Return the exact predictions for a loop of texts, computed at the first look."""
    parts, limits = Parts(), Parts()
    if e.schedule.kind == "set" and e.schedule.edits is None:
        return Prediction(e, Lazy({}, dict.fromkeys(names(e), RANDOM)))
    if e.model.smoothing == 0:
        parts.routes["excess"] = lambda: np.full(e.generations, np.inf)
        parts.notes["excess"] = f"{NONE}; {LAW}"
        limits.reasons["excess"] = parts.notes["excess"]
    else:
        parts.reasons["excess"] = f"{RANDOM}; {LAW}"
        for part, zero in ((parts, np.zeros(e.generations)), (limits, 0.0)):
            part.routes |= given(dict.fromkeys(LOST, zero))
        parts.spreads |= given(dict.fromkeys(LOST, np.zeros(e.generations)))
    (_fixed if e.model.contexts == "fixed" else _random)(e, parts, limits)
    return Prediction(
        e,
        Lazy(parts.routes, parts.reasons),
        Lazy(parts.spreads, parts.spread_reasons),
        Lazy({}, dict.fromkeys(names(e), "no law is known")),
        Lazy(limits.routes, limits.reasons),
        fates=Lazy(given(fates(e))),
        notes=parts.notes,
        bounds=_bounds(e),
        invents=e.model.smoothing > 0,
    )


def _bounds(e: "Experiment") -> dict[str, tuple[float, float]]:
    """Return bounds on every replicate: two rows of probabilities are at most sqrt(2) apart."""
    p, visits = e.truth.probabilities, e.truth.visits
    most = 2 * visits.sum() / float(visits @ (p * (1 - p)).sum(axis=1))
    return {
        "absent": (0.0, float(e.truth.possible)),
        "missing_mass": (0.0, 1.0),
        "collapsed": (0.0, 1.0),
        "squared_error": (0.0, float(most)),
    }


def _random(e: "Experiment", parts: Parts, limits: Parts) -> None:
    for part in (parts, limits):
        part.reasons |= dict.fromkeys(("squared_error", *LOST), RANDOM)
    if e.model.smoothing > 0:
        why = "smoothing changes the expected transitions of a text; a fit's is language_.length"
        parts.reasons["length"] = why
        return
    length = e.truth.length
    parts.routes["length"] = lambda: np.full(e.generations, length)
    limits.routes["length"] = lambda: length
    parts.spread_reasons["length"] = (
        "the variance of a fit's lengths is no function of their mean: simulate it"
    )
    if keeps_first(e) or (e.generations == 1 and e.schedule.known):
        if (none := used.reason(e.truth)) is not None:
            parts.reasons |= dict.fromkeys(("absent", "missing_mass"), none)
        else:
            first = cache(lambda: used.unseen(e.truth, e.schedule.trained(1)))
            for i, name in enumerate(("absent", "missing_mass")):
                parts.routes[name] = partial(_repeated, first, i, e.generations)
                if keeps_first(e):
                    limits.routes[name] = partial(_entry, first, i)
    if e.schedule.rule == "replace" and np.ptp(e.sizes) == 0:
        limits.routes["collapsed"] = lambda: 1.0


def _repeated(found: Callable[[], tuple[float, float]], i: int, generations: int) -> Floats:
    return np.full(generations, found()[i])


def _entry(found: Callable[[], tuple[float, float]], i: int) -> float:
    return found()[i]


def _fixed(e: "Experiment", parts: Parts, limits: Parts) -> None:
    """Add up what is known of each context's loop."""
    try:
        loops = fixed.loops(e)
    except NoClosedForm as error:
        parts.reasons |= dict.fromkeys(("excess", "squared_error"), str(error))
        return
    truth = e.truth
    shares = np.array([one.visits * one.alike for one in loops]) / truth.visits.sum()
    differ = np.array([truth_of(one.experiment).heterozygosity for one in loops])
    weights = {
        "absent": np.array([float(one.alike) for one in loops]),
        "missing_mass": shares,
        "squared_error": shares * differ / float(shares @ differ),
    }
    each = cache(lambda: [predicted(one.experiment) for one in loops])
    counts = np.array([one.alike for one in loops])
    for part, kind in ((parts.routes, "expected"), (limits.routes, "limits")):
        reasons = parts.reasons if kind == "expected" else limits.reasons
        for name, own in weights.items():
            _add(part, reasons, name, each, kind, partial(_sum, own))
        _add(part, reasons, "collapsed", each, kind, partial(_product, counts))
    for name, own in weights.items():
        # Contexts are independent: of so many alike ones each has that share of the weight.
        squares = own**2 / counts
        _add(parts.spreads, parts.spread_reasons, name, each, "variances", partial(_sum, squares))
    if "collapsed" in parts.routes:
        parts.spreads["collapsed"] = lambda: (
            parts.routes["collapsed"]() * (1 - parts.routes["collapsed"]())
        )
    if e.model.smoothing > 0:
        _smoothed(loops, parts)


def _smoothed(loops: list[fixed.Loop], parts: Parts) -> None:
    """Add the expected excess, where each outcome's count is a chain that can be run."""
    reasons = [_chained(one.experiment) for one in loops]
    if found := next(filter(None, reasons), None):
        parts.reasons["excess"] = f"{found}; {LAW}"
        return
    del parts.reasons["excess"]
    parts.routes["excess"] = lambda: sum(
        one.visits * one.alike * _excess(one.experiment) for one in loops
    )


def _add(
    routes: dict[str, Callable[[], Any]],
    reasons: dict[str, str],
    name: str,
    each: Callable[[], list[Prediction]],
    kind: str,
    total: Callable[[list[Any]], Any],
) -> None:
    """Add a route to the total over contexts, if each of them has one, or the reason."""
    if name in routes:
        return
    for prediction in each():
        found = getattr(prediction, kind)
        if name not in found:
            reasons[name] = found.reasons.get(name, RANDOM)
            return
    routes[name] = lambda: total([getattr(prediction, kind)[name] for prediction in each()])


def _sum(weights: Floats, values: list[Any]) -> Any:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def _product(counts: Any, values: list[Any]) -> Any:
    return np.prod([np.power(v, c) for c, v in zip(counts, values, strict=True)], axis=0)


def _chained(e: "Experiment") -> str | None:
    return chains.reason(e, len(truth_of(e).groups[0]))


def _excess(e: "Experiment") -> Floats:
    """Return the expected divergence of a smoothed discrete fit, sum p (log p - E log q)."""
    truth = truth_of(e)
    (p, counts), others = truth.groups, truth.group_others
    losses = chains.expectations(e, p, _loss, others)
    return np.asarray((losses + np.log(p)) @ (p * counts))


def _loss(q: Floats) -> Floats:
    return np.asarray(-np.log(q))
