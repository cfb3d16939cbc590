"""Jensen's bound of the log-loss, J = -E log E p(x), diverges slowly: proofs for N(0, s^2 I).

Replace: the expected density is normal with variance v_t = s^2 + sum_{s <= t} h^2 per coordinate,
so that J = (d/2) log(2 pi v_t) + d s^2/(2 v_t): (d/2) log(t h^2) + O(1) at constant h.

Accumulate (and accumulate-subsample), constant h, equal batches: the variance is
s^2 + (D + 1) h^2 with D a sum of independent Bernoulli(1/(j+1)), j < t, of mean A = 1/2 + ... +
1/t = log t + O(1). From above, -log is convex and log concave:
    J <= E[(d/2) log(2 pi (s^2 + (D+1) h^2)) + d/2] <= (d/2) log(2 pi (s^2 + (A+1) h^2)) + d/2.
From below, the density is largest at 0: J >= -log E (2 pi (s^2 + (D+1) h^2))^{-d/2}, at least
(d/2) log(2 pi h^2) - log E (D+1)^{-d/2}. For a whole m >= d/2, Lyapunov's inequality gives
E (D+1)^{-d/2} <= (E (D+1)^{-m})^{d/(2m)}, and
    (D+1)^{-m} <= m! / ((D+1) ... (D+m)),
    E 1/((D+1) ... (D+m)) = integral over k of (1-k)^{m-1}/(m-1)! E k^D <= A^{-m},
because E k^D = prod (1 - (1-k)/(j+1)) <= exp(-(1-k) A). So E (D+1)^{-d/2} = O((log t)^{-d/2})
and J = (d/2) log log t + O(1).
"""

from sympy import (
    Expr,
    Integer,
    Symbol,
    exp,
    expand_log,
    gamma,
    gammasimp,
    integrate,
    log,
    oo,
    pi,
    symbols,
)

from theory.derivation import Proof

t, h, s, d, A = symbols("t h s d A", positive=True)


def replace() -> list[Expr]:
    """J of two normal densities, and what is left of it without (d/2) log(t h^2)."""
    x = Symbol("x", real=True)
    v = s**2 + t * h**2
    loss = log(2 * pi * v) / 2 + x**2 / (2 * v)
    form = log(2 * pi * v) / 2 + s**2 / (2 * v)
    rest = expand_log(form - log(t * h**2) / 2, force=True)
    return [
        # E x^2 = s^2 under the truth.
        loss.coeff(x, 0) + loss.coeff(x, 2) * s**2 - form,
        (log(v / (t * h**2)) / 2 + s**2 / (2 * v)).limit(t, oo),
        rest - expand_log(log(2 * pi) / 2 + log(v / (t * h**2)) / 2 + s**2 / (2 * v), force=True),
    ]


def inverse_moments() -> list[Expr]:
    """The beta integral of k^D (1-k)^{m-1}/(m-1)!, and that of the exponential bound."""
    D, k, u = symbols("D k u", positive=True)
    residuals = []
    for m in (1, 2, 3, 4):
        rising = gammasimp(gamma(D + m + 1) / gamma(D + 1))
        beta = integrate((k**D * (1 - k) ** (m - 1)).expand(), (k, 0, 1))
        # over u = 1 - k in (0, oo), which contains (0, 1)
        tail = integrate(u ** (m - 1) * exp(-A * u), (u, 0, oo))
        residuals += [beta / gamma(Integer(m)) - 1 / rising, tail / gamma(Integer(m)) - A**-m]
    return residuals


PROOFS = (
    Proof("kde-jensen-replace", "derived here", "J of replace", replace),
    Proof("kde-inverse-moments", "derived here", "J of accumulate: E (D+1)^-m", inverse_moments),
)
