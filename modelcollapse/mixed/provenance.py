r"""Unlabelled provenance: batch i holds a share alpha_i of real rows, nobody knows which.

The minimax squared error of discrete laws is 1/sum n_i alpha_i^2 up to constants (arXiv
2501.19273). For the mean with a known variance that is exact: from each batch mean take out what
the last model contributed, (x_i - (1 - alpha_i) m_{i-1})/alpha_i, and average with the weights
n_i alpha_i^2 (derived here).
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, broadcast
from modelcollapse._support.errors import InvalidInput
from modelcollapse.mixed.arguments import per_row, row_counts, weights


@broadcast
def minimax_effective_samples(sizes: Any, real_shares: Any) -> Floats:
    r"""Return sum_{i <= t} n_i alpha_i^2 for t = 1, ..., T, shape (T,).

    Up to constants the sample size that decides the minimax risk of discrete laws (arXiv
    2501.19273). For a mean whose variance is known, 1 over it is the error of the debiased
    estimator exactly, when the shares and the published models are known.

    Parameters
    ----------
    sizes, real_shares
        n_i above 0 and alpha_i in [0, 1], both of shape (T,) (or one number for all).
    """
    n, alpha = _arguments(sizes, real_shares)
    return np.asarray(np.cumsum(n * alpha**2))


@broadcast
def pooled_effective_samples(sizes: Any, real_shares: Any, curvature: Any = 0.0) -> Floats:
    r"""Return V / E(m_t - m_0)^2 for the mean m_t of all rows so far, shape (T,).

    The synthetic rows of batch t come from model t - 1; N_t = n_1 + ... + n_t, alpha_1 = 1:
    R_t = (1 - alpha_t n_t/N_t)^2 R_{t-1} + n_t [1 + (1 - alpha_t) v2 R_{t-1}] / N_t^2. With one
    share alpha below 1/2 it grows like t^(2 alpha) only, and the minimax one like t.

    Raises
    ------
    InvalidInput
        If the first share is not 1: there is no model before the first batch.
    """
    n, alpha = _arguments(sizes, real_shares)
    if alpha[0] != 1:
        raise InvalidInput(f"real_shares[0] = {alpha[0]:.6g} is not valid: batch 1 is real, give 1")
    v2 = per_row(curvature, np.ones(()))
    total, errors = np.cumsum(n), np.empty(len(n))
    errors[0] = 1 / n[0]
    for t in range(1, len(n)):
        share, before = n[t] / total[t], errors[t - 1]
        noise = share / total[t] * (1 + (1 - alpha[t]) * v2 * before)
        errors[t] = (1 - alpha[t] * share) ** 2 * before + noise
    return 1 / errors


def _arguments(sizes: Any, real_shares: Any) -> tuple[Floats, Floats]:
    n, alpha = row_counts("sizes", sizes), weights("real_shares", real_shares)
    try:
        n, alpha = np.broadcast_arrays(np.atleast_1d(n), np.atleast_1d(alpha))
    except ValueError as error:
        raise InvalidInput(
            f"sizes of shape {n.shape} and real_shares of shape {alpha.shape} do not fit "
            "together: give one share per batch"
        ) from error
    if n.ndim != 1 or n.size == 0:
        raise InvalidInput(f"sizes of shape {n.shape}: give one size per batch, at least one")
    return n, alpha
