r"""Workflows whose fit is a chain: x_t depends on the past through x_{t-1} alone.

    x_t = keep x_{t-1} + rho e_t + sigma eps_t,     keep + rho = 1,

e_t and eps_t the noise of the real and of the sampled part of batch t, of r and s rows. Then, with
q_t = E x_t^2 and h_t = E V(m_t) / V(m_0) = 1 + v2 q_t,

    q_t = c q_{t-1} + rho^2/r + sigma^2/s,      c = keep^2 + v2 sigma^2/s,
    h_t = c h_{t-1} + rho (2 keep + rho (1 + v2/r)).

All terms are positive for v2 >= -1. Replace: rho = 0, sigma = 1. Accumulate and web: shares of
the pool, rho = r/N, sigma = s/N. Fresh data: rho = w, sigma = 1 - w.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.solver.parts import Parts, shared
from modelcollapse.solver.scan import scan
from modelcollapse.workflows import Accumulate, FreshData, KeepReal, Replace, SlidingWindow, Web
from modelcollapse.workflows import Workflow as AnyWorkflow


class Chain(NamedTuple):
    """The chain's coefficients, each of shape (T,); keep is 0 at generation 1."""

    keep: Floats
    log_keep: Floats
    rho: Floats
    sigma: Floats
    parts: Parts


class Second(NamedTuple):
    """q_t = E x_t^2 and h_t = E V(m_t) / V(m_0), each of shape (T,)."""

    errors: Floats
    variances: Floats


def pools(sizes: Integers) -> Floats:
    """Return N_1, ..., N_T, as exact as floats are."""
    if sizes.sum(dtype=float) < 2.0**62:
        return np.cumsum(sizes).astype(float)
    return np.cumsum(sizes, dtype=float)


def _replace(workflow: Any, sizes: Integers, parts: Parts) -> tuple[Floats, Floats, Floats]:
    del workflow, parts
    T = len(sizes)
    return np.ones(T), np.zeros(T), np.ones(T)


def _pooled(workflow: Any, sizes: Integers, parts: Parts) -> tuple[Floats, Floats, Floats]:
    del workflow
    total = pools(sizes)
    before = np.concatenate([[0.0], total[:-1]])
    return (before + parts.sampled) / total, parts.real / total, parts.sampled / total


def _fresh(workflow: Any, sizes: Integers, parts: Parts) -> tuple[Floats, Floats, Floats]:
    del parts
    T, w = len(sizes), workflow.real_weight
    sampled = 1 - w
    if workflow.weight is None:
        sampled = workflow.synthetic / (workflow.real + workflow.synthetic)
    return np.full(T, sampled), np.full(T, w), np.full(T, sampled)


Coefficients = Callable[[Any, Integers, Parts], tuple[Floats, Floats, Floats]]
CHAINS: dict[type, Coefficients] = {
    Replace: _replace,
    Accumulate: _pooled,
    Web: _pooled,
    FreshData: _fresh,
}


def chain(workflow: AnyWorkflow, sizes: Integers, parts: Parts) -> Chain | None:
    """Return the chain of a workflow, or None if it is not one.

    A window that holds all batches is accumulate. Subclasses may train on other rows: None.
    """
    kind: type = type(workflow)
    if kind is SlidingWindow and workflow.k >= len(sizes):  # type: ignore[attr-defined]
        kind = Accumulate
    if kind not in CHAINS:
        return None
    keep, rho, sigma = CHAINS[kind](workflow, sizes, parts)
    keep[0], rho[0], sigma[0] = 0.0, 1.0, 0.0
    with np.errstate(divide="ignore"):
        # Each of the two loses nothing where it is used.
        log_keep = np.where(rho < 0.5, np.log1p(-np.minimum(rho, 0.5)), np.log(keep))
    return Chain(keep, log_keep, rho, sigma, parts)


def solve_chain(c: Chain, v2: float) -> Second:
    """Return the two moments of a chain, in O(T)."""
    fresh, sampled = shared(c.rho**2, c.parts.real), shared(c.sigma**2, c.parts.sampled)
    relative = shared(sampled, c.keep**2)
    with np.errstate(divide="ignore"):
        log_factor = 2 * c.log_keep + np.log1p(np.maximum(v2 * relative, -1.0))
    errors = scan(log_factor, fresh + sampled)
    if v2 == 0:
        return Second(errors, np.ones_like(errors))
    real = shared(c.parts.real + v2, c.parts.real)
    return Second(errors, scan(log_factor, c.rho * (2 * c.keep + c.rho * real)))


def kept_weights(workflow: KeepReal, sizes: Integers) -> tuple[Floats, Floats]:
    """Return the weights of the real and of the last batch, each of shape (T,)."""
    n = sizes.astype(float)
    if workflow.share is None:
        real, last = n[0] / (n[0] + n), n / (n[0] + n)
    else:
        real, last = np.full(len(n), workflow.share), np.full(len(n), 1 - workflow.share)
    real[0], last[0] = 1.0, 0.0
    return real, last


def solve_kept(workflow: KeepReal, sizes: Integers, v2: float) -> Second:
    r"""Return the two moments under keep-real, in O(T).

    x_t - x_1 is a chain that starts at 0, and uncorrelated with x_1: with b = 1 - a,
    z_t = b^2 (1 + v2/n_t) z_{t-1} + b^2 h_1/n_t and q_t = 1/n_1 + z_t.
    """
    n = sizes.astype(float)
    real, last = kept_weights(workflow, sizes)
    first = (n[0] + v2) / n[0]
    with np.errstate(divide="ignore"):
        log_last = np.where(real < 0.5, np.log1p(-np.minimum(real, 0.5)), np.log(last))
        log_factor = 2 * log_last + np.log1p(v2 / n)
    errors = 1 / n[0] + scan(log_factor, last**2 * first / n)
    if v2 == 0:
        return Second(errors, np.ones_like(errors))
    return Second(errors, scan(log_factor, first * real * (2 - real)))
