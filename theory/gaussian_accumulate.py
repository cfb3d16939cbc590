"""Accumulate in one dimension: the law of v_t, its logarithm and its square root.

The pool's scatter C (sum of squares about the pool's mean) starts as a chi-square with n_1 - 1
degrees of freedom. A batch from N(m, lambda v), v = C / (P - ddof), adds its own scatter and
nP/(n+P) (mean - m)^2, so C' = C R with R = 1 + b (X + P/(P+n) Y), b = lambda / (P - ddof), X and
Y independent chi-squares with n - 1 and 1 degrees of freedom, independent of the past. So log v_t
is a sum of independent terms. Their moments come from the Laplace transform of Z = R - 1,
phi(s) = (1 + 2bs)^{-(n-1)/2} (1 + 2bsP/(P+n))^{-1/2}.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import mpmath as mp
from sympy import Expr, Rational, symbols

from theory.derivation import Proof
from theory.gaussian_logs import log_cumulant, power
from theory.gaussian_loop import Loop
from theory.gaussian_rows import second_moment

DIGITS = 25  # of the integrals, far beyond the 16 of the predictions


@cache
def log_and_root(n: int, pool: int, b: Rational) -> tuple[Any, Any, Any]:
    """Return E log R, E log^2 R and E sqrt R.

    R^-u = 1 - (1/Gamma(u)) int s^(u-1) e^-s (1 - e^(-sZ)) ds for u > -1. With
    1/Gamma(u) = u + g u^2 + ..., g Euler's constant, and I_j = int log(s)^j e^-s (1 - phi) / s ds,
    the coefficients of u and u^2 are E log R = I_0 and E log^2 R = -2 (I_1 + g I_0); and
    1/Gamma(-1/2) = -1 / (2 sqrt pi). The integrals run over q = sqrt s, which is smooth at 0.
    """
    with mp.workdps(DIGITS):
        b = mp.mpf(b.p) / b.q
        share = mp.mpf(pool) / (pool + n)

        @cache  # the integrals have the same nodes
        def weight(q: Any) -> Any:
            s = q * q
            log_phi = -(n - 1) * mp.log1p(2 * b * s) / 2 - mp.log1p(2 * b * s * share) / 2
            return -mp.expm1(log_phi) * mp.exp(-s)

        def integral(kernel: Callable[[Any], Any]) -> Any:
            return mp.quad(lambda q: weight(q) * kernel(q), [0, 1, 3, 9])  # e^-81 is nothing

        zeroth = integral(lambda q: 2 / q)
        first = integral(lambda q: 4 * mp.log(q) / q)
        root = 1 + integral(lambda q: 1 / q**2) / mp.sqrt(mp.pi)
        return zeroth, -2 * (first + mp.euler * zeroth), root


def ratios(loop: Loop) -> Iterator[tuple[Any, Any, Any]]:
    """Yield E log, E log^2 and E sqrt of C_t / C_{t-1}, t = 2, 3, ..."""
    pool = loop.sizes[0]
    for n in loop.sizes[1:]:
        yield log_and_root(n, pool, Rational(loop.temperature) / (pool - loop.ddof))
        pool += n


def number(value: Expr) -> Any:
    """Return a SymPy number in mpmath."""
    return mp.mpf(str(value.evalf(DIGITS)))


def log_variance(loop: Loop) -> list[Any]:
    """Return E log v_t / s_0^2."""
    logs = [number(log_cumulant(loop.sizes[0] - 1, 1))]
    for mean, _, _ in ratios(loop):
        logs.append(logs[-1] + mean)
    pools = [sum(loop.sizes[:t]) - loop.ddof for t in range(1, len(loop.sizes) + 1)]
    return [total - mp.log(pool) for total, pool in zip(logs, pools, strict=True)]


def log_variance_variance(loop: Loop) -> list[Any]:
    """Return Var log v_t."""
    values = [number(log_cumulant(loop.sizes[0] - 1, 2))]
    for mean, square, _ in ratios(loop):
        values.append(values[-1] + square - mean**2)
    return values


def root(loop: Loop) -> list[Any]:
    """Return E sqrt(v_t) / s_0."""
    roots = [number(power(loop.sizes[0] - 1, Rational(1, 2)))]
    for _, _, mean in ratios(loop):
        roots.append(roots[-1] * mean)
    pools = [sum(loop.sizes[:t]) - loop.ddof for t in range(1, len(loop.sizes) + 1)]
    return [total / mp.sqrt(pool) for total, pool in zip(roots, pools, strict=True)]


def w2_squared(loop: Loop) -> list[Any]:
    """Return E W2^2 to the truth N(mu_0, s_0^2): s_0^2 E (m^2 + v + 1 - 2 sqrt v) at s_0 = 1."""
    scale = number(loop.moments()[0])
    pairs = zip(second_moment(loop), root(loop), strict=True)
    return [scale * (number(moment) + 1 - 2 * mean) for moment, mean in pairs]


def scatter_identity() -> list[Expr]:
    """The pooled scatter is C + (scatter of the batch) + nP/(n+P) (difference of means)^2."""
    n, pool, old, new, c, own = symbols("n P old new c own")
    squares = c + pool * old**2 + own + n * new**2
    pooled = squares - (pool * old + n * new) ** 2 / (pool + n)
    return [pooled - (c + own + n * pool / (n + pool) * (new - old) ** 2)]


PROOFS = (Proof("scatter", "Steiner", "scatter of two pooled groups", scatter_identity),)
