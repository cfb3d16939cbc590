"""The slow and obvious theory of kernel density loops: every row traced back to its ancestors.

A row of batch t + 1 is a training row of generation t plus h_t times a kernel's draw, or a fresh
real one. Tracing one row back to a real one leaves a law of the summed h^2 on the way; tracing two
rows back ends at one ancestor, the same row of some batch, or at two real rows. Probabilities and
sums of h^2 are fractions. With normal kernels all integrals are those of normal densities.
"""

from collections import defaultdict
from fractions import Fraction
from functools import cache

import numpy as np


class Tracing:
    """One loop: `weightings` yields (probability, {row: weight}) as in `test_predict_rational`.

    The first `real` rows of each batch after the first are real.
    """

    def __init__(self, weightings, sizes, bandwidths, real=0):
        self.sizes, self.steps = sizes, [Fraction(h) ** 2 for h in bandwidths]
        ends = np.cumsum(sizes)
        self.batch = [int(np.searchsorted(ends, row, side="right")) for row in range(ends[-1])]
        self.real = set(range(sizes[0]))
        self.real.update(int(end) + i for end in ends[:-1] for i in range(real))
        self.choices = [list(weightings(sizes, t)) for t in range(1, len(sizes) + 1)]
        self.single, self.pair = cache(self._single), cache(self._pair)

    def _single(self, row):
        """Return {summed h^2: probability} of a row."""
        s = self.batch[row]
        if row in self.real:
            return {Fraction(0): Fraction(1)}
        law = defaultdict(Fraction)
        for v, p in self.fit_single(s - 1).items():
            law[v + self.steps[s - 1]] += p
        return dict(law)

    def _pair(self, one, other):
        """Return {(whether related, summed h^2): probability} of the difference of two rows."""
        if one == other:
            return {(True, Fraction(0)): Fraction(1)}
        if self.batch[one] < self.batch[other]:
            return self.pair(other, one)
        s, law = self.batch[one], defaultdict(Fraction)
        if one in self.real:
            return {(False, v): p for v, p in self.single(other).items()}
        siblings = self.batch[other] == s and other not in self.real
        for probability, weights in self.choices[s - 1]:
            if siblings:  # both parents are drawn from one fit
                parents = [((a, b), u * w) for a, u in weights.items() for b, w in weights.items()]
            else:
                parents = [((a, other), u) for a, u in weights.items()]
            for rows, weight in parents:
                for (related, v), p in self.pair(*sorted(rows)).items():
                    step = self.steps[s - 1] * (2 if siblings else 1)
                    law[related, v + step] += probability * weight * p
        return dict(law)

    def fit_single(self, t):
        """Return {summed h^2: probability} of a training row of generation t (from 0)."""
        law = defaultdict(Fraction)
        for probability, weights in self.choices[t]:
            for row, weight in weights.items():
                for v, p in self.single(row).items():
                    law[v] += probability * weight * p
        return dict(law)

    def fit_pair(self, t):
        """Return {(related, summed h^2): probability} of two training rows, drawn by weight."""
        law = defaultdict(Fraction)
        for probability, weights in self.choices[t]:
            for a, u in weights.items():
                for b, w in weights.items():
                    for key, p in self.pair(*sorted((a, b))).items():
                        law[key] += probability * u * w * p
        return dict(law)


def normal(square, variance, dim):
    """Return the isotropic normal density at the squared distance."""
    return np.exp(-square / (2 * variance)) / (2 * np.pi * variance) ** (dim / 2)


def components_of(truth):
    """Return [(weight, mean, variance)] of a truth with isotropic components."""
    return [(w, m, S[0, 0]) for w, m, S in zip(*truth.components, strict=True)]


def overlap(truth, variance):
    """Return the integral of the truth's density and itself convolved with N(0, variance I)."""
    parts = components_of(truth)
    return sum(
        u * w * normal(((m - c) ** 2).sum(), a + b + variance, truth.dim)
        for u, m, a in parts
        for w, c, b in parts
    )


def errors(tracing, truth, scored):
    """Return the bias part and the whole mean integrated squared error of each generation."""
    rows = []
    for t, h in enumerate(scored):
        singles = [(float(v), float(p)) for v, p in tracing.fit_single(t).items()]
        cross = sum(p * overlap(truth, v + h * h) for v, p in singles)
        mean = sum(
            p * q * overlap(truth, v + u + 2 * h * h) for v, p in singles for u, q in singles
        )
        square = sum(
            float(p)
            * (
                normal(0.0, float(v) + 2 * h * h, truth.dim)
                if related
                else overlap(truth, float(v) + 2 * h * h)
            )
            for (related, v), p in tracing.fit_pair(t).items()
        )
        norm = overlap(truth, 0.0)
        rows.append((mean - 2 * cross + norm, square - 2 * cross + norm))
    return np.array(rows).T


