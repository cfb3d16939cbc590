r"""A monitor's bets: no player expects to gain under the null hypothesis, and starts add up to one.

A difference D in [-w, w] multiplies the wealth of the share f by 1 + f (D - m)/(w + m). The share
w_k = 1/(k (k + 1)) of the capital starts to be bet at update k, and 1/(k + 1) has not started yet.
"""

from sympy import Expr, Symbol, diff, simplify, summation, symbols

from theory.derivation import Proof

HERE = "derived here"
w, f = symbols("w f", positive=True)
m, D = symbols("m D", real=True)
k, s = symbols("k s", integer=True, positive=True)
FACTOR = 1 + f * (D - m) / (w + m)
WEIGHT = 1 / (s * (s + 1))


def fair() -> list[Expr]:
    """E factor = 1 + f (E D - m)/(w + m), here of four values; 1 - f at the lower end."""
    values, p = symbols("d0:4", real=True), symbols("p0:3", positive=True)
    shares = [*p, 1 - sum(p)]
    mean = sum(q * d for q, d in zip(shares, values, strict=True))
    expected = sum(q * FACTOR.subs(D, d) for q, d in zip(shares, values, strict=True))
    return [
        simplify(expected - FACTOR.subs(D, mean)),
        simplify(FACTOR.subs(D, m) - 1),
        simplify(FACTOR.subs(D, -w) - (1 - f)),
    ]


def starts() -> list[Expr]:
    """What has started by update k, and what has not, is the whole capital."""
    return [simplify(summation(WEIGHT, (s, 1, k)) + 1 / (k + 1) - 1)]


def restarted() -> list[Expr]:
    """The wealth with fresh rows: A has begun by k - 1; a gain of mean 1 leaves the mean alone.

    With the same rows, each of k dependent e-values of mean 1 counts by its weight.
    """
    A, mean = Symbol("A", positive=True), Symbol("mean")
    before = A + 1 / k
    after = (A + WEIGHT.subs(s, k)) * mean + 1 / (k + 1)
    return [
        simplify(after.subs(mean, 1) - before),
        simplify(diff(after, mean) - (A + WEIGHT.subs(s, k))),  # positive: below 1 it falls
        simplify(summation(WEIGHT * 1, (s, 1, k)) - (1 - 1 / (k + 1))),
    ]


def falling() -> list[Expr]:
    """In the margin a factor falls as -f (D + w)/(w + m)^2: bounds are ends of intervals."""
    return [simplify(diff(FACTOR, m) + f * (D + w) / (w + m) ** 2)]


PROOFS = (
    Proof("monitor-fair", HERE, "a bet's expectation is 1 at the margin", fair),
    Proof("monitor-starts", HERE, "the shares that start at each update sum to 1", starts),
    Proof("monitor-restarts", HERE, "the wealth with restarts is a martingale", restarted),
    Proof("monitor-falling", HERE, "evidence falls as the margin grows", falling),
)
