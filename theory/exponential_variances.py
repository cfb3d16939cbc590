"""Variances over replicates, from E (m_t - m_0)^j of either engine."""

from typing import Any

from sympy import QQ, Rational

from theory import exponential_fourth, exponential_subsample
from theory.exponential_loop import Loop
from theory.weights_loop import EDIT, SUBSAMPLE


def moments(loop: Loop) -> list[tuple[Any, ...]]:
    """Return E d_t^j for j = 0, ..., 4, one tuple for each generation, d_t = m_t - m_0."""
    by_rows = loop.plan.workflow in (SUBSAMPLE, EDIT)
    engine = exponential_subsample if by_rows else exponential_fourth
    columns = [engine.moments(loop, order) for order in (1, 2, 3, 4)]
    return [(QQ(1), *row) for row in zip(*columns, strict=True)]


def _variance(loop: Loop, coefficients: tuple[Any, ...]) -> list[Rational]:
    """Return the variance of c_0 + c_1 d + c_2 d^2."""
    found = []
    for expected in moments(loop):
        first = sum(c * expected[i] for i, c in enumerate(coefficients))
        second = sum(
            a * b * expected[i + j]
            for i, a in enumerate(coefficients)
            for j, b in enumerate(coefficients)
        )
        found.append(QQ.to_sympy(second - first**2))
    return found


def mean(loop: Loop) -> list[Rational]:
    """Return Var m_t / V(m_0)."""
    return [value / QQ.to_sympy(loop.spread) for value in _variance(loop, (QQ(0), QQ(1)))]


def squared_error(loop: Loop) -> list[Rational]:
    """Return Var (m_t - m_0)^2 / V(m_0)^2."""
    return _variance(loop, (QQ(0), QQ(0), 1 / loop.spread))


def inflation(loop: Loop) -> list[Rational]:
    """Return Var n_1 (m_t - m_0)^2 / V(m_0)^2."""
    return _variance(loop, (QQ(0), QQ(0), loop.plan.sizes[0] / loop.spread))


def variance(loop: Loop) -> list[Rational]:
    """Return Var V(m_t) / V(m_0)^2."""
    return _variance(loop, tuple(c / loop.spread for c in loop.cumulants[1]))


def cubed_error(loop: Loop) -> list[Any]:
    """Return E (m_t - m_0)^3 / V(m_0)^(3/2)."""
    unit = QQ.to_sympy(loop.spread) ** Rational(3, 2)
    return [QQ.to_sympy(expected[3]) / unit for expected in moments(loop)]
