r"""The law of many rows for any regular model: its excess loss, from the workflow alone.

Let the maximum-likelihood fit to n rows of the truth have, to leading order, a normal error of the
covariance I^-1/n, I the Fisher information, and let I, the bias and the remainder be as smooth near
the truth (the usual regularity; a loss that can be infinite is cut off). A generation is then, to
leading order, the same linear recursion in each of the k parameters as that of a normal mean, and
the excess log-loss is half of (theta_t - theta_0)' I (theta_t - theta_0):

    E excess_t = (k / 2 n_1) c_t,     c_t = n_1 E (m_t - m_0)^2 / V at curvature 0 (`inflation`).

and its law tends to that of c_t/(2 n_1) times a chi-square of k degrees of freedom, also where an
event of vanishing probability has an infinite loss, and with it the expectation (`excess_law`).

So what the first generation loses by estimation, times c_t, is what generation t loses: k need not
be known. What a model cannot express, or has not learned, is no estimation error and is not
multiplied; fits to real rows alone at two sizes tell them apart (`estimation_gap`).
"""

from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, number, positive, reals, whole
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver.errors import inflation
from modelcollapse.solver.parts import checked
from modelcollapse.workflows import AnyWorkflow

MOST_PARAMETERS = 2**53  # whose chi-square has a degree that is a float


def excess_loss(
    workflow: AnyWorkflow | Schedule,
    sizes: Any,
    *,
    first: float | None = None,
    parameters: int | None = None,
) -> Floats:
    """Return the expected excess log-loss of each generation of a regular model, shape (T,).

    To leading order in 1/n: what a generation's expected loss on new real rows exceeds that of the
    best parameters by, in nats per row (or in the unit of `first`).

    Parameters
    ----------
    workflow
        Any workflow that the solver knows.
    sizes
        The batch sizes n_1, ..., n_T; `Experiment.sizes`.
    first
        The excess of generation 1 that is due to estimation, such as `estimation_gap` finds.
    parameters
        In its place the number k of free parameters: then it is k/(2 n_1).

    Raises
    ------
    InvalidInput
        If not exactly one of the two is given.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.solver.excess_loss(mc.Replace(), [1000] * 3, parameters=20).round(4))
    [0.01 0.02 0.03]
    """
    if (first is None) == (parameters is None):
        raise invalid("first, parameters", (first, parameters), "give one of the two")
    schedule = checked(workflow, sizes)
    if parameters is not None:
        start = whole("parameters", parameters) / (2 * float(schedule.sizes[0]))
    else:
        start = positive("first", first)
    return np.asarray(start * inflation(schedule, schedule.sizes))


def excess_law(workflow: AnyWorkflow | Schedule, sizes: Any, parameters: int) -> list[Any]:
    """Return the law of each generation's excess log-loss of a regular model, for many rows.

    c_t/(2 n_1) times a chi-square of k degrees: how the losses of single loops scatter, and what
    they tend to in probability where the expected loss is infinite.

    Parameters
    ----------
    workflow, sizes
        As in `excess_loss`.
    parameters
        The number k of free parameters.

    Returns
    -------
    list of scipy.stats frozen distributions
        In nats per row: `cdf`, `ppf`, `mean`, `var`, ..., one for each generation.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.
    """
    from scipy.stats import gamma

    schedule, k = checked(workflow, sizes), whole("parameters", parameters)
    if k > MOST_PARAMETERS:
        raise invalid("parameters", parameters, f"give a whole number, at most {MOST_PARAMETERS}")
    scales = inflation(schedule, schedule.sizes) / float(schedule.sizes[0])
    return [gamma(k / 2, scale=float(scale)) for scale in scales]


class Gap(NamedTuple):
    """A loss at n rows, split: the part due to estimation, and what no number of rows removes."""

    estimation: float
    floor: float


def estimation_gap(losses: Any, rows: Any) -> Gap:
    """Split the loss of fits to real rows alone by their losses at two or more sizes.

    The line through (1/rows, loss), by least squares: estimation costs a multiple of 1/rows, and
    the floor, the entropy and what the model cannot express, nothing of it.

    Parameters
    ----------
    losses
        Mean losses on new real rows, at least two.
    rows
        How many rows each was fitted to; the first is the size that is asked about.

    Returns
    -------
    Gap
        The part due to estimation at the first size, and the floor.

    Raises
    ------
    InvalidInput
        If there are fewer than two sizes, or more rows have a larger loss.
    """
    values, counts = reals("losses", losses), reals("rows", rows)
    if values.ndim != 1 or values.shape != counts.shape or len(np.unique(counts)) < 2:
        remedy = "give two or more losses, and as many numbers of rows, not all the same"
        raise InvalidInput(f"losses, rows of shapes {values.shape}, {counts.shape}: {remedy}")
    for loss in values.tolist():
        number("losses", loss, remedy="give finite losses")
    for count in counts.tolist():
        number("rows", count, 1, remedy="give numbers of rows, at least 1")
    slope, floor = np.polyfit(1 / counts, values, 1)
    if slope <= 0:
        raise invalid(
            "losses",
            values.tolist(),
            "more rows do not lower the loss here: give the mean loss of more fits, or other sizes",
        )
    return Gap(float(slope / counts[0]), float(floor))
