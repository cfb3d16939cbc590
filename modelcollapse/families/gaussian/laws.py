"""Exact laws of Gaussian loops: sums of log chi-squares, and the accumulate step."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import invalid

TAIL = 1e-15  # probability left out on either side of a law when its cdf is tabulated
LEAST_LEVEL = 1e-9  # of a quantile: the cdf's error is 1e-12
HALVINGS = 50  # of the range that holds a quantile: to rounding


@dataclass(frozen=True, eq=False)
class LogChiSquareSum:
    r"""The law of ``offset`` plus a sum of independent log chi-squares.

    Parameters
    ----------
    freedoms
        Degrees of freedom, shape (k,).
    counts
        How many independent terms have each of them, shape (k,).
    offset
        The constant term.
    """

    freedoms: Floats
    counts: Floats
    offset: float = 0.0

    @cached_property
    def mean(self) -> float:
        r"""The mean, offset + sum (psi(k/2) + log 2)."""
        from scipy.special import digamma

        terms = digamma(self.freedoms / 2) + np.log(2)
        return float(self.offset + self.counts @ terms)

    @cached_property
    def variance(self) -> float:
        """The variance, sum psi_1(k/2)."""
        from scipy.special import polygamma

        return float(self.counts @ polygamma(1, self.freedoms / 2))

    def log_mgf(self, s: Any) -> Any:
        """Return log E exp(s X) for real or complex s with Re s > -min(freedoms)/2."""
        from scipy.special import loggamma

        s = np.asarray(s)
        half = self.freedoms / 2
        terms = loggamma(half + s[..., None]) - loggamma(half) + s[..., None] * np.log(2)
        return s * self.offset + terms @ self.counts

    @cached_property
    def _range(self) -> tuple[float, float]:
        """Points with at most TAIL probability beyond, by Chernoff's bound."""
        grid = np.geomspace(1e-4, 0.999, 400)
        left = -grid * self.freedoms.min() / 2
        right = grid / np.sqrt(self.variance) * 40
        log_tail = np.log(TAIL)
        low = np.max((self.log_mgf(left).real - log_tail) / left)
        high = np.min((self.log_mgf(right).real - log_tail) / right)
        return float(low), float(high)

    @cached_property
    def _spectrum(self) -> tuple[Any, float]:
        """Weights of the inversion formula and the step of its frequencies.

        The half-shifted trapezoidal rule for Gil-Pelaez' integral is exact up to the
        probability beyond one period on either side (Davies, Biometrika 60, 1973) and up to
        the frequencies left out, where the characteristic function is below 1e-16.
        """
        low, high = self._range
        step = 2 * np.pi / (2 * (high - low))
        top = 1.0
        while self.log_mgf(np.array([1j * top])).real[0] > np.log(1e-16):
            top *= 1.5
        omega = (np.arange(np.ceil(top / step)) + 0.5) * step
        characteristic = np.exp(self.log_mgf(1j * omega) - 1j * omega * self.mean)
        return characteristic / (omega / step), step

    def cdf(self, x: Any) -> Floats:
        """Return P(X <= x) with an absolute error below 1e-12."""
        x = reals("x", x)
        low, high = self._range
        weights, step = self._spectrum
        phase = (np.clip(x, low, high) - self.mean) * step
        turn, total = np.exp(-1j * phase), np.zeros(x.shape, dtype=complex)
        for weight in weights[::-1]:  # the frequencies are equally spaced: Horner's rule
            total *= turn
            total += weight
        total *= np.exp(-0.5j * phase)
        inside = np.clip(0.5 - total.imag / np.pi, 0.0, 1.0)
        return np.where(x < low, 0.0, np.where(x > high, 1.0, inside))

    def quantile(self, level: Any) -> Floats:
        """Return the x with P(X <= x) = level, for levels in 1e-9 to 1 - 1e-9, by bisection."""
        level = reals("level", level)
        if not np.all((level >= LEAST_LEVEL) & (level <= 1 - LEAST_LEVEL)):
            raise invalid("level", level, f"it must lie in {LEAST_LEVEL} to 1 - {LEAST_LEVEL}")
        low, high = (np.full(level.shape, end) for end in self._range)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = self.cdf(middle) < level
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray((low + high) / 2)


