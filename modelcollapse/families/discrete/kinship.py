r"""How draws from a fit are related: which of up to four come from the same draw from the truth.

Each draw is a copy of a row, which was a draw from an earlier fit, and so on, back to a draw from
the truth; draws with one ancestor are equal, all others are independent. Let c_ij say that draws i
and j from the fit at generation t have one ancestor. Given the step from one generation to the one
before, the covariances are

Cov(c_12, c_13)' = u^2 Cov(s_12, s_13) + P(23|1) g u + P(1|2|3) Cov(c_12, c_13),
Cov(c_12, c_34)' = u^2 Cov(s_12, s_34) + 2 P(13|24) g u + 4 P(13|2|4) Cov(c_12, c_13)
                   + P(1|2|3|4) Cov(c_12, c_34),

with s_ij the same of one step, P its partitions, g = P(c_12) before and u = 1 - g. No term is
negative where all rows are trained on, so that each value is right to about 30 roundings a
generation, whatever is small. Of a subset the covariances s of a step have either sign; they are
computed in whole numbers.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import perm, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelcollapse.solver.edits import mixed_falling

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment
    from modelcollapse.loop.schedule import Edits

PARTITIONS = ((2,), (1, 1), (3,), (2, 1), (1, 1, 1), (4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1))


class Kin(NamedTuple):
    """Chances that draws have one ancestor; `all_apart` and `one_pair` are of three draws.

    Attributes
    ----------
    two, three, four
        That so many draws have one ancestor.
    apart, all_apart
        That two, or three, have none in common.
    one_pair
        Of three draws, that 1 and 2 have one, and 3 another.
    pairs
        Of four, that 1 and 3 have one, and 2 and 4 another.
    single
        Of four, that 1 and 3 have one, and 2 and 4 each their own.
    bent, cross
        The covariances of c_12 with c_13, and with c_34.
    """

    two: float = 0.0
    apart: float = 1.0
    three: float = 0.0
    one_pair: float = 0.0
    all_apart: float = 1.0
    four: float = 0.0
    pairs: float = 0.0
    single: float = 0.0
    bent: float = 0.0
    cross: float = 0.0


class Step(NamedTuple):
    """Chances of the partitions by one step, as in PARTITIONS; Cov(s_12, s_13), Cov(s_12, s_34)."""

    chances: Any
    bent: float
    cross: float


def drawn(kept: float, n: int, fresh: float) -> Step:
    """Return the step of draws that have an ancestor of their own with probability `kept`.

    Else, with probability `fresh`, it is one of n rows.
    """
    w, v, row = kept, fresh, fresh / n
    b, c, d = (n - 1) * row, (n - 2) * row, (n - 3) * row
    apart = (
        w**2 + 2 * w * v + v * b,
        w**3 + 3 * w**2 * v + 3 * w * v * b + v * b * c,
        w**4 + 4 * w**3 * v + 6 * w**2 * v * b + 4 * w * v * b * c + v * b * c * d,
    )
    pair = v * row
    chances = (
        *(pair, apart[0], pair * row, pair * (w + b), apart[1], pair * row**2),
        *(pair * row * (w + b), pair * row * b, pair * (w**2 + 2 * w * b + b * c), apart[2]),
    )
    return Step(chances, pair * row * w, 0.0)


def grown(N: Any, n: Any, k: Any) -> list[Step]:
    """Return the steps of different rows of a pool: of N that gain n drawn from k of the N.

    Parameters
    ----------
    N, n, k
        Arrays of Python's integers: all is exact but for the last division.
    """
    M = N + n
    chances = [sum(_terms(sizes, N, n, k)) for sizes in PARTITIONS]
    found = [
        _ratio(chance, falling(M, sum(sizes)) * k ** sum(sizes) * falling(N, len(sizes)))
        for sizes, chance in zip(PARTITIONS, chances, strict=True)
    ]
    same = n**2 * (2 * k + n - 1) ** 2  # P(s_12) = n (2k + n - 1) / (k M (M-1))
    n2, n3, n4 = (falling(n, j) for j in (2, 3, 4))
    three, four = 3 * k * n2 + n3, 4 * k * (k - 1) * n2 + 4 * k * n3 + n4
    below = k**2 * M * (M - 1)
    bent = _ratio(three * M * (M - 1) - same * (M - 2), below * falling(M, 3))
    cross = _ratio(four * M * (M - 1) - same * (M - 2) * (M - 3), below * falling(M, 4))
    return [Step(*step) for step in zip(zip(*found, strict=True), bent, cross, strict=True)]


def _terms(sizes: tuple[int, ...], N: Any, n: Any, k: Any) -> Iterator[Any]:
    """Yield the chances of a partition, times (M)_j k^j (N)_b: by which blocks hold an old row.

    Old rows are different, so that a block holds at most one. Blocks with new rows have different
    parents among the k: those with an old row that row, the others none of the old rows.
    """
    draws, blocks = sum(sizes), len(sizes)
    for held in product((0, 1), repeat=blocks):
        new = [size - old for size, old in zip(sizes, held, strict=True)]
        old, parents = sum(held), sum(size > 0 for size in new)
        met = sum(size > 0 for size, there in zip(new, held, strict=True) if there)
        ways = prod(size for size, there in zip(sizes, held, strict=True) if there)
        chance = falling(N, old) * falling(n, sum(new)) * falling(k, parents)
        chance *= k ** (draws - sum(new)) * falling(N - old, parents - met)
        # (N)_b / (N)_parents: what is left of the common denominator.
        yield ways * chance * falling(N - parents, blocks - parents)


def edited(edits: "Edits") -> Iterator[Step]:
    """Yield the steps of different rows of a set of which rows are replaced, t = 2..T.

    Of a block at most one row is old. Blocks with new rows have different parents among the n, as
    in `_terms`.
    """
    n, known = edits.size, {}  # type: tuple[int, dict[Any, Step]]
    for chances in mixed_falling(edits, 4, Fraction(1))[1:]:
        key = tuple(chances.ravel().tolist())
        if key not in known:
            found = [sum(_edited_terms(sizes, n, chances)) for sizes in PARTITIONS]
            pair, four = found[0], found[5] + found[7]
            bent, cross = found[2] - pair**2, four - pair**2
            known[key] = Step(tuple(map(float, found)), float(bent), float(cross))
        yield known[key]


def _edited_terms(sizes: tuple[int, ...], n: int, chances: Any) -> Iterator[Any]:
    """Yield the chances of a partition, by which blocks hold an old row."""
    for held in product((0, 1), repeat=len(sizes)):
        new = [size - old for size, old in zip(sizes, held, strict=True)]
        old, count = sum(held), sum(new)
        if old + count > n:
            continue
        free = sum(size > 0 and not there for size, there in zip(new, held, strict=True))
        ways = prod(size for size, there in zip(sizes, held, strict=True) if there)
        chance = chances[old][count] / perm(n - old, count)  # of the given rows
        yield ways * chance * perm(n - old, free) / n**count


def falling(x: Any, j: int) -> Any:
    """Return x (x-1) ... (x-j+1)."""
    return prod([x - i for i in range(j)], start=x**0)


def _ratio(above: Any, below: Any) -> list[float]:
    """Return the quotients, rounded once; a pool of fewer rows has none of these draws."""
    return [a / b if b > 0 else 0.0 for a, b in zip(above, below, strict=True)]


def joined(step: Step, kin: Kin) -> Kin:
    """Return how draws are related through a step to those of `kin`."""
    p2, a2, p3, p21, a3, p4, p31, p22, p211, a4 = step.chances
    g, u = kin.two, kin.apart
    return Kin(
        p2 + a2 * g,
        a2 * u,
        p3 + 3 * p21 * g + a3 * kin.three,
        p21 * u + a3 * kin.one_pair,
        a3 * kin.all_apart,
        p4 + (4 * p31 + 3 * p22) * g + 6 * p211 * kin.three + a4 * kin.four,
        p22 * u + 2 * p211 * kin.one_pair + a4 * kin.pairs,
        p211 * kin.all_apart + a4 * kin.single,
        step.bent * u**2 + p21 * g * u + a3 * kin.bent,
        step.cross * u**2 + 2 * p22 * g * u + 4 * p211 * kin.bent + a4 * kin.cross,
    )


def fits(e: "Experiment") -> Iterator[Kin]:
    """Yield how draws from the fits of a replaced, pooled or edited set are related, t = 1..T."""
    sizes, kin = e.schedule.listed, Kin()
    if e.schedule.edits is not None:
        fit = drawn(0.0, e.schedule.edits.size, 1.0)
        yield joined(fit, kin)
        for edit in edited(e.schedule.edits):
            kin = joined(edit, kin)
            yield joined(fit, kin)
        return
    if e.schedule.kind != "subset":
        N = 0
        for rows in sizes:
            N = 0 if e.schedule.newest else N
            kin = joined(drawn(N / (N + rows), rows, rows / (N + rows)), kin)
            N += rows
            yield kin
        return
    counts = [int(k) for k in e.schedule.counts.tolist()]
    n, k = (np.array(values, dtype=object) for values in (sizes, counts))
    steps = grown(np.cumsum(n)[:-1], n[1:], k[:-1])
    for count, step in zip(counts, [*steps, None], strict=True):
        yield joined(drawn(0.0, count, 1.0), kin)
        if step is not None:
            kin = joined(step, kin)
