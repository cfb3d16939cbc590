r"""Proved bounds under accumulate in any dimension, from the spectrum of a step.

For a normal truth S_t = S_(t-1)^(1/2) B_t S_(t-1)^(1/2), B_t independent of S_(t-1) and with a law
that no rotation changes. In units of the pool's covariance

    N' B = N + lambda f (W + c z z'),     c = N/N', f = N/(N - ddof),

W a Wishart of n - 1 degrees of freedom and z normal, which shifts the mean by a multiple of
S^(1/2) z. So E log det S_t, E tr S_t^-1 and E m' S_t^-1 m follow from E log det B, E tr B^-1 and
E z' B^-1 z of each step. B = mu + X, where X is a sum of independent w_i (z_i z_i' - 1): of its
first four moments

    E tr X^2/d = (d + 1) sum w^2,   E tr X^3/d = (d^2 + 3d + 4) sum w^3,
    E tr X^4/d = ((d + 2)^2 (d + 4) + 6d + 9) sum w^4
                 + (2 (d + 1)^2 + d + 3) sum_{i != j} w_i^2 w_j^2,

no term is negative. The spectrum is above N/N'. Gauss' rule of two nodes is exact for powers up to
the third, and with a third node at the lower end (Radau) up to the fourth: as the fourth
derivative of log, sqrt and 1/x has one sign, and the fifth the other, one is above and one below
the expectation (Golub and Meurant 2010, section 6).
"""

from collections.abc import Callable
from math import comb
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

Function = Callable[[Floats], Floats]


class Bounds(NamedTuple):
    """Two sides of an expectation, each of shape (generations,) or (steps,)."""

    low: Floats
    high: Floats


class Rule(NamedTuple):
    """A quadrature: values at nodes, with weights; each a list of arrays of shape (steps,)."""

    nodes: list[Floats]
    weights: list[Floats]

    def of(self, function: Function) -> Floats:
        """Return the sum of a function's values."""
        terms = (w * function(x) for x, w in zip(self.nodes, self.weights, strict=True))
        return np.asarray(sum(terms))


def gauss(moments: list[Floats]) -> Rule:
    """Return the rule of two nodes of a measure with the moments of order 0 to 3."""
    mass = moments[0]
    mean, square, cube = (m / mass for m in moments[1:4])
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = (cube - 3 * mean * square + 2 * mean**3) / spread**3
    half = np.where(spread > 0, skewness, 0.0) / 2
    root = np.sqrt(1 + half**2)
    # half - root and half + root without cancellation: their product is -1.
    small = 1 / (np.abs(half) + root)
    below = np.where(half > 0, -small, half - root)
    above = np.where(half < 0, small, half + root)
    lower = mass * above / (above - below)
    return Rule([mean + spread * below, mean + spread * above], [lower, mass - lower])


def radau(moments: list[Floats], end: Floats) -> Rule:
    """Return the rule with a node at the lower end: exact up to the order of the last moment."""
    shifted = [m - end * k for m, k in zip(moments[1:], moments[:-1], strict=True)]
    free = gauss(shifted) if len(shifted) > 2 else Rule([shifted[1] / shifted[0]], shifted[:1])
    weights = [w / (x - end) for x, w in zip(free.nodes, free.weights, strict=True)]
    return Rule([end, *free.nodes], [moments[0] - sum(weights), *weights])


class Step(NamedTuple):
    """What steps 2, ..., T do to the pool's covariance, each of shape (steps,).

    Attributes
    ----------
    kept
        N/N', below the spectrum of B.
    mean
        mu, the mean of the spectrum.
    shift
        What the mean moves by, squared, is this times z' z in units of the old covariance.
    spectrum
        Moments of order 0 to 4 of B - mu, over d.
    along
        Moments of order 0 to 3 of the same, weighted by z: of E z' (B - mu)^k z / d.
    """

    kept: Floats
    mean: Floats
    shift: Floats
    spectrum: list[Floats]
    along: list[Floats]

    def bounds(self, function: Function, *, rising: bool) -> Bounds:
        """Enclose E tr f(B)/d; `rising` if the fourth derivative of f is below 0."""
        return _enclosed(self.mean, self.spectrum, self.kept - self.mean, function, rising)

    def bounds_along(self, function: Function) -> Bounds:
        """Enclose E z' f(B) z/d of an f whose fourth derivative is above 0, as of 1/x."""
        low = gauss(self.along).of(lambda y: function(self.mean + y))
        end = self.kept - self.mean
        return Bounds(low, radau(self.along[:3], end).of(lambda y: function(self.mean + y)))


