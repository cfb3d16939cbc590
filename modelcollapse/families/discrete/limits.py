"""Limits t -> infinity of discrete loops, and what becomes of them in words."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse.families.discrete import chains, lost
from modelcollapse.families.discrete.truth import truth_of

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

Route = Callable[[], float]


def accumulate_limit(n: int) -> float:
    """Return lim E H_t / H_0 under accumulate: sin(pi/sqrt n)/(pi/sqrt n)."""
    x = np.pi / np.sqrt(n)
    return float(np.sin(x) / x) if n > 1 else 0.0


def subsample_limit(n: int) -> float:
    r"""Return lim E H_t / H_0 under accumulate-subsample with budget n.

    The pool's is multiplied by n t (t - a)(t - b) / ((n t - 1)(t + 1)^2), with a, b the roots of
    n x^2 + (2n - 1) x + n - 4 + 1/n; the subset keeps 1 - 1/n of it.
    """
    if n == 1:
        return 0.0
    from scipy.special import loggamma

    a, b = np.roots([n, 2 * n - 1, n - 4 + 1 / n]) + 0j
    logs = loggamma(1 - 1 / n + 0j) - loggamma(1 - a) - loggamma(1 - b)
    return float((1 - 1 / n) ** 2 * np.exp(logs).real)


def forgets(e: "Experiment") -> bool:
    """Return whether every generation loses a fixed share of what is left of the real rows."""
    if e.schedule.edits is not None:
        return bool(e.schedule.workflow.steady)
    return e.schedule.rule == "replace" and chains.constant(e.sizes)


def limits(e: "Experiment") -> tuple[dict[str, Route], dict[str, str]]:
    """Return the limits in closed form, and why others have none."""
    routes: dict[str, Route] = {}
    reasons: dict[str, str] = {}
    truth, n = truth_of(e), float(e.sizes[0])
    kept = _kept(e)
    if kept is None:
        why = "known for equal batches under replace, accumulate, accumulate-subsample and edits"
        reasons.update(dict.fromkeys(("heterozygosity", "squared_error", "inflation"), why))
    else:
        routes["heterozygosity"] = lambda: truth.heterozygosity * kept()
        routes["squared_error"] = lambda: 1 - kept()
        routes["inflation"] = lambda: n * (1 - kept())
        routes["effective_samples"] = lambda: 1 / (1 - kept())
    if e.schedule.rule in ("accumulate", "keep-real"):
        routes["absent"] = lambda: float(lost.absent(e)[-1])
        routes["missing_mass"] = lambda: float(lost.missing_mass(e)[-1])
        routes["collapsed"] = lambda: float(lost.collapsed(e)[-1])
        if (many := lost.sets_reason(e)) is None:
            routes["any_absent"] = lambda: float(lost.any_absent(e)[0][-1])
        else:
            reasons["any_absent"] = many
    elif forgets(e):
        routes["absent"] = lambda: float(truth.possible - 1)
        routes["missing_mass"] = lambda: float(truth.heterozygosity)
        routes["collapsed"] = lambda: 1.0
        routes["any_absent"] = lambda: 1.0
        routes["entropy"] = lambda: 0.0
    else:
        why = "known for replace and edits, alike for ever, and where batch 1 keeps its weight"
        reasons.update(dict.fromkeys(("absent", "missing_mass", "collapsed", "any_absent"), why))
    return routes, reasons


def _kept(e: "Experiment") -> Route | None:
    """Return the share of the heterozygosity that is left in the end, if it is known."""
    if forgets(e):
        return lambda: 0.0
    if e.schedule.equal is None:
        return None
    n = int(e.sizes[0])
    if e.schedule.rule == "accumulate":
        return partial(accumulate_limit, n)
    if e.schedule.kind == "subset" and e.schedule.budget in (None, n):
        return partial(subsample_limit, n)
    return None