@dataclass(frozen=True, eq=False)
class AccumulateStep:
    r"""The law of A = a + b X + c Y with X ~ chi2(freedom), Y ~ chi2(1) independent.

    One step of accumulate in d = 1 multiplies the fitted variance by such an A, independent of
    the past: a = N/N' and b = lambda/N', c = lambda N/N'^2 for a pool of N that becomes N', up
    to the ratio of the divisors. The first fit's own variance has a = c = 0.
    """

    a: float
    b: float
    c: float
    freedom: int

    @property
    def mean(self) -> float:
        """The mean."""
        return self.a + self.b * self.freedom + self.c

    @property
    def variance(self) -> float:
        """The variance."""
        return 2 * self.b**2 * self.freedom + 2 * self.c**2

    def cdf(self, x: Any) -> Floats:
        """Return P(A <= x), by Gauss-Legendre quadrature over the normal behind Y.

        With z = z_max sin(theta) the integrand is a power of cos(theta) at the ends, where the
        chi-square's cdf is not smooth, so the rule converges geometrically.
        """
        from scipy.special import chdtr

        room = np.maximum(reals("x", x) - self.a, 0.0)[..., None]
        if self.c == 0:
            return np.asarray(chdtr(self.freedom, room[..., 0] / self.b))
        nodes, weights = np.polynomial.legendre.leggauss(160)
        z_max = np.sqrt(room / self.c)
        reach = np.minimum(1.0, 9.0 / np.maximum(z_max, 1e-300))  # P(|z| > 9) < 1e-18
        end = np.arcsin(reach)
        theta = end * nodes
        z = z_max * np.sin(theta)
        density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        inner = chdtr(self.freedom, room * np.cos(theta) ** 2 / self.b)
        return np.asarray(((inner * density * z_max * np.cos(theta)) @ weights) * end[..., 0])


def log_and_root_moments(a: Floats, b: Floats, c: Floats, freedom: Floats) -> Floats:
    r"""Return E log A, E log^2 A and E sqrt(A) of accumulate steps, shape (3, steps).

    From the Laplace transform M(s) = e^{-as} (1 + 2bs)^{-freedom/2} (1 + 2cs)^{-1/2}:

    E log A = int (e^{-s} - M) ds/s,
    E log^2 A = 2 int log(s) (M - e^{-s}) ds/s - 2 gamma E log A,
    2 sqrt(pi) (E sqrt(A) - 1) = int (e^{-s} - M) s^{-3/2} ds.

    With s = e^u the integrands are analytic and fall off exponentially on both sides, so the
    trapezoidal rule converges geometrically: the error is at rounding level (see the tests).
    """
    step = 0.04
    u = np.arange(-80.0, 80.0, step)
    s = np.exp(u)
    result = np.empty((3, len(a)))
    for j in range(len(a)):
        log_m = -a[j] * s - 0.5 * freedom[j] * np.log1p(2 * b[j] * s) - 0.5 * np.log1p(2 * c[j] * s)
        with np.errstate(under="ignore"):
            gap = np.expm1(log_m) - np.expm1(-s)  # M - e^{-s} without cancellation
        first = -gap.sum() * step
        result[0, j] = first
        result[1, j] = 2 * (u @ gap) * step - 2 * np.euler_gamma * first
        result[2, j] = 1 - (gap @ np.exp(-u / 2)) * step / (2 * np.sqrt(np.pi))
    return result


def inverse_moments(a: Floats, b: Floats, c: Floats, freedom: Floats) -> Floats:
    r"""Return moments of accumulate steps with 1/A, and with z, z^2 = Y: shape (7, steps).

    E 1/A, E z^2/A, E 1/A^2, E z^2/A^2, E z^4/A^2, E log A/A and E z^2 log A/A, from
    M(s) = E e^{-sA}, in which z^(2j) is worth (2j - 1)!! (1 + 2cs)^-j:

    E 1/A = int M ds,   E 1/A^2 = int s M ds,   E log A/A = -gamma E 1/A - int log(s) M ds.

    As in `log_and_root_moments` by the trapezoidal rule in log s.
    """
    step = 0.04
    u = np.arange(-80.0, 80.0, step)
    s = np.exp(u)
    result = np.empty((7, len(a)))
    for j in range(len(a)):
        drawn = np.log1p(2 * c[j] * s)
        log_m = u - a[j] * s - 0.5 * freedom[j] * np.log1p(2 * b[j] * s) - 0.5 * drawn
        with np.errstate(under="ignore"):
            plain, along = np.exp(log_m) * step, np.exp(log_m - drawn) * step
            four = 3 * np.exp(log_m - 2 * drawn) * step
        result[:5, j] = plain.sum(), along.sum(), s @ plain, s @ along, s @ four
        result[5:, j] = -(u @ plain), -(u @ along)
    result[5:] -= np.euler_gamma * result[:2]
    return result
