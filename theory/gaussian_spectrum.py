"""Accumulate in any dimension: the spectrum of a step, and the bounds that its moments give.

In units of the pool's covariance S a step makes a + sum_i w_i z_i z_i' of it, z_i normal, a = P/P':
n - 1 of the weights are lambda f/P', f = P/(P - ddof), and one, of the z that moves the mean, is
P/P' times that. Moments of products of traces of A S + sum_i w_i x_i x_i', x_i normal with the
covariance S, follow from Isserlis' theorem: each x is paired with one of the same i, which gives an
S. Summed over i, a cycle of c factors gives sum w^c, and a cycle of c matrices S under a trace is
tr S^c.

Gauss' rule with two nodes is exact for polynomials of degree 3; for another f the difference is
f''''(x)/4! times the integral of a square (Hermite's interpolation), at some x. Radau's, with a
node at the lower end e of the spectrum, has f'''''(x)/5! times that of (x - e) times a square.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import mpmath as mp
from sympy import Expr, Integer, Rational, Symbol, expand, factor, symbols

from theory.derivation import Proof
from theory.gaussian_accumulate import DIGITS, log_variance, log_variance_variance, number, root
from theory.gaussian_determinant import first_log
from theory.gaussian_determinant import upper as jensen
from theory.gaussian_logs import log_cumulant, power
from theory.gaussian_loop import Loop
from theory.gaussian_rows import second_moment

Partition = tuple[int, ...]
End = tuple[int, int]  # the left or the right index of a factor
HERE = "derived here"


def pairings(ends: list[End]) -> Iterator[dict[End, End]]:
    """Yield all ways to pair indices, each of them as a mapping in both directions."""
    if not ends:
        yield {}
        return
    first, *rest = ends
    for i, other in enumerate(rest):
        for tail in pairings(rest[:i] + rest[i + 1 :]):
            yield {first: other, other: first, **tail}


def cycles(start: dict[End, End], then: dict[End, End]) -> Partition:
    """Return the lengths of the cycles of two pairings of the same indices, in pairs of steps."""
    left, lengths = set(start), []
    while left:
        here, length = next(iter(left)), 0
        while here in left:
            left.remove(here)
            there = start[here]
            left.discard(there)
            here, length = then[there], length + 1
        lengths.append(length)
    return tuple(sorted(lengths, reverse=True))


@cache
def terms(traces: Partition) -> dict[tuple[int, Partition, Partition], int]:
    """Return how often A^j, sums of powers of w, and traces of S come in E of a product of traces.

    Of factors that are A S or sum w x x', so many under each trace.
    """
    size, following, found = sum(traces), {}, defaultdict(int)
    start = 0
    for length in traces:
        for i in range(length):
            following[start + i] = start + (i + 1) % length
        start += length
    joined: dict[End, End] = {}
    for i, j in following.items():
        joined |= {(i, 1): (j, 0), (j, 0): (i, 1)}
    for mask in range(1 << size):
        drawn = [i for i in range(size) if mask >> i & 1]
        own = {(i, side): (i, 1 - side) for i in range(size) for side in (0, 1)}
        for pairs in pairings([(i, side) for i in drawn for side in (0, 1)]):
            weights = cycles({end: own[end] for end in pairs}, pairs) if drawn else ()
            found[size - len(drawn), weights, cycles(own | pairs, joined)] += 1
    return dict(found)


def moment(traces: Partition, a: Any, sums: Callable[[int], Any], power_of: Any) -> Any:
    """Return E of a product of traces of powers, `power_of` a function of the traces of S."""
    total = 0
    for (fixed, weights, spectra), count in terms(traces).items():
        term = count * a**fixed * power_of(spectra)
        for c in weights:
            term *= sums(c)
        total += term
    return total


def _step(loop: Loop, pool: int, n: int) -> tuple[Any, Any, Any]:
    """Return a, the weight of n - 1 normals, and that of the last."""
    after = pool + n
    heat = Rational(loop.temperature) / (1 - Rational(loop.ddof, pool))
    return Rational(pool, after), heat / after, heat / after * Rational(pool, after)


def traces(loop: Loop, order: int) -> list[Rational]:
    """Return E tr P_t^order / d of the pool's covariance, ddof 0, for S_0 = 1."""
    shapes = list(_partitions(order, order))
    state = {shape: Integer(loop.dim) ** len(shape) for shape in shapes}
    found, pool = [], 0
    for n in loop.sizes:
        a, w, own = _step(loop, pool, n) if pool else (Integer(0), Rational(1, n), Integer(0))
        state = {
            shape: moment(shape, a, lambda c, n=n, w=w, own=own: (n - 1) * w**c + own**c, state.get)
            for shape in shapes
        }
        pool += n
        found.append(Rational(state[(order,)]) / loop.dim)
    return found


