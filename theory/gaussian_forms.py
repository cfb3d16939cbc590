"""Symbolic proofs: closed forms solve their recursions, and the limits are what they are."""

from sympy import (
    Expr,
    Rational,
    Symbol,
    diff,
    exp,
    expand,
    gamma,
    integrate,
    log,
    oo,
    pi,
    polygamma,
    simplify,
    sin,
    sqrt,
    symbols,
)

from theory.derivation import Proof
from theory.gaussian_limits import ACCUMULATE, ACCUMULATE_UNBIASED, SUBSAMPLE_POOL, A, B, N, T
from theory.gaussian_logs import CHI_SQUARE_POWER, K, S, log_cumulant
from theory.gaussian_steps import PAPER

X = Symbol("x", positive=True)


def chi_square() -> list[Expr]:
    """E X^s from the density, and the cumulants of log X by differentiating log E X^s."""
    shape = Symbol("a", positive=True)  # k/2 + s, so that the integral converges
    kernel = integrate(X ** (shape - 1) * exp(-X / 2), (X, 0, oo))
    norm = 2 ** (K / 2) * gamma(K / 2)
    return [
        kernel.subs(shape, K / 2 + S) / norm - CHI_SQUARE_POWER,
        CHI_SQUARE_POWER.subs(S, 1) - K,
        CHI_SQUARE_POWER.subs(S, 2) - K * (K + 2),
        CHI_SQUARE_POWER.subs(S, -1) - 1 / (K - 2),
        log_cumulant(K, 1) - polygamma(0, K / 2) - log(2),
        log_cumulant(K, 2) - polygamma(1, K / 2),
    ]


def accumulate() -> list[Expr]:
    """The rising factorials solve the recursion; reflection turns the limit into the sine."""
    limit = ACCUMULATE.limit().subs(N, 1 / X**2).gammasimp()
    return [
        ACCUMULATE.ratio() - (1 - 1 / (N * (T + 1) ** 2)),
        ACCUMULATE.first - (1 - 1 / N),
        limit - sin(pi * X) / (pi * X),
    ]


def accumulate_order() -> list[Expr]:
    """With x = n^{-1/2}: n (1 - limit) -> pi^2/6."""
    limit = sin(pi * X) / (pi * X)
    return [limit.series(X, 0, 4).removeO() - (1 - pi**2 * X**2 / 6)]


def accumulate_unbiased() -> list[Expr]:
    """The rising factorials solve the recursion at ddof 1; here t + 1 is the new generation."""
    new = T + 1
    return [ACCUMULATE_UNBIASED.ratio() - (1 - 1 / (new * (N * new - 1)))]


def subsample() -> list[Expr]:
    """The factor of the pool's variance factors over the roots A, B, and the form solves it."""
    factor = 1 - (2 * N * T - N - T) / (N * (N * T - 1) * (T + 1) ** 2)
    other = 1 - (2 * T - 1 - T / N) / ((N * T - 1) * (T + 1) ** 2)
    quadratic = N * X**2 + (2 * N - 1) * X + N - 4 + 1 / N
    return [
        SUBSAMPLE_POOL.ratio() - factor,
        factor - other,
        factor - N * T * (T - A) * (T - B) / ((N * T - 1) * (T + 1) ** 2),
        expand(N * (X - A) * (X - B) - quadratic),
    ]


def subsample_order() -> list[Expr]:
    """With x = n^{-1/2} the limit is analytic: 1 - (pi^2/2 - 2) x^2 + ..."""
    limit = ((1 - 1 / N) * SUBSAMPLE_POOL.limit()).subs(N, 1 / X**2)
    limit = limit.subs(sqrt(12 / X**2 - 3), sqrt(12 - 3 * X**2) / X)
    limit = limit.replace(gamma, lambda argument: gamma(expand(argument)))
    return [
        limit.subs(X, 0) - 1,
        diff(limit, X).subs(X, 0),
        diff(limit, X, 2).subs(X, 0) / 2 + pi**2 / 2 - 2,
    ]


