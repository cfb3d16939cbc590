r"""The error of every workflow by generation, over that of the real rows alone: n_1 E x_t^2.

Of a mean with known variance (curvature 0 in `modelcollapse.solver`), exactly. With n real rows,
s_t sampled and f_t fresh rows of batch t, N_t rows so far:

replace, accumulate, fresh rows, web   the chain x_t = keep x_{t-1} + rho e_t + sigma eps_t
kept real rows                         `solve_kept`; random subsets `subsample_errors`
best weights of fresh rows             1/J_t, see `solver.information`

In the long run, with s and f rows for ever: accumulate settles at
1 + n sum_{j >= 1} s/(n + j s)^2 = 1 + (n/s) zeta(2, 1 + n/s) (Hurwitz); kept and fresh rows at the
fixed points of `modelcollapse.mixed`; a web with fresh rows at 0. A random part of k >= 2 rows
settles where `subsample_limit` encloses it: a new row's second moment exceeds that of the pool's
rows by 1 - Q N (k - 1)/((N - 1) k), so that their variance Q tends to k/(k - 1), and the noise that
comes back, at most (s/N)^2 (Q/k + 1/s), has a finite sum.
"""

from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.advice.question import Question
from modelcollapse.loop.fate import Outcome
from modelcollapse.loop.schedule import Schedule, pools
from modelcollapse.mixed import fresh_effective_samples, kept_fixed_point, optimal_weight
from modelcollapse.solver import best_budgets, fate, squared_errors
from modelcollapse.solver.chains import Recurrence, solve_chain, solve_kept
from modelcollapse.solver.slots import solve_slots
from modelcollapse.solver.subsample import subsample_errors, subsample_limit
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    KeepReal,
    Replace,
    SlidingWindow,
    Web,
)

WINDOW = 3
INTERPRETED = 2000  # generations of a window that need no compiled code


class Plan(NamedTuple):
    """One workflow.

    Attributes
    ----------
    workflow
        Its name; "none" is training on all real rows so far, and on no sampled one.
    title
        What it trains on.
    errors
        The squared error of each generation over that of the real rows alone, shape (T,).
    fate
        What becomes of it.
    limit
        Its limit, if that is known.
    keeps
        Whether it trains on the first real rows for ever.
    rate
        How it vanishes, if it does: N is all rows so far.
    """

    workflow: str
    title: str
    errors: Floats
    fate: Outcome
    limit: float | None
    keeps: bool
    rate: str = ""

    @property
    def last(self) -> float:
        """The error of the last generation."""
        return float(self.errors[-1])


class Split(NamedTuple):
    """Training rows of each generation, and the best split of as many."""

    even: list[int]
    best: list[int]


def plans(q: Question) -> list[Plan]:
    """Return every workflow that the question is about, in the order of the table."""
    n, s = q.real, q.steady
    tail = np.array(q.sizes if s is None else [n, s, s])
    last, window = fate(Replace(), tail).verdict, fate(SlidingWindow(WINDOW), tail).verdict
    endless, settled = (None, None) if s is None else (np.inf, accumulated(n, s))
    pool, bounded = chained(q, 0, pool=True), fate(Accumulate(), tail).verdict
    some = f"the last {WINDOW} batches"
    return [
        _real_alone(q),
        Plan("replace", "the last batch", chained(q, 0), last, endless, keeps=False),
        Plan("sliding-window", some, n * _window(q), window, endless, keeps=False),
        _kept(q, None, tail),
        *([] if q.weight is None else [_kept(q, q.weight, tail)]),
        Plan("accumulate", "all rows so far", pool, bounded, settled, keeps=True),
        *_subsampled(q),
        *(_refreshed(q) if q.fresh.any() else []),
    ]


def chained(q: Question, fresh: Any, *, pool: bool = False) -> Floats:
    """Return the errors of models of the last batch, or of all rows so far, shape (T,)."""
    real = np.full(q.generations, float(q.real))
    real[1:] = fresh
    sampled = np.concatenate([[0.0], q.synthetic.astype(float)])
    total = real + sampled
    before = np.concatenate([[0.0], np.cumsum(total)[:-1]]) if pool else np.zeros_like(total)
    total = before + total
    keep, rho = (before + sampled) / total, real / total
    with np.errstate(divide="ignore"):
        # Each of the two loses nothing where it is used.
        log_keep = np.where(rho < 0.5, np.log1p(-np.minimum(rho, 0.5)), np.log(keep))
    chain = Recurrence(keep, log_keep, rho, sampled / total, real, sampled)
    return np.asarray(q.real * solve_chain(chain, 0.0).errors)


