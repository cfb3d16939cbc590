r"""Any deterministic workflow through its weights: one triangular solve, O(T^3).

With R and S the (T, T) weights of the real and the sampled parts,
x_t = sum_s R[t, s] e_s + S[t, s] (x_{s-1} + eps_s), so that the noises reach the fits through
A_real = (I - S P)^{-1} R and A_sampled = (I - S P)^{-1} S, P the shift by one generation. The
noises are uncorrelated, and

    E x_t^2 = sum_s A_real[t, s]^2 / r_s + A_sampled[t, s]^2 (1 + v2 E x_{s-1}^2) / s_s.
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver.parts import checked, shared, weight_matrices
from modelcollapse.solver.scan import grown
from modelcollapse.workflows import AnyWorkflow


def influence(workflow: AnyWorkflow | Schedule, sizes: Any) -> tuple[Floats, Floats]:
    r"""Return how much of each part's noise is in each fit.

    ``m_t - m_0 = sum_s A_real[t, s] e_s + A_sampled[t, s] eps_s``, where e_s and eps_s are the
    deviations of the means of batch s's real and sampled rows from m_0 and from m_{s-1}.

    Parameters
    ----------
    workflow
        Any deterministic workflow.
    sizes
        The batch sizes n_1, ..., n_T.

    Returns
    -------
    A_real, A_sampled
        Lower-triangular arrays of shape (T, T); ``A_real.sum(axis=1)`` is 1.

    Raises
    ------
    NoClosedForm
        If the workflow is random, or T is above 5,000.
    """
    return solved(checked(workflow, sizes))


def solved(schedule: Schedule) -> tuple[Floats, Floats]:
    """Return the influences: forward substitution, in which all terms are positive."""
    real, sampled = weight_matrices(schedule)
    A_real, A_sampled = real.copy(), sampled.copy()
    for t in range(1, len(schedule)):
        parents = sampled[t, 1 : t + 1]
        A_real[t, :t] += parents @ A_real[:t, :t]
        A_sampled[t, :t] += parents @ A_sampled[:t, :t]
    return A_real, A_sampled


def dense_errors(schedule: Schedule, v2: float) -> Floats:
    """Return E x_t^2 of any deterministic workflow, shape (T,)."""
    A_real, A_sampled = solved(schedule)
    with np.errstate(over="ignore", invalid="ignore"):
        errors = (shared(A_real**2, schedule.real[None])).sum(axis=1)
        if v2 == 0:
            return np.asarray(errors + shared(A_sampled**2, schedule.sampled[None]).sum(axis=1))
        spread = shared(A_sampled**2, schedule.sampled[None])
        for t in range(1, len(schedule)):
            errors[t] += spread[t, 1 : t + 1] @ (1 + v2 * errors[:t])
    return grown(errors)
