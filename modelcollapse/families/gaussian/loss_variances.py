r"""The variance over replicates of the log-loss in one dimension, without cancellation.

2 (log-loss) is a constant and l + g + h with l = log v, g = 1/v, h = m^2/v. A step multiplies v by
A and moves m by k sqrt(v) z: l' = l + log A, g' = g/A, h' = (h + 2 k z m/sqrt(v) + k^2 z^2)/A. For
many rows Var l and Var g are of the order 1/n, and l + g has a variance of 1/n^2. With G = E g and,
of each step, x = 1/(A E 1/A) - 1 and y = log A - E log A,

    Var (l + g) = sum E (x + y)^2 + d + 2 (G - 1) [d + sum E (x + y) x] + (G - 1)^2 e,
    e = prod (1 + E x^2) - 1,   d = e - sum E x^2,

where x + y is of the second order; far from G = 1 the three parts are added as they are. Var h,
Cov(h, g) and Cov(h, l) have recursions of their own.
"""

from collections.abc import Iterable
from math import comb
from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.gaussian.laws import inverse_moments, log_and_root_moments
from modelcollapse.solver.scan import grown

ORDER = 6  # nodes of a rule, exact for powers of A up to the eleventh
BINOMIALS = [np.array([float(comb(n, k)) for k in range(n + 1)]) for n in range(2 * ORDER - 1)]
NEAR, MANY = 0.03, 100  # A's deviation, and degrees of freedom, where it is right to rounding
CLOSE = 0.001  # the same with fewer degrees of freedom
NEAR = 0.5  # to 1: where E 1/v is, the variance of log v + 1/v is a difference
SHARED = 0.5  # of |E 1/v - 1|, up to which the two have nearly all in common
STIRLING = 60.0  # degrees of freedom from where the series has all digits


class Factor(NamedTuple):
    """Moments of a step's A, with z^2 and z^4 where the mean moves by k sqrt(v) z.

    Attributes
    ----------
    one, along
        E 1/A and E z^2/A.
    spread, square, cross
        E x^2, E (x + y)^2 and E (x + y) x.
    logs, drawn
        E (1/A) y, and E (z^2/A) y.
    gap
        E z^2/A^2 - E 1/A E z^2/A.
    both, four
        E z^2/A^2 and E z^4/A^2.
    """

    one: float
    along: float
    spread: float
    square: float
    cross: float
    logs: float
    drawn: float
    gap: float
    both: float
    four: float


def variances(factors: Iterable[Factor], moves: Iterable[float]) -> Floats:
    """Return the variances of the log-loss, from the steps and the k^2 of each."""
    g, off, h, e, d, square, cross, vh, gh, lh = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    inverse, ratios = 0.0, 0.0  # Var 1/v = g^2 e, and the sum of r, which is e - d
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        for f, k2 in zip(factors, moves, strict=True):
            r, one2 = f.spread, f.one**2
            lh = f.one * lh + h * f.logs + k2 * f.drawn
            gh = one2 * ((1 + r) * gh + r * h * g) + k2 * g * f.gap
            vh = one2 * ((1 + r) * vh + r * h * h) + k2 * h * (4 * f.both + 2 * f.gap)
            vh += k2 * k2 * (f.four - f.along**2)
            inverse, ratios = one2 * ((1 + r) * inverse + r * g * g), ratios + r
            d, e = d + e * r, e + r + e * r
            square, cross = square + f.square, cross + f.cross
            off, g, h = off * f.one + (f.one - 1), g * f.one, h * f.one + k2 * f.along
            if abs(off) < SHARED:  # what 1/v and log v have in common is left out
                both = square + d + 2 * off * (d + cross) + off * off * e
            else:  # Var log v + 2 Cov(log v, 1/v) + Var 1/v
                both = square - 2 * cross + ratios + 2 * g * (cross - ratios) + inverse
            found.append((both + vh + 2 * (gh + lh)) / 4)
    return grown(np.array(found))


def chi_square(freedom: float, scale: float) -> Factor:
    """Return the step of A = scale times a chi-square, f > 4, that is independent of z."""
    f = freedom
    one, spread = 1 / (scale * (f - 2)), 2 / (f - 4)
    # psi_1(f/2) - 2/(f - 2), and 2/(f - 4) - 2/(f - 2).
    cross = 4 / ((f - 4) * (f - 2))
    square, two = _trigamma_excess(f) + cross, one**2 * (1 + spread)
    logs = -one * 2 / (f - 2)
    return Factor(one, one, spread, square, cross, logs, logs, one**2 * spread, two, 3 * two)


def _trigamma_excess(f: float) -> float:
    """Return psi_1(f/2) - 2/(f - 2), by Stirling's series of psi_1(y) = psi_1(y + 1) + 1/y^2."""
    from scipy.special import polygamma

    y = f / 2 - 1
    if f < STIRLING:
        return float(polygamma(1, f / 2)) - 1 / y
    return -1 / (2 * y**2) + 1 / (6 * y**3) - 1 / (30 * y**5) + 1 / (42 * y**7) - 1 / (30 * y**9)


