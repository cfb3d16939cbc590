r"""Workflows whose fit is a chain: x_t depends on the past through x_{t-1} alone.

    x_t = keep x_{t-1} + rho e_t + sigma eps_t,     keep + rho = 1,

e_t and eps_t the noise of the real and of the sampled part of batch t, of r and s rows. Then, with
q_t = E x_t^2 and h_t = E V(m_t) / V(m_0) = 1 + v2 q_t,

    q_t = c q_{t-1} + rho^2/r + sigma^2/s,      c = keep^2 + v2 sigma^2/s,
    h_t = c h_{t-1} + rho (2 keep + rho (1 + v2/r)).

All terms are positive for v2 >= -1. Replace: rho = 0, sigma = 1. Accumulate and web: shares of
the pool, rho = r/N, sigma = s/N. Fresh data: rho = w, sigma = 1 - w.
"""

from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver.parts import shared
from modelcollapse.solver.scan import scan


class Recurrence(NamedTuple):
    """The chain's coefficients and the rows of real and sampled parts, each of shape (T,).

    keep is 0 at generation 1.
    """

    keep: Floats
    log_keep: Floats
    rho: Floats
    sigma: Floats
    real: Floats
    sampled: Floats


class Second(NamedTuple):
    """q_t = E x_t^2 and h_t = E V(m_t) / V(m_0), each of shape (T,)."""

    errors: Floats
    variances: Floats


def chain(schedule: Schedule) -> Recurrence | None:
    """Return the chain of a schedule, or None if it is not one."""
    found = schedule.chain
    if found is None:
        return None
    rho, sigma = found.real, found.sampled
    keep = found.carried + sigma
    keep[0] = 0.0
    with np.errstate(divide="ignore"):
        # Each of the two loses nothing where it is used.
        log_keep = np.where(rho < 0.5, np.log1p(-np.minimum(rho, 0.5)), np.log(keep))
    rows = schedule.real.astype(float), schedule.sampled.astype(float)
    return Recurrence(keep, log_keep, rho, sigma, *rows)


def solve_chain(c: Recurrence, v2: float) -> Second:
    """Return the two moments of a chain, in O(T)."""
    fresh, sampled = shared(c.rho**2, c.real), shared(c.sigma**2, c.sampled)
    relative = shared(sampled, c.keep**2)
    with np.errstate(divide="ignore"):
        log_factor = 2 * c.log_keep + np.log1p(np.maximum(v2 * relative, -1.0))
    errors = scan(log_factor, fresh + sampled)
    if v2 == 0:
        return Second(errors, np.ones_like(errors))
    real = shared(c.real + v2, c.real)
    return Second(errors, scan(log_factor, c.rho * (2 * c.keep + c.rho * real)))


def kept_weights(share: float | None, sizes: Integers) -> tuple[Floats, Floats]:
    """Return the weights of the real and of the last batch under keep-real, each of shape (T,)."""
    n = sizes.astype(float)
    if share is None:
        real, last = n[0] / (n[0] + n), n / (n[0] + n)
    else:
        real, last = np.full(len(n), share), np.full(len(n), 1 - share)
    real[0], last[0] = 1.0, 0.0
    return real, last


def solve_kept(share: float | None, sizes: Integers, v2: float) -> Second:
    r"""Return the two moments under keep-real, in O(T).

    x_t - x_1 is a chain that starts at 0, and uncorrelated with x_1: with b = 1 - a,
    z_t = b^2 (1 + v2/n_t) z_{t-1} + b^2 h_1/n_t and q_t = 1/n_1 + z_t.
    """
    n = sizes.astype(float)
    real, last = kept_weights(share, sizes)
    first = (n[0] + v2) / n[0]
    with np.errstate(divide="ignore"):
        log_last = np.where(real < 0.5, np.log1p(-np.minimum(real, 0.5)), np.log(last))
        log_factor = 2 * log_last + np.log1p(v2 / n)
    errors = 1 / n[0] + scan(log_factor, last**2 * first / n)
    if v2 == 0:
        return Second(errors, np.ones_like(errors))
    return Second(errors, scan(log_factor, first * real * (2 - real)))
