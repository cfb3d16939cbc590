"""Verified labels and their majority."""

from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.curated.estimator import LabelVerifier
from modelcollapse.families.curated.labels import (
    break_down_point,
    kept_label_error,
    majority_correct,
)
from modelcollapse.ledger.claims import BoundedClaim, Design, ExactClaim, mean_claim
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, Value, constant, expectation, fixed, same
from modelcollapse.loop.experiment import Experiment, Trajectories, predict
from modelcollapse.workflows import Replace

if TYPE_CHECKING:
    from modelcollapse.families.curated.predict import BinomialShare

DERIVED = "derived here: theory/curated.py"
FENG = "Feng et al., arXiv 2406.07515, Theorem 4.2"
BAD = 0.9  # a real label's error above the break-down point 0.75


def curated() -> Experiment:
    """Sixteen inputs whose real labels are mostly wrong, beyond the verifier's break-down."""
    return Experiment(verifier(), Replace(), 5, 4, truth=BAD)


def unverified() -> Experiment:
    """The same without a verifier."""
    return Experiment(LabelVerifier(0.5, 0.5, 0.0, 16), Replace(), 5, 30, truth=0.2)


def verifier(keep_wrong: float = 0.3, noise: float = 0.3) -> LabelVerifier:
    """A verifier with the break-down point 0.75."""
    return LabelVerifier(0.9, keep_wrong, noise, 16)


def _enumerated(n: int, error: Fraction, correct: Fraction, wrong: Fraction) -> Fraction:
    """Return P(majority of the kept labels is right) by listing what becomes of each label."""
    chances = {1: (1 - error) * correct, -1: error * wrong}
    chances[0] = 1 - chances[1] - chances[-1]
    total = Fraction(0)
    for fates in product(chances, repeat=n):
        chance = Fraction(1)
        for fate in fates:
            chance *= chances[fate]
        lead = sum(fates)
        total += chance * (1 if lead > 0 else Fraction(1, 2) if lead == 0 else 0)
    return total


def _majority(n: int = 6, error: float = 0.4, correct: float = 0.8, wrong: float = 0.25) -> float:
    return majority_correct(n, error, correct, wrong)


def _break_down() -> tuple[float, float, float]:
    """Enclose p* between errors where 10^5 labels' majority is right and wrong, surely.

    Above 1/2 by x the chance to be right is at least 1 - exp(-2 K x^2) for K kept labels
    (Hoeffding); it is computed exactly on both sides.
    """
    low, high = 0.735, 0.765
    sure = _majority(10**5, low, 0.9, 0.3) > 1 - 1e-6 and _majority(10**5, high, 0.9, 0.3) < 1e-6
    bounds = (low, high) if sure else (np.nan, np.nan)
    return float(break_down_point(0.9, 0.3)), *bounds


def _forever() -> tuple[float, float, float]:
    """Enclose the limit of the label error by the recursion after 200 generations."""
    e = Experiment(verifier(), Replace(), 5, 200, truth=BAD)
    rate = float(predict(e).exponents["contraction"])
    reached, slack = float(predict(e)["label_error"][-1]), rate**199 + 10**4 * EPS
    return float(predict(e).limits["label_error"]), reached - slack, reached + slack


def _stuck() -> float:
    """Return the label error at generation 20 without noise: every label agrees with the model."""
    e = Experiment(LabelVerifier(1.0, 0.3, 0.0), Replace(), 400, 20, truth=1.0)
    return float(predict(e)["label_error"][-1])


def _unrescued() -> tuple[float, float, float]:
    """Return the claim, no wrong input is left, and the share that is, with its rounding."""
    return 0.0, _stuck() - 1e-9, _stuck() + 1e-9


def _all_right(t: int, **changes: Any) -> Value:
    """Return the probability that no input is wrong, of the experiment or one with changes."""

    def value(e: Experiment) -> float:
        other = replace(e, **changes) if changes else e
        law: BinomialShare = predict(other).laws["label_error"][t - 1]
        return float(law.cdf(0.0))

    return value


def _none_wrong(runs: Trajectories) -> Floats:
    """Return whether no input is wrong at generation 4."""
    return np.asarray(runs["label_error"][:, 3] == 0, dtype=np.float64)


CURATED, UNVERIFIED = Design(curated, 60_000), Design(unverified, 60_000)

