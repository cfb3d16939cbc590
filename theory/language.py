r"""Transformers on a finite language: the loops of the discrete room, but for a proved slack.

A row is a prompt m, an answer a and an end. At the optimum of its loss a model has, after each
prompt, the empirical law of that prompt's rows: the loss is a sum over contexts, and its gradient
in the logits of a context is q - p-hat, whatever the architecture (`optimum`).

A trained model is only near it: the law q of its well-formed answers is at most e away from p-hat
in total variation. That an answer is malformed does no harm (`conditioned`). Then

- a row can be drawn from q and from p-hat together so that the two differ with a probability of
  at most e (`coupled`). So a chain of D such draws differs from an ideal chain with a probability
  of at most D e, and its statistics with it; ideal chains are independent (`differing`);
- the number of first differences among all chains is a sum of indicators with conditional
  probabilities of at most e each, for which Chernoff's bound is that of a Poisson law (`chernoff`);
- a statistic of q instead of p-hat is off by its steepness times e (`steepness`).

In the mean of sum q^2 alone the slack is smaller, as it is quadratic in the draws: one generation
adds at most 2 e (1 - 1/n) under replace, 2 e (t + 1 - 1/n)/(t + 1)^2 under accumulate, and to the
chance that two rows of accumulate-subsample's pool differ 2 e/(t + 1) (`means`).
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from math import comb

from sympy import E, Expr, Max, Rational, Symbol, diff, exp, log, simplify, symbols

from theory.derivation import Proof

HERE = "derived here"
Law = tuple[Fraction, ...]
Biased = Callable[[Fraction], Fraction]  # from p-hat of an answer of two to q of it
EPSILON, HALF = Fraction(1, 50), Fraction(1, 2)


def optimum() -> list[Expr]:
    """The gradient in the logits is q - p-hat; equal rows may be one row with a weight.

    The loss of rows (m, a, end) is one sum for the prompts, one for the answers to each prompt, and
    one for what follows: no logit of a context is in another's, so that all are at their optimum.
    """
    z = symbols("z0:3", real=True)
    c = symbols("c0:3", positive=True)
    total = sum(exp(each) for each in z)
    q = [exp(each) / total for each in z]
    share = [each / sum(c) for each in c]
    loss = -sum(p * log(each) for p, each in zip(share, q, strict=True))
    rows = 3  # of different answers, each with its weight, of mean 1
    weighted = -sum(rows * p * log(each) for p, each in zip(share, q, strict=True)) / rows
    return [
        *(simplify(diff(loss, z[i]) - (q[i] - share[i])) for i in range(3)),
        simplify(weighted - loss),
    ]


def _laws(parts: int, outcomes: int) -> Iterator[Law]:
    """Yield all laws whose probabilities are multiples of 1/parts."""
    for counts in product(range(parts + 1), repeat=outcomes):
        if sum(counts) == parts:
            yield tuple(Fraction(c, parts) for c in counts)


def _distance(p: Law, q: Law) -> Fraction:
    return sum((abs(a - b) for a, b in zip(p, q, strict=True)), Fraction(0)) / 2


def _excess(value: Fraction, bound: Fraction) -> Expr:
    """Return by how much a value is above its bound: 0 if it is not."""
    above = value - bound
    return Max(0, Rational(above.numerator, above.denominator))


def conditioned() -> list[Expr]:
    """TV(q given A, p) <= TV(q, p) if p(A) = 1: q given A is at least q on A.

    So sum over A of (p - q given A)+ <= sum of (p - q)+. Here A has two of three outcomes.
    """
    found = []
    for q in _laws(6, 3):
        inside = q[0] + q[1]
        if inside == 0:
            continue
        given = (q[0] / inside, q[1] / inside, Fraction(0))
        inner = (p for p in _laws(6, 3) if p[2] == 0)
        found += [_excess(_distance(given, p), _distance(q, p)) for p in inner]
    return found


def coupled() -> list[Expr]:
    """Common mass min(p, q), and the rest of each: the two draws differ with probability TV."""
    found = []
    for p, q in product(_laws(5, 3), repeat=2):
        same = [min(a, b) for a, b in zip(p, q, strict=True)]
        found.append(_excess(1 - sum(same), _distance(p, q)))
        found.append(_excess(_distance(p, q), 1 - sum(same)))
    return found


def chernoff() -> list[Expr]:
    """E exp(x X) = 1 + p (e^x - 1) <= exp(p (e^x - 1)), and the least of exp(s (e^x - 1) - x k).

    1 + u <= e^u as e^u - 1 - u vanishes with its derivative at 0 and is convex; the exponent's
    derivative vanishes at x = log(k/s), where it is -(k log(k/s) - k + s).
    """
    x, k, s, u = (Symbol(name, positive=True) for name in ("x", "k", "s", "u"))
    exponent = s * (exp(x) - 1) - x * k
    gap = exp(u) - 1 - u
    return [
        gap.subs(u, 0),
        diff(gap, u).subs(u, 0),
        simplify(diff(gap, u, 2) - E**u),
        simplify(diff(exponent, x).subs(x, log(k / s))),
        simplify(exponent.subs(x, log(k / s)) + k * log(k / s) - k + s),
    ]


def steepness() -> list[Expr]:
    """sum f (q - p) <= TV (max f - min f); so sum q^2 - sum p^2 <= 2 TV, with f = q + p.

    And |q - r|^2 - |p - r|^2 <= TV (2 - 2 min r + 2 max r), with f = q + p - 2 r.
    """
    found = []
    for p, q in product(_laws(4, 3), repeat=2):
        tv = _distance(p, q)
        off = sum((b * b - a * a for a, b in zip(p, q, strict=True)), Fraction(0))
        found.append(_excess(abs(off), 2 * tv))
        for r in ((Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)),):
            triples = list(zip(p, q, r, strict=True))
            off = sum(((b - c) ** 2 - (a - c) ** 2 for a, b, c in triples), Fraction(0))
            found.append(_excess(abs(off), tv * (2 - 2 * min(r) + 2 * max(r))))
    return found


# Fits that are as far from p-hat as allowed: to the other side of 1/2, away from it, and one way.
BIASED: tuple[Biased, ...] = (
    lambda p: p + EPSILON if p <= HALF else p - EPSILON,
    lambda p: max(p - EPSILON, Fraction(0)) if p <= HALF else min(p + EPSILON, Fraction(1)),
    lambda p: min(p + EPSILON, Fraction(1)),
)
EXACT: Biased = lambda p: p  # noqa: E731
ROWS, LATEST, TRUTH = 2, 3, Fraction(1, 3)


def _batch(n: int, q: Fraction) -> Iterator[tuple[int, Fraction]]:
    """Yield the rows of an answer in a batch, with their probability."""
    for c in range(n + 1):
        yield c, comb(n, c) * q**c * (1 - q) ** (n - c)


def _replaced(batches: tuple[int, ...]) -> Iterator[tuple[Fraction, Fraction]]:
    yield Fraction(batches[-1], ROWS), Fraction(1)


def _pooled(batches: tuple[int, ...]) -> Iterator[tuple[Fraction, Fraction]]:
    yield Fraction(sum(batches), ROWS * len(batches)), Fraction(1)


def _chosen(batches: tuple[int, ...]) -> Iterator[tuple[Fraction, Fraction]]:
    """Yield p-hat of ROWS rows of the pool, without replacement, with its probability."""
    total, ones = ROWS * len(batches), sum(batches)
    for c in range(ROWS + 1):
        ways = comb(ones, c) * comb(total - ones, ROWS - c)
        yield Fraction(c, ROWS), Fraction(ways, comb(total, ROWS))


WORKFLOWS = {"replace": _replaced, "accumulate": _pooled, "subsample": _chosen}


def _expected(workflow: str, fit: Biased, generations: int) -> Fraction:
    """Return E 2 p (1 - p), p-hat of the last generation, from all batches and choices."""
    states: dict[tuple[int, ...], Fraction] = {}
    for c, chance in _batch(ROWS, TRUTH):
        states[(c,)] = chance
    for t in range(1, generations + 1):
        later: dict[tuple[int, ...], Fraction] = {}
        value = Fraction(0)
        for batches, chance in states.items():
            for p, choice in WORKFLOWS[workflow](batches):
                value += chance * choice * 2 * p * (1 - p)
                for c, drawn in _batch(ROWS, fit(p)):
                    key = (*batches, c)
                    later[key] = later.get(key, Fraction(0)) + chance * choice * drawn
        if t == generations:
            return value
        states = later
    raise AssertionError(generations)


def _slack(workflow: str, generations: int) -> Fraction:
    """Return how far the mean can be off at the latest, by the recursion above."""
    n, slack = ROWS, Fraction(0)
    for t in range(1, generations):
        if workflow == "replace":
            slack = (1 - Fraction(1, n)) * (slack + 2 * EPSILON)
        elif workflow == "accumulate":
            slack = slack * (1 - Fraction(1, n * (t + 1) ** 2))
            slack += 2 * EPSILON * (t + 1 - Fraction(1, n)) / (t + 1) ** 2
        else:  # of the pool's chance that two rows differ, of which a part goes on
            slack = slack * _kept(n, t) + 2 * EPSILON / (t + 1)
    return slack if workflow != "subsample" else (1 - Fraction(1, n)) * slack


def _kept(n: int, t: int) -> Fraction:
    """Return what the pool's chance that two rows differ keeps, of pairs old, mixed and young."""
    old, mixed, young = comb(t * n, 2), t * n * n, comb(n, 2)
    kept = old + mixed * (1 - Fraction(1, t * n)) + young * (1 - Fraction(1, n))
    return kept / comb((t + 1) * n, 2)


