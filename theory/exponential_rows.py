"""Second moments, row by row: E(m_t - m_0)^2 of every family and workflow.

The engine keeps E x_i x_j, less the truth's mean, for every pair of rows ever created. A row of
model s has the mean d = m_s - m_0 and the variance V(m_0 + d) given everything before it, a
polynomial in d whose expectation needs E d^2 at most. The workflow chooses rows without looking
at them, so all it contributes is E w_i and E w_i w_j.
"""

from dataclasses import replace
from functools import cache
from typing import Any

from sympy import QQ, Rational

from theory.exponential_loop import Loop
from theory.weights_loop import EDIT, TRUTH, averaged


class _Rows:
    """The second moments of all rows so far, and of the fits."""

    def __init__(self, loop: Loop):
        self.loop = loop
        self.products: list[list[Any]] = []
        self.squares: dict[int, Any] = {TRUTH: QQ(0)}
        self.crosses: dict[int, list[Any]] = {TRUTH: []}

    def own(self, source: int) -> Any:
        """Return E V of the rows' source; E d = 0 because every mean is unbiased."""
        return average(self.loop.cumulants[1], self.squares[source])

    def append(self, rows: int, source: int) -> None:
        """Add rows of a source: E x x_j is E d x_j, between two of them E d^2."""
        square = self.squares[source]
        known = self.crosses[source]
        # What came after the fit was sampled from it, or is independent fresh data.
        cross = [known[j] if j < len(known) else QQ(0) for j in range(len(self.products))]
        for row, value in zip(self.products, cross, strict=True):
            row.extend([value] * rows)
        diagonal = square + self.own(source)
        for i in range(rows):
            self.products.append([*cross, *[diagonal if i == j else square for j in range(rows)]])

    def fit(self, t: int) -> None:
        """Set E d_t^2 and E d_t x_j."""
        w, pairs = self.loop.plan.selection(t)
        rows = range(len(w))
        self.squares[t] = sum(pairs[i][j] * self.products[i][j] for i in rows for j in rows)
        self.crosses[t] = [sum(w[i] * self.products[i][j] for i in rows) for j in rows]


def average(coefficients: tuple[Any, ...], square: Any) -> Any:
    """Return E of c_0 + c_1 d + c_2 d^2 with E d = 0."""
    assert not any(coefficients[3:])
    moments = (QQ(1), QQ(0), square)
    return sum((c * e for c, e in zip(coefficients, moments, strict=False)), QQ(0))


@cache
def _squares(loop: Loop) -> tuple[Any, ...]:
    if loop.plan.workflow == EDIT:
        plans = averaged(loop.plan, lambda plan: _squares(replace(loop, plan=plan)))
        return tuple(plans)
    rows = _Rows(loop)
    for t in range(1, loop.plan.generations + 1):
        for part in loop.plan.batch(t):
            rows.append(part.rows, part.source)
        rows.fit(t)
    return tuple(rows.squares[t] for t in range(1, loop.plan.generations + 1))


def squared_error(loop: Loop) -> list[Rational]:
    """Return E(m_t - m_0)^2 / V(m_0)."""
    return [QQ.to_sympy(square / loop.spread) for square in _squares(loop)]


def variance(loop: Loop) -> list[Rational]:
    """Return E V(m_t) / V(m_0)."""
    variances = [average(loop.cumulants[1], square) for square in _squares(loop)]
    return [QQ.to_sympy(value / loop.spread) for value in variances]


def inflation(loop: Loop) -> list[Rational]:
    """Return the squared error over that of the first fit, V(m_0)/n_1."""
    return [value * loop.plan.sizes[0] for value in squared_error(loop)]


def effective_samples(loop: Loop) -> list[Rational]:
    """Return how many real rows have this squared error, V(m_0)/E(m_t - m_0)^2."""
    return [1 / value for value in squared_error(loop)]
