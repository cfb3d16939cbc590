"""The compiled passes of a loop as a function of its bandwidths: see `families.kde.control`.

All arrays over frequencies have the shape (m,), and what is kept of each fit (T, m).
"""

import math

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled
from modelcollapse.families.kde.scoring.exponential import power as two_to

HALF = -0.5 / math.log(2.0)  # exp(-x^2 / 2) = 2^(HALF x^2)


@compiled
def fit_error(
    h: float, nodes: Floats, weights: Floats, power: Floats, a: Floats, fit: Floats
) -> float:
    """Return the integrated squared error of one fit."""
    total = 0.0
    for i in range(nodes.size):
        x = h * nodes[i]
        kappa = two_to(HALF * x * x)
        total += weights[i] * (kappa * kappa * fit[i] + (1.0 - 2.0 * kappa * a[i]) * power[i])
    return total


@compiled
def forward(
    h: Floats, steps: Floats, nodes: Floats, weights: Floats, power: Floats, tape: Floats
) -> Floats:
    """Return the errors (T,) of a loop; `steps` (3, T) are subsampled, share and rows.

    `tape` (4, T, m) takes kappa, a, the pool's product and the fit's; a and the product of the
    first fit are there already.
    """
    kappas, moments, products, fits = tape[0], tape[1], tape[2], tape[3]
    errors = np.empty(h.size)
    for t in range(h.size):
        kappa, a, product, fit = kappas[t], moments[t], products[t], fits[t]
        width, subsampled, total = h[t], steps[0, t], 0.0
        for i in range(nodes.size):
            x = width * nodes[i]
            k = two_to(HALF * x * x)
            f = product[i] + subsampled * (1.0 - product[i])
            total += weights[i] * (k * k * f + (1.0 - 2.0 * k * a[i]) * power[i])
            kappa[i] = k
            fit[i] = f
        errors[t] = total
        if t + 1 < h.size:
            s, rest, keep = steps[1, t], 1.0 / steps[2, t], 1.0 - steps[1, t]
            next_a, next_product = moments[t + 1], products[t + 1]
            for i in range(nodes.size):
                k = kappa[i]
                own = (1.0 - rest) * k * k * fit[i] + rest
                next_a[i] = (keep + s * k) * a[i]
                next_product[i] = (keep * keep + 2.0 * s * keep * k) * product[i] + s * s * own
    return errors


@compiled
def backward(
    share: Floats, steps: Floats, nodes: Floats, weights: Floats, power: Floats, tape: Floats
) -> Floats:
    """Return the derivative of sum share_t error_t by each h_t^2, shape (T,)."""
    slopes = np.empty(share.size)
    back_a, back_product = np.zeros(nodes.size), np.zeros(nodes.size)
    for t in range(share.size - 1, -1, -1):
        kappa, a, product, fit = tape[0, t], tape[1, t], tape[2, t], tape[3, t]
        subsampled, s, keep = steps[0, t], steps[1, t], 1.0 - steps[1, t]
        drawn = s * s * (1.0 - 1.0 / steps[2, t])
        total = 0.0
        for i in range(nodes.size):
            k, w, of_a, of_product = kappa[i], share[t] * weights[i], back_a[i], back_product[i]
            by_kappa = (
                of_a * s * a[i]
                + of_product * (2.0 * s * keep * product[i] + 2.0 * drawn * k * fit[i])
                + 2.0 * w * (k * fit[i] - a[i] * power[i])
            )
            by_fit = (of_product * drawn + w) * k * k
            back_product[i] = (
                of_product * (keep * keep + 2.0 * s * keep * k) + (1.0 - subsampled) * by_fit
            )
            back_a[i] = of_a * (keep + s * k) - 2.0 * w * k * power[i]
            total += by_kappa * nodes[i] * nodes[i] * k
        slopes[t] = -0.5 * total
    return slopes
