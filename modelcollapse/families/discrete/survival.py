r"""How long an outcome survives, and how long until one is left: exact, bounds and limits.

Under replace with batches of n, let a_t(x) be the probability that an outcome of true probability
x is absent at generation t: a_1(x) = (1-x)^n and a_{t+1}(x) = E a_t(B/n), B ~ Binomial(n, x).

Upper bound: if a_t(x) <= (1 - c x)^m then, as 1 - y <= e^-y, a_{t+1}(x) <= E e^{-c m B/n}
= (1 - (1 - e^{-c m/n}) x)^n. So a_t(x) <= (1 - u_{t-1} x)^n, u_0 = 1, u_{j+1} = 1 - e^{-u_j}.

Lower bound: trace the n rows of generation t back to the real rows they are copies of, D_t of
them: a_t(x) = E (1-x)^{D_t}. D rows have as many different parents as D balls fill of n boxes,
n (1 - (1-1/n)^D) on average; both functions of D are of one curvature, so Jensen's inequality
gives a_t(x) >= (1-x)^{d_t}, d_1 = n, d_{t+1} = n (1 - (1-1/n)^{d_t}).

As n grows with n x fixed both tend to e^{-n x u_{t-1}}. And e^u >= 1 + u, tanh(u/2) <= u/2 give
u/(1+u) <= 1 - e^-u <= u/(1+u/2), so that 1/t <= u_{t-1} <= 2/(t+1).
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers, horizon, reals, whole
from modelcollapse._support.errors import NoClosedForm, invalid
from modelcollapse.families.discrete.chains import MOST_ROWS, binomial, constant, copied
from modelcollapse.families.discrete.truth import Categorical

MOST_OUTCOMES = 20  # whose sets are summed with alternating signs: 2^20 roundings are 1e-10


def survival(n: int, p: Any, generations: int) -> Floats:
    """Return the probability under replace that an outcome is still there, exactly.

    Parameters
    ----------
    n
        Rows per batch, at most 1000.
    p
        True probabilities, any shape.
    generations
        The number T of generations.

    Returns
    -------
    array
        Shape (*p.shape, generations): P(fitted probability > 0 at t = 1..T).

    Raises
    ------
    NoClosedForm
        If n is above 1000: see `finite_survival_bounds`.
    InvalidInput
        If an argument is out of its range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.discrete.survival(n=10, p=[0.1, 0.5], generations=3).round(4))
    [[0.6513 0.4937 0.4023]
     [0.999  0.9861 0.9586]]
    """
    n, generations, x = _exact_rows(n), whole("generations", generations), _unit("p", p)
    step = copied(n, n)
    first = binomial(n, x.ravel(), 1 - x.ravel())
    there = np.ones(n + 1)
    there[0] = 0.0
    out = np.empty((x.size, generations))
    with np.errstate(under="ignore"):
        for t in range(generations):
            out[:, t] = first @ there
            there = step @ there
    return out.reshape(*x.shape, generations)


def poisson_survival(expected: Any, generations: int) -> Floats:
    """Return the limit of `survival` as n grows and n p = `expected` stays.

    It is 1 - exp(-n p u_{t-1}), u_0 = 1, u_{j+1} = 1 - exp(-u_j), and a lower bound at any n.

    Parameters
    ----------
    expected
        Expected rows n p of the outcome in a batch, any shape, positive.
    generations
        The number T of generations.

    Returns
    -------
    array
        Shape (*expected.shape, generations).
    """
    rates = _rates("expected", expected)
    u = lines(np.ones(whole("generations", generations), dtype=np.int64))[1]
    with np.errstate(under="ignore"):
        return np.asarray(-np.expm1(-rates[..., None] * u))


def survival_bounds(expected: Any, generation: Any) -> tuple[Floats, Floats]:
    """Return explicit bounds of `poisson_survival` at generation t.

    They are 1 - exp(-n p/t), which holds at every n (Suresh et al., arXiv 2412.17646), and
    1 - exp(-2 n p/(t + 1)), to which the survival tends relatively.
    """
    rates, t = _rates("expected", expected), _rates("generation", generation)
    if np.any(t < 1):
        raise invalid("generation", generation, "generations are counted from 1")
    return np.asarray(-np.expm1(-rates / t)), np.asarray(-np.expm1(-2 * rates / (t + 1)))


def finite_survival_bounds(n: int, p: Any, generations: int) -> tuple[Floats, Floats]:
    """Return proved bounds of `survival` at any n, which close as n grows.

    Returns
    -------
    lower, upper
        Each of shape (*p.shape, generations): 1 - (1 - u_{t-1} p)^n and 1 - (1-p)^{d_t}.
    """
    x = _unit("p", p)[..., None]
    sizes = np.full(horizon(generations), whole("n", n), dtype=np.int64)
    d, u = lines(sizes)
    return -np.expm1(log_power(u * x, 1 - u * x, n)), -np.expm1(log_power(x, 1 - x, d))


def log_power(x: Floats, others: Floats, exponent: Any) -> Floats:
    """Return log (1 - x)^exponent, -inf at x = 1; `others` are 1 - x, and 0^0 is 1."""
    with np.errstate(divide="ignore", under="ignore", invalid="ignore"):
        logs = np.where(x <= 0.5, np.log1p(-np.minimum(x, 0.5)), np.log(others))
        return np.where(exponent == 0, 0.0, exponent * logs)


def lines(sizes: Integers) -> tuple[Floats, Floats]:
    """Return d_t and u_{t-1} of the bounds, for any batch sizes; each of shape (T,)."""
    n = sizes.astype(np.float64)
    T = len(n)
    # With batches of one row the ancestors are one from generation 2 on.
    with np.errstate(divide="ignore"):
        misses = np.log1p(-1 / n)
    d, u = n.copy(), np.ones(T)
    if constant(sizes):
        for t in range(1, T):
            d[t] = -n[0] * np.expm1(d[t - 1] * misses[0])
            u[t] = -np.expm1(-u[t - 1])
        return d, u
    rows = n.copy()
    for s in range(T - 2, -1, -1):
        later = slice(s + 1, T)
        d[later] = -n[s] * np.expm1(d[later] * misses[s])
        u[later] = -np.expm1(-u[later] * rows[later] / n[s])
        rows[later] = n[s]
    return d, u


def expected_collapse_time(n: int, probabilities: Any) -> float:
    """Return the diffusion approximation of `exact_collapse_time`: -2n sum (1-p) log(1-p).

    For K equally likely outcomes it is 2 n (K-1) log(K/(K-1)) (Littler 1975). It is asymptotic in
    n: at finite n it is not exact.
    """
    truth = Categorical(probabilities)
    rest = truth.others
    logs = log_power(truth.probabilities, rest, 1.0)
    return float(-2 * whole("n", n) * (rest * logs).sum())


def exact_collapse_time(n: int, probabilities: Any) -> float:
    r"""Return the expected first generation with one outcome left, under replace.

    With F_i(t) the probability that only outcome i is left, it is
    1 + sum_i sum_{t >= 1} (p_i - F_i(t)); the inner sum solves one linear system of n - 1
    unknowns, as outcome i's count is a Markov chain of its own.

    Parameters
    ----------
    n
        Rows per batch, at most 1000.
    probabilities
        Of the outcomes, shape (K,).

    Raises
    ------
    NoClosedForm
        If n is above 1000: see `expected_collapse_time`.
    """
    n, truth = _exact_rows(n), Categorical(probabilities)
    if n == 1:
        return 1.0
    share = np.arange(1, n) / n
    inside = copied(n, n)[1:n, 1:n]
    waits = np.linalg.solve(np.eye(n - 1) - inside, share)
    values, counts = truth.groups
    return float(1 + counts @ (binomial(n, values, truth.group_others)[:, 1:n] @ waits))


def exact_first_loss_time(n: int, probabilities: Any) -> float:
    r"""Return the expected first generation that lacks an outcome, under replace.

    A lost outcome stays lost, so that by inclusion and exclusion all are there at generation t
    with the probability sum_S (-1)^(|S|+1) s_t(p_S) over the sets S of outcomes, but the empty
    one and the whole, s_t(x) the mean of 1 - q over the loops where an outcome of probability x
    has a fit q > 0. Its sum over t solves one linear system of n - 1 unknowns.

    Parameters
    ----------
    n
        Rows per batch, at most 1000.
    probabilities
        Of the outcomes, shape (K,), up to 20 of them positive.

    Raises
    ------
    NoClosedForm
        If n is above 1000, or more than 20 outcomes are possible: simulate "any_absent".
    """
    n, truth = _exact_rows(n), Categorical(probabilities)
    if truth.possible > MOST_OUTCOMES:
        raise NoClosedForm(
            f"{truth.possible} outcomes: known up to {MOST_OUTCOMES}, as a sum over all sets of "
            'them, with alternating signs; simulate "any_absent"'
        )
    if n < truth.possible:
        return 1.0
    x, others, signs = truth.lumps
    inside = copied(n, n)[1:n, 1:n]
    waits = np.linalg.solve(np.eye(n - 1) - inside, 1 - np.arange(1, n) / n)
    return float(1 + signs @ (binomial(n, x, others)[:, 1:n] @ waits))


def _exact_rows(n: int) -> int:
    if whole("n", n) > MOST_ROWS:
        raise NoClosedForm(f"n = {n}: the chain is computed up to {MOST_ROWS} rows per batch")
    return n


def _unit(name: str, value: Any) -> Floats:
    x = reals(name, value, "give probabilities")
    if not np.all((x >= 0) & (x <= 1)):
        raise invalid(name, value, "give probabilities, from 0 to 1")
    return x


def _rates(name: str, value: Any) -> Floats:
    x = reals(name, value)
    if not np.all((x > 0) & (x < np.inf)):
        raise invalid(name, value, "give finite numbers above 0")
    return x