def roots() -> list[Expr]:
    """E sqrt(X/c), c = n and n - 1, for X with n - 1 degrees: the b_n and c4(n) of the papers."""
    half = CHI_SQUARE_POWER.subs({K: N - 1, S: Rational(1, 2)})
    ratio = gamma(N / 2) / gamma((N - 1) / 2)
    return [half / sqrt(N) - sqrt(2 / N) * ratio, half / sqrt(N - 1) - sqrt(2 / (N - 1)) * ratio]


def roots_bound() -> list[Expr]:
    """c4(n) <= e^{-1/(4n)} for every n >= 2, hence b_n <= e^{-3/(4n)}.

    Let f(x) = (Gamma(x + 1/2) / Gamma(x))^2 / g(x) with g(x) = x - 1/4 + 1/(16x). Then f -> 1 and
    f(x+1) / f(x) = ((x + 1/2)/x)^2 g(x) / g(x+1) > 1 for x >= 1/2 (first residual), so f < 1.
    With x = (n-1)/2 and log(1 - u) <= -u, 2 log c4 < -1/(4x) + 1/(16x^2), and that is at most
    -1/(2n) = -1/(2(2x+1)) iff x >= 1/2 (second residual), which is n >= 2. Last,
    b_n = c4(n) (1 - 1/n)^{1/2} <= c4(n) e^{-1/(2n)}.
    """
    g = X - Rational(1, 4) + 1 / (16 * X)
    step = (X + Rational(1, 2)) ** 2 * g - X**2 * g.subs(X, X + 1)
    gap = 1 / (4 * X) - 1 / (16 * X**2) - 1 / (2 * (2 * X + 1))
    return [
        step - (4 * X**2 + X + 1) / (64 * X * (X + 1)),
        gap - (2 * X - 1) / (16 * X**2 * (2 * X + 1)),
    ]


def test_loss() -> list[Expr]:
    """(4 r^t - 1)/3 with r = n/(n-3) solves the recursion of E (1 + m^2)/v at ddof 0."""
    r = N / (N - 3)
    first = r + r / N
    spread, shift = r**T, (r**T - 1) / 3
    return [
        simplify((spread + shift).subs(T, 1) - first),
        simplify(shift.subs(T, T + 1) - r * (shift + 1 / N)),
        simplify(spread.subs(T, T + 1) - r * spread),
        simplify(spread + shift - (4 * r**T - 1) / 3),
    ]


def squared_error_unbiased() -> list[Expr]:
    """Replace, ddof 1: E m_t^2 = t/n solves m' = m + v/n with E v = 1; ddof 0: 1 - (1-1/n)^t."""
    q = 1 - 1 / N
    return [
        (T + 1) / N - T / N - 1 / N,
        simplify((1 - q ** (T + 1)) - (1 - q**T) - q**T / N),
    ]


def wasserstein() -> list[Expr]:
    """E W2^2 = E m^2 + E v - 2 E sqrt v + 1 gives 2 (1 - b^t), and 2 + t/n - 2 c4^t at ddof 1."""
    b, q = symbols("b q")
    return [
        (1 - q**T) + q**T - 2 * b**T + 1 - 2 * (1 - b**T),
        T / N + 1 - 2 * b**T + 1 - (2 + T / N - 2 * b**T),
    ]


PROOFS = (
    Proof("chi-square", "Fisher 1924", "moments of a chi-square and of its log", chi_square),
    Proof("accumulate-limit", PAPER, "sin(pi/sqrt n)/(pi/sqrt n)", accumulate),
    Proof("accumulate-order", PAPER, "n (1 - limit) -> pi^2/6", accumulate_order),
    Proof("accumulate-unbiased-form", "derived here", "closed form, ddof 1", accumulate_unbiased),
    Proof("subsample-form", "derived here", "closed form of accumulate-subsample", subsample),
    Proof("subsample-order", "derived here", "n (1 - limit) -> pi^2/2 - 2", subsample_order),
    Proof("roots", "derived here", "E sqrt v under replace is b_n^t or c4(n)^t", roots),
    Proof("roots-bound", "derived here", "c4(n) <= exp(-1/(4n)) for every n", roots_bound),
    Proof("test-loss-form", "derived here", "test loss of replace, closed form", test_loss),
    Proof(
        "replace-error", "Shumailov et al. 2024", "E m_t^2 under replace", squared_error_unbiased
    ),
    Proof("wasserstein", "derived here", "E W2^2 under replace, both ddof", wasserstein),
)
