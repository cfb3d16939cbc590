r"""Bandwidths that minimise the exact integrated squared error over a whole loop.

A bandwidth acts twice: the fit is scored with it, and the next rows are drawn with it. So the
best schedule is that of a control problem, and minimising each generation's error in turn (the
greedy schedule) is not optimal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from modelcollapse._support.checks import Floats, Samples, listener, named, whole
from modelcollapse._support.errors import InvalidInput, NoClosedForm
from modelcollapse.families.kde.control import fineness, path_of, rule_of_thumb, scheduled_error
from modelcollapse.families.kde.estimator import KDE
from modelcollapse.families.kde.frequencies import spectrum_of
from modelcollapse.families.kde.search import least_last, least_maximum, least_sum
from modelcollapse.loop.experiment import Experiment
from modelcollapse.loop.truth import as_truth
from modelcollapse.workflows import Workflow

Objective = Literal["sum", "max", "final"]
Progress = Callable[[int], None]
REFINEMENTS = 5
RESOLVED = 1e-7  # relative error of the frequencies used, or they are refined


@dataclass(frozen=True, eq=False)
class OptimalBandwidths:
    """The result of `optimal_bandwidths`.

    Attributes
    ----------
    bandwidths
        h_t, shape (generations,).
    mise
        The exact mean integrated squared error of each generation, shape (generations,);
        infinite where the bandwidth is 0.
    objective
        "sum", "max" or "final".
    value
        What was minimised: the sum, the largest or the last entry of `mise`.
    """

    bandwidths: Floats
    mise: Floats
    objective: Objective
    value: float


def optimal_bandwidths(
    truth: Any,
    workflow: Workflow,
    samples: Samples,
    generations: int,
    objective: Objective = "sum",
    *,
    progress: Callable[[int], None] | None = None,
) -> OptimalBandwidths:
    """Return the schedule of bandwidths with the least exact error over the horizon.

    Each generation is scored, and the next rows are drawn, with its h_t; Gaussian kernel.

    Parameters
    ----------
    truth
        None (the standard normal), a `Normal` or a `NormalMixture` in one dimension; beyond,
        one with a single mean and covariances s^2 I.
    workflow
        `Replace`, `Accumulate` or `AccumulateSubsample`.
    samples
        Rows per batch, as for `Experiment`.
    generations
        The horizon T.
    objective
        "sum" (or the mean) of the errors of all generations, the "max" over them, or the
        "final" one. The last is degenerate: for a normal truth (and for any under replace) its
        infimum draws every batch with bandwidth 0, that is, resamples rows, and smooths only the
        last fit, so that no generation before it has a density at all; for other truths some
        bandwidths may be above 0. A practitioner wants "sum" or "max".
    progress
        Called with the number of evaluations of the loop since the last call; their total is
        not known beforehand. A thousand generations take seconds.

    Returns
    -------
    OptimalBandwidths
        `.bandwidths`, in the data's unit, and `.mise`, the exact integrated squared error of each
        density, shape (generations,); `.objective`; and `.value`, the sum, the largest or the last
        entry of `.mise`.

    Raises
    ------
    InvalidInput
        If the truth has no density or is not isotropic, or the workflow is another one.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> best = mc.optimal_bandwidths(None, mc.Replace(), samples=50, generations=2)
    >>> print(best.bandwidths.round(3), best.mise.round(4))
    [0.433 0.536] [0.0094 0.0165]
    """
    named("objective", objective, get_args(Objective))
    told = listener(progress, "evaluations")
    whole("generations", generations)
    known = truth if truth is None else as_truth(truth, getattr(truth, "dim", None) or _dim(truth))
    dim = 1 if known is None else known.dim
    e = Experiment(KDE(1.0, dim=dim), workflow, samples, generations, known)
    if not e.schedule.one_pool:
        raise InvalidInput(
            f"workflow = {workflow!r}: give Replace(), Accumulate() or AccumulateSubsample()"
        )
    try:
        spectrum_of(e.truth)
    except NoClosedForm as error:
        raise InvalidInput(f"truth: {error}") from error
    return _optimise(e, objective, told)


def _dim(truth: Any) -> int:
    shape = np.shape(truth)
    return shape[1] if len(shape) == 2 else 1


def _optimise(e: Experiment, objective: Objective, progress: Progress) -> OptimalBandwidths:
    from threadpoolctl import threadpool_limits

    # L-BFGS-B's vectors are short: more threads than one only wait for each other.
    with threadpool_limits(1, "blas"):
        return _optimised(e, objective, progress)


def _optimised(e: Experiment, objective: Objective, progress: Progress) -> OptimalBandwidths:
    thumb = rule_of_thumb(e)
    search = {"sum": least_sum, "max": least_maximum, "final": least_last}[objective]
    fine = thumb * fineness(e)
    h = fine
    for attempt in range(REFINEMENTS):
        path = path_of(e, h, progress)
        h = search(path, h if h.all() else fine, thumb, again=attempt > 0)
        mise = scheduled_error(e, h)
        known = np.isfinite(mise)
        if np.allclose(path.errors(h)[0][known], mise[known], rtol=RESOLVED, atol=0):
            break
    value = {"sum": mise.sum(), "max": mise.max(), "final": mise[-1]}[objective]
    return OptimalBandwidths(h, mise, objective, float(value))
