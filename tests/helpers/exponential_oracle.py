"""Slow exact moments of any deterministic loop: joint moments of all batch means, in rationals.

Nothing is shared with the package but the workflow's weights: parts are batch means y_1, y_2, ...
in units of the truth, and `moments` maps each multiset of up to four parts to the expectation of
their product. A new part has, given the fit x, the cumulants x, V/n, V V'/n^2 and
V (V'^2 + 2 v2 V)/n^3 with V = 1 + s x + v2 x^2.
"""

from fractions import Fraction
from itertools import combinations_with_replacement

import numpy as np

from modelcollapse.workflows.sources import real_counts, source_weights

ORDER = 4


def times(a, b):
    """Multiply polynomials."""
    out = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return out


def plus(*terms):
    """Add polynomials."""
    return [sum(t[i] for t in terms if i < len(t)) for i in range(max(map(len, terms)))]


def conditional(s, v2, n, unit=Fraction(1)):
    """Return the raw moments 0 to 4 of a mean of n rows as polynomials in the fit."""
    x, V, slope = [Fraction(0), Fraction(1)], [unit, s, v2], [s, 2 * v2]
    k2 = [c / n for c in V]
    k3 = [c / n**2 for c in times(V, slope)]
    k4 = [c / n**3 for c in times(V, plus(times(slope, slope), [2 * v2 * c for c in V]))]
    xx = times(x, x)
    return [
        [Fraction(1)],
        x,
        plus(xx, k2),
        plus(times(xx, x), [3 * c for c in times(x, k2)], k3),
        plus(
            times(xx, xx),
            [6 * c for c in times(xx, k2)],
            [4 * c for c in times(x, k3)],
            k4,
            [3 * c for c in times(k2, k2)],
        ),
    ]


def fit_moment(moments, weights, parts, power):
    """Return E[prod of parts * x^power], x the weighted sum of all parts."""
    if power == 0:
        return moments[tuple(sorted(parts))]
    return sum(
        w * fit_moment(moments, weights, (*parts, i), power - 1) for i, w in enumerate(weights) if w
    )


def append(moments, weights, count, rows):
    """Add part number `count`, whose raw moments given the fit are `rows`."""
    for degree in range(1, ORDER + 1):
        for power in range(1, degree + 1):
            for others in combinations_with_replacement(range(count), degree - power):
                total = sum(
                    c * fit_moment(moments, weights, others, i)
                    for i, c in enumerate(rows[power])
                    if c
                )
                moments[others + (count,) * power] = total


def error_moments(workflow, sizes, s, v2, unit=Fraction(1)):
    """Return (E x_t^2, E x_t^3, E x_t^4) of each generation, as Fractions.

    V = unit + s x + v2 x^2, with x in any units.
    """
    sizes = [int(n) for n in sizes]
    moments, place, found, count = {(): Fraction(1)}, {}, [], 0
    weights = []
    for t in range(1, len(sizes) + 1):
        fresh = int(real_counts(workflow, sizes[:t])[-1])
        for kind, n in (("real", fresh), ("drawn", sizes[t - 1] - fresh)):
            if n:
                rows = conditional(s, v2, n, unit)
                if kind == "real":
                    rows = [r[:1] for r in rows]
                append(moments, weights, count, rows)
                weights = [*weights, Fraction(0)]
                place[kind, t - 1] = count
                count += 1
        real, drawn = source_weights(workflow, sizes[:t])
        weights = [Fraction(0)] * count
        for kind, share in (("real", real), ("drawn", drawn)):
            for batch, w in enumerate(share):
                if w:
                    weights[place[kind, batch]] += simplest(float(w))
        weights = [w / sum(weights) for w in weights]  # of rounded ones the sum is only nearly 1
        found.append(tuple(fit_moment(moments, weights, (), j) for j in (2, 3, 4)))
    return found


def simplest(w):
    """Return a fraction that rounds to a float, a simple one if there is one."""
    simple = Fraction(w).limit_denominator(10**6)
    return simple if float(simple) == w else Fraction(w)


def numbers(found):
    """Return arrays of the moments."""
    return np.array([[float(x) for x in row] for row in found]).T
