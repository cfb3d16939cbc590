"""Variances over replicates of tr S_t, |m_t|^2 and their sum, in units of tr S_0."""

from collections.abc import Callable

from sympy import QQ, Rational

from theory import gaussian_batches, gaussian_rows, gaussian_subsample
from theory.gaussian_loop import Loop
from theory.weights_loop import EDIT, SETS, SUBSAMPLE, averaged


def mean_square(loop: Loop, name: str) -> list[Rational]:
    """Return E X_t^2 / (tr S_0)^2, from one and two coordinates (see `gaussian_batches`)."""
    if loop.workflow == EDIT:
        return averaged(loop.plan, lambda plan: mean_square(loop.following(plan), name))
    by_rows = loop.workflow in (SUBSAMPLE, SETS)
    coefficients = (gaussian_subsample if by_rows else gaussian_batches).coefficients
    trace, square, fourth = loop.moments()
    alone = coefficients(loop, name, 1)
    pairs = coefficients(loop, name, 2) if loop.dim > 1 else alone
    values = []
    for (kappa, own), (kappa_pair, both) in zip(alone, pairs, strict=True):
        # A statistic that ignores the axes weighs x_a^2 x_b^2 alike for a = b and a != b.
        assert kappa == kappa_pair
        k, o, b = (QQ.to_sympy(c) for c in (kappa, own, both))
        values.append((k * fourth + b * trace**2 + (o - b) * square) / trace**2)
    return values


def variance_of(name: str) -> Callable[[Loop], list[Rational]]:
    """Return the function that gives Var X_t for the statistic of that name."""

    def values(loop: Loop) -> list[Rational]:
        means = getattr(gaussian_rows, name)(loop)
        squares = mean_square(loop, name)
        return [square - mean**2 for square, mean in zip(squares, means, strict=True)]

    return values
