r"""Moments of fitted frequencies, exact up to the fourth order.

Let S_k = sum p_i^k, and a the truth's probabilities. Rows drawn from frequencies f are counted in
ordered pairs of equal rows: given f, n rows y have n^2 S2(y) = n + A, with

E A = n_2 S2,   E A^2 = n_4 S2^2 + 4 n_3 S3 + 2 n_2 S2,   n_k = n (n-1) ... (n-k+1),

as two pairs share no row, one or two; a pair and a row share none or one. The moments of S2, S2^2,
S3, a.p, (a.p)^2, (a.p) S2 and sum a_i p_i^2 are therefore closed under sampling, under adding rows
to a pool and under drawing a subset of a pool without replacement.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, whole
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.discrete.truth import Categorical, truth_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelcollapse.loop.experiment import Experiment
    from modelcollapse.solver.subsample import Subset


@dataclass(frozen=True)
class Linear:
    """Moments about a linear functional u.f of frequencies f, u fixed or the pool's own.

    Attributes
    ----------
    one, two, with_s2
        E u.f, E (u.f)^2, E (u.f) S2.
    square, weighted
        E sum u_i f_i^2, E sum u_i^2 f_i.
    """

    one: float
    two: float
    with_s2: float
    square: float
    weighted: float


@dataclass(frozen=True)
class State:
    """Moments of frequencies p: E S2, E S2^2, E S3, and those about the truth's a.p."""

    s2: float
    s22: float
    s3: float
    a: Linear

    @property
    def own(self) -> Linear:
        """The same with the frequencies themselves as the functional."""
        return Linear(self.s2, self.s22, self.s22, self.s3, self.s3)


def falling(n: float) -> tuple[float, float, float]:
    """Return n (n-1), n (n-1)(n-2) and n (n-1)(n-2)(n-3)."""
    two = n * (n - 1)
    return two, two * (n - 2), two * (n - 2) * (n - 3)


def start(truth: Categorical) -> State:
    """Return the moments of the truth itself."""
    p = truth.probabilities
    s2, s3 = float((p**2).sum()), float((p**3).sum())
    return State(s2, s2 * s2, s3, Linear(s2, s2 * s2, s2 * s2, s3, s3))


def drawn(n: int, f: State, u: Linear) -> tuple[State, Linear]:
    """Return the moments of n rows drawn from frequencies f, about a and about a functional u."""
    two, three, four = falling(n)
    s2 = (two * f.s2 + n) / n**2
    pairs = four * f.s22 + 4 * three * f.s3 + 2 * two * f.s2
    s22 = (n * n + 2 * n * two * f.s2 + pairs) / n**4
    s3 = (three * f.s3 + 3 * two * f.s2 + n) / n**3
    found = [
        Linear(
            x.one,
            (x.weighted + (n - 1) * x.two) / n,
            (n * n * x.one + three * x.with_s2 + 2 * two * x.square) / n**3,
            (two * x.square + n * x.one) / n**2,
            x.weighted,
        )
        for x in (f.a, u)
    ]
    return State(s2, s22, s3, found[0]), found[1]


def subsampled(k: int, N: int, q: State) -> tuple[State, Linear]:
    """Return the moments of k of a pool's N rows, drawn without replacement: (about a, about q)."""
    if k == N:
        return q, q.own
    (k2, k3, k4), (N2, N3, N4) = falling(k), falling(N)
    pairs = N * N * q.s2 - N  # of equal rows in the pool
    triples = N**3 * q.s3 - 3 * N * N * q.s2 + 2 * N
    disjoint = N**4 * q.s22 - 2 * N**3 * q.s2 + N * N - 4 * triples - 2 * pairs
    same2, same3 = _share(pairs, N2), _share(triples, N3)
    s2 = (k2 * same2 + k) / k**2
    square = _share(disjoint, N4) * k4 + 4 * k3 * same3 + 2 * k2 * same2
    s22 = (k * k + 2 * k * k2 * same2 + square) / k**4
    s3 = (k3 * same3 + 3 * k2 * same2 + k) / k**3
    found = []
    for x in (q.a, q.own):
        two = (x.weighted + (k - 1) * _share(N * N * x.two - N * x.weighted, N2)) / k
        both = _share(N * N * x.square - N * x.one, N2)  # u of a row, where another equals it
        apart = _share(N**3 * x.with_s2 - N * N * x.one - 2 * N2 * both, N3)
        with_s2 = (k * k * x.one + k3 * apart + 2 * k2 * both) / k**3
        found.append(Linear(x.one, two, with_s2, (k2 * both + k * x.one) / k**2, x.weighted))
    return State(s2, s22, s3, found[0]), found[1]


def _share(count: float, of: float) -> float:
    """Return the share of ordered pairs; there are none in the smallest pools."""
    return count / of if of else 0.0