def _partitions(total: int, most: int) -> Iterator[Partition]:
    if total == 0:
        yield ()
    for first in range(min(total, most), 0, -1):
        for rest in _partitions(total - first, first):
            yield (first, *rest)


C = Symbol("c")


def spectrum(d: Any, shift: Any, sums: Callable[[int], Any], most: int) -> list[Any]:
    """Return E tr (B - mu)^k / d, k = 0..most, of B - mu = shift + sum w z z'."""
    powers_of = (
        moment((k,), shift, sums, lambda shape: d ** len(shape)) for k in range(1, most + 1)
    )
    return [Integer(1), *(expand(value / d) for value in powers_of)]


def along(d: Any, shift: Any, sums: Callable[[int], Any], most: int) -> list[Any]:
    """Return E z' (B - mu)^k z / d, k = 0..most, of the z with the weight c in the sums.

    The derivative of tr X^(k+1) in c is (k + 1) z' X^k z.
    """
    whole = spectrum(d, shift, sums, most + 1)
    return [expand(whole[k + 1].diff(C) / (k + 1)) for k in range(most + 1)]


def rule(moments: list[Any]) -> list[tuple[Any, Any]]:
    """Return the nodes and weights of Gauss' rule: the zeros of the orthogonal polynomial."""
    m = moments
    det = m[0] * m[2] - m[1] ** 2
    b = (m[1] * m[2] - m[0] * m[3]) / det
    c = (m[1] * m[3] - m[2] ** 2) / det
    half = mp.sqrt(b**2 / 4 - c)
    low, high = -b / 2 - half, -b / 2 + half
    return [(low, (m[0] * high - m[1]) / (high - low)), (high, (m[1] - m[0] * low) / (high - low))]


def with_end(moments: list[Any], end: Any) -> list[tuple[Any, Any]]:
    """Return the nodes and weights of Radau's rule, two or one of them free."""
    shifted = [b - end * a for a, b in pairwise(moments)]
    free = rule(shifted) if len(shifted) > 2 else [(shifted[1] / shifted[0], shifted[0])]
    weights = [(x, w / (x - end)) for x, w in free]
    return [(end, moments[0] - sum(w for _, w in weights)), *weights]


def integral(nodes: list[tuple[Any, Any]], f: Callable[[Any], Any]) -> Any:
    """Return what a rule gives for a function."""
    return mp.fsum(w * f(x) for x, w in nodes)


def sides(loop: Loop) -> Iterator[dict[str, tuple[Any, Any]]]:
    """Yield (below, above) E log, 1/x, sqrt of each step's spectrum, and of 1/x along z."""
    pool = loop.sizes[0]
    for n in loop.sizes[1:]:
        yield _sides(loop.dim, n, *_step(loop, pool, n))
        pool += n