def pooled(a: Floats, b: Floats, c: Floats, freedom: Floats) -> list[Factor]:
    """Return steps of A = a + b X + c z^2, X a chi-square, of z that moves the mean."""
    deviation = np.sqrt(2 * (b**2 * freedom + c**2)) / (a + b * freedom + c)
    near = deviation < np.where(freedom < MANY, CLOSE, NEAR)
    found = [
        _by_nodes(*step) if ok else None for *step, ok in zip(a, b, c, freedom, near, strict=True)
    ]
    far = np.flatnonzero(~near)
    parts = (a[far], b[far], c[far], freedom[far])
    logs, inverses = log_and_root_moments(*parts), inverse_moments(*parts)
    for i, (mean, square, _), moments in zip(far, logs.T, inverses.T, strict=True):
        found[i] = _of_moments(mean, square - mean**2, *moments)
    return [step for step in found if step is not None]


def _of_moments(
    mean: float, variance: float, one: float, along: float, two: float, both: float, four: float,
    log_one: float, log_along: float,
) -> Factor:  # fmt: skip
    spread, logs = two / one**2 - 1, log_one - mean * one
    square, cross = variance + spread + 2 * logs / one, spread + logs / one
    drawn, gap = log_along - mean * along, both - one * along
    return Factor(one, along, spread, square, cross, logs, drawn, gap, both, four)


def _by_nodes(a: float, b: float, c: float, freedom: float) -> Factor:
    """Return the same by Gauss' rules of the laws of A, and of A with a weight of z^2 or z^4.

    With the weight z^2 the square of z is a chi-square of 3 degrees of freedom, with z^4, over 3,
    one of 5.
    """
    (mean, q, w), (mean1, q1, w1), (mean2, q2, w2) = (_rule(a, b, c, freedom, j) for j in (1, 3, 5))
    inverse = w @ (1 / (1 + q))
    # E log(1 + q) and 1/E(1/(1 + q)) - 1 without what E q = 0 takes from them.
    log, rise = w @ (np.log1p(q) - q), -(w @ (q**2 / (1 + q))) / inverse
    x = (rise - q) / (1 + q)
    both = np.log1p(q) - q / (1 + q) + rise / (1 + q) - log
    one = float(inverse / mean)
    along, shifted = 1 / (mean1 * (1 + q1)), np.log1p(q1) + np.log1p(2 * c / mean) - log
    return Factor(
        one,
        float(w1 @ along),
        float(w @ x**2),
        float(w @ both**2),
        float(w @ (both * x)),
        float(one * (w @ (both * x - x**2))),
        float(w1 @ (along * shifted)),
        float(w1 @ (along * (along - one))),
        float(w1 @ along**2),
        float(3 * (w2 @ (1 / (mean2 * (1 + q2)) ** 2))),
    )


def _rule(a: float, b: float, c: float, freedom: float, own: int) -> tuple[float, Floats, Floats]:
    """Return the mean of a + b X + c Y, and nodes, relative to it, with weights (Chebyshev)."""
    from scipy.linalg import eigh_tridiagonal

    k = np.arange(2, 2 * ORDER)
    mean = a + b * freedom + c * own
    factorials = np.cumprod(np.concatenate([[1.0], k[:-1]]))
    cumulants = 2.0 ** (k - 1) * factorials * (freedom * b**k + own * c**k)
    deviation = np.sqrt(cumulants[0])
    if deviation == 0:
        return mean, np.zeros(1), np.ones(1)
    kappa = np.concatenate([[0.0, 0.0], cumulants / deviation**k])
    moments = np.zeros(2 * ORDER)
    moments[0] = 1.0
    for order in range(1, 2 * ORDER):
        earlier = moments[:order][::-1].copy()
        moments[order] = (BINOMIALS[order - 1] * kappa[1 : order + 1]) @ earlier
    alpha, beta = np.zeros(ORDER), np.zeros(ORDER)
    before, now = np.zeros(2 * ORDER), moments.copy()
    alpha[0] = moments[1]
    for i in range(1, ORDER):
        here, next_one = slice(i, 2 * ORDER - i), slice(i + 1, 2 * ORDER - i + 1)
        after = np.zeros(2 * ORDER)
        after[here] = now[next_one] - alpha[i - 1] * now[here] - beta[i - 1] * before[here]
        alpha[i] = after[i + 1] / after[i] - now[i] / now[i - 1]
        beta[i] = after[i] / now[i - 1]
        before, now = now, after
    nodes, vectors = eigh_tridiagonal(alpha, np.sqrt(beta[1:]))
    return mean, deviation / mean * nodes, vectors[0] ** 2
