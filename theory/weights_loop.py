"""Which rows a fit uses, for every workflow: nothing here knows what is fitted.

Batch 1 is real. Batch s > 1 consists of parts, each of them real rows or rows sampled from model
s - 1. A deterministic workflow gives every row of a part the same weight; accumulate-subsample
draws its rows from the pool, all subsets of one size being equally likely. Under edit a set of n_1
rows persists: of its rows some, all choices being equally likely, are replaced by the newest batch.
Given who replaced whom, its rows have fixed weights: a plan named "sets".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from math import comb, prod
from typing import Any

from sympy import QQ, Rational

TRUTH = 0
DETERMINISTIC = ("replace", "accumulate", "sliding-window", "keep-real", "weighted")
FRESH = ("fresh-data", "web")
SUBSAMPLE = "accumulate-subsample"
EDIT = "edit"
SETS = "sets"


@dataclass(frozen=True)
class Part:
    """So many rows of one source: 0 is the truth, s is model s."""

    rows: int
    source: int


@dataclass(frozen=True)
class Plan:
    """A workflow with its batch sizes.

    Parameters
    ----------
    workflow
        Its name.
    sizes
        The size of every batch; one fit follows each.
    option
        The budget or None; the window k; the real share or None; the matrix of batch weights;
        (real, synthetic, weight or None) of fresh-data; (real, synthetic) of web, both with one
        entry for each batch from the second on; ("rows" or "share", numbers) of edit, one for each
        batch from the second on; of sets, for each fit how many rows of each batch it trains on,
        the first ones.
    """

    workflow: str
    sizes: tuple[int, ...]
    option: Any = None

    @property
    def generations(self) -> int:
        """The number of fits."""
        return len(self.sizes)

    @property
    def n(self) -> int:
        """The batch size of a loop whose batches all have one size."""
        (size,) = set(self.sizes)
        return size

    def batch(self, s: int) -> list[Part]:
        """Return the parts of batch s."""
        if s == 1:
            return [Part(self.sizes[0], TRUTH)]
        if self.workflow not in FRESH:
            return [Part(self.sizes[s - 1], s - 1)] if self.sizes[s - 1] else []
        real = self.option[0] if self.workflow == "fresh-data" else self.option[0][s - 2]
        both = Part(real, TRUTH), Part(self.sizes[s - 1] - real, s - 1)
        return [part for part in both if part.rows]

    def parts(self, t: int) -> list[Part]:
        """Return the parts of batches 1..t."""
        return [part for s in range(1, t + 1) for part in self.batch(s)]

    def budget(self, t: int) -> int:
        """Return the number of rows that accumulate-subsample trains on."""
        each = isinstance(self.option, tuple)
        wanted = self.sizes[t - 1] if self.option is None else self.option
        return min(self.option[t - 1] if each else wanted, sum(self.sizes[:t]))

    def part_weights(self, t: int) -> list[Any]:
        """Return the total weight of each part of batches 1..t in fit t; they sum to one."""
        if self.workflow == "fresh-data" and t > 1 and self.option[2] is not None:
            weight = exact(self.option[2])
            return [*[QQ(0)] * (len(self.parts(t)) - 2), weight, 1 - weight]
        batches = self._batch_weights(t)
        return [
            weight * QQ(part.rows, self.sizes[s])
            for s, weight in enumerate(batches)
            for part in self.batch(s + 1)
        ]

    def _batch_weights(self, t: int) -> list[Any]:
        sizes = [QQ(n) for n in self.sizes[:t]]
        if self.workflow == "weighted":
            return [exact(weight) for weight in self.option[t - 1][:t]]
        if self.workflow == "keep-real":
            return _keep_real(sizes, self.option)
        window = {"replace": 1, "fresh-data": 1, "sliding-window": self.option}.get(
            self.workflow, t
        )
        kept = [n if s >= t - window else QQ(0) for s, n in enumerate(sizes)]
        return [n / sum(kept) for n in kept]

    def row_weights(self, t: int) -> list[Any]:
        """Return the weight of each row of batches 1..t in fit t."""
        if self.workflow == SETS:
            alive = zip(self.option[t - 1], self.sizes, strict=False)
            return [QQ(int(i < c), self.sizes[0]) for c, size in alive for i in range(size)]
        weights = zip(self.part_weights(t), self.parts(t), strict=True)
        return [weight / part.rows for weight, part in weights for _ in range(part.rows)]

    def selection(self, t: int) -> tuple[list[Any], list[list[Any]]]:
        """Return E w_i and E w_i w_j over the choice of training rows of fit t."""
        if self.workflow != SUBSAMPLE:
            w = self.row_weights(t)
            return w, [[a * b for b in w] for a in w]
        total, k = sum(self.sizes[:t]), self.budget(t)
        # Row i is among the k with probability k/N, two given rows with k(k-1)/(N(N-1)).
        one = QQ(1, k * total)
        two = one * QQ(k - 1, total - 1) if total > 1 else one
        pairs = [[one if i == j else two for j in range(total)] for i in range(total)]
        return [QQ(1, total)] * total, pairs


@cache
def histories(plan: Plan) -> tuple[tuple[Any, Plan], ...]:
    """Return the chance and the plan of each way in which rows of a set may be replaced."""
    n, (how, numbers) = plan.sizes[0], plan.option
    found: list[tuple[Any, tuple[tuple[int, ...], ...]]] = [(QQ(1), ((n,),))]
    for number in numbers:
        found = [
            (chance * given * ways, (*sets, after))
            for chance, sets in found
            for given, count in replaced(how, number, n)
            for ways, after in _edited(sets[-1], count)
        ]
    plans = []
    for chance, sets in found:
        sizes = tuple(sets[t][t] for t in range(len(sets)))
        plans.append((chance, replace(plan, workflow=SETS, sizes=sizes, option=sets)))
    return tuple(plans)


def replaced(how: str, number: Any, n: int) -> Iterator[tuple[Any, int]]:
    """Yield how many rows are replaced, with its chance."""
    if how == "rows":
        yield QQ(1), int(number)
        return
    p = exact(number)
    for count in range(n + 1):
        if chance := comb(n, count) * p**count * (1 - p) ** (n - count):
            yield chance, count


def _edited(before: tuple[int, ...], count: int) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Yield how many rows of each batch are left after so many are gone, with its chance."""
    for gone in product(*(range(alive + 1) for alive in before)):
        if sum(gone) == count:
            ways = prod(map(comb, before, gone))
            left = (a - g for a, g in zip(before, gone, strict=True))
            yield QQ(ways, comb(sum(before), count)), (*left, count)


def averaged(plan: Plan, values: Callable[[Plan], Any]) -> list[Any]:
    """Return values that are linear in the law of the loop, averaged over all histories."""
    totals: list[Any] = []
    for chance, history in histories(plan):
        found = [chance * value for value in values(history)]
        totals = [a + b for a, b in zip(totals, found, strict=True)] if totals else found
    return totals


def exact(value: Any) -> Any:
    """Return a rational number as an element of the field of rational numbers."""
    return QQ.from_sympy(Rational(value))


def _keep_real(sizes: list[Any], share: Any) -> list[Any]:
    if len(sizes) == 1:
        return [QQ(1)]
    real = sizes[0] / (sizes[0] + sizes[-1]) if share is None else exact(share)
    return [real, *[QQ(0)] * (len(sizes) - 2), 1 - real]
