"""Fourth moments of random training sets, row by row.

A power of fit t is a polynomial in single rows, averaged over all subsets that the workflow may
draw. Averaging over the newest batch, given the older rows, removes its rows: they are
independent given the mean d of the model they are sampled from, less the truth's, so that a
monomial in them becomes a polynomial in d, and d is the mean of a random subset of older rows.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

from sympy import QQ, ring

from theory.exponential_fourth import moment
from theory.exponential_loop import Loop
from theory.weights_loop import EDIT, SETS, averaged

ORDER = 4
POLYNOMIALS, D = ring("d", QQ)


@cache
def row_moment(cumulants: tuple[tuple[Any, ...], ...], order: int) -> Any:
    """Return E x^order of one row as a polynomial in d."""
    values = [sum((c * D**j if j else D**0 * c for j, c in enumerate(k)), D * 0) for k in cumulants]
    total = D * 0
    for powers, c in moment(order).terms():
        term = D**0 * QQ(int(c))
        for value, power in zip(values, powers, strict=True):
            term *= value**power if power else 1
        total += term
    return total


class _Rows:
    """The polynomials of one loop in its rows, less the truth's mean."""

    def __init__(self, loop: Loop):
        self.loop = loop
        self.ends = [sum(loop.plan.sizes[:t]) for t in range(loop.plan.generations + 1)]
        self.ring, *self.x = ring([f"x{i}" for i in range(self.ends[-1])], QQ)
        self.known: dict[tuple[int, int], Any] = {}

    def power(self, t: int, order: int) -> Any:
        """Return a power of d_t, averaged over the choice of its rows."""
        if order == 0 or t == 0:
            return self.ring.one if order == 0 else self.ring.zero
        if (t, order) not in self.known:
            if self.loop.plan.workflow == SETS:
                k, weights = self.loop.plan.sizes[0], self.loop.plan.row_weights(t)
                chosen = [[x for x, w in zip(self.x, weights, strict=False) if w]]
            else:
                k = self.loop.plan.budget(t)
                chosen = [list(rows) for rows in combinations(self.x[: self.ends[t]], k)]
            total = sum((sum(rows, self.ring.zero) ** order for rows in chosen), self.ring.zero)
            self.known[t, order] = total * QQ(1, len(chosen) * k**order)
        return self.known[t, order]

    def drawn(self, source: int, powers: Sequence[int]) -> Any:
        """Return E of a monomial in rows of one model, given the older rows."""
        product = D**0
        for order in powers:
            product *= row_moment(self.loop.cumulants, order)
        terms = (self.power(source, order) * c for (order,), c in product.terms())
        return sum(terms, self.ring.zero)

    def expectation(self, polynomial: Any) -> Any:
        """Average a polynomial in all rows."""
        for batch in range(self.loop.plan.generations, 0, -1):
            start, stop = self.ends[batch - 1], self.ends[batch]
            total = self.ring.zero
            known: dict[tuple[int, ...], Any] = {}
            for powers, c in polynomial.terms():
                own = tuple(sorted(power for power in powers[start:stop] if power))
                if own not in known:
                    known[own] = self.drawn(batch - 1, own)
                older = (*powers[:start], *[0] * (stop - start), *powers[stop:])
                total += self.ring({older: c}) * known[own]
            polynomial = total
        return polynomial.coeff(1)


@cache
def moments(loop: Loop, order: int) -> tuple[Any, ...]:
    """Return E (m_t - m_0)^order."""
    if loop.plan.workflow == EDIT:
        return tuple(averaged(loop.plan, lambda plan: moments(replace(loop, plan=plan), order)))
    rows = _Rows(loop)
    generations = range(1, loop.plan.generations + 1)
    return tuple(rows.expectation(rows.power(t, order)) for t in generations)
