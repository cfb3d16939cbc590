r"""The probability that a fit is degenerate, exactly where a route is known.

A Poisson, binomial or negative binomial fit with variance 0 draws equal rows. The loop stays there
unless fresh real rows come in, or a subsample picks other rows of the pool.

real rows   Where every generation gives weight to all real rows so far (accumulate, kept real
            data, the web), a fit is degenerate iff those rows all lie at one end of the range:
            P(row = 0)^n + P(row = N)^n. Under accumulate it is the same for all t.
Poisson     Any deterministic workflow is a branching process in the rows' totals:
            E exp(-c S) = exp(-n m (1 - e^-c)) turns the event "all batches of positive weight
            are zero" into one about earlier batches, down to the real rows. Replace with equal
            batches: P(absorbed) = exp(-n m_0 u_t), u_1 = 1, u_{t+1} = 1 - exp(-u_t).
binomial    Under replace with at most 200 trials a batch, the chain of totals, row by row.
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.exponential.families import Binomial, Poisson
from modelcollapse.workflows import Refreshing, Replace, Weighting
from modelcollapse.workflows.sources import real_counts, source_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse.loop.experiment import Experiment

LARGEST_CHAIN = 200
OPEN = (
    "known for Poisson under deterministic workflows, for workflows that keep all real rows "
    f"(accumulate, keep-real, web) and for binomial replace with at most {LARGEST_CHAIN} trials a "
    "batch; elsewhere simulate it"
)


def route(e: "Experiment") -> "Callable[[], Floats]":
    """Return the function that computes P(V(m_t) = 0), shape (generations,).

    Raises
    ------
    NoClosedForm
        If no exact route is known; the message says for which loops there is one.
    """
    if not e.model.counts:
        raise NoClosedForm(f"a fit of {e.model!r} is never degenerate")
    if isinstance(e.workflow, (Weighting, Refreshing)):
        if isinstance(e.workflow, Replace):
            if isinstance(e.model, Poisson):
                return partial(_branching_alone, e)
            if isinstance(e.model, Binomial) and e.sizes.max() * e.model.trials <= LARGEST_CHAIN:
                return partial(_chain, e, e.sizes * e.model.trials)
            raise NoClosedForm(OPEN)
        sizes = e.sizes.tolist()
        weights = [source_weights(e.workflow, sizes[:t]) for t in range(1, len(sizes) + 1)]
        counts = real_counts(e.workflow, sizes)
        if all((real[counts[: t + 1] > 0] > 0).all() for t, (real, _) in enumerate(weights)):
            return partial(_extreme_rows, e, np.cumsum(counts))
        if isinstance(e.model, Poisson):
            return partial(_branching, e, weights, counts)
    raise NoClosedForm(OPEN)


def _extreme_rows(e: "Experiment", rows: Integers) -> Floats:
    """Return P(all real rows so far are at one end)."""
    truth, (_, high) = e.truth, e.model.range
    with np.errstate(under="ignore"):
        found = np.exp(rows * e.model.log_density(np.zeros(1), truth.value))
        if np.isfinite(high):
            found += np.exp(rows * e.model.log_density(np.array([high]), truth.value))
    return np.asarray(found)


def _branching_alone(e: "Experiment") -> Floats:
    """Return exp(-n_1 m_0 u_t) under replace, for all t at once."""
    n = e.sizes.astype(float)
    u = np.ones(e.generations)
    with np.errstate(under="ignore"):
        for s in range(e.generations - 1, 0, -1):
            u[s:] = -np.expm1(-u[s:] * (n[s] / n[s - 1]))
        return np.asarray(np.exp(-n[0] * e.truth.value * u))


def _branching(e: "Experiment", weights: list[tuple[Floats, Floats]], counts: Integers) -> Floats:
    """Return the probability of zero totals, backwards through the batches, for all t at once.

    `real[t, s]` and `drawn[t, s]` are the exponents c of the totals of the parts of batch s.
    """
    T, mean = e.generations, e.truth.value
    drawn_counts = e.sizes - counts
    real, drawn = np.zeros((T, T)), np.zeros((T, T))
    for t, (a, b) in enumerate(weights):
        real[t, : t + 1], drawn[t, : t + 1] = (np.where(w > 0, np.inf, 0.0) for w in (a, b))
    with np.errstate(under="ignore"):
        for s in range(T - 1, 0, -1):
            a, b = weights[s - 1]
            rate = -np.expm1(-drawn[s:, s]) * drawn_counts[s]
            real[s:, :s] += rate[:, None] * (a / np.maximum(counts[:s], 1))
            drawn[s:, :s] += rate[:, None] * (b / np.maximum(drawn_counts[:s], 1))
        return np.asarray(np.exp(-mean * (-np.expm1(-real) @ counts)))


def _chain(e: "Experiment", trials: Integers) -> Floats:
    """Return the probability of both ends, by the chain of batch totals."""
    before, law = np.array([e.truth.value / e.model.trials]), np.ones(1)
    found = np.empty(e.generations)
    with np.errstate(under="ignore"):
        for t, count in enumerate(trials.tolist()):
            batch = Binomial(count)
            totals = np.arange(count + 1.0)
            inner = (before > 0) & (before < 1)
            step = np.zeros((len(before), count + 1))
            step[before <= 0, 0] = step[before >= 1, -1] = 1.0
            for i in np.flatnonzero(inner):
                step[i] = np.exp(batch.log_density(totals, count * before[i]))
            law, before = law @ step, totals / count
            found[t] = law[0] + law[-1]
    return found
