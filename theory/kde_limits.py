"""Limits t -> infinity of loops whose batches have one size.

Second moment: each generation of replace passes on every row's noise, so all h_s^2 add up; under
accumulate and accumulate-subsample a row of the pool carries the noise of generation s with
probability 1/(s + 1), see `kde_steps`.

Integrated squared error at a constant h, by dominated convergence (K^2 F2 <= K^2): phi_0 F1
tends to 0 for w != 0; replace has F2 = (1/n) sum_j (1-1/n)^j k^{2j} in the limit, and
accumulate-subsample P2 -> 0, so that F2 -> 1/budget. With h -> 0 the rows of both become
clumps and the error infinite, see `kde_shrinkage`.
"""

from typing import Any

import mpmath as mp
from sympy import Expr, Rational, Symbol, oo, symbols

from theory.derivation import Proof
from theory.kde_loop import SCALED, Loop, Power
from theory.kde_rows import lengths
from theory.kde_spectrum import normal_density, overlaps
from theory.kde_truth import precise, real


def decay(loop: Loop) -> Any:
    """Return the p > 0 with h_t^2 = h_1^2 t^-p, or 0: a constant bandwidth."""
    if isinstance(loop.rule, Power):
        assert loop.rule.log_exponent == 0
        return 2 * loop.rule.exponent
    pooled = isinstance(loop.rule, str) and loop.workflow == "accumulate"
    # Both names say N^{-1/(d+4)}, and N = nt.
    return Rational(2, loop.dim + 4) if pooled else 0


def thinned(power: mp.mpf) -> mp.mpf:
    """Return the sum over s >= 1 of s^-power / (s + 1), power > 0.

    From s = 32 on, 1/(s + 1) = 1/s - 1/s^2 + ..., which alternates and falls by 32 each time.
    """
    first = mp.fsum(mp.mpf(s) ** -power / (s + 1) for s in range(1, 32))
    return first + mp.fsum((-1) ** k * mp.zeta(power + 1 + k, 32) for k in range(25))


def growth(loop: Loop) -> tuple[mp.mpf, mp.mpf]:
    """Return f^2 kv of a data-scaled rule, and what replace multiplies the variance by."""
    share = loop.bandwidth(1) ** 2 * real(loop.noise()[0])
    return share, 1 - mp.mpf(1) / loop.n + share


def scaled_moment(loop: Loop) -> mp.mpf:
    """Return the limit of the second moment under a data-scaled rule.

    Under replace the noises add f^2 kv n/(n - 1) E V_t, E V_t = (1 - 1/n) r^{t-1} with the rate
    r = 1 - 1/n + f^2 kv: a geometric series, 1 + f^2 kv/(1 - r), or infinite from r = 1 on. A
    compact kernel may have r < 1. Accumulate-subsample grows like t^(f^2 kv).
    """
    share, rate = growth(loop)
    return 1 + share / (1 - rate) if loop.workflow == "replace" and rate < 1 else mp.inf


@precise
def second_moment(loop: Loop) -> list[mp.mpf]:
    """Return [lim of the expected second moment]; infinite for a constant bandwidth."""
    if loop.rule in SCALED:
        return [scaled_moment(loop)]
    if not (power := decay(loop)):
        return [mp.inf]
    first = lengths(loop)[0]
    if loop.workflow == "replace":
        return [1 + first * mp.zeta(real(power)) if power > 1 else mp.inf]
    return [1 + first * thinned(real(power))]


@precise
def central_variance(loop: Loop) -> list[mp.mpf]:
    """Return [lim of the expected central variance]: replace, or constant bandwidths.

    Under replace V' = (1 - 1/n)(V + h^2) has the fixed point (n - 1) h^2. The pool's variance
    grows like the sum of h^2/(t + 1).
    """
    if loop.rule in SCALED and loop.workflow == "replace":
        return [mp.mpf(0) if growth(loop)[1] < 1 else mp.inf]
    if loop.rule in SCALED or loop.workflow != "replace":
        return [mp.inf]
    return [mp.mpf(0) if decay(loop) else (loop.n - 1) * lengths(loop)[0]]


@precise
def mise(loop: Loop) -> list[mp.mpf]:
    """Return [lim of the integrated squared error]: constant bandwidths, or clumps."""
    if decay(loop):
        return [mp.inf]
    truth = mp.fsum(w * normal_density(m**2, v, loop.dim) for w, m, v in overlaps(loop))
    sharp = 1 / mp.sqrt(4 * mp.pi * loop.bandwidth(1) ** 2) ** loop.dim
    if loop.workflow == "accumulate":
        return [truth]
    if loop.workflow == "accumulate-subsample":
        return [truth + sharp / loop.effective(len(loop.sizes))]
    kept = 1 - mp.mpf(1) / loop.n
    # sum_j kept^j (j + 1)^(-d/2) is a polylogarithm, 1 for a single row.
    half = mp.mpf(loop.dim) / 2
    series = mp.polylog(half, kept) / kept if kept else mp.mpf(1)
    return [truth + sharp * series / loop.n]


def fixed_point() -> list[Expr]:
    """Replace: (n - 1) h^2 is stationary; from V_1 = (1 - 1/n) s_0^2 on, iff h = s_0/sqrt n."""
    n, h, s = symbols("n h s", positive=True)
    stationary, first = (n - 1) * h**2, (1 - 1 / n) * s**2
    return [
        (1 - 1 / n) * (stationary + h**2) - stationary,
        (1 - 1 / n) * (first + h**2) - first - (1 - 1 / n) * (h**2 - s**2 / n),
    ]


def tails() -> list[Expr]:
    """1/(s(s+1)) telescopes, the case a = 1/2: 1 + c^2 kv d / tr S_0 under accumulate."""
    s = Symbol("s", positive=True)
    return [1 / (s * (s + 1)) - (1 / s - 1 / (s + 1)), (1 / s).limit(s, oo)]


PROOFS = (
    Proof("kde-fixed-point", "derived here", "replace: the critical bandwidth", fixed_point),
    Proof("kde-tails", "derived here", "a telescoping sum of noises", tails),
)
