"""Real rows with a constant share alpha of the weight: the loop forgets all but that share.

A training row of fit t + 1 is with probability alpha a real one, else a row sampled from fit t: it
does not matter whether the real rows are fresh or one batch that is kept. So for any kernel, with
k its characteristic function, F_t = E phi_t / phi_0 follows `step`, F_1 = 1, and
    F_t = a (1 - ((1 - alpha) k)^(t-1)) + ((1 - alpha) k)^(t-1),  a = alpha / (1 - (1 - alpha) k).
The limit a is the generating function of a geometric law: j noises with chance
alpha (1 - alpha)^j. The fit adds its own, so that E p_t tends to
sum_j alpha (1 - alpha)^j p_0 * K^{*(j+1)}, for every number of rows. Second moments are -d^2/dw^2
at 0: sigma_0^2 + h^2 (1 - alpha)/alpha.

With bandwidths h_t, F_{t+1} = alpha + (1 - alpha) k(h_t w) F_t. As |F_t| <= 1, `annealed` gives
    |1 - F_{t+1}| <= (1 - alpha) (|1 - k(h_t w)| + |1 - F_t|),
so that 1 - F_t -> 0 wherever h_t -> 0: the expected density returns to p_0. If h_t -> infinity,
k(h_t w) -> 0 and F_t -> alpha for w != 0.

In place of a blur the loop may have any linear map. For diffusion that is stopped early and is
exact otherwise, the Ornstein-Uhlenbeck semigroup over a time delta multiplies the Hermite
polynomial He_j by k = exp(-j delta): of the j-th coefficient of the density over the standard
normal one the limit, seen after one more such time, keeps alpha k / (1 - (1 - alpha) k).

In E|phi_t|^2 the real part of the weight has the mean of r rows, R = q + (1 - q)/r with
q = |phi_0|^2; the sampled part has s rows, 1/s + (1 - 1/s) k^2 E|phi_{t-1}|^2; and the two have
k C in common, C = q F_{t-1} if the real rows are fresh. If they are kept C is E of their mean's
conjugate times phi_{t-1}, and obeys C' = alpha R + (1 - alpha) k C: in the limit C = R a.
As h -> 0 slowly, h^d times the error is the integral of K^2 times that limit at q = 0, positive.
"""

from collections.abc import Callable
from typing import Any

from sympy import Expr, Symbol, diff, exp, hermite_prob, integrate, oo, pi, simplify, sqrt, symbols

from theory.derivation import Proof

HERE = "derived here"
alpha, k, q, r, s = symbols("alpha k q r s", positive=True)
w, h, delta, F = symbols("w h delta F", positive=True)
x, z = symbols("x z", real=True)
other = 1 - alpha
LIMIT = alpha / (1 - other * k)
BATCH = q + (1 - q) / r
MODES = 6


def step(before: Any, kernel: Any = k) -> Expr:
    """Return F_{t+1} from F_t."""
    return alpha + other * kernel * before


def geometric() -> list[Expr]:
    """The closed form solves the recursion from F_1 = 1; the limit is a geometric mixture's."""
    ratio = Symbol("ratio")  # ((1 - alpha) k)^(t-1)
    closed = LIMIT * (1 - ratio) + ratio
    terms = sum(alpha * other**j * k**j for j in range(MODES))
    return [
        step(closed) - closed.subs(ratio, other * k * ratio),
        closed.subs(ratio, 1) - 1,
        terms + (other * k) ** MODES * LIMIT - LIMIT,
    ]


def second_moments() -> list[Expr]:
    """-d^2/dw^2 at 0 of a normal truth's limit: of the rows, and of what the fit adds."""
    sigma = Symbol("sigma", positive=True)
    kernel = exp(-((h * w) ** 2) / 2)
    rows = LIMIT.subs(k, kernel) * exp(-((sigma * w) ** 2) / 2)
    own = [-diff(f, w, 2).subs(w, 0) for f in (rows, rows * kernel)]
    return [own[0] - sigma**2 - h**2 * other / alpha, own[1] - sigma**2 - h**2 / alpha]


def annealed() -> list[Expr]:
    """1 - F_{t+1} is (1 - alpha) times 1 - k and k (1 - F_t)."""
    return [1 - step(F) - other * ((1 - k) + k * (1 - F))]


def hermite() -> list[Expr]:
    """E He_j(e^-delta x + sqrt(1 - e^-2delta) Z) = e^-(j delta) He_j(x), Z standard normal."""
    kept = exp(-delta)
    moved = kept * x + sqrt(1 - kept**2) * z
    normal = exp(-(z**2) / 2) / sqrt(2 * pi)
    found = []
    for j in range(MODES):
        terms = hermite_prob(j, moved).expand().as_poly(z).all_coeffs()[::-1]
        mean = sum(c * integrate(z**i * normal, (z, -oo, oo)) for i, c in enumerate(terms))
        found.append(simplify(mean - kept**j * hermite_prob(j, x)))
    return found


def squares(*, kept: bool) -> Expr:
    """Return the limit of E|phi_t|^2."""
    common = k * LIMIT * (BATCH if kept else q)
    total = alpha**2 * BATCH + 2 * alpha * other * common + other**2 / s
    return total / (1 - other**2 * k**2 * (1 - 1 / s))


def pairs() -> list[Expr]:
    """E|phi|^2 is a fixed point for both; kept real rows add what R exceeds q by."""
    found = []
    for kept, common in ((False, q * LIMIT), (True, BATCH * LIMIT)):
        before = squares(kept=kept)
        sampled = 1 / s + (1 - 1 / s) * k**2 * before
        after = alpha**2 * BATCH + 2 * alpha * other * k * common + other**2 * sampled
        found.append(after - before)
    found.append(alpha * BATCH + other * k * BATCH * LIMIT - BATCH * LIMIT)
    return found


_STATED: tuple[tuple[str, str, Callable[[], list[Expr]]], ...] = (
    ("share-density", "the expected density tends to a geometric mixture of blurs", geometric),
    ("share-moments", "the second moment's limit", second_moments),
    ("share-annealed", "bandwidths that vanish bring the truth back", annealed),
    ("share-hermite", "an Ornstein-Uhlenbeck step multiplies He_j", hermite),
    ("share-pairs", "E|phi|^2 of fresh and of kept real rows", pairs),
)
PROOFS = tuple(Proof(f"kde-{slug}", HERE, statement, run) for slug, statement, run in _STATED)
