"""Second moments, row by row: E v_t and E m_t^2 of every workflow.

The engine keeps E x_i x_j for every pair of rows ever created. A workflow chooses rows without
looking at them, so all it contributes is E w_i and E w_i w_j. In d dimensions every coordinate
is a loop of its own, hence E tr S_t / tr S_0 = E v_t and E|m_t|^2 / tr S_0 = E m_t^2 at S_0 = 1;
both are linear in a floor too.
"""

from functools import cache
from typing import Any

from sympy import QQ, Rational

from theory.gaussian_loop import Loop
from theory.weights_loop import EDIT, TRUTH, averaged


def _fit(loop: Loop, t: int, products: list[list[Any]]) -> tuple[Any, Any, list[Any]]:
    """Return E v_t, E m_t^2 and E m_t x_j for every row j."""
    w, pairs = loop.plan.selection(t)
    rows = range(len(w))
    square = sum(pairs[i][j] * products[i][j] for i in rows for j in rows)
    raw = sum(w[i] * products[i][i] for i in rows)
    cross = [sum(w[i] * products[i][j] for i in rows) for j in rows]
    return (raw - square) / loop.divisor(t) + loop.share, square, cross


def _extend(products: list[list[Any]], cross: list[Any], between: Any, own: Any, n: int) -> None:
    """Append n rows: E x x_j = cross_j with old rows, `between` new ones, `own` for x^2."""
    for row, value in zip(products, cross, strict=True):
        row.extend([value] * n)
    products.extend([*cross, *[own if i == j else between for j in range(n)]] for i in range(n))


@cache
def _expectations(loop: Loop) -> tuple[list[Any], list[Any]]:
    if loop.workflow == EDIT:
        both = averaged(loop.plan, lambda plan: _joined(loop.following(plan)))
        return both[: len(loop.sizes)], both[len(loop.sizes) :]
    products: list[list[Any]] = []
    _extend(products, [], QQ(0), QQ(1), loop.sizes[0])
    variances, errors = [], []
    for t in range(1, len(loop.sizes) + 1):
        variance, square, cross = _fit(loop, t, products)
        variances.append(variance)
        errors.append(square)
        if t < len(loop.sizes):
            # A sampled row is m_t + sqrt(lambda v_t) z, with a z of its own.
            own = square + loop.heat * variance
            for part in loop.plan.batch(t + 1):
                if part.source == TRUTH:
                    _extend(products, [QQ(0)] * len(products), QQ(0), QQ(1), part.rows)
                    cross = [*cross, *[QQ(0)] * part.rows]
                else:
                    _extend(products, cross, square, own, part.rows)
    return variances, errors


def _joined(loop: Loop) -> list[Any]:
    return [value for values in _expectations(loop) for value in values]


def variance(loop: Loop) -> list[Rational]:
    """Return E tr S_t / tr S_0."""
    return [QQ.to_sympy(v) for v in _expectations(loop)[0]]


def squared_error(loop: Loop) -> list[Rational]:
    """Return E|m_t - mu_0|^2 / tr S_0."""
    return [QQ.to_sympy(v) for v in _expectations(loop)[1]]


def second_moment(loop: Loop) -> list[Rational]:
    """Return E(|m_t - mu_0|^2 + tr S_t) / tr S_0."""
    return [a + b for a, b in zip(variance(loop), squared_error(loop), strict=True)]
