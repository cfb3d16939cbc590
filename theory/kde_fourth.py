"""The variance over replicates of the second moment, from E|x|^2 |y|^2 of single rows.

With x = p + h e, p the parent and e the noise of a radial kernel, odd moments of e vanish and
E (p.e)^2 = k |p|^2, k the variance per coordinate. Hence, given p,
    E|x|^2 = |p|^2 + k d h^2,
    E|x|^4 = |p|^4 + (4 + 2 d) k h^2 |p|^2 + h^4 E|e|^4.
Two new rows have independent noises, so that no inner product of two rows enters.
"""

from functools import cache
from typing import Any

import mpmath as mp
from sympy import QQ, expand, ring, symbols

from theory.derivation import Proof
from theory.kde_loop import Loop
from theory.kde_rows import arriving, evaluate, extend, fit
from theory.kde_truth import precise, real


@cache
def variances(loop: Loop) -> list[Any]:
    """Return the variance of the mean of |x|^2, a polynomial in h_t^2, E|x|^2 and E|x|^4."""
    generations = len(loop.sizes)
    names = [f"g{t}" for t in range(1, generations + 1)]
    _, *gens = ring([*names, "second", "fourth"], QQ)
    second, fourth = gens[-2:]
    k, length4 = (QQ.from_sympy(value) for value in loop.noise())
    d, found = loop.dim, []
    first, own, pair = [second], [fourth], [[second**2]]
    for t in range(1, generations + 1):
        g = gens[t - 1]
        mean, _, _ = fit(loop, t, first, pair)
        raw, square, given = fit(loop, t, own, pair)
        found.append(square - mean**2)
        longer = k * d * g
        between = square + 2 * longer * mean + longer**2
        given = [v + longer * m for v, m in zip(given, first, strict=True)]
        extend(loop, t, pair, given, between, [second * m for m in (*first, mean + longer)])
        first += arriving(loop, t, second, mean + longer)
        own += arriving(loop, t, fourth, raw + (4 + 2 * d) * k * g * mean + length4 * g**2)
    return found


@precise
def second_moment_variance(loop: Loop) -> list[mp.mpf]:
    """Return the variance of the second moment relative to tr S_0."""
    truth = [real(value) for value in loop.truth.moments()]
    values = [loop.bandwidth(t) ** 2 for t in range(1, len(loop.sizes) + 1)]
    return [evaluate(v, [*values, *truth]) / truth[0] ** 2 for v in variances(loop)]


def lengthened() -> list[Any]:
    """E|p + h e|^4 given p, expanded: the two terms with h^2 and the one with h^4."""
    p2, pe, e2, h, k, d, fourth = symbols("p2 pe e2 h k d fourth")
    expanded = expand((p2 + 2 * h * pe + h**2 * e2) ** 2)
    # E pe = E pe e2 = 0, E pe^2 = k p2, E e2 = k d, E e2^2 = fourth.
    means = {(1, 0): 0, (1, 1): 0, (2, 0): k * p2, (0, 1): k * d, (0, 2): fourth, (0, 0): 1}
    total = sum(
        means[i, j] * expanded.coeff(pe, i).coeff(e2, j)
        for i in range(3)
        for j in range(3)
        if expanded.coeff(pe, i).coeff(e2, j) != 0
    )
    return [total - (p2**2 + (4 + 2 * d) * k * h**2 * p2 + h**4 * fourth)]


PROOFS = (Proof("kde-fourth", "derived here", "the fourth moment of a row with noise", lengthened),)