def _enclosed(
    mean: Floats, moments: list[Floats], end: Floats, function: Function, rising: bool
) -> Bounds:
    inner = gauss(moments).of(lambda y: function(mean + y))
    outer = radau(moments, end).of(lambda y: function(mean + y))
    return Bounds(outer, inner) if rising else Bounds(inner, outer)


def spectrum(d: int, sums: list[Floats]) -> list[Floats]:
    """Return E tr X^k/d, k = 0..4, of a sum of w (z z' - 1), from the sums of w^2, w^3, w^4."""
    two, three, four = sums
    pairs = two**2 - four
    fourth = ((d + 2) ** 2 * (d + 4) + 6 * d + 9) * four + (2 * (d + 1) ** 2 + d + 3) * pairs
    return [
        np.ones_like(two),
        np.zeros_like(two),
        (d + 1) * two,
        (d * d + 3 * d + 4) * three,
        fourth,
    ]


def _square_moments(d: int, order: int) -> float:
    """Return E r (r - 1)^order / d, r = z' z: the powers of z z' - 1 along z."""
    powers = np.concatenate([[1.0], np.cumprod(d + 2 * np.arange(1.0, order + 1))])
    return float(sum((-1) ** (order - j) * comb(order, j) * powers[j] for j in range(order + 1)))


def steps(e: "Experiment") -> Step:
    """Return the steps of generations 2, ..., T under accumulate."""
    d, n = e.model.dim, e.sizes.astype(float)
    after = np.cumsum(n)
    before, total, new = after[:-1], after[1:], n[1:]
    kept, gain = before / total, e.temperature / (1 - e.model.ddof / before) / total
    own = gain * kept  # the weight of z z'
    others = [(new - 1) * gain**k for k in (2, 3, 4)]
    every = [part + own**k for k, part in zip((2, 3, 4), others, strict=True)]
    first, second, third = (_square_moments(d, k) for k in (1, 2, 3))
    along = [
        np.ones_like(own),
        own * first,
        own**2 * second + (d + 1) * others[0],
        own**3 * third
        + own * others[0] * (2 * (d + 1) ** 2 + d + 3)
        + (d * d + 3 * d + 4) * others[1],
    ]
    mean = kept + gain * (new - 1) + own
    return Step(kept, mean, gain * new / total, spectrum(d, every), along)


def first_log(e: "Experiment") -> float:
    """Return E log det of n_1 normal rows, ddof 0, over the truth's."""
    from scipy.special import digamma

    d, n = e.model.dim, int(e.sizes[0])
    return float(digamma((n - np.arange(1, d + 1)) / 2).sum() + d * np.log(2 / n))


def log_fit(e: "Experiment") -> Floats:
    """Return the logarithm of the pool's variance over the fitted one."""
    return np.asarray(np.log1p(-e.model.ddof / np.cumsum(e.sizes, dtype=float)))


def log_determinant(e: "Experiment") -> Bounds:
    """Enclose E log det S_t / det S_0 for n_1 > d."""
    d, step = e.model.dim, steps(e).bounds(np.log, rising=True)
    low, high = (
        first_log(e) + np.concatenate([[0.0], np.cumsum(d * side)]) - d * log_fit(e)
        for side in step
    )
    slack = d * rounding(e)
    return Bounds(low - slack, high + slack)


def rounding(e: "Experiment") -> Floats:
    """Return what the sum of steps of size 1 may round: (generations,)."""
    return np.asarray(16 * np.finfo(float).eps * np.arange(1, e.generations + 1))


class Loss(NamedTuple):
    """Sides of E log det S_t / det S_0, E tr S_t^-1 S_0 and E m' S_t^-1 m, (generations,) each."""

    log_determinant: Floats
    trace: Floats
    shift: Floats

    @property
    def whole(self) -> Floats:
        """Their sum: 2 (log-loss) - d log 2 pi - log det S_0."""
        return self.log_determinant + self.trace + self.shift


