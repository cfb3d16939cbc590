r"""Expected variance and squared error of moment-matched loops, exactly, for every workflow.

All results are in units of tr S_0, and hold for any truth with finite variance and any d: only
first and second moments enter. Notation as in `modelcollapse.workflows`; lambda is the
temperature, c the divisor's ddof, V_t = E tr S_t / tr S_0, R_t = E|m_t - mu_0|^2 / tr S_0.
Sources: arXiv 2410.16713 (accumulate, replace); the others are derived in ``theory/``.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse import solver
from modelcollapse._support.checks import Floats
from modelcollapse.families.gaussian.joint_moments import fit_moments
from modelcollapse.solver.edits import fitted_variances
from modelcollapse.solver.scan import grown, product
from modelcollapse.solver.subsample import subsets

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


class FitMoments(NamedTuple):
    """V_t and R_t, each of shape (generations,)."""

    variance: Floats
    squared_error: Floats


def temperatures(e: "Experiment") -> Floats:
    """Return the factor on the covariance behind each batch: 1 for the real one."""
    factors = np.full(e.generations, e.temperature)
    factors[0] = 1.0
    return factors


def replace(e: "Experiment") -> FitMoments:
    r"""V_t = prod_s lambda_s (n_s - 1)/(n_s - c); R_t = sum_s lambda_s V_{s-1} / n_s."""
    n, heat = e.sizes.astype(float), temperatures(e)
    with np.errstate(over="ignore", under="ignore"):
        variance = product(heat * (n - 1) / (n - e.model.ddof))
        before = np.concatenate([[1.0], variance[:-1]])
        return FitMoments(variance, np.cumsum(heat * before / n))


def accumulate(e: "Experiment") -> FitMoments:
    r"""Pool of N rows gains n: the pool's variance is multiplied by
    N/N' + lambda N/(N - c) [(n - 1)/N' + N/N'^2], N' = N + n, and R grows by lambda V n / N'^2.
    """
    n = e.sizes.astype(float)
    after = np.cumsum(n)
    pool = after[:-1]
    drawn = e.temperature * pool / (pool - e.model.ddof)
    factors = pool / after[1:] + drawn * ((n[1:] - 1) / after[1:] + pool / after[1:] ** 2)
    with np.errstate(over="ignore", under="ignore"):
        spread = product(np.concatenate([[1 - 1 / n[0]], factors]))
        steps = drawn * spread[:-1] * n[1:] / after[1:] ** 2
        risk = np.cumsum(np.concatenate([[1 / n[0]], steps]))
        return FitMoments(spread * after / (after - e.model.ddof), risk)


@np.errstate(over="ignore", invalid="ignore")  # hot loops may explode
def accumulate_subsample(e: "Experiment") -> FitMoments:
    """V = Q N/(N-1) (k-1)/(k-c) is the fitted variance of k of N rows; rows drawn have lambda V.

    A floor is part of V. So it is of any pool, be it the newest batch, and its subsets.
    """
    sizes, counts, c = e.schedule.listed, e.schedule.counts.tolist(), e.model.ddof
    heat, floor = e.temperature, floor_share(e)
    kept = subsets(sizes, counts, lambda s: heat * (s.fitted(c) + floor), newest=e.schedule.newest)
    found = list(kept)
    variance = [subset.fitted(c) + floor for subset in found]
    error = [subset.error for subset in found]
    return FitMoments(grown(np.array(variance)), grown(np.array(error)))


def floor_share(e: "Experiment") -> float:
    """Return the trace of floor * I in units of tr S_0."""
    return float(e.model.floor * e.model.dim / e.truth.spectrum.sum())


def second_order(e: "Experiment") -> FitMoments:
    """Return V_t and R_t of an experiment, by the shortest exact route of its workflow."""
    floor = floor_share(e)
    if e.schedule.newest and not floor:
        return replace(e)
    if e.schedule.pool and not floor:
        return accumulate(e)
    if e.schedule.one_pool:
        return accumulate_subsample(e)
    if e.schedule.edits is not None:
        how = e.temperature, e.model.ddof, floor
        return FitMoments(*fitted_variances(e.schedule.edits, *how))
    if e.model.ddof == 0 and e.temperature == 1 and not floor:
        # What the mean gains the variance loses: V(m) bends by -1.
        return FitMoments(
            solver.variances(e.schedule, e.sizes, -1.0),
            solver.squared_errors(e.schedule, e.sizes, -1.0),
        )
    return FitMoments(*map(grown, fit_moments(e, fourth=False)))