@cache
def _sides(dim: int, n: int, a: Any, w: Any, own: Any) -> dict[str, tuple[Any, Any]]:
    d, mean = Integer(dim), a + (n - 1) * w + own

    def sums(c: int) -> Any:
        return (n - 1) * w**c + C**c

    central, weighted = (
        [_real(Rational(value.subs(C, own))) for value in found]
        for found in (spectrum(d, a - mean, sums, 4), along(d, a - mean, sums, 3))
    )
    mu, end = _real(mean), _real(a - mean)
    inner, outer = rule(central), with_end(central, end)

    def pair(f: Callable[[Any], Any], *rules: list[tuple[Any, Any]]) -> tuple[Any, Any]:
        low, high = (integral(each, lambda y: f(mu + y)) for each in rules)
        return low, high

    return {
        "log": pair(mp.log, outer, inner),
        "root": pair(mp.sqrt, outer, inner),
        "inverse": pair(_inverse, inner, outer),
        "along": pair(_inverse, rule(weighted), with_end(weighted[:3], end)),
    }


def _inverse(x: Any) -> Any:
    return 1 / x


def _real(value: Rational) -> Any:
    return mp.mpf(int(value.p)) / int(value.q)


def _fits(loop: Loop) -> list[Any]:
    """Return the fitted variance over the pool's."""
    pools = [sum(loop.sizes[:t]) for t in range(1, len(loop.sizes) + 1)]
    return [1 / (1 - mp.mpf(loop.ddof) / pool) for pool in pools]


def log_determinant(loop: Loop, side: int) -> list[Any]:
    """Bound E log det S_t / det S_0."""
    with mp.workdps(DIGITS):
        total = [first_log(loop)]
        for step in sides(loop):
            total.append(total[-1] + loop.dim * step["log"][side])
        return [value + loop.dim * mp.log(f) for value, f in zip(total, _fits(loop), strict=True)]


def log_lower(loop: Loop) -> list[Any]:
    """Bound it from below."""
    return log_determinant(loop, 0)


def log_upper(loop: Loop) -> list[Any]:
    """Bound it from above, by the steps or by Jensen's inequality."""
    return [min(pair) for pair in zip(log_determinant(loop, 1), jensen(loop), strict=True)]


def loss(loop: Loop, side: int) -> list[Any]:
    """Bound the expected loss: E m' S^-1 m grows by E k^2 z' B^-1 z, m' = m + k S^(1/2) z."""
    truth = loop.truth
    scale = Integer(1) if truth is None else truth.determinant()
    with mp.workdps(DIGITS):
        d, pool = loop.dim, loop.sizes[0]
        inverse = mp.mpf(pool) / (pool - d - 2)
        spread, shift = d * inverse, inverse * d / pool
        both = [spread + shift]
        for n, step in zip(loop.sizes[1:], sides(loop), strict=True):
            heat = _real(Rational(loop.temperature)) / (1 - mp.mpf(loop.ddof) / pool)
            moved = heat * n / mp.mpf(pool + n) ** 2
            spread *= step["inverse"][side]
            shift = shift * step["inverse"][side] + d * moved * step["along"][side]
            both.append(spread + shift)
            pool += n
        constant = d * mp.log(2 * mp.pi) + mp.log(_real(Rational(scale)))
        logs = log_determinant(loop, side)
        parts = zip(logs, both, _fits(loop), strict=True)
        return [(constant + log + x / f) / 2 for log, x, f in parts]


def loss_lower(loop: Loop) -> list[Any]:
    """Bound the expected loss from below."""
    return loss(loop, 0)


def loss_upper(loop: Loop) -> list[Any]:
    """Bound the expected loss from above."""
    return loss(loop, 1)


def _first_root(loop: Loop) -> Any:
    """Bound E tr sqrt(P_1)/d from below: by moments of orders -1 to 2, or by a node at 0."""
    d, n = loop.dim, loop.sizes[0]
    one = Loop("accumulate", (n,), dim=d)
    raw = [mp.mpf(1), *(_real(traces(one, k)[0]) for k in (1, 2, 3, 4))]
    if n > d + 2:
        return integral(rule([mp.mpf(n) / (n - d - 2), *raw[:3]]), lambda x: x * mp.sqrt(x))
    return integral(with_end(raw, mp.mpf(0)), mp.sqrt)


