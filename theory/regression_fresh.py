"""Fresh real rows in every generation, pooled with rows that the last fit labelled; new inputs.

The error of the last fit is the shift of the sampled labels, and its direction is uniform and
independent of the new inputs: r' = g r + sigma^2 d/(N - d - 1), with g from `mixed_collapse`.
The mean of an error is a multiple of the mean before, and 0 at generation 1.
"""

from collections.abc import Callable
from typing import Any

from sympy import Integer, oo

from theory.mixed_collapse import bias_factor
from theory.regression_loop import Loop
from theory.regression_wishart import inverse


def noise(loop: Loop, rows: int) -> Any:
    """Return sigma^2 E tr S^{-1}."""
    return loop.noise**2 * loop.dim * inverse(Integer(rows), Integer(loop.dim))


def factor(loop: Loop) -> Any:
    """Return g."""
    real, synthetic, _ = loop.option
    return bias_factor(Integer(real), Integer(synthetic), loop.dim)


def expected(key: str) -> Callable[[Loop], list[Any]]:
    """Return the function for E|w_t - w*|^2 ("risk") or E|w_t|^2 ("norm")."""

    def values(loop: Loop) -> list[Any]:
        found = [noise(loop, loop.sizes[0])]
        for rows in loop.sizes[1:]:
            found.append(factor(loop) * found[-1] + noise(loop, rows))
        return [risk + (loop.norm if key == "norm" else 0) for risk in found]

    return values


def limit_of(key: str) -> Callable[[Loop], list[Any]]:
    """Return the function for their limits."""

    def values(loop: Loop) -> list[Any]:
        real, synthetic, _ = loop.option
        gap, added = 1 - factor(loop), noise(loop, real + synthetic)
        risk = added / gap if gap > 0 else oo if loop.noise else Integer(0)
        return [risk + (loop.norm if key == "norm" else 0)]

    return values