def added(N: int, q: State, f: State, u: Linear, n: int, k: int) -> State:
    """Return the moments of the pool q of N rows after n rows y drawn from its fit f to k rows.

    `u` is the functional q.f.
    """
    y, qy = drawn(n, f, u)
    w, v, N2 = N / (N + n), n / (N + n), falling(N)[0]
    # Given the pool, E S2(y) = base + slope S2(q).
    same = (0.0, 1.0) if k == N else _affine(k, -_share(N, N2), _share(N * N, N2))
    base, slope = _affine(n, *same)
    s22 = w**4 * q.s22 + 4 * w * w * v * v * qy.two + v**4 * y.s22 + 4 * w**3 * v * q.s22
    s22 += 2 * w * w * v * v * (base * q.s2 + slope * q.s22) + 4 * w * v**3 * qy.with_s2
    s2 = w * w * q.s2 + 2 * w * v * qy.one + v * v * y.s2
    s3 = (w**3 + 3 * w * w * v) * q.s3 + 3 * w * v * v * qy.square + v**3 * y.s3
    a = q.a
    pair = a.with_s2  # E (a.f)(q.f)
    if k < N:
        pair = (a.square + (k - 1) * _share(N * N * a.with_s2 - N * a.square, N2)) / k
    with_s2 = (w**3 + 3 * w * w * v) * a.with_s2 + v**3 * y.a.with_s2
    with_s2 += w * v * v * (base * a.one + slope * a.with_s2)
    with_s2 += 2 * w * v * v * (a.square + (n - 1) * pair) / n
    two = (w * w + 2 * w * v) * a.two + v * v * y.a.two
    square = (w * w + 2 * w * v) * a.square + v * v * y.a.square
    return State(s2, s22, s3, Linear(a.one, two, with_s2, square, a.weighted))


def _affine(n: int, base: float, slope: float) -> tuple[float, float]:
    """Return base and slope of E S2 of n rows, a pair of which agrees with base + slope S2."""
    two = falling(n)[0]
    return (two * base + n) / n**2, two * slope / n**2


def pooled(e: "Experiment") -> bool:
    """Return whether the pool is trained on, or a subset of it."""
    return e.schedule.pool or e.schedule.kind == "subset"


def squared_errors(e: "Experiment") -> Floats:
    """Return E |p_t - p_0|^2 over the variance of one observation, shape (generations,).

    Replace and the pooled workflows by their own recursions, any other deterministic workflow by
    the solver.

    Raises
    ------
    NoClosedForm
        If the workflow is random or does not say its weights.
    """
    if e.schedule.newest:
        with np.errstate(under="ignore"):
            return np.asarray(-np.expm1(np.cumsum(_log_kept(e.sizes.astype(np.float64)))))
    if pooled(e):
        return np.array([subset.error for subset in _subsets(e)])
    from modelcollapse import solver

    return np.asarray(solver.squared_errors(e.schedule, e.sizes, curvature=-1.0))


def _subsets(e: "Experiment") -> "Iterator[Subset]":
    """Return the training sets of a pooled loop: a fit's rows have V = 1 - R, what it fits."""
    from modelcollapse.solver.subsample import subsets

    return subsets(e.schedule.listed, e.schedule.counts.tolist(), lambda subset: subset.fitted())


def _log_kept(n: Floats) -> Floats:
    """Return log(1 - 1/n), -inf for a batch of one row."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(-1 / n))


def fits(e: "Experiment") -> list[State]:
    """Return the moments of the fits of a replace or pooled loop, one per generation."""
    sizes, found = e.sizes.tolist(), []
    truth = start(truth_of(e))
    if e.schedule.newest:
        state = truth
        for n in sizes:
            state = drawn(n, state, state.own)[0]
            found.append(state)
        return found
    pool, N, k = drawn(sizes[0], truth, truth.own)[0], sizes[0], 0
    fit, about = truth, truth.own
    for t, kept in enumerate(e.schedule.counts.tolist()):
        if t:
            pool = added(N, pool, fit, about, sizes[t], k)
            N += sizes[t]
        k = kept
        fit, about = subsampled(k, N, pool)
        found.append(fit)
    return found


def variances(e: "Experiment") -> tuple[Floats, Floats]:
    """Return the variances over replicates of heterozygosity and squared error, each (T,)."""
    truth = truth_of(e)
    first = start(truth)
    found = fits(e)
    s2 = np.array([f.s2 for f in found])
    spread = np.array([f.s22 for f in found]) - s2**2
    a = np.array([[f.a.two, f.a.with_s2] for f in found]).T
    error = spread + 4 * (a[0] - first.s22) - 4 * (a[1] - first.s2 * s2)
    scale = truth.heterozygosity**2
    return np.maximum(spread, 0.0), np.maximum(error, 0.0) / scale


def heterozygosity(e: "Experiment") -> Floats:
    """Return E(1 - sum p_i^2) = H_0 (1 - squared error), accurate where it is nearly zero."""
    first = truth_of(e).heterozygosity
    if e.schedule.newest:
        with np.errstate(under="ignore"):
            return np.asarray(first * np.exp(np.cumsum(_log_kept(e.sizes.astype(np.float64)))))
    if pooled(e):
        return np.array([first * subset.fitted() for subset in _subsets(e)])
    from modelcollapse import solver

    return first * solver.variances(e.schedule, e.sizes, curvature=-1.0)


def all_different(experiment: "Experiment", draws: int) -> Floats:
    r"""Return the expected chance that so many draws from a fit are all different.

    E D! e_D(p_t), e_D the elementary symmetric function of order D: two draws' is the
    heterozygosity.

    Parameters
    ----------
    experiment
        A loop of a `Discrete`.
    draws
        D, at least 1.

    Returns
    -------
    Floats
        Shape (generations,).

    Raises
    ------
    NoClosedForm
        If the workflow remembers more than one pool of rows, or has fresh real ones.
    """
    from math import factorial

    from modelcollapse.solver.determinants import log_determinants, symmetric

    order = whole("draws", draws)
    p = truth_of(experiment).probabilities
    logs = log_determinants(experiment.schedule, order) if experiment.schedule.known else None
    if logs is None:
        raise NoClosedForm(
            "all_different is known for replace, accumulate and accumulate-subsample, and where "
            "each training set is the last one, scaled, and the new batch: simulate it"
        )
    first = float(symmetric(p)[order - 1]) * factorial(order) if order <= len(p) else 0.0
    with np.errstate(under="ignore"):
        return first * np.exp(logs)
