r"""Accumulate-subsample to second order, for any budget, any batch sizes and any family.

In units of the truth: M is the expected squared error of the mean of the pool of N rows, Q the
expected variance of its rows (ddof 0). Training on k of the N rows, drawn without replacement,
adds g = Q (N - k) / (k (N - 1)), so that R = M + g. A batch of n rows, which have the expected
variance w about their model's mean, comes to lie at the squared distance d = g + w/n from the
pool's mean:

    N' = N + n,  M' = M + (n/N')^2 d,  Q' = (N Q + (n - 1) w) / N' + N n d / N'^2,

because the new mean is, given the pool, centred at the pool's. Start: M = 1/n, Q = 1 - 1/n. Where
only the newest batch is kept the same holds with N = 0. The families differ in w alone: 1 + v2 R
where the variance is a quadratic of the mean, the fitted variance of the subset for a Gaussian.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple


class Subset(NamedTuple):
    """Generation t: k of the N rows of a pool with variance Q, and the error R of their mean."""

    generation: int
    variance: Any
    rows: int
    chosen: int
    error: Any

    def fitted(self, ddof: int = 0) -> Any:
        """Return the expected variance of the k rows, with k - ddof for a divisor."""
        N, k = self.rows, self.chosen
        if k == 1 and ddof == 0:
            return 0 * self.variance
        return self.variance * N / (N - 1) * (k - 1) / (k - ddof)


def subsets(
    sizes: Sequence[int],
    counts: Sequence[int],
    noise: Callable[[Subset], Any],
    one: Any = 1.0,
    *,
    newest: bool = False,
) -> Iterator[Subset]:
    """Yield the subsets of generations 1, ..., T; exact where `one` and `noise` are rationals.

    Parameters
    ----------
    sizes, counts
        The batch sizes n_t, and the training rows k_t.
    noise
        The variance w of the rows that the fit to a subset draws.
    one
        The unit: 1.0, or a rational 1.
    newest
        Whether the pool is only ever the newest batch.
    """
    N = sizes[0]
    M, Q = one / N, one - one / N
    for t, k in enumerate(counts):
        gap = Q * (N - k) / (k * (N - 1)) if k < N else 0 * one
        subset = Subset(t + 1, Q, N, k, M + gap)
        yield subset
        if t + 1 < len(sizes):
            n, w = sizes[t + 1], noise(subset)
            distance = gap + w / n
            N = 0 if newest else N
            Q = (N * Q + w * (n - 1)) / (N + n) + N * n * distance / (N + n) ** 2
            M += n * n * distance / (N + n) ** 2
            N += n


def subsample_errors(
    sizes: Sequence[int], counts: Sequence[int], curvature: Any, one: Any = 1.0
) -> list[Any]:
    """Return R_t for a variance 1 + v2 x^2 of one row; rationals stay rationals."""
    found = subsets(sizes, counts, lambda subset: one + curvature * subset.error, one)
    return [subset.error for subset in found]


def subsample_variances(
    sizes: Sequence[int], counts: Sequence[int], curvature: Any, one: Any = 1.0
) -> list[Any]:
    """Return 1 + v2 R_t without its subtraction, v2 >= -1; rationals stay rationals.

    With x the rows in units of the truth, `same` is 1 + v2 E x^2 for a row of the pool and `pair`
    1 + v2 E x y for two: of a batch they are (1 + v2) h and h, h the result for its fit.
    """
    N = sizes[0]
    same, pair, found = one + curvature, one, []
    for t, k in enumerate(counts):
        h = (same + (k - 1) * pair) / k
        found.append(h)
        if t + 1 < len(sizes):
            n = sizes[t + 1]
            M = N + n
            across = (same + (N - 1) * pair) / N
            pair = (N * (N - 1) * pair + 2 * N * n * across + n * (n - 1) * h) / (M * (M - 1))
            same = (N * same + n * (one + curvature) * h) / M
            N = M
    return found
