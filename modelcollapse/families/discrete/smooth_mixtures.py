r"""Moments of smoothed fits where batches weigh unevenly: how their frequencies differ, in pairs.

A fit is q = c sum_p w_p g_p + u b, with g_p the frequencies of each part (the real or the sampled
rows of a batch) and w_p its weight. With D_pr the expected chance that draws from g_p and g_r
differ, and S_pr = E(g_p - E g_p)'(g_r - E g_r),

H = h u (2 - u) + c^2 w'D w,    D_new,p = u h + c (D w)_p,    D_new,new = (1 - 1/n) H,
E|q - E q|^2 = c^2 w'S w,       S_new,p = c (S w)_p,          S_new,new = H/n + E|q - E q|^2.

Only parts that a later fit needs are held. No term is negative.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse._support.words import many
from modelcollapse.families.discrete.mixtures import MixtureStep, plan
from modelcollapse.families.discrete.smoothing import Fit, distance
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.loop.schedule import MOST_DENSE

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

MOST_WORK = 4e9  # numbers of all D and S


def reason(e: "Experiment") -> str | None:
    """Return why the moments are not computed, or None."""
    try:
        e.schedule.weights(1)
    except NoClosedForm as error:
        return str(error)
    T = e.generations
    if T > MOST_DENSE or sum(len(step.weights) ** 2 for step in plan(e) or ()) > MOST_WORK:
        return f"{many(T, 'generation')} remember too many batches: ask for fewer, or simulate it"
    return None


def fits(e: "Experiment") -> Iterator[Fit]:
    """Yield the state of each fit, t = 1..T."""
    h, added = 1 - 1 / e.model.outcomes, e.model.outcomes * e.model.smoothing
    fit = Fit(0.0, truth_of(e).heterozygosity, 0.0, 0.0, 0.0)
    differ, spread, even = np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0)
    apart, near = np.zeros(0), np.zeros(0)  # how each part differs and varies with the new rows
    for step in plan(e) or ():
        held = np.ix_(step.kept, step.kept)
        even = even[step.kept]
        differ = _joined(differ[held], *_differing(e, step, fit, even, apart[step.kept]))
        spread = _joined(spread[held], *_varying(e, step, fit, near[step.kept]))
        even = np.append(even, [0.0, fit.even])
        w, u = step.weights, added / (step.trained + added)
        c = step.trained / (step.trained + added)
        apart, near = u * h + c * (differ @ w), c * (spread @ w)
        varied = float(c * (near @ w))
        same = float(c * c * (w @ differ @ w))
        fit = Fit(u, h * u * (2 - u) + same, 0.0, varied, float(u + c * (even @ w)))
        yield fit


def _differing(
    e: "Experiment", step: MixtureStep, fit: Fit, even: Floats, apart: Floats
) -> tuple[Floats, Floats]:
    """Return D of the new real and sampled part with all held ones, and with each other."""
    first, away = truth_of(e).heterozygosity, distance(e)
    real, sampled = max(step.real, 1), max(step.synthetic, 1)
    across = first + fit.even * away
    own = [[(real - 1) / real * first, across], [across, (sampled - 1) / sampled * fit.differ]]
    return np.stack([first + even * away, apart], axis=1), np.array(own)


def _varying(e: "Experiment", step: MixtureStep, fit: Fit, near: Floats) -> tuple[Floats, Floats]:
    """Return the same of S."""
    first = truth_of(e).heterozygosity
    real, sampled = max(step.real, 1), max(step.synthetic, 1)
    own = np.diag([first / real, fit.differ / sampled + fit.spread])
    return np.stack([np.zeros_like(near), near], axis=1), own


def _joined(old: Floats, with_old: Floats, own: Floats) -> Floats:
    """Return a symmetric matrix with two more rows and columns."""
    return np.block([[old, with_old], [with_old.T, own]])
