r"""What becomes of a loop: limits of the squared error, and the fate of accumulate-subsample.

With equal batches of n rows and a budget of k, the pool's variance obeys
Q_{t+1} = Q_t + [(1 + v2)/k - 1] Q_t / t + (1 + v2 M_t)/t + O(1/t^2), from the recursion in
`solver.subsample`. So the error is bounded iff k > 1 + v2: it grows like log t at
k = 1 + v2 and like t^((1 + v2)/k - 1) below. Derived here.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.errors import NoClosedForm
from modelcollapse.loop.fate import Fate

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


def error_limit(e: "Experiment") -> float:
    """Return the limit of the squared error.

    Raises
    ------
    NoClosedForm
        If the batch size varies, or the limit has no closed form.
    """
    from modelcollapse import solver

    if e.schedule.equal is None:
        raise NoClosedForm("a limit is known for constant batch sizes only")
    if e.schedule.kind == "subset":
        if subsample_power(e) >= 0:
            return np.inf
        raise NoClosedForm(
            "the limit of accumulate-subsample has no closed form: its recursion is exact at "
            "every t, and n times the error tends to pi^2/2 - 2 for large n"
        )
    return solver.limit(e.schedule, int(e.sizes[0]), e.model.curvature)


def subsample_power(e: "Experiment") -> float:
    """Return (1 + v2)/k - 1: the error is bounded iff it is below 0."""
    k = e.schedule.budget or int(e.sizes[0])
    power = (1 + e.model.curvature) / k - 1
    return 0.0 if abs(power) < 8 * np.finfo(float).eps else float(power)


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


def inflation_fate(e: "Experiment") -> Fate:
    """Return what becomes of n_1 times the squared error."""
    error, first = error_fate(e), int(e.sizes[0])
    text = f"n_1 = {first} times the squared error: {error.reason}"
    if error.verdict == "bounded":
        with suppress(NoClosedForm):  # it is bounded, and its limit may not be known
            text = f"tends to {first * error_limit(e):.6g}: {text}"
    rate = f"n_1 {error.rate}" if error.verdict == "diverges" else error.rate
    return Fate(error.verdict, rate, text)


def variance_fate(e: "Experiment") -> Fate:
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
    if e.schedule.rule == "replace" and e.schedule.equal is not None:
        text = "the mean is a martingale, and comes to rest only where V(m) = 0"
        return Fate("clumps", "", text)
    raise NoClosedForm("proved for replace with equal batches, and where V(m) is never near 0")
