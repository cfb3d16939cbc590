r"""Expected squared errors of accumulate-subsample, for any budget and any batch sizes.

In units of the truth: M is the expected squared error of the mean of the pool of N rows, Q the
expected variance of its rows (ddof 0). Training on k of the N rows, drawn without replacement,
adds g = Q (N - k) / (k (N - 1)), so that R = M + g and E V(m_t)/V(m_0) = 1 + v2 R. A batch of n
rows comes to lie at the squared distance d = g + (1 + v2 R)/n from the pool's mean:

    N' = N + n,  M' = M + (n/N')^2 d,  Q' = (N Q + (n - 1)(1 + v2 R)) / N' + N n d / N'^2,

because the new mean is, given the pool, centred at the pool's. Start: M = 1/n, Q = 1 - 1/n.
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.solver.scan import grown
from modelcollapse.workflows import AccumulateSubsample


def subsample_counts(workflow: AccumulateSubsample, sizes: list[int]) -> list[int]:
    """Return k_t, the training rows of each generation."""
    pool = np.cumsum(sizes).tolist()
    wanted = sizes if workflow.budget is None else [workflow.budget] * len(sizes)
    return [min(k, N) for k, N in zip(wanted, pool, strict=True)]


def subsample_steps(sizes: list[int], counts: list[int], curvature: Any, one: Any = 1) -> list[Any]:
    """Return R_t as a list; exact where `curvature` and `one` are rationals."""
    N = sizes[0]
    M, Q = one / N, one - one / N
    found = []
    for t, k in enumerate(counts):
        gap = Q * (N - k) / (k * (N - 1)) if k < N else 0 * one
        risk = M + gap
        found.append(risk)
        if t + 1 < len(sizes):
            n, noise = sizes[t + 1], 1 + curvature * risk
            distance = gap + noise / n
            Q = (N * Q + noise * (n - 1)) / (N + n) + N * n * distance / (N + n) ** 2
            M += n * n * distance / (N + n) ** 2
            N += n
    return found


def subsample_errors(workflow: AccumulateSubsample, sizes: Any, curvature: float) -> Floats:
    """Return E (m_t - m_0)^2 / V(m_0), shape (generations,); infinite once beyond floats."""
    batches = [int(n) for n in sizes]
    found = subsample_steps(batches, subsample_counts(workflow, batches), curvature, 1.0)
    return grown(np.array(found))
