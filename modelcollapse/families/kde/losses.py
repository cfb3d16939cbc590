r"""Proved bounds on the expected test log-loss, E[-log fitted density at a fresh real row].

With the Gaussian kernel at the scored bandwidth h, b = (d/2) log(2 pi h^2), in nats:

- Jensen over the loop: at least -E log E p_t(x), the cross-entropy of the expected density.
- Distance: log p_t(x) <= -b - min_i |x - x_i|^2 / (2 h^2), and min_i |x - x_i| is at least
  |x - m| - max_i |x_i - m|, whose root mean squares are sqrt(tr S_0 + E|m - mu_0|^2) and at most
  sqrt(V (1 - w) / w), with V the rows' central variance, w their smallest weight (Minkowski).
- Covering: N balls of radius r hold a fresh row with probability at most A r^d, A = N c_d p_max:
  E min_i |x - x_i|^2 >= int 2 r (1 - A r^d)_+ dr = d/(d+2) A^(-2/d), over 2 h^2.
- Jensen over the rows: at most b + E mean|x - x_i|^2 / (2 h^2) = b + tr S_0 (1 + Q_t) / (2 h^2).

A compact kernel has an infinite loss wherever the truth is unbounded. Derived in ``theory/``.
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.density import on_line, radial
from modelcollapse.families.kde.frame import Frame
from modelcollapse.families.kde.frequencies import DEVIATIONS
from modelcollapse.families.kde.moments import (
    scoring_bandwidths,
    scoring_rule,
    second_order,
    total_variance,
)
from modelcollapse.families.kde.training import trainings
from modelcollapse.loop.truth import Rows

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

NODES, PANELS = 16, 64  # of the integral over the truth


def require_numbers(e: "Experiment") -> None:
    """Raise NoClosedForm if the scored bandwidth depends on the data."""
    if bandwidths.is_scaled(scoring_rule(e)):
        raise NoClosedForm(
            f"the bandwidth {scoring_rule(e)!r} depends on the data; known for bandwidths from "
            "sizes"
        )


def upper(e: "Experiment") -> Floats:
    """Return the upper bound, (generations,); infinite where the scored bandwidth is 0."""
    require_numbers(e)
    h = scoring_bandwidths(e, trainings(e))
    spread = total_variance(e) * (1 + second_order(e).second_moment)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        bound = _peak(h, e.model.dim) + (np.sqrt(spread) / h) ** 2 / 2
    return np.where(h > 0, bound, np.inf)


def lower(e: "Experiment") -> Floats:
    """Return the largest of the lower bounds that apply, (generations,)."""
    require_numbers(e)
    with np.errstate(divide="ignore"):
        bound = np.maximum(distance(e), covering(e))
    try:
        return np.maximum(bound, jensen(e))
    except NoClosedForm:  # the truth is no isotropic density: the other bounds remain
        return bound


def _peak(h: Floats, d: int) -> Floats:
    """Return b = (d/2) log(2 pi h^2), minus the largest log-density."""
    with np.errstate(divide="ignore"):
        return np.asarray(d * (np.log(2 * np.pi) / 2 + np.log(h)))


def distance(e: "Experiment") -> Floats:
    """Return the distance bound, for any truth."""
    found, total = trainings(e), total_variance(e)
    h, moments = scoring_bandwidths(e, found), second_order(e)
    least = np.array([training.least for training in found])
    away = np.sqrt(total * (1 + moments.squared_error))
    wide = np.sqrt(total * moments.central_variance * (1 - least) / least)
    return _positive(h, _peak(h, e.model.dim), np.maximum(away - wide, 0.0) ** 2 / 2)


def covering(e: "Experiment") -> Floats:
    """Return the covering bound; minus infinity for a data set, whose density is unbounded."""
    if isinstance(e.truth, Rows):
        return np.full(e.generations, -np.inf)
    from scipy.special import gammaln

    found, d = trainings(e), e.model.dim
    h = scoring_bandwidths(e, found)
    weights, _, covariances = e.truth.components
    # In logarithms: volumes leave the range of floats in high dimensions.
    heights = -d / 2 * np.log(2 * np.pi) - np.linalg.slogdet(covariances)[1] / 2
    peak = heights.max() + np.log(weights @ np.exp(heights - heights.max()))
    ball = d / 2 * np.log(np.pi) - gammaln(d / 2 + 1)
    rows = np.array([training.rows for training in found], dtype=np.float64)
    radius = np.exp(-2 / d * (np.log(rows) + ball + peak))
    return _positive(h, _peak(h, d), d / (d + 2) * radius / 2)


def _positive(h: Floats, peak: Floats, square: Floats) -> Floats:
    """Return peak + square / h^2; at h = 0 the atoms are missed almost surely."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        bound = peak + (np.sqrt(square) / h) ** 2
    return np.where(h > 0, bound, -np.inf)


def jensen(e: "Experiment") -> Floats:
    """Return the cross-entropies of the expected densities.

    Raises
    ------
    NoClosedForm
        If the truth has no density or is not isotropic, or a bandwidth depends on the data.
    """
    frame = Frame.of(e)
    inside, shares = np.polynomial.legendre.leggauss(NODES)
    if e.model.dim == 1:
        return _jensen_line(frame, inside, shares)
    d, s = e.model.dim, frame.spectrum.deviation
    step = DEVIATIONS * (1 + np.sqrt(d)) * s / PANELS
    r = (step * (np.arange(PANELS)[:, None] + (inside + 1) / 2)).ravel()
    weights = np.tile(step * shares / 2, PANELS) * _radial_truth(e, r)
    # Where the truth has less than rounding left, the expected density need not be resolved.
    densities = radial(frame, r)
    return np.asarray(-(weights * _logs(densities)).sum(axis=1))


def _radial_truth(e: "Experiment", r: Floats) -> Floats:
    """Return the density of the distance |x - mu_0| of a fresh real row."""
    from scipy.special import gammaln

    d = e.model.dim
    weights, _, covariances = e.truth.components
    area = np.log(2) + d / 2 * np.log(np.pi) - gammaln(d / 2) + (d - 1) * np.log(r)
    parts = [
        w * np.exp(area - r**2 / (2 * v) - d / 2 * np.log(2 * np.pi * v))
        for w, v in zip(weights, covariances[:, 0, 0], strict=True)
    ]
    return np.asarray(sum(parts))


def _jensen_line(frame: Frame, inside: Floats, shares: Floats) -> Floats:
    """Integrate over each component of the truth in one dimension."""
    e = frame.experiment
    step = 2 * DEVIATIONS / PANELS
    z = (step * (np.arange(PANELS)[:, None] + (inside + 1) / 2)).ravel() - DEVIATIONS
    mass = np.tile(step * shares / 2, PANELS) * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    total = np.zeros(e.generations)
    for w, m, v in zip(*e.truth.components, strict=True):
        x = m[0] + np.sqrt(v[0, 0]) * z
        total -= w * (_logs(on_line(frame, x)) @ mass)
    return total


def _logs(densities: Floats) -> Floats:
    """Return logarithms; where inversion leaves nothing but rounding, that of the rounding."""
    smallest = np.finfo(float).eps * densities.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.maximum(densities, smallest)))
