"""Integrals of smooth functions by Gauss-Legendre panels, to twenty digits."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import mpmath as mp
from mpmath.calculus.quadrature import GaussLegendre

DIGITS = 20
DEGREE = 5  # 48 points a panel


@cache
def unit_nodes(degree: int) -> list[tuple[Any, Any]]:
    """Return points and weights on [-1, 1]."""
    with mp.workdps(DIGITS):
        return GaussLegendre(mp.mp).calc_nodes(degree, mp.mp.prec)


def nodes(points: Sequence[Any], degree: int = DEGREE) -> list[tuple[Any, Any]]:
    """Return points and weights on the panels between given points."""
    found = []
    for low, high in pairwise(points):
        middle, half = mp.mpf(low + high) / 2, mp.mpf(high - low) / 2
        found += [(middle + half * x, half * weight) for x, weight in unit_nodes(degree)]
    return found


@cache
def chi_square_nodes(n: int, degree: int = DEGREE) -> list[tuple[Any, Any]]:
    """Return points s and weights of E f(s), s chi-square with n degrees of freedom.

    The integral is over the root x of s, whose density x^{n-1} e^{-x^2/2} has no pole.
    """
    with mp.workdps(DIGITS):
        scale = 2 / (mp.mpf(2) ** (mp.mpf(n) / 2) * mp.gamma(mp.mpf(n) / 2))
        root = mp.sqrt(n)
        panels = [mp.mpf(0), root / 2, root, root + 1, root + 3, root + 12]
        return [
            (x**2, weight * scale * x ** (n - 1) * mp.exp(-(x**2) / 2))
            for x, weight in nodes(panels, degree)
        ]


@cache
def normal_nodes(degree: int = DEGREE - 1) -> list[tuple[Any, Any]]:
    """Return points z and weights of E f(z), z of N(0, 1), up to twelve deviations."""
    with mp.workdps(DIGITS):
        return [(z, weight * mp.npdf(z)) for z, weight in nodes(mp.linspace(-12, 12, 9), degree)]
