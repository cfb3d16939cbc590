"""Compact kernels in one dimension: the density at 0 of a sum of noises, in closed form.

Write D^-k delta_a for the truncated power (x - a)_+^(k-1) / (k-1)!. The tophat kernel is
    1/(2h) D^-1 (delta_{-h} - delta_h)
and, integrating its derivatives by hand, the Epanechnikov kernel 3/(4h) (1 - x^2/h^2)_+ is
    3/(2h^2) D^-2 (delta_{-h} + delta_h) - 3/(2h^3) D^-3 (delta_{-h} - delta_h).
Convolving adds orders k and shifts a, so that any sum of noises is a finite sum of truncated
powers. Adding a normal difference of real rows turns each into a repeated integral of the normal
density, I_k(x) = E (x - y)_+^(k-1)/(k-1)!, and k I_{k+1} = x I_k + v I_{k-1}.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import mpmath as mp
from sympy import Expr, Rational, Symbol, diff, exp, integrate, oo, pi, sqrt, symbols

from theory.derivation import Proof

# (order k, shift in units of h, coefficient, power of 1/h)
PIECES: dict[str, tuple[tuple[int, int, Rational, int], ...]] = {
    "tophat": ((1, -1, Rational(1, 2), 1), (1, 1, -Rational(1, 2), 1)),
    "epanechnikov": (
        (2, -1, Rational(3, 2), 2),
        (2, 1, Rational(3, 2), 2),
        (3, -1, -Rational(3, 2), 3),
        (3, 1, Rational(3, 2), 3),
    ),
}


@cache
def power(kernel: str, count: int) -> dict[tuple[int, int, int], Rational]:
    """Return the sum of `count` noises: coefficients by order, shift in h, and power of 1/h."""
    if count == 0:
        return {(0, 0, 0): Rational(1)}
    total: Counter[tuple[int, int, int]] = Counter()
    for (k, a, m), value in power(kernel, count - 1).items():
        for order, shift, coefficient, scale in PIECES[kernel]:
            total[k + order, a + shift, m + scale] += value * coefficient
    return {key: value for key, value in total.items() if value}


def combined(coefficients: dict[int, mp.mpf], x: mp.mpf, variance: mp.mpf) -> mp.mpf:
    """Return the sum over k of c_k E (x - y)_+^(k-1) / (k-1)!, for y of N(0, variance)."""
    if variance == 0:
        terms = coefficients.items() if x > 0 else ()
        return mp.fsum(c * x ** (k - 1) / mp.factorial(k - 1) for k, c in terms)
    before, value = mp.npdf(x, 0, mp.sqrt(variance)), mp.ncdf(x, 0, mp.sqrt(variance))
    total = mp.mpf(0)
    for k in range(1, max(coefficients) + 1):
        total += coefficients.get(k, 0) * value
        before, value = value, (x * value + variance * before) / k
    return total


def summed(kernel: str, counts: dict[mp.mpf, int]) -> dict[mp.mpf, dict[int, mp.mpf]]:
    """Return the truncated powers of a sum of noises: coefficients by shift and order."""
    terms = {mp.mpf(0): {0: mp.mpf(1)}}
    for h, count in counts.items():
        longer: dict[mp.mpf, dict[int, mp.mpf]] = {}
        for (order, shift, m), coefficient in power(kernel, count).items():
            scaled = mp.mpmathify(coefficient) / h**m
            for a, orders in terms.items():
                target = longer.setdefault(a + shift * h, {})
                for k, value in orders.items():
                    target[k + order] = target.get(k + order, 0) + value * scaled
        terms = longer
    return terms


def at_zero(
    kernel: str,
    counts: dict[mp.mpf, int],
    apart: Sequence[tuple[Any, Any, Any]],
    *,
    real_rows: bool,
) -> mp.mpf:
    """Return the density at 0 of noises, counts[h] with bandwidth h, plus a normal mixture.

    The truncated powers cancel, in proportion to the powers of 1/h; hence the extra digits.
    """
    with mp.workdps(2 * mp.mp.dps):
        if not counts:
            return mp.fsum(w * mp.npdf(m, 0, mp.sqrt(v)) for w, m, v in apart)
        laws = apart if real_rows else [(mp.mpf(1), mp.mpf(0), mp.mpf(0))]
        return mp.fsum(
            w * combined(orders, -(shift + m), v)
            for shift, orders in summed(kernel, counts).items()
            for w, m, v in laws
        )


def pieces() -> list[Expr]:
    """The sums of truncated powers are the two kernels: zero right of h, as stated inside."""
    x, h = Symbol("x", real=True), Symbol("h", positive=True)
    residuals = []
    for kernel, density in (
        ("tophat", 1 / (2 * h)),
        ("epanechnikov", 3 * (1 - x**2 / h**2) / (4 * h)),
    ):
        signed = [
            (a, c / h**m * (x - a * h) ** (k - 1) / (2 if k == 3 else 1))
            for k, a, c, m in PIECES[kernel]
        ]
        left = sum(value for a, value in signed if a == -1)
        residuals += [left - density, sum(value for _, value in signed)]
    return residuals


def repeated_integrals() -> list[Expr]:
    """I_{k+1}' = I_k and k I_{k+1} = x I_k + v I_{k-1}: both from Stein's lemma.

    E y f(y) = v E f'(y) with f = (x - y)_+^(k-1)/(k-1)! gives k I_{k+1} = E (x - y) f
    = x I_k + v I_{k-1}. Checked by integration for k = 1 and 2.
    """
    x, y = symbols("x y", real=True)
    v = Symbol("v", positive=True)
    normal = exp(-(y**2) / (2 * v)) / sqrt(2 * pi * v)
    first = [integrate((x - y) ** k * normal, (y, -oo, x)) / (2 if k == 2 else 1) for k in range(3)]
    density = normal.subs(y, x)
    return [
        first[1] - (x * first[0] + v * density),
        2 * first[2] - (x * first[1] + v * first[0]),
        diff(first[1], x) - first[0],
    ]


PROOFS = (
    Proof("kde-pieces", "derived here", "compact kernels are truncated powers", pieces),
    Proof("kde-repeated", "derived here", "repeated normal integrals", repeated_integrals),
)
