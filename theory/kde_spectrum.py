"""Integrated squared errors: characteristic functions, as polynomials in those of the kernels.

Let phi be the characteristic function of the training rows of a fit, q = |phi_0|^2, and k_s that
of the noise of generation s. Tracing the newer of two rows a, b to its parent,
    E exp(i w(x_a - x_b)) = 1 for a = b, q for two real rows, q times the parts of E phi that
    come with an older row for a real and an older one, otherwise k_s times that of the parent and
    b, or k_s^2 times that of both parents.
So E|phi|^2 is a polynomial F2 in the k_s, at most linear in q, and E phi = phi_0 F1 with F1 a
polynomial in the k_s. By Parseval the error of fit t, with kernel K, is the integral of
    K^2 F2 - 2 K F1 q + q.
Each monomial integrates to the density at 0 of a sum of noises, and of x - y for two
independent real rows where q is a factor.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath as mp
from sympy import QQ, ring

from theory import kde_compact
from theory.kde_loop import Loop
from theory.kde_rows import Table, arriving, extend, fit
from theory.kde_truth import precise, real

Powers = tuple[int, ...]


@cache
def characteristics(loop: Loop) -> list[tuple[Any, Any]]:
    """Return F1 and F2 of each fit: polynomials in k_1, ..., k_T and q."""
    generations = len(loop.sizes)
    _, *gens = ring([*[f"k{t}" for t in range(1, generations + 1)], "q"], QQ)
    one = gens[0] ** 0
    mean: list[Any] = [one]
    pair: Table = [[gens[-1]]]
    fits = []
    for t in range(1, generations + 1):
        kernel = gens[t - 1]
        first, _, _ = fit(loop, t, mean, pair)
        _, square, given = fit(loop, t, [one] * len(mean), pair)
        fits.append((first, square))
        given, first = [kernel * value for value in given], kernel * first
        extend(loop, t, pair, given, kernel**2 * square, [gens[-1] * m for m in (*mean, first)])
        mean += arriving(loop, t, one, first)
    return fits


def normal_density(square: mp.mpf, variance: mp.mpf, dim: int) -> mp.mpf:
    """Return the density of N(0, variance I) where |x|^2 = square."""
    return mp.exp(-square / (2 * variance)) / mp.sqrt(2 * mp.pi * variance) ** dim


def overlaps(loop: Loop) -> list[tuple[mp.mpf, mp.mpf, mp.mpf]]:
    """Return the law of x - y, two real rows: weight, mean and variance of each component."""
    parts = [tuple(map(real, part)) for part in loop.truth.spread]
    return [(a * b, m - k, v + w) for a, m, v in parts for b, k, w in parts]


def at_zero(loop: Loop, counts: dict[mp.mpf, int], *, real_rows: bool) -> mp.mpf:
    """Return the density at 0 of a sum of noises, counts[h] of them with bandwidth h."""
    apart = overlaps(loop) if real_rows else [(mp.mpf(1), mp.mpf(0), mp.mpf(0))]
    if loop.kernel != "gaussian":
        return kde_compact.at_zero(loop.kernel, counts, apart, real_rows=real_rows)
    noise = mp.fsum(count * h**2 for h, count in counts.items())
    return mp.fsum(w * normal_density(m**2, v + noise, loop.dim) for w, m, v in apart)


def integral(loop: Loop, t: int, polynomial: Any, scored: int) -> mp.mpf:
    """Return the integral of a polynomial times the scoring kernel to the power `scored`."""
    total = mp.mpf(0)
    for (*powers, q), coefficient in polynomial.terms():
        counts: dict[mp.mpf, int] = {loop.score(t): scored} if scored else {}
        for s, power in enumerate(powers, 1):
            if power:
                h = loop.bandwidth(s)
                counts[h] = counts.get(h, 0) + power
        total += real(coefficient) * at_zero(loop, counts, real_rows=bool(q))
    return total


def _errors(loop: Loop, density: Callable[[Any, Any, Any], Any]) -> list[mp.mpf]:
    """Return the integral of K^2 `density` - 2 K F1 q + q of each fit."""
    found = []
    for t, (first, square) in enumerate(characteristics(loop), 1):
        q = first.ring.gens[-1]
        fitted = integral(loop, t, density(first, square, q), 2)
        found.append(fitted - 2 * integral(loop, t, first * q, 1) + integral(loop, t, q, 0))
    return found


@precise
def mise(loop: Loop) -> list[mp.mpf]:
    """Return the integral of E(fitted density - p_0)^2."""
    return _errors(loop, lambda _, square, __: square)


@precise
def mise_bias(loop: Loop) -> list[mp.mpf]:
    """Return the integral of (E fitted density - p_0)^2."""
    return _errors(loop, lambda first, _, q: first**2 * q)


@precise
def mise_variance(loop: Loop) -> list[mp.mpf]:
    """Return the integral of the variance of the fitted density."""
    return [
        integral(loop, t, square - first**2 * first.ring.gens[-1], 2)
        for t, (first, square) in enumerate(characteristics(loop), 1)
    ]
