r"""How to split a number of training rows over generations that each train on a part of the pool.

Under accumulate-subsample generation t trains on k_t of N_t rows, and its mean lies beside the
pool's by a noise of the variance V (1/k_t - 1/N_t), to leading order in 1/k_t. It comes back as
the mean of the next batch, in whose pool it weighs n_{t+1}/N_{t+1}, and stays. So the error of
generation T is that of accumulate and

    sum_t a_t (1/k_t - 1/N_t),     a_T = 1,  a_t = (n_{t+1}/N_{t+1})^2,

and of all splits k_t in proportion to sqrt(a_t) is the best (Cauchy & Schwarz): 1/(t + 1) for equal
batches, and a whole share for the last. For the sum of all generations' errors a_t is
1 + (T - t)(n_{t+1}/N_{t+1})^2. Derived here.
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers, truth_value, whole
from modelcollapse._support.errors import invalid
from modelcollapse.loop.schedule import pools
from modelcollapse.solver.parts import checked_sizes

MOST_ROWS = 2**53  # counted exactly by floats


def best_budgets(total: int, sizes: Any, *, every: bool = False) -> Integers:
    """Return the training rows of each generation that are best for the last one, shape (T,).

    For ``AccumulateSubsample(budget=...)``, of a model whose rows have a bounded influence: exact
    for many rows, see the module. What would be more than the pool has goes to the others.

    Parameters
    ----------
    total
        The number of training rows of all generations together.
    sizes
        The batch sizes n_1, ..., n_T.
    every
        Whether all generations are to be used: then the sum of their errors is least.

    Raises
    ------
    InvalidInput
        If there are fewer rows than generations, or more than N_1 + ... + N_T.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> budget = mc.solver.best_budgets(600, [100] * 6)
    >>> print(budget)
    [100  86  64  51  43 256]
    >>> workflow = mc.AccumulateSubsample(budget.tolist())
    """
    n = checked_sizes(sizes)
    T, N = len(n), pools(n)
    budget = whole("total", total)
    if budget < T:
        raise invalid("total", total, f"each of the {T} generations needs a row")
    if budget > MOST_ROWS:
        raise invalid("total", total, f"more than {MOST_ROWS} rows are not counted: give fewer")
    if budget > N.sum():
        raise invalid("total", total, f"the pools have {N.sum():.12g} rows together")
    weights = np.ones(T)
    weights[:-1] = n[1:] / N[1:]
    if truth_value("every", every):
        weights[:-1] = np.sqrt(1 + np.arange(T - 1, 0, -1) * weights[:-1] ** 2)
    return _rounded(_filled(weights, N, float(budget)), N, budget)


def _filled(weights: Floats, most: Floats, total: float) -> Floats:
    """Return shares of the total in proportion to weights, none below 1 or above its most."""
    shares = np.zeros(len(weights))
    free = np.ones(len(weights), dtype=bool)
    while free.any():
        left = total - shares[~free].sum()
        shares[free] = weights[free] * (left / weights[free].sum())
        over, under = free & (shares > most), free & (shares < 1)
        # What one side takes from the others may bring them back: the larger side is settled first.
        excess, lack = (shares - most)[over].sum(), (1 - shares)[under].sum()
        settled = over if excess >= lack else under
        if not settled.any():
            break
        shares[settled] = most[settled] if excess >= lack else 1.0
        free &= ~settled
    return shares


def _rounded(shares: Floats, most: Floats, total: int) -> Integers:
    """Return whole numbers with the sum `total`, by the largest remainders."""
    whole_rows = np.clip(np.floor(shares), 1, most).astype(np.int64)
    while missing := total - int(whole_rows.sum()):
        room = whole_rows < most if missing > 0 else whole_rows > 1
        order = np.argsort(np.where(room, (whole_rows - shares) * np.sign(missing), np.inf))
        chosen = order[: min(abs(missing), int(room.sum()))]
        whole_rows[chosen] += int(np.sign(missing))
    return whole_rows
