"""Expectations over single rows, by tracing the newer row of a pair to its parent.

Rows of one part of a batch, real or sampled, are exchangeable, so an expectation of one row or of
two distinct rows depends on their parts alone: `own[s]` and `pair[s][r]`, with parts counted from
0. A workflow chooses rows without looking at them, so all it contributes is E w_i and E w_i w_j.
A real row is independent of all that was there before it.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import mpmath as mp
from sympy import QQ, ring

from theory.kde_loop import SCALED, Loop
from theory.kde_truth import precise, real
from theory.weights_loop import SUBSAMPLE, TRUTH

Table = list[list[Any]]


def chosen(loop: Loop, t: int) -> tuple[list[Any], list[Any], Table]:
    """Return, by part, E w_i, E w_i^2, and E w_i w_j of two distinct rows."""
    sizes = [part.rows for part in loop.plan.parts(t)]
    if loop.workflow != SUBSAMPLE:
        w = [share / n for share, n in zip(loop.plan.part_weights(t), sizes, strict=True)]
        return w, [a**2 for a in w], [[a * b for a in w] for b in w]
    total, k = sum(sizes), loop.plan.budget(t)
    # A row is among the k with probability k/N, two given rows with k(k-1)/(N(N-1)).
    both = QQ(k - 1, k * total * (total - 1)) if total > 1 else QQ(0)
    return [QQ(1, total)] * t, [QQ(1, k * total)] * t, [[both] * t] * t


def fit(loop: Loop, t: int, own: Sequence[Any], pair: Table) -> tuple[Any, Any, list[Any]]:
    """Return the means over fit t of one row, of two rows, and of one row and a given row.

    Two rows drawn from a fit may be the same row; so may the drawn row and the given one, which
    is of part 0, 1, ... in the list returned.
    """
    w, same, both = chosen(loop, t)
    n = [part.rows for part in loop.plan.parts(t)]
    parts = range(len(n))
    one = sum(n[s] * w[s] * own[s] for s in parts)
    two = sum(n[s] * same[s] * own[s] for s in parts)
    two += sum(n[s] * (n[r] - (s == r)) * both[s][r] * pair[s][r] for s in parts for r in parts)
    given = [
        sum(n[s] * w[s] * pair[s][r] for s in parts) + w[r] * (own[r] - pair[r][r]) for r in parts
    ]
    return one, two, given


def arriving(loop: Loop, t: int, genuine: Any, drawn: Any) -> list[Any]:
    """Return, for each part of batch t + 1, what its real rows or its sampled rows have."""
    parts = loop.plan.batch(t + 1) if t < len(loop.sizes) else []
    return [genuine if part.source == TRUTH else drawn for part in parts]


def extend(
    loop: Loop, t: int, pair: Table, given: Sequence[Any], between: Any, lone: Sequence[Any]
) -> None:
    """Append batch t + 1.

    A sampled row has `given` with each older row and `between` with another one; a real row has
    `lone` with each older row, last with a sampled row of its batch, and with another real row
    what it has with one of batch 1.
    """
    *lone, sampled = lone
    for genuine in arriving(loop, t, genuine=True, drawn=False):
        line, own = (lone, lone[0]) if genuine else (given, between)
        for old, value in zip(pair, line, strict=True):
            old.append(value)
        pair.append([*line, own])
        given = [*given, sampled]


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
        extend(loop, t, pair, given, square, [0 * one] * (len(own) + 1))
        own += arriving(loop, t, one, raw + length)
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
