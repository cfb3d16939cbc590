r"""Expected risk and norm with a penalty, in one dimension.

Given the Gram number S the loop is linear with normal noise; S is a chi-square, integrated over by
quadrature to rounding. In more dimensions the same integrals run over the eigenvalues of a
Wishart matrix.
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.regression.moments import RiskMoments
from modelcollapse.families.regression.wishart import chi_square_nodes

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


def fixed(e: "Experiment") -> RiskMoments:
    """Return the moments of replace and accumulate for a fixed design.

    c_t, the mean label over X, follows c_t = (1 - omega) c_{t-1} + omega (w_{t-1} + noise) and
    w_t = h_t c_t with h_t = S/(S + penalty): omega = 1 and the ridge for replace; 1/t and the
    ridge over t for accumulate, whose rows are t times as many.
    """
    true, power = float(e.truth.values[0]), e.model.noise**2
    pooled = e.schedule.pool
    S, weights = chi_square_nodes(int(e.sizes[0]))
    gain, variance, kept = np.ones_like(S), np.zeros_like(S), np.ones_like(S)
    found = np.empty((4, e.generations))
    for t in range(1, e.generations + 1):
        share = 1 / t if pooled else 1.0
        carried = 1 - share + share * kept
        gain = carried * gain
        variance = carried**2 * variance + share**2 * power / S
        kept = S / (S + e.model.ridge * share)
        mean, spread = kept * gain * true, kept**2 * variance
        found[:, t - 1] = _summarised(weights, mean - true, mean, spread)
    return RiskMoments(*found)


def _summarised(weights: Floats, error: Floats, mean: Floats, spread: Floats) -> list[float]:
    """Return E and Var of two squared normals with these means and variance, given each node."""
    squares, variances = [], []
    for m in (error, mean):
        given = m**2 + spread
        squares.append(float(weights @ given))
        within = 4 * m**2 * spread + 2 * spread**2
        variances.append(float(weights @ (within + (given - squares[-1]) ** 2)))
    return [*squares, *variances]


def replaced(e: "Experiment") -> RiskMoments:
    """Return the moments of replace with new inputs.

    w_t = h_t w_{t-1} + noise, h_t = S/(S + ridge); given S the noise has the variance
    u = sigma^2 S/(S + ridge)^2.
    """
    true, ridge, power = float(e.truth.values[0]), e.model.ridge, e.model.noise**2
    integrals = {}
    for n in set(e.sizes.tolist()):
        S, weights = chi_square_nodes(n)
        h, u = S / (S + ridge), power * S / (S + ridge) ** 2
        terms = (h, h**2, h**3, h**4, u, u * h, u * h**2, u**2)
        integrals[n] = [float(weights @ term) for term in terms]
    one, two, three, four = true, true**2, true**3, true**4
    found = np.empty((4, e.generations))
    for t, n in enumerate(e.sizes.tolist()):
        h1, h2, h3, h4, u, uh, uhh, uu = integrals[n]
        four = h4 * four + 6 * uhh * two + 3 * uu
        three = h3 * three + 3 * uh * one
        two = h2 * two + u
        one = h1 * one
        risk = two - 2 * true * one + true**2
        fourth = four - 4 * true * three + 6 * true**2 * two - 4 * true**3 * one + true**4
        found[:, t] = risk, two, max(0.0, fourth - risk**2), max(0.0, four - two**2)
    return RiskMoments(*found)


def accumulated(e: "Experiment") -> RiskMoments:
    """Return the means of accumulate with new inputs.

    (S_t + ridge) w_t = (S_t + ridge) w_{t-1} + X_t'eps_t: the bias is generation 1's, for ever.
    """
    square, ridge, power = e.truth.square, e.model.ridge, e.model.noise**2
    pools, noise = np.cumsum(e.sizes), np.empty(e.generations)
    for t, N in enumerate(pools.tolist()):
        S, weights = chi_square_nodes(N)
        noise[t] = power * e.sizes[t] / N * (weights @ (S / (S + ridge) ** 2))
    S, weights = chi_square_nodes(int(pools[0]))
    bias = square * float(weights @ (ridge / (S + ridge)) ** 2)
    kept = square * float(weights @ (S / (S + ridge)) ** 2)
    total = np.cumsum(noise)
    return RiskMoments(bias + total, kept + total, None, None)
