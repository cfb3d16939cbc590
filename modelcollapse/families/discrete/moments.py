r"""Moments of fitted frequencies, exact up to the fourth order.

With a the truth's probabilities, f = a + x the fit and H = 1 - sum f_i^2, |x|^2 and H are sums over
pairs of draws from f, and their variances sums over how four draws are related (`kinship`):

Var |x|^2 = H_0^2 C + 2 P(13|24) tr S^2 + 4 P(1234) V,
Var H = H_0^2 C + 4 P(13|2|4) V + 2 P(13|24) H_0 (1 - H_0),

with C = Cov(c_12, c_34), S the covariance of one draw's indicators, V = sum a_i (a_i - sum a^2)^2.
No digits are subtracted, so that they are right also where a probability is as small as floats are.
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, whole
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.discrete import kinship
from modelcollapse.families.discrete.truth import truth_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelcollapse.loop.experiment import Experiment
    from modelcollapse.solver.subsample import Subset


def pooled(e: "Experiment") -> bool:
    """Return whether the pool is trained on, or a subset of it."""
    return e.schedule.pool or e.schedule.kind == "subset"


def squared_errors(e: "Experiment") -> Floats:
    """Return E |p_t - p_0|^2 over the variance of one observation, shape (generations,).

    Replace and the pooled workflows by their own recursions, any other deterministic workflow by
    the solver.

    Raises
    ------
    NoClosedForm
        If the workflow is random or does not say its weights.
    """
    if e.schedule.newest:
        with np.errstate(under="ignore"):
            return np.asarray(-np.expm1(np.cumsum(_log_kept(e.sizes.astype(np.float64)))))
    if pooled(e):
        return np.array([subset.error for subset in _subsets(e)])
    from modelcollapse import solver

    return np.asarray(solver.squared_errors(e.schedule, e.sizes, curvature=-1.0))


def _subsets(e: "Experiment") -> "Iterator[Subset]":
    """Return the training sets of a pooled loop: a fit's rows have V = 1 - R, what it fits."""
    from modelcollapse.solver.subsample import subsets

    return subsets(e.schedule.listed, e.schedule.counts.tolist(), lambda subset: subset.fitted())


def _log_kept(n: Floats) -> Floats:
    """Return log(1 - 1/n), -inf for a batch of one row."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(-1 / n))


def variances(e: "Experiment") -> tuple[Floats, Floats]:
    """Return the variances over replicates of heterozygosity and squared error, each (T,)."""
    truth = truth_of(e)
    first, spread, squares = truth.heterozygosity, truth.spread, truth.squared_covariance
    names = ("cross", "pairs", "single", "four")
    found = np.array([[getattr(kin, name) for name in names] for kin in kinship.fits(e)]).T
    cross, pairs, single, four = found
    with np.errstate(under="ignore", over="ignore"):
        differ = first**2 * cross + 4 * single * spread + 2 * pairs * first * truth.concentration
        error = cross + 2 * pairs * squares + 4 * four * (spread / first / first)
    return differ, error


def heterozygosity(e: "Experiment") -> Floats:
    """Return E(1 - sum p_i^2) = H_0 (1 - squared error), accurate where it is nearly zero."""
    first = truth_of(e).heterozygosity
    if e.schedule.newest:
        with np.errstate(under="ignore"):
            return np.asarray(first * np.exp(np.cumsum(_log_kept(e.sizes.astype(np.float64)))))
    if pooled(e):
        return np.array([first * subset.fitted() for subset in _subsets(e)])
    from modelcollapse import solver

    return first * solver.variances(e.schedule, e.sizes, curvature=-1.0)


def all_different(experiment: "Experiment", draws: int) -> Floats:
    r"""Return the expected chance that so many draws from a fit are all different.

    E D! e_D(p_t), e_D the elementary symmetric function of order D: two draws' is the
    heterozygosity.

    Parameters
    ----------
    experiment
        A loop of a `Discrete`.
    draws
        D, at least 1.

    Returns
    -------
    Floats
        Shape (generations,).

    Raises
    ------
    NoClosedForm
        If the workflow remembers more than one pool of rows, or has fresh real ones; or if fits
        are smoothed.
    """
    from math import factorial

    from modelcollapse.solver.determinants import log_determinants, symmetric

    order = whole("draws", draws)
    if experiment.model.smoothing > 0:
        raise NoClosedForm("all_different is not known of smoothed fits: simulate it")
    p = truth_of(experiment).probabilities
    logs = log_determinants(experiment.schedule, order) if experiment.schedule.known else None
    if logs is None:
        raise NoClosedForm(
            "all_different is known for replace, accumulate, accumulate-subsample and edits, and "
            "where each training set is the last one, scaled, and the new batch: simulate it"
        )
    first = float(symmetric(p)[order - 1]) * factorial(order) if order <= len(p) else 0.0
    with np.errstate(under="ignore"):
        return first * np.exp(logs)