def distance_upper(loop: Loop) -> list[Any]:
    """Bound E W2^2 from above: tr (S^(1/2) B S^(1/2))^(1/2) >= tr S^(1/2) B^(1/2)."""
    with mp.workdps(DIGITS):
        roots = [_first_root(loop)]
        for step in sides(loop):
            roots.append(roots[-1] * step["root"][0])
        return _distances(loop, roots)


def distance_lower(loop: Loop) -> list[Any]:
    """Bound E W2^2 from below: S_0 = s^2 I by Gauss' rule for S_t, else as in one dimension."""
    with mp.workdps(DIGITS):
        if loop.truth is not None:
            line = Loop(loop.workflow, loop.sizes, loop.ddof, loop.temperature)
            fits = [mp.sqrt(f) for f in _fits(loop)]
            return _distances(loop, [r / f for r, f in zip(root(line), fits, strict=True)])
        columns = [[mp.mpf(1)] * len(loop.sizes)]
        columns += [[_real(v) for v in traces(loop, k)] for k in (1, 2, 3)]
        rows = zip(*columns, strict=True)
        return _distances(loop, [integral(rule(list(row)), mp.sqrt) for row in rows])


def _distances(loop: Loop, roots: list[Any]) -> list[Any]:
    scale = number(loop.moments()[0])
    parts = zip(second_moment(loop), roots, _fits(loop), strict=True)
    return [scale * (number(m) + 1 - 2 * r * mp.sqrt(f)) for m, r, f in parts]


@cache
def inverses(n: int, pool: int, b: Rational) -> list[Any]:
    """Return E Y^j/R, j = 0, 1, E Y^j/R^2, j = 0..2, and E Y^j log R/R, j = 0, 1.

    R = 1 + b (X + P/(P+n) Y) as in `gaussian_accumulate`: E R^-u is the integral of
    s^(u-1) e^-s phi/Gamma(u), Y^j adds (2j-1)!! (1 + 2 b s P/(P+n))^-j, and -log R the derivative
    in u, at u = 1.
    """
    scale, share = _real(b), mp.mpf(pool) / (pool + n)

    @cache  # the integrals have the same nodes
    def at(q: Any) -> tuple[Any, Any, Any]:
        s = q * q
        own = 1 + 2 * scale * s * share
        log_phi = -((n - 1) * mp.log1p(2 * scale * s) + mp.log(own)) / 2
        return s, own, 2 * q * mp.exp(log_phi - s)

    def value(kernel: Callable[[Any], Any], j: int) -> Any:
        def integrand(q: Any) -> Any:
            s, own, weight = at(q)
            return kernel(s) * weight / own**j

        return (3 if j == 2 else 1) * mp.quad(integrand, [0, 1, 3, 9])

    plain = [value(lambda _: mp.mpf(1), j) for j in (0, 1)]
    squares = [value(lambda s: s, j) for j in (0, 1, 2)]
    logs = [-value(mp.log, j) - mp.euler * plain[j] for j in (0, 1)]
    return [*plain, *squares, *logs]


def _line(loop: Loop) -> tuple[list[Any], list[Any]]:
    """Return E u and Var (log v + u) of each fit, u = (1 + m^2)/v, in units of the truth's.

    State: E of 1/v, m^2/v, their products, and their products with log v; v = C/(P - ddof).
    """
    n, c = loop.sizes[0], loop.ddof
    unit = mp.mpf(n - c)
    first = number(power(n - 1, Integer(-1))) * unit
    second = number(power(n - 1, Integer(-2))) * unit**2 if n > 5 else mp.inf
    # E log X/X of a chi-square of f degrees is E 1/X times E log of one with f - 2.
    tilt = first * (number(log_cumulant(n - 3, 1)) - mp.log(unit))
    state = [first, first / n, second, second / n, 3 * second / n**2, tilt, tilt / n]
    logs, spreads = log_variance(loop), log_variance_variance(loop)
    means, values, pool = [], [], n
    for t, size in enumerate(loop.sizes):
        if t:
            state = _moved(loop, state, logs[t - 1], pool, size)
            pool += size
        g, h, gg, gh, hh, lg, lh = state
        means.append(g + h)
        square = spreads[t] + logs[t] ** 2 + gg + 2 * gh + hh + 2 * (lg + lh)
        values.append(square - (logs[t] + g + h) ** 2)
    return means, values


