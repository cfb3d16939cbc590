"""Fourth moments of deterministic workflows, part by part: the variance of (m_t - m_0)^2.

A fit is a linear combination of the means of its batches' parts, so its fourth power is a
polynomial in them. Averaging over the newest part, given the older ones, replaces the powers of
its mean by moments: the mean of n rows has the cumulants k_j / n^{j-1}, and the moments of a
variable are the derivatives of the exponential of its cumulant generating function.
"""

from functools import cache
from typing import Any

from sympy import QQ, Poly, exp, ring, symbols

from theory.exponential_loop import Loop
from theory.weights_loop import TRUTH

S, *KAPPAS = symbols("s k1:5")


@cache
def moment(order: int) -> Poly:
    """Return E y^order as a polynomial in the cumulants of y."""
    terms = (k * S**j / ff for (j, k), ff in zip(enumerate(KAPPAS, 1), (1, 2, 6, 24), strict=True))
    return Poly(exp(sum(terms)).diff(S, order).subs(S, 0), *KAPPAS)


class _Parts:
    """The polynomials of one loop in the means of its parts, less the truth's mean."""

    def __init__(self, loop: Loop):
        self.loop = loop
        self.parts = loop.plan.parts(loop.plan.generations)
        self.ring, *self.y = ring([f"y{i}" for i in range(len(self.parts))], QQ)
        self.drawn: dict[tuple[int, int], Any] = {}

    def error(self, t: int) -> Any:
        """Return m_t - m_0."""
        if t == TRUTH:
            return self.ring.zero
        weights = self.loop.plan.part_weights(t)
        return sum((w * y for w, y in zip(weights, self.y, strict=False)), self.ring.zero)

    def power(self, part: int, order: int) -> Any:
        """Return E of a power of a part's mean, given the older parts."""
        if (part, order) not in self.drawn:
            self.drawn[part, order] = self._power(part, order)
        return self.drawn[part, order]

    def _power(self, part: int, order: int) -> Any:
        rows, source = self.parts[part].rows, self.parts[part].source
        d = self.error(source)
        of_mean = []
        for j, coefficients in enumerate(self.loop.cumulants):
            value = self.ring.zero
            for c in reversed(coefficients):
                value = value * d + c
            of_mean.append(value * QQ(1, rows**j))
        total = self.ring.zero
        for powers, c in moment(order).terms():
            term = self.ring(QQ(int(c)))
            for value, power in zip(of_mean, powers, strict=True):
                term *= value**power if power else 1
            total += term
        return total

    def expectation(self, polynomial: Any) -> Any:
        """Average a polynomial in all means."""
        for part in range(len(self.parts) - 1, -1, -1):
            total = self.ring.zero
            for powers, c in polynomial.terms():
                older = (*powers[:part], 0, *powers[part + 1 :])
                term = self.ring({older: c})
                total += term * self.power(part, powers[part]) if powers[part] else term
            polynomial = total
        return polynomial.coeff(1)


@cache
def moments(loop: Loop, order: int) -> tuple[Any, ...]:
    """Return E (m_t - m_0)^order."""
    parts = _Parts(loop)
    generations = range(1, loop.plan.generations + 1)
    return tuple(parts.expectation(parts.error(t) ** order) for t in generations)
