r"""Moments of pseudo-inverted Wishart matrices, and the law of a fixed design's risk.

S = X'X with X of shape (N, d), standard normal; r = min(N, d), m = max(N, d). The noise of least
squares costs :math:`E\,tr\,S^+ = r/(m-r-1)`, infinite for |N - d| <= 1. For z ~ N(0, I_r) and
a Wishart matrix G of r rows with m degrees of freedom, z'G^{-1}z is a chi-square of r degrees
over an independent one of m - r + 1.
"""

import math
from dataclasses import dataclass

import numpy as np

from modelcollapse._support.checks import Floats, reals


def noise_mean(count: int, dim: int) -> float:
    """Return E tr S^+ for `count` rows."""
    r, gap = min(count, dim), abs(count - dim) - 1
    return r / gap if gap > 0 else math.inf


def noise_square(count: int, dim: int) -> float:
    """Return E[(tr S^+)^2 + 2 tr (S^+)^2], the second moment of z'G^{-1}z."""
    r, gap = min(count, dim), abs(count - dim) - 1
    return r * (r + 2) / (gap * (gap - 2)) if gap > 2 else math.inf


@dataclass(frozen=True)
class RatioLaw:
    """The law of ``scale`` times a chi-square over an independent chi-square.

    Parameters
    ----------
    scale
        At least 0; 0 is the law of the number 0.
    above, below
        Degrees of freedom of the numerator and of the denominator.
    """

    scale: float
    above: int
    below: int

    @property
    def mean(self) -> float:
        """The mean; infinite unless `below` > 2."""
        if self.scale == 0:
            return 0.0
        return self.scale * self.above / (self.below - 2) if self.below > 2 else math.inf

    @property
    def variance(self) -> float:
        """The variance; infinite unless `below` > 4."""
        if self.scale == 0:
            return 0.0
        a, b = self.above, self.below
        if b <= 4:
            return math.inf
        return self.scale**2 * 2 * a * (a + b - 2) / ((b - 2) ** 2 * (b - 4))

    def cdf(self, x: Floats) -> Floats:
        """Return P(X <= x), elementwise."""
        from scipy.special import betainc

        x = reals("x", x)
        if self.scale == 0:
            return np.asarray(x >= 0, dtype=np.float64)
        with np.errstate(divide="ignore", over="ignore"):  # 0 and infinity are in the support
            share = 1 / (1 + self.scale / np.maximum(x, 0.0))
        return np.asarray(betainc(self.above / 2, self.below / 2, share))


def chi_square_nodes(freedom: int) -> tuple[Floats, Floats]:
    """Return nodes and weights that integrate over a chi-square law.

    In x = log S the density is analytic and bounded for |Im x| < pi/2, and so are rational
    functions of S with poles on the negative axis: the trapezoidal rule with step h has an error
    of order exp(-pi^2/h). The step is a tenth, or half of the standard deviation of x if less;
    the density left out at either end is below e^-100.
    """
    half = freedom / 2
    step = min(0.1, 0.5 / math.sqrt(half))
    ends = []
    for sign in (-1, 1):
        end = sign * step
        while half * (end - math.expm1(end)) > -100:
            end *= 1.25
        ends.append(math.ceil(abs(end) / step))
    x = np.arange(-ends[0], ends[1] + 1) * step  # from the logarithm of the mean
    with np.errstate(under="ignore"):
        weights = np.exp(half * (x - np.expm1(x)))
        return freedom * np.exp(x), weights / weights.sum()
