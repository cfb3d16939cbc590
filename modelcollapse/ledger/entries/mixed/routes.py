"""Independent routes to the numbers of this room: exact laws, moment maps, rational algebra."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from modelcollapse._support.checks import Floats

Row = list[Fraction]
ONE = Fraction(1)


def binomial(n: int, p: Floats) -> Floats:
    """Return P(Bin(n, p) = j), shape (*p.shape, n + 1), for 0 <= p <= 1."""
    ways = np.array([1.0])
    for _ in range(n):
        ways = np.concatenate([ways, [0.0]]) + np.concatenate([[0.0], ways])
    j = np.arange(n + 1)
    with np.errstate(under="ignore"):
        powers = p[..., None] ** j * (1 - p[..., None]) ** (n - j)
    return np.asarray(ways * powers)


def coins_with_fresh_data(real: int, synthetic: int, weight: float, p: float = 0.3) -> float:
    """Return E(m - p)^2 / (p (1 - p)) of a Bernoulli loop with fresh data, in the long run.

    From the exact law of the two counts, iterated 400 times. A Bernoulli's variance is
    m (1 - m), of curvature -1.
    """
    a, b = np.arange(real + 1) / real, np.arange(synthetic + 1) / synthetic
    model = weight * a[:, None] + (1 - weight) * b
    fresh, sampled = binomial(real, np.array(p)), binomial(synthetic, np.clip(model, 0, 1))
    law = np.outer(fresh, binomial(synthetic, np.array(p)))
    for _ in range(400):
        law = np.outer(fresh, np.einsum("ij,ijk->k", law, sampled))
    return float((law * (model - p) ** 2).sum() / (p * (1 - p)))


def heated_map(
    real: int, synthetic: int, weight: float, temperature: float
) -> tuple[Floats, Floats]:
    """Return (M, c): one generation of a Gaussian turns (R, V) into M (R, V) + c.

    From the second moment of the weighted rows, w + u (R + lambda V), and their mean's.
    """
    u = 1 - weight
    mean = np.array([u**2, u**2 * temperature / synthetic])
    moment = np.array([u, u * temperature])
    constant = weight**2 / real
    return np.array([mean, moment - mean]), np.array([constant, weight - constant])


def heated_fixed_point(
    real: int, synthetic: int, weight: float, temperature: float
) -> tuple[float, float]:
    """Return the (R, V) that the map leads to after 4,000 generations."""
    matrix, constant = heated_map(real, synthetic, weight, temperature)
    state = np.zeros(2)
    for _ in range(4000):
        state = matrix @ state + constant
    return float(state[0]), float(state[1])


def spectral_radius(real: int, synthetic: int, weight: float, temperature: float) -> float:
    """Return the largest eigenvalue of the map, by its quadratic equation."""
    (a, b), (c, d) = heated_map(real, synthetic, weight, temperature)[0].tolist()
    return float((a + d) / 2 + np.sqrt(((a - d) / 2) ** 2 + b * c))


def kept_growth(share: float, rows: int, curvature: float) -> float:
    """Return the ratio of two steps of the error of a loop that keeps its real rows.

    R <- 1/n + D, D <- u^2 (D + (1 + v2 R)/n): generations 31 and 30.
    """
    u, D = 1 - share, [0.0]
    for _ in range(31):
        D.append(u**2 * (D[-1] + (1 + curvature * (1 / rows + D[-1])) / rows))
    return (D[31] - D[30]) / (D[30] - D[29])


def pooled_errors(sizes: Sequence[int], shares: Sequence[Fraction]) -> list[Fraction]:
    """Return the squared error of the mean of all rows, at each generation, in rationals."""
    return _errors(sizes, shares, lambda past, _: _pooled(past, sizes))


def debiased_errors(sizes: Sequence[int], shares: Sequence[Fraction]) -> list[Fraction]:
    """Return the squared error of the debiased mean, whose models are published."""
    return _errors(sizes, shares, lambda past, models: _debiased(past, models, sizes, shares))


def _errors(
    sizes: Sequence[int],
    shares: Sequence[Fraction],
    fit: Callable[[list[Row], list[Row]], Row],
) -> list[Fraction]:
    """Follow every batch mean and model as a combination of the batches' independent noises.

    Batch i: alpha (noise of its real rows) + (1 - alpha)(last model + noise of its other rows).
    """
    noises: Row = []  # variances
    for n, alpha in zip(sizes, shares, strict=True):
        noises += [1 / (alpha * n) if alpha else ONE, 1 / ((1 - alpha) * n) if alpha < 1 else ONE]
    batches: list[Row] = []
    models: list[Row] = []
    for i, alpha in enumerate(shares):
        before = models[-1] if models else [Fraction(0)] * len(noises)
        mean = [(1 - alpha) * x for x in before]
        mean[2 * i] += alpha
        mean[2 * i + 1] += 1 - alpha
        batches.append(mean)
        models.append(fit(batches, models))
    return [sum((c * c * v for c, v in zip(m, noises, strict=True)), Fraction(0)) for m in models]


def _pooled(batches: list[Row], sizes: Sequence[int]) -> Row:
    total = sum(sizes[: len(batches)])
    return _combined(batches, [Fraction(n, total) for n in sizes[: len(batches)]])


def _debiased(
    batches: list[Row], models: list[Row], sizes: Sequence[int], shares: Sequence[Fraction]
) -> Row:
    worth = [n * a * a for n, a in zip(sizes, shares, strict=True)][: len(batches)]
    clean = []
    for i, mean in enumerate(batches):
        last = models[i - 1] if i else [Fraction(0)] * len(mean)
        clean.append(
            [(x - (1 - shares[i]) * m) / shares[i] for x, m in zip(mean, last, strict=True)]
        )
    return _combined(clean, [w / sum(worth) for w in worth])


def _combined(rows: list[Row], weights: Sequence[Fraction]) -> Row:
    return [
        sum((w * row[j] for w, row in zip(weights, rows, strict=True)), Fraction(0))
        for j in range(len(rows[0]))
    ]


def pooled_round(real: int, synthetic: int, generator: int | None) -> Fraction:
    """Return the squared error of the pooled mean of one round, row by row, in rationals.

    `generator` rows trained the generator; None: it was trained on the real rows themselves.
    """
    N = real + synthetic
    own = Fraction(1, N)
    if generator is None:
        each = own + Fraction(synthetic, N) / real  # a real row counts again in every sampled one
        return real * each**2 + synthetic * own**2
    shared = Fraction(synthetic, N) / generator
    return real * own**2 + generator * shared**2 + synthetic * own**2
