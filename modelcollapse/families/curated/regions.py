r"""Curated rows: a verifier keeps the rows of N(m, s^2) within a radius r of its centre c.

The kept rows' mean is c + g(m - c) with g odd and |g(x)| <= rho |x|, where, for a = r/s,
rho = 1 - 2 a phi(a)/(2 Phi(a) - 1) < 1 is the variance of the standard normal on [-a, a] and
g'(0). Proof: with M_k = E|X|^k of that law, g(x)/x <= rho follows term by term of the two power
series from M_{2k+2} <= (2k + 1) M_2 M_{2k}; by parts that is M_{2k} <= a^{2k}/(2k + 1), and |X|
has a decreasing density on [0, a]. The kept rows' variance is at most rho s^2 (the GHS
inequality of Ellis, Monroe and Newman, Commun. Math. Phys. 46, 1976: it is largest at m = c).
So the loop forgets the data and finds the verifier's centre (arXiv 2510.16657, Theorems 3.1 and
4.1, for linear models; closed forms derived here).
"""

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, model_of, number, positive, reals, whole
from modelcollapse._support.errors import NoClosedForm

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

NODES = 128
EFOLDS = 80.0  # what is left out of an integral is below e^-80 of it


def contraction_rate(radius: float, spread: float = 1.0) -> float:
    """Return rho = 1 - 2 a phi(a)/(2 Phi(a) - 1), a = radius/spread.

    The factor by which a verified round with infinitely many rows shrinks a small distance to
    the verifier's centre, and the largest one for any distance: about a^2/3 for a small radius.
    """
    a = positive("radius", radius) / positive("spread", spread)
    if a < 1:  # the closed form cancels
        return float(kept_rows(0.0, a).variance)
    from scipy.special import ndtr

    a = min(a, 100.0)  # from here on it is 1, to the last digit
    density = float(np.exp(-(a**2) / 2)) / np.sqrt(2 * np.pi)
    return float(1 - 2 * a * density / (2 * ndtr(a) - 1))


class Kept(NamedTuple):
    """Mean, variance, third and fourth central moment of kept rows, about the centre."""

    mean: Floats
    variance: Floats
    third: Floats
    fourth: Floats


def kept_rows(offset: Any, radius: float) -> Kept:
    r"""Return the moments of N(offset, 1) restricted to [-radius, radius].

    By Gauss-Legendre quadrature over the part of the interval where the density is above e^-80
    of its largest value; offset is any array.
    """
    delta, a = reals("offset", offset), positive("radius", radius)
    far = np.abs(delta)
    mode = np.minimum(far, a)
    # Below the mode, log density falls by z (far - mode) + z^2/2 at the distance z.
    slope, reach = far - mode, np.sqrt(2 * EFOLDS)
    down = 2 * EFOLDS / (slope + np.sqrt(slope**2 + 2 * EFOLDS))
    low, high = np.maximum(-a, mode - down), np.minimum(a, mode + reach)
    nodes, weights = _rule()
    half = (high - low)[..., None] / 2
    z = low[..., None] + half * (1 + nodes)
    fall = (z - mode[..., None]) * (z + mode[..., None] - 2 * far[..., None]) / 2
    with np.errstate(under="ignore"):
        share = weights * np.exp(-fall)
    share /= share.sum(axis=-1, keepdims=True)
    mean = (share * z).sum(axis=-1)
    central = z - mean[..., None]
    sign = np.sign(delta)
    second, third, fourth = ((share * central**k).sum(axis=-1) for k in (2, 3, 4))
    return Kept(sign * mean, second, sign * third, fourth)


def truncated(rng: np.random.Generator, low: Floats, high: Floats, count: int) -> Floats:
    """Draw from the standard normal on [low, high], shape (len(low), count), by inversion.

    In logarithms and in the lower tail, so that an interval far out loses no digits.
    """
    from scipy.special import log_ndtr, ndtri_exp

    flipped = low + high > 0
    a, b = np.where(flipped, -high, low), np.where(flipped, -low, high)
    below, above = log_ndtr(a)[:, None], log_ndtr(b)[:, None]
    u = rng.random((len(a), count))
    with np.errstate(under="ignore", divide="ignore"):
        logs = above + np.log(u + (1 - u) * np.exp(below - above))
    x = np.clip(ndtri_exp(logs), a[:, None], b[:, None])
    return np.asarray(np.where(flipped[:, None], -x, x))


def population_means(
    start: float, centre: float, radius: float, spread: float = 1.0, generations: int = 50
) -> Floats:
    """Return the loop with infinitely many rows: m_1 = start, m_t = E[X | kept]; shape (T,).

    The map is exact to rounding. It is the limit of the loop as n grows at a fixed generation,
    not the expectation at any n.
    """
    a, s = positive("radius", radius), positive("spread", spread)
    m, c = number("start", start), number("centre", centre)
    means = [m]
    for _ in range(1, whole("generations", generations)):
        means.append(c + s * float(kept_rows((means[-1] - c) / s, a / s).mean))
    return np.array(means)