def moments(tracing, total, fourth, kernel):
    """Return E Q, E V and Var Q of each generation, Q = mean|x - mu_0|^2, V the central variance.

    `kernel` is (variance k of a coordinate, dim, E|e|^4); all are fractions. Rows i, j have
    M[i] = E|x_i|^2, C[i, j] = E x_i.x_j and D[i, j] = E|x_i|^2 |x_j|^2, with E p.e = 0 and
    E (p.e)^2 = k |p|^2 for a kernel's draw e.
    """
    k, dim, long = kernel
    M, C, D, found = [], {}, {}, []
    row = 0
    for t, n in enumerate(tracing.sizes):
        if t:
            step = tracing.steps[t - 1]
            added = k * dim * step
        for _ in range(n):
            if row in tracing.real:
                M.append(total)
                C[row, row], D[row, row] = total, fourth
                for j in range(row):
                    C[row, j], D[row, j] = Fraction(0), total * M[j]
            else:
                mean = own = Fraction(0)
                cross, square = defaultdict(Fraction), defaultdict(Fraction)
                siblings = [
                    j for j in range(row) if tracing.batch[j] == t and j not in tracing.real
                ]
                older = [j for j in range(row) if j not in siblings]
                for probability, weights in tracing.choices[t - 1]:
                    for a, u in weights.items():
                        w = probability * u
                        mean += w * (M[a] + added)
                        own += w * (D[a, a] + (2 * added + 4 * k * step) * M[a] + long * step**2)
                        for j in older:
                            cross[j] += w * C[max(a, j), min(a, j)]
                            square[j] += w * (D[max(a, j), min(a, j)] + added * M[j])
                        for b, v in weights.items() if siblings else ():
                            both = max(a, b), min(a, b)
                            inner = D[both] + added * (M[a] + M[b]) + added**2
                            for j in siblings:
                                cross[j] += w * v * C[both]
                                square[j] += w * v * inner
                M.append(mean)
                C[row, row], D[row, row] = mean, own
                for j in range(row):
                    C[row, j], D[row, j] = cross[j], square[j]
            row += 1
        mean = product = square = Fraction(0)
        for probability, weights in tracing.choices[t]:
            for a, u in weights.items():
                mean += probability * u * M[a]
                for b, v in weights.items():
                    both = max(a, b), min(a, b)
                    product += probability * u * v * C[both]
                    square += probability * u * v * D[both]
        found.append((mean, mean - product, square - mean**2))
    return found


def scaled_moments(tracing, factors, k):
    """Return E Q and E V under SciPy's rules, in units of tr S_0; `steps` are not used.

    Given its training rows, of covariance S with ddof 1, a new row is one of them plus noise of
    covariance f^2 k S; `factors` are the f^2 k of each generation.
    """
    C, found, row = {}, [], 0
    for t, n in enumerate(tracing.sizes):
        old = row + sum(row + i in tracing.real for i in range(n))
        for _ in range(n):
            real = row in tracing.real
            own, cross = Fraction(real), defaultdict(Fraction)
            for probability, weights in () if real else tracing.choices[t - 1]:
                inner = {
                    a: sum(v * C[max(a, b), min(a, b)] for b, v in weights.items()) for a in weights
                }
                product = sum(u * inner[a] for a, u in weights.items())
                square = sum(u * C[a, a] for a, u in weights.items())
                unbiased = (square - product) / (1 - sum(u * u for u in weights.values()))
                own += probability * (square + factors[t - 1] * k * unbiased)
                for j in range(old):
                    mean = sum(u * C[max(a, j), min(a, j)] for a, u in weights.items())
                    cross[j] += probability * mean
                for j in range(old, row):
                    cross[j] += probability * product
            C[row, row] = own
            C.update({(row, j): cross[j] for j in range(row)})
            row += 1
        mean = product = Fraction(0)
        for probability, weights in tracing.choices[t]:
            mean += probability * sum(u * C[a, a] for a, u in weights.items())
            product += probability * sum(
                u * v * C[max(a, b), min(a, b)]
                for a, u in weights.items()
                for b, v in weights.items()
            )
        found.append((mean, mean - product))
    return found
