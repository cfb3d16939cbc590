r"""Models that train on each other's rows, in parallel loops.

Model i's set has n_i rows, n_ij of them drawn by the last model j for it alone; in generation 1
each has n_i real rows of its own. With d_i the error of its mean in units of sqrt(V(m_0)),
P_ij = n_ij / n_i, and C = E d d' over the models,

    C' = P C P' + diag_i sum_j n_ij (1 + v2 C_jj) / n_i^2,

as a row of model j has the mean m_j and the variance V(m_j). For K models alike, which give each
other the share mu, v2 = 0 and mu > 0, all entries grow by 1/(K n) in the end, K times more slowly
than alone, and a model's own error stays (1/n) / (1 - (a - b)^2) above what it has in common with
another, a = 1 - mu, b = mu/(K - 1): they become copies of each other.
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, horizon, labelled
from modelcollapse._support.errors import invalid
from modelcollapse.solver.parts import checked_curvature

MOST = 100  # models


def exchange_errors(rows: Any, generations: int, *, curvature: float = 0.0) -> Floats:
    """Return E d_i d_j of models that train on each other's rows, shape (generations, K, K).

    In units of V(m_0). On the diagonal are their squared errors, beside it what they have in
    common; a model alone is replace.

    Parameters
    ----------
    rows
        How many rows each model, a line, gets of each, a column: whole numbers, shape (K, K).
        What is drawn for one model no other gets.
    generations
        The number T of generations; in the first each model has as many real rows of its own.
    curvature
        v2 = V''/2 of the family's variance function, at least -1.

    Raises
    ------
    InvalidInput
        If `rows` is not square, of more than 100 models, has a negative number, or a model gets no
        row; or if another argument is out of its range.
    """
    counts = _checked(rows)
    last, v2 = horizon(generations), checked_curvature(curvature)
    sizes = counts.sum(axis=1)
    shares = counts / sizes[:, None]
    found = np.empty((last, *counts.shape))
    common = np.diag(1 / sizes)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(last):
            if t:
                drawn = counts @ (1 + v2 * np.diag(common)) / sizes**2
                common = shares @ common @ shares.T + np.diag(drawn)
            found[t] = common
    return found


def _checked(rows: Any) -> Floats:
    remedy = "give a table of whole numbers, a line and a column for each model"
    counts, _ = labelled("rows", rows, remedy)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1]
    if not square or counts.size == 0 or not np.issubdtype(counts.dtype, np.integer):
        raise invalid("rows", rows, remedy)
    if len(counts) > MOST:
        raise invalid("rows", f"a table of {len(counts)} models", f"give at most {MOST}")
    if counts.min() < 0:
        raise invalid("rows", rows, "numbers of rows are not negative")
    if (empty := np.flatnonzero(counts.sum(axis=1) == 0)).size:
        raise invalid(f"rows[{empty[0]}]", counts[empty[0]].tolist(), "a model needs a row")
    return counts.astype(np.float64)