def distance_bound(e: "Experiment") -> Floats:
    r"""Bound E(m_t - c)^2 / s^2 from above under replace, shape (generations,).

    D_1 = (mu_0 - c)^2/s^2 + 1/n_1 exactly, then D_t <= rho^2 D_{t-1} + rho/n_t: a contraction and
    the largest variance of a kept row.
    """
    from modelcollapse.families.curated.estimator import RegionVerifier

    model = model_of(e, RegionVerifier)
    if not e.schedule.newest:
        raise NoClosedForm(f"the bound is for replace, not {e.workflow!r}")
    rho = contraction_rate(model.radius, model.spread)
    bounds = [((e.truth.mean - model.centre) / model.spread) ** 2 + 1 / int(e.sizes[0])]
    for n in e.sizes[1:].tolist():
        bounds.append(rho**2 * bounds[-1] + rho / n)
    return np.array(bounds)


def error_bounds(e: "Experiment") -> tuple[Floats, Floats]:
    r"""Bound E(m_t - mu_0)^2 / s^2 from below and above under replace, shapes (generations,).

    By Minkowski's inequality with B = abs(mu_0 - c)/s and D of `distance_bound`:
    max(0, B - sqrt D)^2 and (B + sqrt D)^2; generation 1 is exact.
    """
    root = np.sqrt(distance_bound(e))
    bias = abs(e.truth.mean - e.model.centre) / e.model.spread
    low, high = np.maximum(0.0, bias - root) ** 2, (bias + root) ** 2
    low[0] = high[0] = 1 / int(e.sizes[0])
    return low, high


def variance_bounds(e: "Experiment") -> tuple[Floats, Floats]:
    r"""Bound the variances of (m_t - c)^2/s^2 and (m_t - mu_0)^2/s^2 under replace.

    With x = (m_t - c)/s, F_t = E x^4 <= rho^4 F_{t-1} + 6 rho^3 D_{t-1}/n + 3/n^2: the third
    cumulant of kept rows has the sign opposite to g's (GHS again), and their fourth moment is at
    most the normal's (Harge's inequality). Then Var x^2 <= F, and with B = abs(mu_0 - c)/s
    Var (x + B)^2 <= (2 B sqrt D + sqrt F)^2.
    """
    distance = distance_bound(e)
    rho = contraction_rate(e.model.radius, e.model.spread)
    bias, n = abs(e.truth.mean - e.model.centre) / e.model.spread, int(e.sizes[0])
    fourth = [bias**4 + 6 * bias**2 / n + 3 / n**2]
    for t, n in enumerate(e.sizes[1:].tolist(), start=1):
        fourth.append(rho**4 * fourth[-1] + 6 * rho**3 * distance[t - 1] / n + 3 / n**2)
    F = np.array(fourth)
    return F, (2 * bias * np.sqrt(distance) + np.sqrt(F)) ** 2


def verified_round(real: int, kept: int, bias: float, radius: float, spread: float = 1.0) -> float:
    r"""Return E(m_2 - mu_0)^2 / s^2 after one verified round, to be compared with 1/real.

    m_1 is the mean of `real` rows of N(mu_0, s^2), m_2 that of `kept` rows of N(m_1, s^2) within
    the radius of c = mu_0 + bias. By Gauss-Hermite quadrature over m_1.
    """
    n, k, b = whole("real", real), whole("kept", kept), number("bias", bias)
    s = positive("spread", spread)
    return float(second_round(n, k, b / s, positive("radius", radius) / s)[0][1])


def second_round(n: int, kept: int, bias: float, radius: float) -> tuple[Floats, Floats]:
    """Return the moments of m_2 for s = 1: E x^2 and E x^4, about c and about mu_0."""
    nodes, chances = _normal_rule()
    rows = kept_rows(nodes / np.sqrt(n) - bias, radius)
    noise, skew = rows.variance / kept, rows.third / kept**2
    peak = (rows.fourth / kept + 3 * (1 - 1 / kept) * rows.variance**2) / kept**2
    second, fourth = [], []
    for x in (rows.mean, rows.mean + bias):
        second.append(chances @ (x**2 + noise))
        fourth.append(chances @ (x**4 + 6 * x**2 * noise + 4 * x * skew + peak))
    return np.array(second), np.array(fourth)


@cache
def _rule() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


@cache
def _normal_rule() -> tuple[Floats, Floats]:
    """Return nodes and probabilities that integrate against the standard normal."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    used = weights > 0
    return nodes[used], weights[used] / weights[used].sum()