def best_information(q: Question, fresh: Any) -> Floats:
    """Return J_1, ..., J_T: what best weights of fresh rows are worth, in real rows."""
    found = np.empty(q.generations)
    found[0] = q.real
    rows = np.broadcast_to(np.asarray(fresh, dtype=float), q.synthetic.shape)
    for t, (f, s) in enumerate(zip(rows.tolist(), q.synthetic.tolist(), strict=True), start=1):
        found[t] = f + found[t - 1] * s / (found[t - 1] + s)
    return found


def accumulated(n: int, s: int) -> float:
    """Return the limit of the error under accumulate, over that of the n real rows."""
    from scipy.special import zeta

    return float(1 + n / s * zeta(2, 1 + n / s))


def subsampled(q: Question, counts: list[int]) -> Floats:
    """Return the errors of random subsets of so many rows."""
    return q.real * np.array(subsample_errors(q.sizes, counts, 0.0))


def split(q: Question) -> Split | None:
    """Return the training rows of each generation, and as many split best; None if all are used."""
    budget = None if q.budget is None else tuple(q.budget.tolist())
    even = AccumulateSubsample(budget).training_sizes(q.sizes)
    total, most = sum(even), float(pools(np.array(q.sizes)).sum())
    if total > most * (1 - 1e-12) or q.generations == 1:
        return None
    return Split(even, best_budgets(total, q.sizes).tolist())


def _real_alone(q: Question) -> Plan:
    errors = q.real / (q.real + np.concatenate([[0.0], np.cumsum(q.fresh)]))
    limit = None if q.steady_fresh is None else 0.0 if q.steady_fresh else 1.0
    return Plan("none", "all real rows alone", errors, "bounded", limit, keeps=True, rate="1/N")


def _kept(q: Question, share: float | None, tail: Any) -> Plan:
    errors = q.real * solve_kept(share, np.array(q.sizes), 0.0).errors
    limit = None
    if q.steady is not None:
        limit = q.real * float(kept_fixed_point(share, q.real, q.steady))
    title = "the first real rows" + ("" if share is None else f" (weight {share:g})")
    title = f"{title} and the last batch"
    verdict = fate(KeepReal(share), tail).verdict
    return Plan("keep-real", title, errors, verdict, limit, keeps=True)


def _subsampled(q: Question) -> list[Plan]:
    """Return accumulate-subsample: as it is asked for, and split best."""
    found = split(q)
    budget = None if q.budget is None else tuple(q.budget.tolist())
    counts = AccumulateSubsample(budget).training_sizes(q.sizes)
    later = q.steady if q.budget is None else counts[-1] if not np.ptp(q.budget) else None
    verdict: Outcome = "undetermined"
    limit = None
    if q.steady is not None and later is not None and later >= 2:
        bounds = subsample_limit(q.real, q.steady, counts[0], later)
        verdict, limit = "bounded", q.real * sum(bounds) / 2  # the same to about five digits
    name, title = "accumulate-subsample", "a random part of all rows so far"
    plan = Plan(name, title, subsampled(q, counts), verdict, limit, keeps=True)
    if found is None:
        return [plan]
    best = subsampled(q, found.best)
    return [plan, Plan(name, f"{title}, split best", best, "undetermined", None, keeps=True)]


def _refreshed(q: Question) -> list[Plan]:
    """Return what brings fresh real rows."""
    n, s, f = q.real, q.steady, q.steady_fresh
    settled: Outcome = "undetermined"
    limits: tuple[float | None, ...] = (None, None, None)
    if s is None or f is None:
        web = Web(tuple(q.fresh.tolist()), tuple(q.synthetic.tolist()))
        sizes = [n, *(q.fresh + q.synthetic).tolist()]
    else:
        web, sizes = Web(f, s), [n, f + s, f + s]
        settled = "bounded"  # f > 0 here, and an old error is multiplied by (s/(f + s))^2, or less
        pool, weight = float(fresh_effective_samples(f, s)), float(optimal_weight(f, s))
        limits = n / pool, n * weight / f, 0.0
    last = fate(web, np.array(sizes))
    name, title = "fresh-data", "fresh real rows and the last batch"
    pooled, best = chained(q, q.fresh), n / best_information(q, q.fresh)
    everything = chained(q, q.fresh, pool=True)
    words = "all rows so far, fresh real rows too"
    return [
        Plan(name, title, pooled, settled, limits[0], keeps=False),
        Plan(name, f"{title}, best weights", best, settled, limits[1], keeps=False),
        Plan("web", words, everything, last.verdict, limits[2], keeps=True, rate=last.rate),
    ]


def _window(q: Question) -> Floats:
    sizes = np.array(q.sizes)
    if q.generations > INTERPRETED:
        return squared_errors(SlidingWindow(WINDOW), sizes)
    return solve_slots(Schedule(SlidingWindow(WINDOW), sizes), 0.0).errors
