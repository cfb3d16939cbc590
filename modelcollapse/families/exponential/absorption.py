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
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.exponential.families import Binomial, Poisson

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse.loop.experiment import Experiment

LARGEST_CHAIN = 200
OPEN = (
    "known for Poisson under deterministic workflows, for workflows that keep all real rows "
    f"(accumulate, keep-real, web) and for binomial replace with at most {LARGEST_CHAIN} trials a "
    "batch; elsewhere simulate it"
)


class Chances(NamedTuple):
    """P(V(m_t) = 0) and P(V(m_t) > 0), each with all its digits, shape (generations,)."""

    absorbed: Floats
    alive: Floats


def route(e: "Experiment") -> "Callable[[], Chances]":
    """Return the function that computes P(V(m_t) = 0) and P(V(m_t) > 0).

    Raises
    ------
    NoClosedForm
        If no exact route is known; the message says for which loops there is one.
    """
    if not e.model.counts:
        raise NoClosedForm(f"a fit of {e.model!r} is never degenerate")
    if e.schedule.newest:
        if isinstance(e.model, Poisson):
            return partial(_branching_alone, e)
        if isinstance(e.model, Binomial) and e.sizes.max() * e.model.trials <= LARGEST_CHAIN:
            return partial(_chain, e, e.sizes * e.model.trials)
    elif e.schedule.weighted:
        if e.schedule.keeps_real:
            return partial(_extreme_rows, e, np.cumsum(e.schedule.real))
        if isinstance(e.model, Poisson):
            return partial(_branching, e)
    raise NoClosedForm(OPEN)


def _of_logarithms(logs: Floats) -> Chances:
    with np.errstate(under="ignore"):
        return Chances(np.exp(logs), -np.expm1(logs))


def _two_ends(ends: Floats, between: Floats) -> Chances:
    """Return the smaller one as the sum that it is, and the larger one by what is missing to 1."""
    absorbed = np.where(between > 0.5, ends, 1 - between)
    return Chances(absorbed, np.where(between > 0.5, 1 - ends, between))


def _extreme_rows(e: "Experiment", rows: Integers) -> Chances:
    """Return P(all real rows so far are at one end)."""
    mean, (_, high) = e.truth.value, e.model.range
    low = e.model.log_density(np.zeros(1), mean)
    if not np.isfinite(high):
        return _of_logarithms(rows * low)
    # 1 - p^R - q^R = p (1 - p^(R-1)) + q (1 - q^(R-1)), R trials in all.
    trials = rows * e.model.trials
    logs = [low / e.model.trials, e.model.log_density(np.array([high]), mean) / e.model.trials]
    with np.errstate(under="ignore"):
        ends = sum(np.exp(trials * one) for one in logs)
        between = sum(-np.exp(one) * np.expm1((trials - 1) * one) for one in logs)
    return _two_ends(np.asarray(ends), np.asarray(between))


def _branching_alone(e: "Experiment") -> Chances:
    """Return exp(-n_1 m_0 u_t) under replace, for all t at once."""
    n = e.sizes.astype(float)
    u = np.ones(e.generations)
    with np.errstate(under="ignore"):
        for s in range(e.generations - 1, 0, -1):
            u[s:] = -np.expm1(-u[s:] * (n[s] / n[s - 1]))
    return _of_logarithms(-n[0] * e.truth.value * u)


def _branching(e: "Experiment") -> Chances:
    """Return the probability of zero means, backwards through the batches, for all t at once.

    Row t of `exponents` has the c of E exp(-c.y) over the means y of the slots that generation s
    remembers, s going down from t: infinite where the fit t gives weight. A part of k rows drawn
    at the mean x has E exp(-c y) = exp(-k x (1 - exp(-c/k))); a real one has x = m_0.
    """
    T, schedule = e.generations, e.schedule
    steps = [schedule.step(t) for t in range(1, T + 1)]
    logs, exponents = np.zeros(T), np.zeros((0, 0))
    with np.errstate(under="ignore"):
        for s in range(T, 0, -1):
            carry, weights = steps[s - 1]
            fit = np.where(weights > 0, np.inf, 0.0)
            exponents = _carried(np.vstack([fit[None], exponents.reshape(-1, len(fit))]), carry)
            old = (
                exponents.shape[1]
                - int(schedule.real[s - 1] > 0)
                - int(schedule.sampled[s - 1] > 0)
            )
            new = iter(exponents[:, old:].T)
            exponents = exponents[:, :old]
            if rows := int(schedule.real[s - 1]):
                logs[s - 1 :] += e.truth.value * rows * np.expm1(-next(new) / rows)
            if rows := int(schedule.sampled[s - 1]):
                rate = -rows * np.expm1(-next(new) / rows)
                exponents = exponents + rate[:, None] * steps[s - 2][1]
    return _of_logarithms(logs)


def _carried(exponents: Floats, carry: Floats) -> Floats:
    """Return exponents of the slots before they merged; some are infinite."""
    infinite = np.isinf(exponents)
    with np.errstate(over="ignore"):
        moved = np.where(infinite, 0.0, exponents) @ carry
    return np.where(infinite.astype(float) @ (carry > 0) > 0, np.inf, moved)


def _chain(e: "Experiment", trials: Integers) -> Chances:
    """Return the probability of both ends, by the chain of batch totals."""
    before, law = np.array([e.truth.value / e.model.trials]), np.ones(1)
    ends, between = np.empty(e.generations), np.empty(e.generations)
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
            ends[t], between[t] = law[0] + law[-1], law[1:-1].sum()
    return _two_ends(ends, between)