def losses(e: "Experiment") -> tuple[Loss, Loss]:
    """Enclose what the expected log-loss consists of, for n_1 > d + 2: from below and above."""
    d, n, step = e.model.dim, float(e.sizes[0]), steps(e)
    inverse, along = step.bounds(np.reciprocal, rising=False), step.bounds_along(np.reciprocal)
    first, fits = n / (n - d - 2), np.exp(log_fit(e))
    sides = []
    for logs, factor, pulled in zip(log_determinant(e), inverse, along, strict=True):
        gains = d * step.shift * pulled
        trace, shift = np.empty((2, e.generations))
        trace[0], shift[0] = d * first, d / n * first
        for t in range(1, e.generations):
            trace[t] = factor[t - 1] * trace[t - 1]
            shift[t] = factor[t - 1] * shift[t - 1] + gains[t - 1]
        sides.append(Loss(logs, fits * trace, fits * shift))
    return sides[0], sides[1]


def roots(e: "Experiment") -> Bounds:
    """Enclose E tr sqrt(S_t)/d for S_0 = 1.

    Below: tr (S^(1/2) B S^(1/2))^(1/2) >= tr S^(1/2) B^(1/2), and B has no direction, so that a
    product of steps is below. Above: Gauss' rule for the moments of S_t.
    """
    later = steps(e).bounds(np.sqrt, rising=True).low
    low = np.cumprod(np.concatenate([[_first_root(e)], later]))
    high = gauss(list(spectral_moments(e))).of(lambda x: np.sqrt(np.maximum(x, 0.0)))
    fits = np.exp(-log_fit(e) / 2)
    slack = rounding(e)
    return Bounds(low * fits * (1 - slack), high * fits * (1 + slack))


def _first_root(e: "Experiment") -> float:
    """Bound E tr sqrt(S_1)/d from below, ddof 0.

    Where E tr S_1^-1 is finite x^(3/2), whose fourth derivative is above 0, by Gauss' rule for the
    measure dx/x; else by the node at 0.
    """
    d, n = e.model.dim, float(e.sizes[0])
    sums = [np.asarray((n - 1) / n**k) for k in (2, 3, 4)]
    mean, (one, none, *central) = 1 - 1 / n, spectrum(d, sums)
    if n > d + 2:
        raw = [n / (n - d - 2), one, mean, mean**2 + central[0]]
        return float(gauss([np.asarray(m) for m in raw]).of(lambda x: np.asarray(x**1.5)))
    rule = radau([one, none, *central], np.asarray(-mean))
    return float(rule.of(lambda y: np.sqrt(np.maximum(mean + y, 0.0))))


def spectral_moments(e: "Experiment") -> Floats:
    """Return E tr P_t^k/d, k = 0..3, of the pool's covariance P_t (ddof 0), S_0 = 1: (4, T).

    Given P a step makes A P + X, A the mean and X a sum of independent w (x x' - P), x normal with
    the covariance P: E X^2 = p_2 (s_1 P + P^2) and so on, with p_j the sums of w^j, s_j = tr P^j.
    """
    d, n = float(e.model.dim), e.sizes.astype(float)
    after = np.cumsum(n)
    found = np.ones((4, e.generations))
    one, two, square, three, mixed, cube = d, d, d**2, d, d**2, d**3
    for t, size in enumerate(n.tolist()):
        kept = 1 - size / after[t]
        heat = e.temperature / (1 - e.model.ddof / after[t - 1]) if t else 1.0
        w, own = heat / after[t], heat / after[t] * kept
        p2, p3 = (float((size - 1) * w**j + own**j) for j in (2, 3))
        A = float(kept + (size - 1) * w + own)
        three, mixed, cube = (
            A**3 * three + 3 * A * p2 * (mixed + three) + p3 * (cube + 3 * mixed + 4 * three),
            A**3 * mixed + A * p2 * (cube + mixed + 4 * three) + 4 * p3 * (mixed + three),
            A**3 * cube + 6 * A * p2 * mixed + 8 * p3 * three,
        )
        two, square = A**2 * two + p2 * (square + two), A**2 * square + 2 * p2 * two
        one *= A
        found[1:, t] = one / d, two / d, three / d
    return found
