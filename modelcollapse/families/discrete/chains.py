r"""Exact laws of one outcome's count: binomial chains.

Lump all other outcomes together: under replace the count of one outcome (or of several lumped) is
a Markov chain, c' ~ Binomial(n', c/n), and so is its count in accumulate's pool, c' = c +
Binomial(n', c/N); r fresh real rows beside the sampled ones add a Binomial(r, p_0). Of a set that
is edited it loses what is replaced, and gains binomial ones. Whatever is a sum over outcomes of a
function of p_i has an exact expectation.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import NoClosedForm
from modelcollapse._support.words import many
from modelcollapse.loop.schedule import Edits

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

MOST_ROWS = 1000  # binomial coefficients of more rows overflow
MOST_WORK = 2e10  # multiplications
CHUNK = 2**21  # numbers held at once
HALVED = 500  # times: what has become smaller than SMALL is scaled up by so many powers of two
SMALL = 2.0**-HALVED
Function = Callable[[Floats], Floats]


def binomial(n: int, p: Floats, others: Floats) -> Floats:
    """Return the probabilities of 0..n successes, shape (len(p), n + 1), n at most MOST_ROWS.

    `others` are 1 - p, without what a subtraction loses.
    """
    from scipy.special import binom

    k = np.arange(n + 1)
    with np.errstate(under="ignore"):
        return np.asarray(binom(n, k) * p[:, None] ** k * others[:, None] ** (n - k))


def copied(n: int, total: int) -> Floats:
    """Return `binomial` for the frequencies 0, 1, ..., total of a fit to so many rows."""
    values = np.arange(total + 1) / total
    return binomial(n, values, values[::-1])


def fractions(e: "Experiment", total: int) -> tuple[Floats, Floats]:
    """Return the fitted probabilities of one outcome that has 0..total rows, and of all others."""
    c, K, alpha = np.arange(total + 1), e.model.outcomes, e.model.smoothing
    whole = total + K * alpha
    return (c + alpha) / whole, (c[::-1] + (K - 1) * alpha) / whole


def sampled(e: "Experiment", n: int, total: int) -> Floats:
    """Return `binomial` for the fits to so many rows, 0, 1, ... of which are of one outcome."""
    return binomial(n, *fractions(e, total))


def hypergeometric(total: int, drawn: int) -> Floats:
    """Return P(h of `drawn` rows marked), given c of `total`: shape (total + 1, drawn + 1)."""
    from scipy.special import gammaln

    c, h = np.arange(total + 1)[:, None], np.arange(drawn + 1)
    possible = (h <= c) & (drawn - h <= total - c)
    c, h = np.broadcast_arrays(c, h)
    c, h = c[possible], h[possible]
    logs = gammaln(np.arange(total + 2) + 1.0)

    def choose(a: Integers | int, b: Integers | int) -> Floats:
        return np.asarray(logs[a] - logs[b] - logs[np.subtract(a, b)])

    table = np.zeros(possible.shape)
    with np.errstate(under="ignore"):
        table[possible] = np.exp(choose(c, h) + choose(total - c, drawn - h) - choose(total, drawn))
    return table


def constant(sizes: Integers) -> bool:
    """Return whether all batches have one size."""
    return bool(np.ptp(sizes) == 0)


def reason(e: "Experiment", points: int) -> str | None:
    """Return why no chain is run for this many initial probabilities, or None."""
    if not (e.schedule.one_pool or e.schedule.alone or e.schedule.edits):
        return "one outcome's count is a Markov chain for one batch, set or pool of rows only"
    rows = _states(e)
    if rows > MOST_ROWS:
        what = "the pool"
        if e.schedule.alone or e.schedule.edits:
            what = "the data set" if e.schedule.edits else "a batch"
        return f"exact up to {MOST_ROWS} rows in {what}, and there are {rows}: simulate it"
    if work(e, points) > MOST_WORK:
        return (
            f"{many(rows, 'row')}, {many(e.generations, 'generation')} and {points} different "
            "probabilities are too many for an exact chain: ask for fewer, or simulate it"
        )
    return None


def work(e: "Experiment", points: int) -> float:
    """Return about how many multiplications `expectations` takes."""
    rows, T = float(_states(e)) + 1, e.generations
    if e.schedule.newest and constant(e.sizes):
        return T * rows**2 + points * rows * T
    if e.schedule.edits is not None:
        different = 1 if e.schedule.workflow.steady else T
        return different * rows**3 + T * rows**2 * points
    return T * rows**2 * (points + (30 if e.schedule.kind == "subset" else 10))


def _states(e: "Experiment") -> int:
    """Return the largest count of a chain."""
    if e.schedule.edits is not None:
        return e.schedule.edits.size
    return int(e.sizes.max() if e.schedule.alone else e.sizes.sum())


def edited(e: "Experiment", edits: Edits, t: int) -> Floats:
    """Return the step of a count of n rows at generation t, shape (n + 1, n + 1)."""
    from scipy.special import binom

    n = edits.size
    one, others = (part[:, None] for part in fractions(e, n))
    c, j = np.arange(n + 1)[:, None], np.arange(n + 1)
    if edits.rows is None:
        # A marked row stays marked, and any other becomes so, each by itself.
        p = float(np.asarray(edits.shares)[t - 1])
        gain, loss = p * one, p * others
        with np.errstate(under="ignore"):
            stay = binom(c, j) * ((1 - p) + gain) ** j * loss ** np.maximum(c - j, 0)
            come = binom(n - c, j) * gain**j * ((1 - p) + loss) ** np.maximum(n - c - j, 0)
        stay[j > c], come[j > n - c] = 0.0, 0.0
    else:
        k = int(edits.rows[t - 1])
        stay, come = hypergeometric(n, n - k), sampled(e, k, n)
    step = np.zeros((n + 1, stay.shape[1] + come.shape[1] - 1))
    for b in range(come.shape[1]):
        step[:, b : b + stay.shape[1]] += stay * come[:, b, None]
    return step[:, : n + 1]


def expectations(
    e: "Experiment", p: Floats, function: Function, others: Floats | None = None
) -> Floats:
    """Return E f(p_t) for outcomes of true probability p: shape (generations, len(p)).

    Parameters
    ----------
    e
        The experiment.
    p
        Probabilities of single or lumped outcomes, shape (points,); of single ones if fits are
        smoothed.
    function
        From the fitted probabilities (those of 0, 1, ..., k of k rows) to numbers.
    others
        1 - p, with all digits; None subtracts.

    Raises
    ------
    NoClosedForm
        If the count is no Markov chain, or the chain is too large.
    """
    others = 1 - p if others is None else others
    if (why := reason(e, len(p))) is not None:
        raise NoClosedForm(why)
    out = np.empty((e.generations, len(p)))
    step = max(1, CHUNK // (int(e.sizes.sum()) + 1))
    for start in range(0, len(p), step):
        part = slice(start, start + step)
        if (same := _steady(e)) is not None:
            out[:, part] = _backward(e, same, p[part], others[part], function)
            continue
        with np.errstate(under="ignore"):
            for t, (values, law) in enumerate(_forward(e, p[part], others[part])):
                out[t, part] = law @ function(values)
    return out


def _steady(e: "Experiment") -> Floats | None:
    """Return the step of a count that every generation does alike, or None."""
    n, edits = int(e.sizes[0]), e.schedule.edits
    if e.schedule.newest and constant(e.sizes):
        return sampled(e, n, n)
    if edits is not None and e.generations > 1 and e.schedule.workflow.steady:
        return edited(e, edits, 2)
    return None


def _backward(
    e: "Experiment", step: Floats, p: Floats, others: Floats, function: Function
) -> Floats:
    """Return E f(p_t) where all steps are one: one vector per generation."""
    n = int(e.sizes[0])
    value = function(fractions(e, n)[0])
    first = binomial(n, p, others)
    out = np.empty((e.generations, len(p)))
    shift = 0  # powers of two taken out of what vanishes, so that it ends at 0
    with np.errstate(under="ignore"):
        for t in range(e.generations):
            out[t] = np.ldexp(first @ value, shift)
            value = step @ value
            if 0 < np.abs(value).max() < SMALL:
                value, shift = np.ldexp(value, HALVED), shift - HALVED
    return out


def _forward(e: "Experiment", p: Floats, others: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield, for each generation, the fitted probabilities and their law, (len(p), states)."""
    sizes, real = e.sizes.tolist(), e.schedule.real.tolist()
    law, total = binomial(sizes[0], p, others), sizes[0]
    edits = e.schedule.edits
    for t, n in enumerate(sizes):
        if edits is not None:
            law = law @ edited(e, edits, t + 1) if t else law
            yield fractions(e, total)[0], law
            continue
        if t and e.schedule.alone:
            law, total = (
                _summed(law @ sampled(e, n - real[t], total), binomial(real[t], p, others)),
                n,
            )
        elif t:
            law, total = _added(e, law, sizes[:t], n), total + n
        values, table = fitted(e, sizes[: t + 1], total)
        yield values, law if table is None else law @ table


def _summed(law: Floats, other: Floats) -> Floats:
    """Return the laws of sums of two independent counts, point by point."""
    total = law.shape[1]
    new = np.zeros((len(law), total + other.shape[1] - 1))
    for b in range(other.shape[1]):
        new[:, b : b + total] += law * other[:, b, None]
    return new


def fitted(e: "Experiment", sizes: list[int], total: int) -> tuple[Floats, Floats | None]:
    """Return the possible fits, and the law of the fit given the count kept (None: the same)."""
    if e.schedule.kind == "subset":
        budget = e.schedule.trained(len(sizes))
        if budget < total:
            return fractions(e, budget)[0], hypergeometric(total, budget)
    return fractions(e, total)[0], None


def _added(e: "Experiment", law: Floats, sizes: list[int], n: int) -> Floats:
    """Return the law of the pool's count after n rows of the fit to the pool."""
    total = law.shape[1] - 1
    values, table = fitted(e, sizes, total)
    drawn = sampled(e, n, len(values) - 1)
    if table is not None:
        drawn = table @ drawn
    new = np.zeros((len(law), total + n + 1))
    for b in range(n + 1):
        new[:, b : b + total + 1] += law * drawn[:, b]
    return new
