"""Expectations over single rows, by tracing the newer row of a pair to its parent.

Rows of one batch are exchangeable, so an expectation of one row or of two distinct rows depends
on their batches alone: `own[s]` and `pair[s][r]`, with batches counted from 0. A workflow chooses
rows without looking at them, so all it contributes is E w_i and E w_i w_j.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import mpmath as mp
from sympy import QQ, ring

from theory.kde_loop import SCALED, Loop
from theory.kde_truth import precise, real
from theory.weights_loop import SUBSAMPLE

Table = list[list[Any]]


def chosen(loop: Loop, t: int) -> tuple[list[Any], list[Any], Table]:
    """Return, by batch, E w_i, E w_i^2, and E w_i w_j of two distinct rows."""
    sizes = loop.sizes[:t]
    if loop.workflow != SUBSAMPLE:
        w = [share / n for share, n in zip(loop.plan.part_weights(t), sizes, strict=True)]
        return w, [a**2 for a in w], [[a * b for a in w] for b in w]
    total, k = sum(sizes), loop.plan.budget(t)
    # A row is among the k with probability k/N, two given rows with k(k-1)/(N(N-1)).
    both = QQ(k - 1, k * total * (total - 1)) if total > 1 else QQ(0)
    return [QQ(1, total)] * t, [QQ(1, k * total)] * t, [[both] * t for _ in sizes]


def fit(loop: Loop, t: int, own: Sequence[Any], pair: Table) -> tuple[Any, Any, list[Any]]:
    """Return the means over fit t of one row, of two rows, and of one row and a given row.

    Two rows drawn from a fit may be the same row; so may the drawn row and the given one, which
    is of batch 0, 1, ... in the list returned.
    """
    w, same, both = chosen(loop, t)
    n, batches = loop.sizes, range(t)
    one = sum(n[s] * w[s] * own[s] for s in batches)
    two = sum(n[s] * same[s] * own[s] for s in batches)
    two += sum(n[s] * (n[r] - (s == r)) * both[s][r] * pair[s][r] for s in batches for r in batches)
    given = [
        sum(n[s] * w[s] * pair[s][r] for s in batches) + w[r] * (own[r] - pair[r][r])
        for r in batches
    ]
    return one, two, given


def extend(pair: Table, given: Sequence[Any], between: Any) -> None:
    """Append a batch: `given` with a row of each older batch, `between` two of its own."""
    for line, value in zip(pair, given, strict=True):
        line.append(value)
    pair.append([*given, between])


def evaluate(polynomial: Any, values: Sequence[Any]) -> mp.mpf:
    """Return the value of a polynomial with rational coefficients."""
    total = mp.mpf(0)
    for powers, coefficient in polynomial.terms():
        factors = [v**m for v, m in zip(values, powers, strict=True) if m]
        total += real(coefficient) * mp.fprod(factors)
    return total


@cache
def inner_products(loop: Loop) -> list[tuple[Any, Any]]:
    """Return E mean|x - mu_0|^2 and E|m - mu_0|^2 of each fit, in units of tr S_0.

    They are polynomials in the squared length of each generation's noise, or in its f_t^2. The
    noise is independent of all rows and has mean 0: E<x, y> of two rows is that of the parents.
    """
    generations = len(loop.sizes)
    _, *noise = ring([f"g{t}" for t in range(1, generations + 1)], QQ)
    one = noise[0] ** 0
    own: list[Any] = [one]
    pair: Table = [[0 * one]]
    fits = []
    for t in range(1, generations + 1):
        raw, square, given = fit(loop, t, own, pair)
        fits.append((raw, square))
        length = noise[t - 1]
        if loop.rule in SCALED:
            length *= (raw - square) / loop.divisor(t)
        extend(pair, given, square)
        own.append(raw + length)
    return fits


def lengths(loop: Loop) -> list[mp.mpf]:
    """Return E|noise|^2 / tr S_0 of each generation, or f_t^2."""
    generations = range(1, len(loop.sizes) + 1)
    if loop.rule in SCALED:
        return [loop.bandwidth(t) ** 2 for t in generations]
    scale = real(loop.noise()[0] * loop.dim / loop.truth.moments()[0])
    return [scale * loop.bandwidth(t) ** 2 for t in generations]


def _evaluated(loop: Loop) -> Iterator[tuple[mp.mpf, mp.mpf]]:
    noise = lengths(loop)
    for raw, square in inner_products(loop):
        yield evaluate(raw, noise), evaluate(square, noise)


@precise
def second_moment(loop: Loop) -> list[mp.mpf]:
    """Return E of the mean over training rows of |x - mu_0|^2, relative to tr S_0."""
    return [raw for raw, _ in _evaluated(loop)]


@precise
def central_variance(loop: Loop) -> list[mp.mpf]:
    """Return E of the mean over training rows of |x - m|^2, m their mean, relative to tr S_0."""
    return [raw - square for raw, square in _evaluated(loop)]


@precise
def squared_error(loop: Loop) -> list[mp.mpf]:
    """Return E|m - mu_0|^2, m the mean of the training rows, relative to tr S_0."""
    return [square for _, square in _evaluated(loop)]
