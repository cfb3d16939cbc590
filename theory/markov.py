"""Language by counts: what a fit to texts keeps, what texts have never shown, and k/2n.

A text is a chain of words from a start; after each word comes a word or the end. The fit to n texts
has the transitions' relative frequencies in each context. Everything is derived from that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from sympy import (
    Expr,
    Matrix,
    Rational,
    Symbol,
    diff,
    eye,
    log,
    series,
    simplify,
    symbols,
    together,
)

from theory.derivation import Derivation, Proof

HERE = "derived here"


@dataclass(frozen=True)
class Language:
    """Rows of probabilities: of the start (words), and after each word (words and, last, the end).

    And n real texts, in a loop of so many generations.
    """

    start: tuple[Rational, ...]
    after: tuple[tuple[Rational, ...], ...]
    texts: int
    generations: int


@dataclass(frozen=True)
class Chains:
    """Languages of at most so many words, and so many texts and generations."""

    words: int = 3
    texts: int = 6
    generations: int = 4


def _visits(start: Sequence[Expr], after: Sequence[Sequence[Expr]]) -> Matrix:
    """Return the expected visits of each word from the start on, a row."""
    words = len(start)
    among = Matrix(words, words, lambda a, b: after[a][b])
    return Matrix([list(start)]) * (eye(words) - among).inv()


def _ending(start: Sequence[Expr], after: Sequence[Sequence[Expr]]) -> Expr:
    """Return the probability that a chain ends, of which some transitions may have been taken."""
    words = len(start)
    visits = _visits(start, after)
    return sum(visits[a] * after[a][words] for a in range(words))


def unused(language: Language) -> list[Rational]:
    """Return for each possible transition the chance that a text does without it, and ends."""
    words, found = len(language.start), []
    for a, b in product(range(-1, words), range(words + 1)):
        row = language.start if a < 0 else language.after[a]
        if b < len(row) and row[b] > 0:
            start, after = list(language.start), [list(own) for own in language.after]
            (start if a < 0 else after[a])[b] = Rational(0)
            found.append(_ending(start, after))
    return found


def unseen(language: Language) -> list[Rational]:
    """Return how many possible transitions accumulate lacks: those that no real text has."""
    once = sum(chance**language.texts for chance in unused(language))
    return [once] * language.generations


def balance() -> list[Expr]:
    """Two words, any counts of n texts: the fit visits each word as often as its texts did.

    What comes to a word leaves it, so that the end follows what is left.
    """
    s0, s1, a, b, c, d = symbols("s0 s1 a b c d", positive=True)
    n, first, second = s0 + s1, s0 + a + c, s1 + b + d
    start = [s0 / n, s1 / n]
    after = [[a / first, b / first], [c / second, d / second]]
    visits = _visits(start, after)
    return [simplify(visits[0] - first / n), simplify(visits[1] - second / n)]


def use() -> list[Expr]:
    """Two words: a text has transition (a, b) with v_a p / (1 + p F_ba), the end with v_a p."""
    s, p, q, r, t = symbols("s p q r t", positive=True)
    start, after = [s, 1 - s], [[p, q, 1 - p - q], [r, t, 1 - r - t]]
    fundamental = (Matrix(2, 2, lambda a, b: -after[a][b]) + eye(2)).inv()
    visits, found = _visits(start, after), []
    for a, b in product(range(2), range(3)):
        killed = [list(row) for row in after]
        killed[a][b] = 0
        back = fundamental[b, a] if b < 2 else 0
        formula = visits[a] * after[a][b] / (1 + after[a][b] * back)
        found.append(simplify(1 - _ending(start, killed) - formula))
    return found


def information() -> list[Expr]:
    """The information of a text is one block for each context, times its visits.

    Of the log-likelihood sum N_cj log p_cj, with E N_cj = v_c p_cj and the last p_cj the rest.
    """
    p, q, r, t, v, w = symbols("p q r t v w", positive=True)
    rows, visits = [[p, q, 1 - p - q], [r, t, 1 - r - t]], [v, w]
    counts = [[Symbol(f"n{c}{j}") for j in range(3)] for c in range(2)]
    likelihood = sum(counts[c][j] * log(rows[c][j]) for c in range(2) for j in range(3))
    means = {counts[c][j]: visits[c] * rows[c][j] for c in range(2) for j in range(3)}
    free, found = [p, q, r, t], []
    for i, j in product(range(4), repeat=2):
        value = -diff(likelihood, free[i], free[j]).subs(means)
        same = i // 2 == j // 2
        row = rows[i // 2]
        block = visits[i // 2] * (int(i == j) / row[i % 2] + 1 / row[2]) if same else 0
        found.append(simplify(value - block))
    return found


def excess() -> list[Expr]:
    """The divergence is half the quadratic form of the information, to second order: so k/2n.

    Of one context with v visits and n texts the covariance is (diag p - p p')/(n v), and the
    expectation 2/2n: its free parameters over 2n.
    """
    p, q, a, b, e, v, n = symbols("p q a b e v n", positive=True)
    row, move = [p, q, 1 - p - q], [a, b, -a - b]
    loss = v * sum(x * -log(1 + e * y / x) for x, y in zip(row, move, strict=True))
    second = series(loss, e, 0, 3).removeO().coeff(e, 2)
    block = v * Matrix(2, 2, lambda i, j: int(i == j) / row[i] + 1 / row[2])
    vector = Matrix([a, b])
    quadratic = (vector.T * block * vector)[0] / 2
    covariance = Matrix(2, 2, lambda i, j: row[i] * (int(i == j) - row[j])) / (n * v)
    expected = (block * covariance).trace() / 2
    return [simplify(together(second - quadratic)), simplify(expected - 1 / n)]


DERIVATIONS = (
    Derivation(
        "markov-unseen",
        HERE,
        "what no real text has shown is lost from generation 1 on",
        "expected.absent",
        unseen,
        Chains(),
    ),
    Derivation(
        "markov-unseen-limit",
        HERE,
        "and never comes",
        "limits.absent",
        lambda language: unseen(language)[:1],
        Chains(),
    ),
    Derivation(
        "markov-length",
        HERE,
        "the expected length of a fit's texts is that of the truth's",
        "expected.length",
        lambda language: [sum(_visits(language.start, language.after))] * language.generations,
        Chains(),
    ),
)
PROOFS = (
    Proof("markov-balance", HERE, "a fit visits contexts as often as its texts did", balance),
    Proof("markov-use", HERE, "the chance that a text has a transition", use),
    Proof("markov-information", HERE, "one block for each context, times its visits", information),
    Proof("markov-excess", HERE, "half the quadratic form, so k/2n", excess),
)