def means() -> list[Expr]:
    """Every biased fit stays within the slack; without a bias the formulas are exact.

    The enumeration is of two answers and batches of two rows. One of the biased fits uses more
    than a half of the slack, at every workflow: no slack half as large is enough.
    """
    found = []
    for workflow in WORKFLOWS:
        for t in range(1, LATEST + 1):
            ideal = _expected(workflow, EXACT, t)
            found.append(_formula(workflow, t) - ideal)
            slack = _slack(workflow, t)
            off = [abs(_expected(workflow, fit, t) - ideal) for fit in BIASED]
            found.append(_excess(max(off), slack))
            if t > 1:
                found.append(_excess(slack / 2, max(off)))
    return [Rational(x.numerator, x.denominator) if isinstance(x, Fraction) else x for x in found]


def _formula(workflow: str, t: int) -> Fraction:
    """Return the discrete room's value."""
    n, start = ROWS, 2 * TRUTH * (1 - TRUTH)
    value = start
    if workflow == "replace":
        return start * (1 - Fraction(1, n)) ** t
    if workflow == "accumulate":
        for j in range(1, t + 1):
            value *= 1 - Fraction(1, n * j * j)
        return value
    for s in range(1, t):
        value *= _kept(n, s)
    return (1 - Fraction(1, n)) * value


