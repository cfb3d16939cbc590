"""Fourth moments of deterministic workflows, by the tower property over batches.

A batch is one part here, or two, its real rows and its sampled rows. A fit is a polynomial in
the raw averages of its parts, y_a = mean x_a and t_ab = mean x_a x_b. Averaging a polynomial over
the newest part, given the model it came from, leaves a polynomial in the older ones; after all
averages only moments of the truth remain. In d dimensions (tr S)^2 = sum_ab S_aa S_bb, and
coordinates a, b form a loop of their own, so that one and two coordinates are enough. The result
is linear in the truth: kappa = E x_a^2 x_b^2 and s_a s_b.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

from sympy import QQ, ring
from sympy.utilities.iterables import multiset_partitions

from theory.gaussian_loop import Loop
from theory.weights_loop import TRUTH

Moment = Callable[[tuple[int, ...]], Any]


def normal_moment(indices: tuple[int, ...], mean: Any, cov: Any) -> Any:
    """Return E x_i x_j ... of a normal x, by Stein's lemma: E x_i f = m_i E f + S_ij E f_j."""
    if not indices:
        return 1
    first, rest = indices[0], indices[1:]
    total = mean[first] * normal_moment(rest, mean, cov)
    for position, other in enumerate(rest):
        left = rest[:position] + rest[position + 1 :]
        total += cov[first, other] * normal_moment(left, mean, cov)
    return total


def average_moment(factors: Sequence[tuple[int, ...]], n: Any, moment: Moment) -> Any:
    """Return E of a product of averages over n i.i.d. rows, each of one monomial of the row.

    Expanding the product gives sums over tuples of rows; rows that coincide form a partition
    of the factors, and r distinct rows can be chosen in n(n-1)...(n-r+1) ways.
    """
    total = 0
    for blocks in multiset_partitions(list(range(len(factors)))) if factors else [[]]:
        ways, value = 1, 1
        for r, block in enumerate(blocks):
            ways *= n - r
            value *= moment(sum((factors[i] for i in block), ()))
        total += ways * value
    return total / n ** len(factors)


class Batches:
    """The polynomials of one loop, in one or two coordinates."""

    def __init__(self, loop: Loop, coordinates: int):
        self.loop = loop
        self.parts = loop.plan.parts(len(loop.sizes))
        self.axes = range(coordinates)
        self.pairs = [(a, b) for a in self.axes for b in self.axes if a <= b]
        self.factors = [(a,) for a in self.axes] + self.pairs
        names = [f"x{s}_{f}" for s in range(len(self.parts)) for f in range(len(self.factors))]
        # The truth's third moment is carried along to see that it drops out.
        names += ["third", "kappa", *[f"s{a}" for a in self.axes]]
        self.ring, *self.gens = ring(names, QQ)

    @cached_property
    def truth(self) -> dict[str, Any]:
        """The moments of the truth, as generators of the ring."""
        return {str(g): g for g in self.gens}

    def average(self, s: int, factor: tuple[int, ...]) -> Any:
        """Return the average of x_a or of x_a x_b over part s = 1, 2, ..."""
        place = self.factors.index(tuple(sorted(factor)))
        return self.gens[(s - 1) * len(self.factors) + place]

    @cache  # noqa: B019 -- the object lives as long as its polynomials
    def fit(self, t: int) -> tuple[dict[int, Any], dict[tuple[int, int], Any]]:
        """Return the mean and the covariance of model t, as polynomials."""
        weights = list(enumerate(self.loop.plan.part_weights(t), 1))
        mean = {a: sum(w * self.average(s, (a,)) for s, w in weights) for a in self.axes}
        cov = {}
        for a, b in self.pairs:
            raw = sum(w * self.average(s, (a, b)) for s, w in weights)
            cov[a, b] = cov[b, a] = (raw - mean[a] * mean[b]) * (1 / self.loop.divisor(t))
            if a == b:
                cov[a, a] += QQ.from_sympy(self.loop.floor)
        return mean, cov

    def row_moment(self, s: int) -> Moment:
        """Return the moments of a row of part s, given the parts before it."""
        if self.parts[s - 1].source == TRUTH:
            return self._truth_moment
        mean, cov = self.fit(self.parts[s - 1].source)
        heated = {pair: self.loop.heat * value for pair, value in cov.items()}
        return cache(lambda indices: normal_moment(indices, mean, heated))

    def _truth_moment(self, indices: tuple[int, ...]) -> Any:
        if len(indices) == 2:
            same = indices[0] == indices[1]
            return self.truth[f"s{indices[0]}"] if same else self.ring.zero
        by_length = {1: self.ring.zero, 3: self.truth["third"], 4: self.truth["kappa"]}
        return by_length[len(indices)]

    def integrate(self, polynomial: Any, s: int) -> Any:
        """Average a polynomial over part s, given the parts before it."""
        moment, cached = self.row_moment(s), {}
        width = len(self.factors)
        start, total = (s - 1) * width, self.ring.zero
        for powers, coefficient in polynomial.terms():
            mine = powers[start : start + width]
            if mine not in cached:
                drawn = [f for f, p in zip(self.factors, mine, strict=True) for _ in range(p)]
                cached[mine] = average_moment(drawn, QQ(self.parts[s - 1].rows), moment)
            others = powers[:start] + (0,) * width + powers[start + width :]
            total += self.ring({others: coefficient}) * cached[mine]
        return total

    def expectation(self, polynomial: Any, t: int) -> Any:
        """Average a polynomial in batches 1..t over all of them."""
        for s in range(len(self.loop.plan.parts(t)), 0, -1):
            polynomial = self.integrate(polynomial, s)
        return polynomial


def statistic(name: str, mean: Any, cov: Any, a: int) -> Any:
    """Return the contribution of coordinate a to tr S, |m|^2 or their sum."""
    parts = {"variance": cov[a, a], "squared_error": mean[a] ** 2}
    return parts[name] if name in parts else parts["variance"] + parts["squared_error"]


def products(loop: Loop, name: str, coordinates: int) -> list[dict[str, Any]]:
    """Return, for each t, the coefficients of E X_a X_b: of kappa, s_a s_b, s_a and 1.

    Those of s_a and 1 are 0 without a floor; that of s_b is the same.
    """
    batches, last, found = Batches(loop, coordinates), coordinates - 1, []
    truth, one = batches.truth, batches.ring.one
    first, other = truth["s0"], truth[f"s{last}"]
    parts = {"kappa": truth["kappa"], "product": first * other, "linear": first, "one": one}
    for t in range(1, len(loop.sizes) + 1):
        mean, cov = batches.fit(t)
        both = statistic(name, mean, cov, 0) * statistic(name, mean, cov, last)
        value = batches.expectation(both, t)
        told = {key: value.coeff(part) for key, part in parts.items()}
        whole = sum(told[key] * part for key, part in parts.items())
        whole += told["linear"] * other if last else 0
        assert not value - whole
        found.append(told)
    return found


def coefficients(loop: Loop, name: str, coordinates: int) -> list[tuple[Any, Any]]:
    """Return, for each t, the coefficients of kappa and of s_a s_b in E X_a X_b."""
    return [(told["kappa"], told["product"]) for told in products(loop, name, coordinates)]
