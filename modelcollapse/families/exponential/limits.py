r"""What becomes of a loop: limits of the squared error, and the fate of accumulate-subsample.

With equal batches of n rows and a budget of k, the pool's variance obeys
Q_{t+1} = Q_t + [(1 + v2)/k - 1] Q_t / t + (1 + v2 M_t)/t + O(1/t^2), from the recursion in
`solver.subsample`. So the error is bounded iff k > 1 + v2: it grows like log t at
k = 1 + v2 and like t^((1 + v2)/k - 1) below. Derived here.
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.errors import NoClosedForm

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
