r"""What sampled rows are worth beside real ones, in one round: cardinality against proportion.

A generator was trained on n_0 real rows of its own; n_s of its rows are pooled with n_r real
ones, p = n_s/(n_r + n_s). The mean's error is [(1 - p)/n_r + p^2/n_0] sigma^2: more rows against
the generator's own error. Derived here; the question is that of arXiv 2410.16713, section 4.
"""

from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, broadcast
from modelcollapse.mixed.arguments import plain, ratio, row_counts


class Optimum(NamedTuple):
    """The best share p of synthetic rows, their number (inf: ever more) and the error there."""

    share: Floats
    rows: Floats
    mse: Floats


@broadcast
def synthetic_value(real: Any, synthetic: Any, generator_rows: Any) -> Floats:
    """Return the mean's squared error over sigma^2, (1 - p)/n_r + p^2/n_0.

    Parameters
    ----------
    real, synthetic, generator_rows
        n_r, n_s (0 is allowed) and n_0: numbers of rows, of which n_s come from a generator that
        was trained on n_0 real ones of its own; p = n_s/(n_r + n_s). They broadcast.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.mixed.synthetic_value(100, [0, 100, 1000], generator_rows=150).round(5))
    [0.01    0.00667 0.00642]
    """
    r, s, g = _arguments(real, synthetic, generator_rows)
    p = s / (r + s)
    return plain((1 - p) / r + p**2 / g)


@broadcast
def optimal_synthetic(real: Any, generator_rows: Any) -> Optimum:
    """Return how many synthetic rows are best: p* = min(1, n_0/(2 n_r)).

    Below n_0/2 real rows every further synthetic row helps, and the error falls to 1/n_0; above,
    n_s* = n_r n_0/(2 n_r - n_0) with the error 1/n_r - n_0/(4 n_r^2).
    """
    r, _, g = _arguments(real, 0, generator_rows)
    share = np.minimum(1.0, g / (2 * r))
    least = np.where(share < 1, (1 - share / 2) / r, 1 / g)
    return Optimum(plain(share), plain(ratio(r * g, 2 * r - g)), plain(least))


@broadcast
def break_even_synthetic(real: Any, generator_rows: Any) -> Floats:
    """Return the synthetic rows up to which they do not hurt: n_r n_0/(n_r - n_0).

    The share there is n_0/n_r; with n_0 >= n_r no number of them hurts (inf).
    """
    r, _, g = _arguments(real, 0, generator_rows)
    return plain(ratio(r * g, r - g))


@broadcast
def weighted_synthetic_value(real: Any, synthetic: Any, generator_rows: Any) -> Floats:
    """Return the error when each source has its best weight: 1/(n_r + n_0 n_s/(n_0 + n_s)).

    It never hurts: what hurts above is pooling rows of unequal worth alike.
    """
    r, s, g = _arguments(real, synthetic, generator_rows)
    return plain(1 / (r + g * s / (g + s)))


@broadcast
def shared_generator_value(real: Any, synthetic: Any) -> Floats:
    """Return the error when the generator was trained on the same n_r rows: 1/n_r + n_s/N^2.

    Its rows carry nothing new: for every n_s > 0 that is above 1/n_r.
    """
    r, s = row_counts("real", real), row_counts("synthetic", synthetic, zero=True)
    return plain(1 / r + s / (r + s) ** 2)


def _arguments(real: Any, synthetic: Any, generator: Any) -> tuple[Floats, Floats, Floats]:
    r, g = row_counts("real", real), row_counts("generator_rows", generator)
    return r, row_counts("synthetic", synthetic, zero=True), g
