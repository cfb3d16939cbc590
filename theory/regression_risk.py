"""The risk E|w_t - w*|^2, the norm E|w_t|^2 and their variances over replicates, exactly.

A fixed design has the row space H of X and, with any weights of the batches,

    w_t - w* = sum_s W_ts H (w_{s-1} - w* + xi_s) - (1 - H) w*,   xi_s = X^+ eps_s in H,

because H w* is what noiseless labels give. So w_t - w* = sum_s A_ts xi_s - (1 - H) w*, where
row t of A is that of the loop of means: A_ts = W_ts + sum_{r >= 2} W_tr A_{r-1,s}.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sympy import Rational, oo

from theory.regression_loop import ZERO, Loop
from theory.regression_wishart import Pair, chi, noise_moments, projection_pair


def noise_gains(loop: Loop) -> list[Rational]:
    """Return sum_s A_ts^2 for each t."""
    count = len(loop.sizes)
    maps = [[Rational(0)] * count]
    for t in range(1, count + 1):
        row = [Rational(0)] * count
        for s, weight in enumerate(loop.weights(t)):
            row = [a + weight * old for a, old in zip(row, maps[s], strict=True)]
            row[s] += weight
        maps.append(row)
    return [sum((a**2 for a in row), Rational(0)) for row in maps[1:]]


def shares(loop: Loop) -> dict[str, Any]:
    """Return what the real rows leave: E|(1-H)w*|^2 in the risk and E|Hw*|^2 in the norm."""
    kept = Rational(min(loop.sizes[0], loop.dim), loop.dim)
    return {"risk": (1 - kept) * loop.norm, "norm": kept * loop.norm}


def fixed(loop: Loop, key: str) -> list[Any]:
    """Return the risk or the norm: a share of |w*|^2 + sigma^2 E tr (X'X)^+ sum_s A_ts^2."""
    second, _ = noise_moments(loop.n, loop.dim, loop.noise)
    gains = noise_gains(loop)
    return [shares(loop)[key] + second * gain for gain in gains]


def fixed_variance(loop: Loop, key: str) -> list[Any]:
    """Return the variance of |w_t - w*|^2 or of |w_t|^2.

    w_t - w* has the orthogonal parts (1-H)w* and the noise xi, w_t is Hw* + xi. In the row space
    xi has a uniform direction, independent of H and of |xi|: E (w'H xi)^2 = E w'Hw |xi|^2 / r.
    """
    second, fourth = noise_moments(loop.n, loop.dim, loop.noise)
    rank = Rational(min(loop.n, loop.dim))
    kept = chi(rank, 2) / chi(Rational(loop.dim), 2) - (rank / loop.dim) ** 2
    if fourth == oo:
        return [oo] * len(loop.sizes)
    cross = 4 * shares(loop)["norm"] / rank if key == "norm" else ZERO
    found = []
    for gain in noise_gains(loop):
        spread = gain**2 * (fourth - second**2) + cross * gain * second
        found.append(loop.norm**2 * kept + spread)
    return found


@dataclass(frozen=True)
class State:
    """Moments of e = w_t - w*: of |e|^2, |e|^4, e'w* and (e'w*)^2."""

    two: Any = ZERO
    four: Any = ZERO
    along: Any = ZERO
    square: Any = ZERO


def replaced(
    state: State, norm: Any, dim: Any, rank: Any, pair: Pair, second: Any, fourth: Any
) -> State:
    """Return the moments one fresh design later, from e' = H e - (1 - H) w* + xi.

    H projects on a uniform subspace of some rank, with second moments a and b; xi in it has a
    uniform direction, independent of H and of its length, whose moments are `second` and
    `fourth`. E(e'He)(w'Hw) = a|e|^2|w|^2 + 2b (e'w)^2, and E(e'Hw)^2 = a (e'w)^2 + b (|e|^2|w|^2
    + (e'w)^2).
    """
    w, a, single, kept = norm, pair.a, pair.a + 2 * pair.b, rank / dim
    lost_square = (1 - 2 * kept + single) * w**2  # E (|w|^2 - w'Hw)^2
    two, lost = kept * state.two, (1 - kept) * w
    both = two * w - a * state.two * w - 2 * pair.b * state.square  # E e'He (|w|^2 - w'Hw)
    slanted = state.along * w * (kept - single)  # E e'Hw (|w|^2 - w'Hw)
    return State(
        two + lost + second,
        # |e'|^2 = e'He + (|w|^2 - w'Hw) + 2 e'xi + |xi|^2, and E (e'xi)^2 = E e'He |xi|^2 / rank.
        single * state.four
        + lost_square
        + fourth
        + 2 * both
        + 2 * (two + lost) * second
        + 4 * two * second / rank,
        kept * state.along - lost,
        # e'.w = e'Hw - (|w|^2 - w'Hw) + xi'w, and E (xi'w)^2 = E w'Hw |xi|^2 / rank.
        a * state.square
        + pair.b * (state.two * w + state.square)
        + lost_square
        - 2 * slanted
        + kept * w * second / rank,
    )


def replaced_path(loop: Loop, key: str, *, four: bool) -> list[State]:
    """Return the moments of w_t - w*, or of w_t: the same loop around 0 that starts at w*."""
    dim, norm, found = Rational(loop.dim), loop.norm, []
    state = State() if key == "risk" else State(norm, norm**2)
    centre = norm if key == "risk" else ZERO
    for n in loop.sizes:
        rank = Rational(min(n, loop.dim))
        second, fourth = noise_moments(n, loop.dim, loop.noise)
        if second == oo or (four and fourth == oo):
            break
        moments = second, fourth if four else ZERO
        state = replaced(state, centre, dim, rank, projection_pair(rank, dim), *moments)
        found.append(state)
    return found


def fresh_replace(loop: Loop, key: str) -> list[Any]:
    """Return the risk or the norm of fresh designs under replace, infinite after one that is."""
    found = [state.two for state in replaced_path(loop, key, four=False)]
    return found + [oo] * (len(loop.sizes) - len(found))


def fresh_replace_variance(loop: Loop, key: str) -> list[Any]:
    """Return the variance of |w_t - w*|^2 or |w_t|^2 for fresh designs under replace."""
    found = [state.four - state.two**2 for state in replaced_path(loop, key, four=True)]
    return found + [oo] * (len(loop.sizes) - len(found))


def fresh_accumulate(loop: Loop, key: str) -> list[Any]:
    """Return the risk or the norm of fresh designs under accumulate, for any schedule.

    With S_t the pool's X'X, S_t w_t = S_{t-1} w_{t-1} + X_t'(X_t w_{t-1} + eps_t), so that
    w_t = w_{t-1} + S_t^+ X_t'eps_t: recursive least squares on noise. Its rows are exchangeable
    in the pool: E tr S_t^+ X_t'X_t S_t^+ = (n_t/N_t) E tr S_t^+. The real rows alone, n_1 of
    them, decide what is lost of w*.
    """
    value, pool, found = shares(loop)[key], 0, []
    for n in loop.sizes:
        pool += n
        value += Rational(n, pool) * noise_moments(pool, loop.dim, loop.noise)[0]
        found.append(value)
    return found


def expected(key: str) -> Callable[[Loop], list[Any]]:
    """Return the function for E|w_t - w*|^2 ("risk") or E|w_t|^2 ("norm")."""

    def values(loop: Loop) -> list[Any]:
        if loop.design == "fixed":
            return fixed(loop, key)
        return (fresh_replace if loop.workflow == "replace" else fresh_accumulate)(loop, key)

    return values


def variance(key: str) -> Callable[[Loop], list[Any]]:
    """Return the function for the variance over replicates of either."""

    def values(loop: Loop) -> list[Any]:
        return (fixed_variance if loop.design == "fixed" else fresh_replace_variance)(loop, key)

    return values