def _moved(loop: Loop, state: list[Any], log: Any, pool: int, n: int) -> list[Any]:
    """Return the state after a batch: v' = v R f, m' = m + k sqrt(v) z, with Y = z^2."""
    g, h, gg, gh, hh, lg, lh = state
    i0, i1, j0, j1, j2, l0, l1 = inverses(n, pool, Rational(loop.temperature) / (pool - loop.ddof))
    f = mp.mpf(pool - loop.ddof) / (pool + n - loop.ddof)
    k2 = _real(Rational(loop.temperature)) * n / mp.mpf(pool + n) ** 2
    l0, l1 = l0 + mp.log(f) * i0, l1 + mp.log(f) * i1
    return [
        g * i0 / f,
        (h * i0 + k2 * i1) / f,
        gg * j0 / f**2,
        (gh * j0 + k2 * g * j1) / f**2,
        (hh * j0 + 6 * k2 * h * j1 + k2**2 * j2) / f**2,
        (lg * i0 + g * l0) / f,
        (lh * i0 + k2 * log * i1 + h * l0 + k2 * l1) / f,
    ]


def line_loss(loop: Loop) -> list[Any]:
    """Return the expected loss in one dimension."""
    with mp.workdps(DIGITS):
        constant = mp.log(2 * mp.pi) + mp.log(number(loop.moments()[0]))
        pairs = zip(log_variance(loop), _line(loop)[0], strict=True)
        return [(constant + log + u) / 2 for log, u in pairs]


def line_loss_variance(loop: Loop) -> list[Any]:
    """Return its variance over replicates."""
    with mp.workdps(DIGITS):
        return [value / 4 for value in _line(loop)[1]]


def powers() -> list[Expr]:
    """The moments of a step, from Isserlis' theorem: none has a term that is subtracted."""
    d, n, w = symbols("d n w")
    mean = (n - 1) * w + C  # of the part that is drawn: B - mu is this part less its mean

    def sums(k: int) -> Expr:
        return (n - 1) * w**k + C**k

    two, three, four = (sums(k) for k in (2, 3, 4))
    pairs = two**2 - four
    whole = spectrum(d, -mean, sums, 4)
    others = [(n - 1) * w**k for k in (2, 3)]
    third = d**2 + 3 * d + 4
    expected = [
        1,
        0,
        (d + 1) * two,
        third * three,
        ((d + 2) ** 2 * (d + 4) + 6 * d + 9) * four + (2 * (d + 1) ** 2 + d + 3) * pairs,
    ]
    # With mu fixed the derivative is in the weight alone: mu has to be put back by hand.
    mu = Symbol("mu")
    weighted = [v.subs(mu, mean) for v in along(d, -mu, sums, 3)]
    by_z = [
        1,
        C * (d + 1),
        C**2 * ((d + 2) ** 2 + 1) + (d + 1) * others[0],
        C**3 * _cube(d) + C * others[0] * (2 * (d + 1) ** 2 + d + 3) + third * others[1],
    ]
    pairs_of = [*zip(whole, expected, strict=True), *zip(weighted, by_z, strict=True)]
    return [factor(expand(a - b)) for a, b in pairs_of]


def _cube(d: Expr) -> Expr:
    """Return E r (r - 1)^3 / d of a chi-square r with d degrees of freedom."""
    moments = [(d + 2), (d + 2) * (d + 4), (d + 2) * (d + 4) * (d + 6)]
    return moments[2] - 3 * moments[1] + 3 * moments[0] - 1


PROOFS = (Proof("spectrum-moments", HERE, "central moments of a step's spectrum", powers),)
