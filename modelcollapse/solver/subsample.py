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

LIMIT_STEPS = 2048  # of a loop, from where its pool has a subset's rows
CLOSE = 1e-9  # what the bounds of a limit may differ by, in parts of it, if that takes fewer steps


class Subset(NamedTuple):
    """Generation t: k of the N rows of a pool with variance Q, and the error R of their mean."""

    generation: int
    variance: Any
    rows: int
    chosen: int
    error: Any

    @property
    def unbiased(self) -> Any:
        """The pool's expected variance with the divisor N - 1; that of one row is 0."""
        return self.variance * self.rows / max(self.rows - 1, 1)

    def fitted(self, ddof: int = 0) -> Any:
        """Return the expected variance of the k rows, with k - ddof for a divisor."""
        k = self.chosen
        if k == 1 and ddof == 0:
            return 0 * self.variance
        return self.unbiased * (k - 1) / (k - ddof)


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


def subsample_limit(n: int, s: int, first: int, k: int) -> tuple[float, float]:
    r"""Return bounds of lim R_t at v2 = 0: the batches n, s, s, ..., the subsets first, k, k, ....

    Of k >= 2 rows. From N >= k on the pool's unbiased variance U = Q N/(N - 1) goes a part of the
    way to (N + s - 1)/(N (1 - 1/k) + s + 1), which rises to k/(k - 1): it stays between the least
    and the largest of these three. With z = zeta(2, 1 + N/s) all that M still gains,
    the sum of (s/N')^2 [U (1/k - 1/N) + 1/s], is z/s + U [z (1/k + 1/s) - 1/N] for a U in these
    bounds, and g tends to 1/(k - 1). The bounds lie about t^(1/k - 2) apart.
    """
    from scipy.special import zeta

    T = max(0, k - n) // s + LIMIT_STEPS
    for subset in subsets([n] + [s] * (T - 1), [first] + [k] * (T - 1), lambda _: 1.0):
        N, U = subset.rows, subset.unbiased
        ends = U, k / (k - 1), (N + s - 1) / (N * (1 - 1 / k) + s + 1)
        if subset.generation > 1 and k <= N and s * (max(ends) - min(ends)) <= CLOSE * N:
            break
    z = float(zeta(2, 1 + N / s))
    gained = subset.error - U * (1 / k - 1 / N) + z / s
    low, high = (x * (z * (1 / k + 1 / s) - 1 / N) for x in (min(ends), max(ends)))
    return gained + low + 1 / (k - 1), gained + high + 1 / (k - 1)
