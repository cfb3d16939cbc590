"""The whole law of the counts of a small loop, in rational numbers.

Every generation's law is propagated from all possible counts to all possible counts, so there is
neither chance nor rounding: the second oracle of the predictions.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import comb, factorial
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import model_of
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.discrete.estimator import Discrete
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.loop.schedule import Edits

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

MOST_STATES = 3000  # counts of one generation
Counts = tuple[int, ...]
Law = dict[Counts, Fraction]


def exact_law(e: "Experiment") -> list[Law]:
    """Return the law of the training counts at each generation, as exact fractions.

    Parameters
    ----------
    e
        A discrete experiment under replace, accumulate, accumulate-subsample or edit; about n <= 8,
        t <= 6 and K <= 4 are affordable. The truth's probabilities are taken as the simplest
        fractions within 1e-12 of them, relatively.

    Returns
    -------
    list of dict
        For each generation, from the counts of the training rows, one per outcome, to their
        probability. The fitted probabilities are the counts, each with the smoothing added, over
        their sum.

    Raises
    ------
    NoClosedForm
        If the workflow is another, or a generation has more than 3,000 possible counts.
    """
    model_of(e, Discrete)
    edits = e.schedule.edits
    if not (e.schedule.one_pool or edits):
        raise NoClosedForm(
            f"{e.workflow!r}: the law is propagated for replace, for pools and for edited sets"
        )
    sizes, truth = e.sizes.tolist(), fractions(e)
    rows = max(sizes) if e.schedule.newest or edits else sum(sizes)
    states = comb(rows + len(truth) - 1, len(truth) - 1)
    if states > MOST_STATES:
        raise NoClosedForm(
            f"{rows} rows of {len(truth)} outcomes have {states} possible counts, above "
            f"{MOST_STATES}: take fewer samples, generations or outcomes"
        )
    law = dict(multinomial(sizes[0], truth))
    found = []
    for t in range(1, len(sizes) + 1):
        if t > 1 and edits:
            law = _edited(e, law, edits, t)
        elif t > 1:
            law = _next(e, law, sizes[: t - 1], sizes[t - 1])
        found.append(_trained(e, law, sizes[:t]))
    return found


def mean(law: Law, function: Callable[[Counts], Fraction]) -> Fraction:
    """Return the expectation of a function of the counts."""
    return sum((chance * function(counts) for counts, chance in law.items()), Fraction(0))


def fractions(e: "Experiment") -> list[Fraction]:
    """Return the truth's probabilities as fractions that sum to 1."""
    values = [Fraction(float(p)).limit_denominator(10**6) for p in truth_of(e).probabilities]
    close = all(
        abs(float(v) - p) <= 1e-12 * p
        for v, p in zip(values, truth_of(e).probabilities, strict=True)
    )
    if not close or sum(values) != 1:
        values = [Fraction(float(p)) for p in truth_of(e).probabilities]
        values = [v / sum(values) for v in values]
    return values


def fitted(e: "Experiment", counts: Counts) -> list[Fraction]:
    """Return the fitted probabilities."""
    alpha = Fraction(e.model.smoothing)
    total = sum(counts) + len(counts) * alpha
    return [(c + alpha) / total for c in counts]


def compositions(n: int, parts: int) -> Iterator[Counts]:
    """Yield all counts of n rows in so many outcomes."""
    if parts == 1:
        yield (n,)
        return
    for first in range(n + 1):
        for rest in compositions(n - first, parts - 1):
            yield (first, *rest)


def multinomial(n: int, p: list[Fraction]) -> Iterator[tuple[Counts, Fraction]]:
    """Yield the counts of n rows drawn from p, with their probabilities, where positive."""
    for counts in compositions(n, len(p)):
        chance = Fraction(factorial(n))
        for c, share in zip(counts, p, strict=True):
            chance *= Fraction(share**c, factorial(c))
        if chance:
            yield counts, chance


def subsets(k: int, counts: Counts) -> Iterator[tuple[Counts, Fraction]]:
    """Yield the counts of k of these rows, drawn without replacement."""
    for chosen in compositions(k, len(counts)):
        ways = 1
        for h, c in zip(chosen, counts, strict=True):
            ways *= comb(c, h)
        if ways:
            yield chosen, Fraction(ways, comb(sum(counts), k))


def _trained(e: "Experiment", law: Law, sizes: list[int]) -> Law:
    """Return the law of the training counts, given that of what is kept."""
    if e.schedule.kind != "subset":
        return law
    budget = e.schedule.trained(len(sizes))
    found: Law = defaultdict(Fraction)
    for counts, chance in law.items():
        for chosen, share in subsets(budget, counts):
            found[chosen] += chance * share
    return dict(found)


def _edited(e: "Experiment", law: Law, edits: Edits, t: int) -> Law:
    """Return the law of a set's counts after generation t has replaced some of its rows."""
    n, found = edits.size, defaultdict(Fraction)  # type: tuple[int, Law]
    for counts, chance in law.items():
        p = fitted(e, counts)
        for gone, given in _gone(edits, t):
            for left, share in subsets(n - gone, counts):
                for new, weight in multinomial(gone, p):
                    total = tuple(a + b for a, b in zip(left, new, strict=True))
                    found[total] += chance * given * share * weight
    return dict(found)


def _gone(edits: Edits, t: int) -> Iterator[tuple[int, Fraction]]:
    """Yield how many rows generation t replaces, with its chance."""
    if edits.shares is None:
        yield int(np.asarray(edits.rows)[t - 1]), Fraction(1)
        return
    n, p = edits.size, Fraction(float(edits.shares[t - 1]))
    for gone in range(n + 1):
        if chance := comb(n, gone) * p**gone * (1 - p) ** (n - gone):
            yield gone, chance


def _next(e: "Experiment", law: Law, sizes: list[int], n: int) -> Law:
    """Return the law of what is kept after n rows of the fits."""
    found: Law = defaultdict(Fraction)
    for counts, chance in law.items():
        for trained, share in _trained(e, {counts: Fraction(1)}, sizes).items():
            for new, weight in multinomial(n, fitted(e, trained)):
                kept = new
                if not e.schedule.newest:
                    kept = tuple(c + b for c, b in zip(counts, new, strict=True))
                found[kept] += chance * share * weight
    return dict(found)
