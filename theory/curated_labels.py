"""The label verifier: kept errors, majorities, and the chain of right and wrong models."""

from itertools import product
from typing import Any

from sympy import Expr, Poly, Rational, Symbol, symbols

from theory.curated_loop import Labels, Verified
from theory.derivation import Proof

X = Symbol("x")


def kept_error(p: Any, phi: Any, psi: Any) -> Any:
    """Return the share of wrong labels among the kept."""
    return p * psi / (p * psi + (1 - p) * phi)


def majority(n: int, p: Any, phi: Any, psi: Any) -> Any:
    """Return P(most kept labels are right), a tie counted half.

    A label adds 1, -1 or 0 to the vote; x^n times the n-th power of its generating function is
    a polynomial with the law of the vote as its coefficients.
    """
    right, wrong = (1 - p) * phi, p * psi
    vote = Poly(right * X**2 + (1 - right - wrong) * X + wrong, X) ** n
    coefficients = {powers[0] - n: value for powers, value in vote.terms()}
    above = sum((value for vote, value in coefficients.items() if vote > 0), Rational(0))
    return above + coefficients.get(0, Rational(0)) / 2


def kept_label_error(s: Verified) -> list[Any]:
    """Return the share of wrong labels among the kept."""
    return [kept_error(s.label_error, s.keep_correct, s.keep_wrong)]


def break_down_point(s: Verified) -> list[Any]:
    """Return the p at which right and wrong labels are kept alike."""
    return [s.keep_correct / (s.keep_correct + s.keep_wrong)]


def majority_correct(s: Verified) -> list[Any]:
    """Return the probability that most kept labels are right."""
    return [majority(s.samples, s.label_error, s.keep_correct, s.keep_wrong)]


def chain(loop: Labels, n: int) -> tuple[Any, Any]:
    """Return P(wrong after) of a right and of a wrong model, for n labels an input."""
    kept = loop.keep_correct, loop.keep_wrong
    return tuple(1 - majority(n, p, *kept) for p in (loop.noise, 1 - loop.noise))


def label_error(loop: Labels) -> list[Any]:
    """Return the share of inputs at which model t is wrong."""
    wrong, found = None, []
    for n in loop.sizes:
        if wrong is None:
            wrong = 1 - majority(n, loop.truth, loop.keep_correct, loop.keep_wrong)
        else:
            spoilt, stuck = chain(loop, n)
            wrong = (1 - wrong) * spoilt + wrong * stuck
        found.append(wrong)
    return found


def label_error_variance(loop: Labels) -> list[Any]:
    """Return its variance: the inputs are independent."""
    return [p * (1 - p) / loop.cells for p in label_error(loop)]


def label_error_limit(loop: Labels) -> list[Any]:
    """Return the stationary share of wrong inputs."""
    spoilt, stuck = chain(loop, loop.sizes[-1])
    return [spoilt / (1 + spoilt - stuck)]


def break_down() -> list[Expr]:
    """The kept error is 1/2 at p = 1/(1 + psi/phi) and increases in p, so it is less below."""
    p, phi, psi = symbols("p phi psi", positive=True)
    share = kept_error(p, phi, psi)
    slope = phi * psi / (p * psi + (1 - p) * phi) ** 2
    return [
        share.subs(p, 1 / (1 + psi / phi)) - Rational(1, 2),
        share.diff(p) - slope,
        break_down_point(Verified(keep_correct=phi, keep_wrong=psi))[0] - 1 / (1 + psi / phi),
    ]


def all_votes() -> list[Expr]:
    """`majority` from all outcomes of up to four labels: right or wrong, kept or dropped."""
    p, phi, psi = symbols("p phi psi")
    weights = {1: (1 - p) * phi, -1: p * psi, 0: (1 - p) * (1 - phi) + p * (1 - psi)}
    residuals = []
    for n in (1, 2, 3, 4):
        total = Rational(0)
        for votes in product((1, 0, -1), repeat=n):
            chance = Rational(1)
            for vote in votes:
                chance *= weights[vote]
            total += chance * (Rational(1, 2) if sum(votes) == 0 else int(sum(votes) > 0))
        residuals.append(majority(n, p, phi, psi) - total)
    return residuals


def even_numbers() -> list[Expr]:
    """A majority of 2j kept labels is right as often as one of 2j - 1, with any error e."""
    e = Symbol("e")
    return [majority(2 * j, e, 1, 1) - majority(2 * j - 1, e, 1, 1) for j in (1, 2, 3, 4)]


def symmetry() -> list[Expr]:
    """At the break-down point the vote is a fair coin, whatever is kept."""
    phi, psi = symbols("phi psi")
    p = phi / (phi + psi)
    return [majority(n, p, phi, psi) - Rational(1, 2) for n in (1, 2, 3, 5)]


HERE = "derived here"
FENG = "Feng et al. 2406.07515, Theorem 4.2"
PROOFS = (
    Proof("curated-break-down", FENG, "the break-down point of a verifier", break_down),
    Proof("curated-votes", HERE, "majorities of kept labels, from all outcomes", all_votes),
    Proof("curated-even", HERE, "an even label more does not help", even_numbers),
    Proof("curated-coin", HERE, "the vote at the break-down point", symmetry),
)
