r"""Variances over replicates where the fit is a chain: replace, accumulate, fresh data and webs.

The training set of generation t is made of that before, of rows sampled from the fit to it, and
of fresh real rows, each as a whole and with a weight (`Schedule.chain`); m is its mean about mu_0
and S its ddof-0 covariance, in units of tr S_0. Instead of E(tr S)^2 and the like the state holds
variances over replicates, so that no digits are subtracted:

sampled   e = y - m ~ N(0, sigma S), the rows' own ddof-0 covariance is sigma W, W ~ Wishart(S,
          n - 1), so that with weights a and b  m' = m + b e,  S' = a S + b sigma W + a b e e'.
real      u = m - y, y and S_y those of real rows:  m' = a m + b y,  S' = a S + b S_y + a b u u';
          all expected covariances, also that of m, are proportional to S_0.

A floor makes the rows' covariance sigma Q, Q = S + delta I, where S is a sum of its own elsewhere;
the expected covariances are then proportional to S_0 in one dimension, or where S_0 is s^2 I.

Each takes O(1), so that a loop takes O(T). What may be large is squared as a product: a power of a
Python float beyond the range of floats is an error and not infinite.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelcollapse.loop.experiment import Experiment
    from modelcollapse.loop.schedule import Chain


class State(NamedTuple):
    """Moments of tr S and |m|^2, and of what their steps need.

    Attributes
    ----------
    variance, error
        E tr S and E |m|^2.
    spread, both, error_spread
        Var tr S, Cov(tr S, |m|^2) and Var |m|^2.
    squares, inner
        E tr S^2 and E m' S m.
    """

    variance: float
    error: float
    spread: float
    both: float
    error_spread: float
    squares: float
    inner: float


def real(n: int, tau: float, K: float) -> State:
    """Return the moments of n rows of the truth, tau = tr S_0^2 and K = E|x - mu_0|^4."""
    pairs = 2 * (n - 1) * tau / n**3  # of Var |m|^2, by different rows
    return State(
        (n - 1) / n,
        1 / n,
        (n - 1) ** 2 * (K - 1) / n**3 + pairs,
        (n - 1) * (K - 1 - 2 * tau) / n**3,
        (K - 1) / n**3 + pairs,
        (n - 1) * ((n - 1) * K + (n * n - 2 * n + 2) * tau + 1) / n**3,
        (n - 1) * (K - 1 + (n - 2) * tau) / n**3,
    )


def sampled(s: State, a: float, b: float, n: int, sigma: float, floor: tuple[float, int]) -> State:
    """Return the moments with n rows drawn from N(m, n sigma Q) beside those of `s`.

    `floor` is delta, and the dimension.
    """
    delta, trace = floor[0], floor[0] * floor[1]
    alpha, beta, gamma, rho, v = a, b * sigma, a * b * sigma, b * b * sigma, n - 1
    kept = alpha + beta * v + gamma
    noise = beta**2 * v + gamma**2
    drawn, new = s.variance + trace, beta * v + gamma  # E tr Q, and its weight
    whole = s.spread + drawn * drawn  # E (tr Q)^2
    lift = delta * (2 * s.variance + trace)  # E tr Q^2 - E tr S^2
    squares = s.squares + lift
    return State(
        kept * s.variance + new * trace,
        s.error + rho * drawn,
        kept**2 * s.spread + 2 * noise * squares,
        kept * (s.both + rho * s.spread) + 2 * rho * gamma * squares,
        s.error_spread
        + 2 * rho * s.both
        + rho**2 * s.spread
        + 4 * rho * (s.inner + delta * s.error)
        + 2 * rho**2 * squares,
        (kept**2 + noise) * s.squares
        + noise * (lift + whole)
        + new * delta * (2 * kept * s.variance + new * trace),
        kept * s.inner
        + new * delta * s.error
        + rho * ((alpha + beta * v + 2 * gamma) * s.squares + gamma * whole)
        + rho * ((beta * v + 2 * gamma) * lift + alpha * delta * s.variance),
    )


def mixed(s: State, y: State, a: float, b: float, tau: float) -> State:
    """Return the moments of independent sets of rows together, with weights a and b."""
    c = a * b
    cross = tau * s.error * y.error  # E (m.y)^2
    gap, apart = s.error + y.error, a * s.error - b * y.error  # E |u|^2, E (am + by).u
    gap_spread = s.error_spread + y.error_spread + 4 * cross
    return State(
        a * s.variance + b * y.variance + c * gap,
        a**2 * s.error + b**2 * y.error,
        a**2 * s.spread + b**2 * y.spread + c**2 * gap_spread + 2 * c * (a * s.both + b * y.both),
        a**3 * s.both
        + b**3 * y.both
        + c * (a**2 * s.error_spread + b**2 * y.error_spread - 4 * c * cross),
        a**4 * s.error_spread + b**4 * y.error_spread + 4 * c**2 * cross,
        a**2 * s.squares
        + b**2 * y.squares
        + 2 * c * tau * s.variance * y.variance
        + 2 * c * a * (s.inner + tau * y.error * s.variance)
        + 2 * c * b * (y.inner + tau * s.error * y.variance)
        + c**2 * (gap_spread + gap * gap),
        a**3 * s.inner
        + b**3 * y.inner
        + c * tau * (b * y.error * s.variance + a * s.error * y.variance)
        + c * (a**2 * s.error_spread + b**2 * y.error_spread)
        + c * (apart * apart + (b - a) ** 2 * cross),
    )


def states(
    columns: "Iterable[tuple[Any, ...]]",
    tau: Any,
    K: Any,
    heat: Any,
    ddof: int,
    floor: tuple[Any, int] = (0, 1),
) -> "Iterator[tuple[State, Any]]":
    """Yield the state of each training set, and what the divisor n - ddof makes of its S.

    Parameters
    ----------
    columns
        For each generation the weights of the set before, of real and of sampled rows, and the
        numbers of these rows; rationals stay rationals.
    tau, K
        As in `real`.
    heat, ddof
        The temperature, and the divisor's.
    floor
        That of the fits, in units of tr S_0, and the dimension.
    """
    state, q = None, 0 * tau  # the sum of squared weights of all rows
    for a, r, b, fresh, n in columns:
        squares = a * a * q
        if state is not None and b:
            sigma = heat / (1 - ddof * q) / n
            delta = floor[0] * (1 - ddof * q)
            state = sampled(state, a / (a + b), b / (a + b), n, sigma, (delta, floor[1]))
            squares += b * b / n
        if fresh:
            new = real(fresh, tau, K)
            state = new if state is None else mixed(state, new, a + b, r, tau)
            squares += r * r / fresh
        assert state is not None  # noqa: S101 - generation 1 is real
        q = squares
        yield state, 1 / (1 - ddof * q)


@np.errstate(over="ignore", under="ignore", invalid="ignore")  # hot loops may explode
def spreads(e: "Experiment", chain: "Chain") -> Floats:
    """Return Var tr S_t, Cov(tr S_t, |m_t|^2) and Var |m_t|^2 of the fits, (3, generations)."""
    total = e.truth.spectrum.sum()
    tau, K = float(((e.truth.spectrum / total) ** 2).sum()), e.truth.fourth_moment / total**2
    rows = e.schedule.real, e.schedule.sampled
    floor = e.model.floor / float(total), e.model.dim
    columns = zip(*(column.tolist() for column in (*chain, *rows)), strict=True)
    return np.array(
        [
            (scale**2 * s.spread, scale * s.both, s.error_spread)
            for s, scale in states(columns, tau, float(K), e.temperature, e.model.ddof, floor)
        ]
    ).T