def _differing(fit: Biased, generations: int) -> Fraction:
    """Return P(a chain under replace differs from the ideal chain), drawn together."""
    alike: dict[int, Fraction] = dict(_batch(ROWS, TRUTH))
    for _ in range(1, generations):
        later: dict[int, Fraction] = {}
        for c, chance in alike.items():
            p = Fraction(c, ROWS)
            ones, others = min(p, fit(p)), min(1 - p, 1 - fit(p))
            for k in range(ROWS + 1):
                same = comb(ROWS, k) * ones**k * others ** (ROWS - k)
                later[k] = later.get(k, Fraction(0)) + chance * same
        alike = later
    return 1 - sum(alike.values(), Fraction(0))


def differing() -> list[Expr]:
    """After D draws at most D e of the chains differ, and nearly as many do."""
    found = []
    for t in range(1, LATEST + 1):
        draws = ROWS * (t - 1)
        share = max(_differing(fit, t) for fit in BIASED)
        found.append(_excess(share, draws * EPSILON))
        found.append(_excess(draws * EPSILON * (1 - draws * EPSILON), share))
    return found


PROOFS = (
    Proof("language-optimum", HERE, "the optimum of the loss is the empirical law", optimum),
    Proof("language-conditioned", HERE, "well-formed answers are no farther from it", conditioned),
    Proof("language-coupled", HERE, "two draws differ with the probability TV", coupled),
    Proof("language-differing", HERE, "chains that differ from ideal ones, D e", differing),
    Proof("language-chernoff", HERE, "Poisson's bound of their number", chernoff),
    Proof("language-steepness", HERE, "statistics of q and of p-hat differ by TV", steepness),
    Proof("language-means", HERE, "the slack of E sum q^2, workflow by workflow", means),
)
