"""What becomes of a loop that fits a mean, in words: of its error, and of its variance."""

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.exponential.limits import error_limit, subsample_power
from modelcollapse.loop.fate import Fate

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


def fates(e: "Experiment") -> dict[str, Fate]:
    """Return what becomes of the squared error, of n_1 times it, and of V(m_t)."""
    return {
        "squared_error": error_fate(e),
        "inflation": _inflation(e),
        "variance": _variance(e),
    }


def error_fate(e: "Experiment") -> Fate:
    """Return what becomes of the squared error."""
    from modelcollapse import solver

    if e.schedule.kind != "subset":
        return solver.fate(e.schedule, e.sizes, e.model.curvature)
    if e.schedule.equal is None:
        return Fate("undetermined", "", "the theorem is for equal batches")
    power = subsample_power(e)
    if power < 0:
        return Fate("bounded", "", "more training rows than 1 + v2")
    if power == 0:
        return Fate("diverges", "log t", "exactly 1 + v2 training rows")
    return Fate("diverges", f"t^{power:.6g}", "fewer than 1 + v2 training rows")


def _inflation(e: "Experiment") -> Fate:
    """Return what becomes of n_1 times the squared error."""
    error, first = error_fate(e), int(e.sizes[0])
    text = f"n_1 = {first} times the squared error: {error.reason}"
    if error.verdict == "bounded":
        with suppress(NoClosedForm):  # it is bounded, and its limit may not be known
            text = f"tends to {first * error_limit(e):.6g}: {text}"
    rate = f"n_1 {error.rate}" if error.verdict == "diverges" else error.rate
    return Fate(error.verdict, rate, text)


def _variance(e: "Experiment") -> Fate:
    """Return what becomes of E V(m_t) = V(m_0) (1 + v2 squared error)."""
    v2, error = e.model.curvature, error_fate(e)
    if v2 == 0:
        return Fate("bounded", "", "V is linear in the mean: its expectation never changes")
    if v2 > 0:
        return Fate(error.verdict, error.rate, f"1 + v2 times the squared error: {error.reason}")
    from modelcollapse import solver

    if e.schedule.kind == "subset":
        if v2 == -1 and np.all(e.schedule.counts == 1):
            return Fate("clumps", "0 from generation 1", "a fit to one trial has no variance")
        return Fate("bounded", "", "between 0 and V(m_0), for v2 < 0")
    return solver.variance_fate(e.schedule, e.sizes, v2)


def typical_variance(e: "Experiment") -> Fate:
    """Return what becomes of V(m_t) in almost every run.

    Raises
    ------
    NoClosedForm
        If that is not proved.
    """
    if np.isinf(e.model.range).all():
        return Fate("bounded", "", "V(m) is bounded away from 0, whatever the mean")
    edited = e.schedule.edits is not None and e.schedule.workflow.steady
    if edited or (e.schedule.rule == "replace" and e.schedule.equal is not None):
        text = "the mean is a martingale, and comes to rest only where V(m) = 0"
        return Fate("clumps", "", text)
    raise NoClosedForm(
        "proved for replace and edits, alike for ever, and where V(m) is never near 0"
    )
