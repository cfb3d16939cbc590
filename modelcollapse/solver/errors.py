"""Squared errors and variances of any deterministic workflow, by the shortest exact route."""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.loop.schedule import MOST_DENSE, Schedule
from modelcollapse.solver.chains import Second, chain, solve_chain, solve_kept
from modelcollapse.solver.dense import dense_errors
from modelcollapse.solver.edits import solve_edits
from modelcollapse.solver.parts import checked, checked_curvature
from modelcollapse.solver.scan import grown
from modelcollapse.solver.slots import solve_slots
from modelcollapse.solver.subsample import subsample_errors, subsample_variances
from modelcollapse.solver.window import window_errors
from modelcollapse.workflows import AnyWorkflow


def _structured(schedule: Schedule, v2: float) -> Second | None:
    """Return both moments in O(T), if there is a way."""
    if schedule.kind == "subset":
        sizes, counts = schedule.listed, schedule.counts.tolist()
        errors, kept = subsample_errors(sizes, counts, v2), subsample_variances(sizes, counts, v2)
        return Second(grown(np.array(errors)), grown(np.array(kept)))
    if schedule.edits is not None:
        return solve_edits(schedule.edits, v2)
    if schedule.rule == "keep-real":
        return solve_kept(schedule.workflow.share, schedule.sizes, v2)
    linear = chain(schedule)
    return None if linear is None else solve_chain(linear, v2)


def squared_errors(workflow: AnyWorkflow | Schedule, sizes: Any, curvature: float = 0.0) -> Floats:
    r"""Return :math:`E (m_t - m_0)^2 / V(m_0)`, shape (T,).

    In O(T) for replace, accumulate, subsamples, keep-real, fresh data, web and edits, in O(T k)
    for a window of k batches, to about 1e-14 relative (window: k 1e-15); otherwise in O(T^3).

    Parameters
    ----------
    workflow
        Any deterministic or built-in workflow; see `modelcollapse.workflows`.
    sizes
        The batch sizes n_1, ..., n_T; `Experiment.sizes`.
    curvature
        v2 = V''/2, at least -1.

    Returns
    -------
    Floats
        inf from where a value leaves the range of floats.

    Raises
    ------
    NoClosedForm
        If it is a random one of one's own, or remembers all batches and T is above 5,000.
    """
    v2 = checked_curvature(curvature)
    schedule = checked(workflow, sizes)
    second = _structured(schedule, v2)
    if second is not None:
        return second.errors
    if schedule.rule == "sliding-window":
        return window_errors(schedule.sizes, schedule.workflow.k, v2)
    if schedule.kind == "memory" and len(schedule) > MOST_DENSE:
        return solve_slots(schedule, v2).errors
    return dense_errors(schedule, v2)


def variances(workflow: AnyWorkflow | Schedule, sizes: Any, curvature: float = 0.0) -> Floats:
    r"""Return :math:`E V(m_t) / V(m_0) = 1 + v_2 E x_t^2`, shape (T,), also where it vanishes.

    For v2 < 0 the difference from 1 would lose what is left of a collapsing variance; here no
    digit is lost, except under a window over more than 5,000 generations (1e-15 absolute).
    Parameters and errors as for `squared_errors`.
    """
    v2 = checked_curvature(curvature)
    schedule = checked(workflow, sizes)
    second = _structured(schedule, v2)
    if second is not None:
        return second.variances
    far = len(schedule) > MOST_DENSE
    if v2 >= 0 or (far and schedule.rule == "sliding-window"):
        with np.errstate(over="ignore"):
            return np.maximum(1 + v2 * squared_errors(schedule, sizes, v2), 0.0)
    if far and schedule.kind == "weights":
        raise NoClosedForm(
            f"{schedule!r} remembers all {len(schedule)} batches, more than {MOST_DENSE}; "
            "add memory(sizes) (see workflows.Remembering), or ask for fewer generations"
        )
    return solve_slots(schedule, v2).variances


def effective_samples(
    workflow: AnyWorkflow | Schedule, sizes: Any, curvature: float = 0.0
) -> Floats:
    """Return 1 / `squared_errors`: the number of real rows whose mean would be as good.

    Shape (T,). Parameters and errors as for `squared_errors`.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.solver.effective_samples(mc.Accumulate(), [100] * 4).round(2))
    [100.    80.    73.47  70.24]
    """
    return np.asarray(1 / squared_errors(workflow, sizes, curvature))


def inflation(workflow: AnyWorkflow | Schedule, sizes: Any, curvature: float = 0.0) -> Floats:
    """Return n_1 times `squared_errors`: the risk over that of the first fit.

    Shape (T,). Parameters and errors as for `squared_errors`.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.solver.inflation(mc.Accumulate(), [100] * 5).round(4))
    [1.     1.25   1.3611 1.4236 1.4636]
    """
    errors = squared_errors(workflow, sizes, curvature)
    with np.errstate(over="ignore"):
        return np.asarray(np.asarray(sizes)[0] * errors)