THEOREMS = [
    Theorem(
        "curated/labels/kept-error",
        "Of labels that are wrong with probability p, a verifier keeps ones that are wrong less "
        "often, if it keeps wrong ones less often.",
        r"\frac{p\psi}{p\psi+(1-p)\phi}",
        FENG,
        "labels are kept independently, correct ones with phi, wrong ones with psi",
        "identity",
        "p=0.4 phi=0.8 psi=0.25, in rationals",
        ExactClaim(
            same(lambda: float(kept_label_error(0.4, 0.8, 0.25)), fixed(10 / 58), 10),
            {
                "before the verifier": fixed(0.4),
                "phi and psi exchanged": lambda: float(kept_label_error(0.4, 0.25, 0.8)),
                "p psi": fixed(0.1),
            },
        ),
    ),
    Theorem(
        "curated/labels/break-down-point",
        "The majority of ever more kept labels is right below the break-down point, and wrong "
        "above it.",
        r"p^*=\frac1{1+\psi/\phi}",
        FENG,
        "as before; here 10^5 labels of one input, exactly",
        "identity",
        "phi=0.9 psi=0.3: 3/4",
        ExactClaim(
            _break_down,
            {
                "without a verifier": fixed(0.5),
                "phi": fixed(0.9),
                "1 - psi": fixed(0.7),
                "phi - psi": fixed(0.6),
            },
        ),
    ),
    Theorem(
        "curated/labels/majority",
        "For any number of labels, the chance that the majority of the kept ones is right is a "
        "sum of binomial and beta functions.",
        r"\sum_K\binom nK\kappa^K(1-\kappa)^{n-K}I_{1-e}(\lceil K/2\rceil,\lceil K/2\rceil)",
        DERIVED,
        "as before; a tie is decided by a coin",
        "identity",
        "n=6 p=0.4 phi=0.8 psi=0.25: all 3^6 outcomes",
        ExactClaim(
            same(
                _majority,
                lambda: float(_enumerated(6, Fraction(2, 5), Fraction(4, 5), Fraction(1, 4))),
                100,
            ),
            {
                "no verifier": lambda: _majority(correct=1.0, wrong=1.0),
                "five labels": lambda: _majority(5),
                "a tie is wrong": lambda: (
                    _majority() - 0.5 * sum(comb(6, j) * _tied(6, j) for j in range(4))
                ),
                "ever more labels": fixed(1.0),
            },
        ),
    ),
    Theorem(
        "curated/labels/label-error",
        "Behind a verifier each input is a two-state chain: its chance to be wrong is known at "
        "every generation.",
        r"P_{t+1}=q_RP_t+q_W(1-P_t)",
        DERIVED,
        "replace; the generator contradicts its model with probability e",
        "law",
        "phi=0.9 psi=0.3 e=0.3 n=5 t=4, real labels wrong with 0.9",
        mean_claim(
            CURATED,
            "label_error",
            4,
            {
                "no verifier": expectation("label_error", 4, model=verifier(keep_wrong=0.9)),
                "another noise": expectation("label_error", 4, model=verifier(noise=0.2)),
                "one generation early": expectation("label_error", 3),
                "four labels each": expectation("label_error", 4, samples=4),
            },
        ),
    ),
    Theorem(
        "curated/labels/label-error-law",
        "The number of wrong inputs is binomial at every generation.",
        r"\#\mathrm{wrong}\sim\mathrm{Bin}(\mathrm{cells},1-P_t)",
        DERIVED,
        "as before; inputs are independent",
        "law",
        "16 inputs, t=4: the probability that none is wrong",
        BoundedClaim(
            CURATED,
            _none_wrong,
            _all_right(4),
            constant(0.0),
            constant(1.0),
            {
                "no verifier": _all_right(4, model=verifier(keep_wrong=0.9)),
                "another noise": _all_right(4, model=verifier(noise=0.2)),
                "one generation early": _all_right(3),
                "all inputs alike": lambda e: 1 - float(predict(e)["label_error"][3]),
            },
        ),
    ),
    Theorem(
        "curated/labels/limit",
        "With a noisy generator the loop forgets the real labels: a share of the inputs stays "
        "wrong that does not depend on them.",
        r"\lim(1-P_t)=\frac{1-q_R}{1-q_R+q_W}",
        DERIVED,
        "replace, batches of one size, 0 < e < 1",
        "limit",
        "phi=0.9 psi=0.3 e=0.3 n=5 t=200",
        ExactClaim(
            _forever,
            {
                "the real labels' error": fixed(BAD),
                "one round from the truth": lambda: 1 - _majority(5, 0.3, 0.9, 0.3),
                "half": fixed(0.5),
            },
        ),
    ),
    Theorem(
        "curated/labels/verifier-rescues",
        "A verifier mends a wrong model, if only enough labels are verified.",
        r"1-P_t\to0",
        "a plausible claim; refuted here",
        "a generator without noise: it repeats its model, and all that is kept is wrong",
        "refuted",
        "phi=1 psi=0.3 e=0, 400 labels of each input, t=20",
        ExactClaim(_unrescued, {"half": fixed(0.5), "psi": fixed(0.3), "1 - psi": fixed(0.7)}),
    ),
    Theorem(
        "curated/labels/unverified-keeps-the-first-fit",
        "Without a verifier, and without noise, labels change only where none was kept.",
        r"1-P_{t}=\tfrac12+(1-2^{-n})^{t-1}(\tfrac12-P_1)",
        DERIVED,
        "replace; phi = psi = 1/2, e = 0",
        "law",
        "n=5 t=30, real labels wrong with 0.2",
        mean_claim(
            UNVERIFIED,
            "label_error",
            30,
            {
                "the first fit's": expectation("label_error", 1),
                "forgotten": constant(0.5),
                "with a verifier": expectation(
                    "label_error", 30, model=LabelVerifier(0.5, 0.1, 0.0, 16)
                ),
            },
        ),
    ),
]


def _tied(n: int, j: int) -> float:
    """Return the chance of j correct and j wrong kept labels out of n, over comb(n, j)."""
    right, wrong = 0.6 * 0.8, 0.4 * 0.25
    return comb(n - j, j) * right**j * wrong**j * (1 - right - wrong) ** (n - 2 * j)
