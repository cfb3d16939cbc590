"""Fourth moments of accumulate-subsample, row by row.

A statistic of fit t is a polynomial in single rows, averaged over all subsets that the
workflow may draw. Averaging over the newest batch, given the older rows, removes its rows: each
is normal with the mean m and covariance lambda S that they share, of a random subset of the
older rows. Exact, and affordable for about ten rows. The same engine takes fixed weights, so
that it can be held against `gaussian_batches`, which never looks at single rows.
"""

from functools import cache
from itertools import combinations
from math import prod
from typing import Any

from sympy import QQ, ring

from theory.gaussian_batches import normal_moment, statistic
from theory.gaussian_loop import Loop
from theory.weights_loop import SUBSAMPLE

Powers = tuple[int, ...]
Fit = tuple[dict[int, Any], dict[tuple[int, int], Any]]


class Rows:
    """The polynomials of one loop in its rows and the truth's moments, one or two coordinates."""

    def __init__(self, loop: Loop, coordinates: int):
        self.loop = loop
        self.axes = range(coordinates)
        rows = range(sum(loop.sizes))
        names = [*[f"x{i}_{a}" for i in rows for a in self.axes], "kappa"]
        self.ring, *gens = ring([*names, *[f"s{a}" for a in self.axes]], QQ)
        self.x = [gens[i * coordinates : (i + 1) * coordinates] for i in rows]
        self.kappa, *self.s = gens[len(names) - 1 :]
        # The model that a batch is sampled from, as symbols of its own.
        pairs = [(a, b) for a in self.axes for b in self.axes if a <= b]
        self.model_ring, *model = ring([f"m{a}" for a in self.axes] + [f"v{p}" for p in pairs], QQ)
        self.mean = dict(zip(self.axes, model, strict=False))
        self.cov = dict(zip(pairs, model[coordinates:], strict=True))
        self.cov |= {(b, a): value for (a, b), value in self.cov.items()}

    def choices(self, t: int) -> list[list[Any]]:
        """Return the equally likely weight vectors of fit t."""
        plan = self.loop.plan
        if self.loop.workflow != SUBSAMPLE:
            return [plan.row_weights(t)]
        k, rows = plan.budget(t), range(sum(self.loop.sizes[:t]))
        return [[QQ(int(i in chosen), k) for i in rows] for chosen in combinations(rows, k)]

    @cache  # noqa: B019 -- the object lives as long as its polynomials
    def fits(self, t: int) -> list[Fit]:
        """Return the equally likely models of generation t: mean and covariance."""
        found = []
        for weights in self.choices(t):
            terms = [(w, x) for w, x in zip(weights, self.x, strict=False) if w]
            mean = {a: sum(w * x[a] for w, x in terms) for a in self.axes}
            raw = {p: sum(w * x[p[0]] * x[p[1]] for w, x in terms) for p in self.cov}
            scale = 1 / self.loop.divisor(t)
            found.append((mean, {(a, b): (raw[a, b] - mean[a] * mean[b]) * scale for a, b in raw}))
        return found

    @cache  # noqa: B019
    def model_moment(self, t: int, powers: Powers) -> Any:
        """Return a monomial of the model's parameters, averaged over the choice of its rows."""
        fits = self.fits(t)
        total = self.ring.zero
        for mean, cov in fits:
            upper = [cov[a, b] for a, b in cov if a <= b]
            values = [*mean.values(), *upper]
            total += prod((v**p for v, p in zip(values, powers, strict=True)), start=self.ring.one)
        return total * QQ(1, len(fits))

    @cache  # noqa: B019
    def sampled(self, t: int, rows: tuple[tuple[int, ...], ...]) -> Any:
        """Return E of a product of monomials of rows sampled from model t, given older rows."""
        heated = {pair: self.loop.heat * v for pair, v in self.cov.items()}
        moments = [normal_moment(row, self.mean, heated) for row in rows]
        product = prod(moments, start=self.model_ring.one)
        return sum(c * self.model_moment(t, powers) for powers, c in product.terms())

    def real(self, rows: tuple[tuple[int, ...], ...]) -> Any:
        """Return E of a product of monomials of rows of the truth, centred; odd ones drop out."""
        value = self.ring.one
        for row in rows:
            paired = len(row) == 2 and row[0] == row[1]
            value *= self.kappa if len(row) == 4 else self.s[row[0]] if paired else 0
        return value

    def expectation(self, polynomial: Any, t: int) -> Any:
        """Average a polynomial in the rows of batches 1..t."""
        width = len(self.axes)
        for s in range(t, 0, -1):
            start, stop = (width * sum(self.loop.sizes[:r]) for r in (s - 1, s))
            total = self.ring.zero
            for powers, coefficient in polynomial.terms():
                blocks = [
                    powers[i : i + width]
                    for i in range(start, stop, width)
                    if any(powers[i : i + width])
                ]
                rows = tuple(
                    sorted(tuple(a for a in self.axes for _ in range(b[a])) for b in blocks)
                )
                older = powers[:start] + (0,) * (stop - start) + powers[stop:]
                drawn = self.real(rows) if s == 1 else self.sampled(s - 1, rows)
                total += self.ring({older: coefficient}) * drawn
            polynomial = total
        return polynomial


def coefficients(loop: Loop, name: str, coordinates: int) -> list[tuple[Any, Any]]:
    """Return, for each t, the coefficients of kappa and of s_a s_b in E X_a X_b."""
    rows, last, found = Rows(loop, coordinates), coordinates - 1, []
    product = rows.s[0] * rows.s[last]
    for t in range(1, len(loop.sizes) + 1):
        values = [statistic(name, *fit, 0) * statistic(name, *fit, last) for fit in rows.fits(t)]
        value = rows.expectation(sum(values, rows.ring.zero) * QQ(1, len(values)), t)
        found.append((value.coeff(rows.kappa), value.coeff(product)))
    return found
