r"""What no estimator can beat: the information that a generation has, in real rows.

The real rows are sufficient: given them, all that is sampled has a law without the truth (Fisher
and Neyman), so no estimate is better than one from the real rows seen so far (Rao and Blackwell). A
generation that sees only fresh rows r_t and s_t rows of the last model has less. For a normal mean
with known variance, and estimates that move with the data, J_1 = n_1 and
J_t = r_t + 1/(1/J_{t-1} + 1/s_t): Stam's inequality, 1/J(X + Z) >= 1/J(X) + 1/J(Z), adds the
sampler's noise, and independent rows add information. The weighted mean with the weight r_t/J_t of
the real rows reaches it. An estimate that does not move with the data can do better: a model that
publishes 1000 times its mean smuggles information past the noise.
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver.errors import squared_errors
from modelcollapse.solver.parts import checked
from modelcollapse.workflows import AnyWorkflow


def information(workflow: AnyWorkflow | Schedule, sizes: Any) -> Floats:
    r"""Return a bound of what any loop with these rows can know, in real rows, shape (T,).

    No translation-equivariant estimates of a normal mean, one in each generation, have a squared
    error below V over it. Where each training set is the last batch that is J_t; elsewhere all
    real rows so far.

    Parameters
    ----------
    workflow
        Any deterministic workflow; see `modelcollapse.workflows`.
    sizes
        The batch sizes n_1, ..., n_T; `Experiment.sizes`.

    Raises
    ------
    NoClosedForm
        If the workflow is random.
    """
    schedule = checked(workflow, sizes)
    if not (schedule.weighted or schedule.edits):
        raise NoClosedForm(f"{schedule!r} chooses rows by chance: no bound of its own is known")
    real, sampled = schedule.real.astype(float), schedule.sampled.astype(float)
    if schedule.edits or not (
        schedule.alone or schedule.rule == "fresh-data"
    ):  # whose rows may have weights
        return np.cumsum(real)
    found = np.empty(len(schedule))
    found[0] = real[0]
    for t in range(1, len(found)):
        # 1/(1/J + 1/s) in a form that takes s = 0.
        before = found[t - 1]
        found[t] = real[t] + before * sampled[t] / (before + sampled[t])
    return found


def price(workflow: AnyWorkflow | Schedule, sizes: Any) -> Floats:
    """Return what a workflow pays: `information` over its effective samples, at least 1, (T,).

    Of the plain mean, with curvature 0; the parameters are those of `information`.
    """
    schedule = checked(workflow, sizes)
    return np.asarray(information(schedule, sizes) * squared_errors(schedule, sizes))


def observer_errors(workflow: AnyWorkflow | Schedule, sizes: Any) -> Floats:
    r"""Return the squared error of who sees all sampled rows and no real one, over V, shape (T,).

    It is that of the best unbiased linear estimate from the batches 2, ..., t of a normal mean:
    1/n_1 + 1/I_t, :math:`I_t = \sum_{s=2}^t n_s W_{s-1,1}^2`, with the weight W of the real batch
    in the model that batch s was sampled from; infinite at t = 1.

    Parameters
    ----------
    workflow
        A deterministic workflow whose only real rows are those of batch 1.
    sizes
        The batch sizes n_1, ..., n_T.

    Raises
    ------
    NoClosedForm
        If the workflow is random, or brings fresh real rows.
    """
    schedule = checked(workflow, sizes)
    if not schedule.weighted or schedule.fresh:
        raise NoClosedForm(f"{schedule!r}: known where batches have weights, and only one is real")
    if schedule.pool:
        weights = schedule.sizes[0] / np.cumsum(schedule.sizes)[:-1]
    else:
        weights = np.array([schedule.weights(t)[0][0] for t in range(1, len(schedule))])
    known = np.concatenate([[0.0], np.cumsum(schedule.sizes[1:] * weights**2)])
    with np.errstate(divide="ignore"):
        return np.asarray(1 / schedule.sizes[0] + 1 / known)
