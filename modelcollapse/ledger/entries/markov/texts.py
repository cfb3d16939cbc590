"""Batches of texts: what is a martingale, and what real texts have never shown."""

import numpy as np

from modelcollapse.families.markov import Language, Markov
from modelcollapse.ledger.claims import BoundedClaim, Design
from modelcollapse.ledger.entries.markov.contexts import DERIVED
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment
from modelcollapse.workflows import Accumulate, AccumulateSubsample

N, T = 5, 4
WORDS, START, AFTER = 2, (0.9, 0.1), ((0.45, 0.05, 0.5), (0.1, 0.7, 0.2))
RISING = ((0.6, 0.3, 0.1), ((0, 0.5, 0.2, 0.3), (0, 0, 0.6, 0.4), (0, 0, 0, 1.0)))


def language() -> Language:
    """Two words, of which the second is rare and then repeated."""
    return Language(START, AFTER)


def pooled() -> Experiment:
    """Accumulate."""
    return Experiment(Markov(WORDS), Accumulate(), N, T, truth=language())


def subsampled() -> Experiment:
    """Accumulate-subsample, of texts in which no word follows a later one."""
    return Experiment(Markov(3), AccumulateSubsample(), N, T, truth=Language(*RISING))


def _multinomial(_: Experiment) -> float:
    """Return what all transitions would lack as so many independent draws."""
    truth = language()
    joint = (truth.probabilities * truth.visits[:, None]).ravel()
    shares = joint[joint > 0] / joint.sum()
    return float(((1 - shares) ** (N * truth.visits.sum())).sum())


def _poisson(_: Experiment) -> float:
    """Return it if the uses of a transition were a Poisson number."""
    truth = language()
    joint = (truth.probabilities * truth.visits[:, None]).ravel()
    return float(np.exp(-N * joint[joint > 0]).sum())


def _losing(_: Experiment) -> float:
    """Return the length if what exceeds one word lost 1/n in each generation."""
    return 1 + (Language(*RISING).length - 1) * (1 - 1 / N) ** (T - 1)


THEOREMS = [
    Theorem(
        "markov/accumulate/unseen-for-ever",
        "A transition that no real text has shown never comes under accumulate; a text shows it "
        "with a probability that the fundamental matrix of the contexts gives.",
        r"E\,\#\mathrm{lost}=\sum_{c,j}\left(1-\frac{v_cp_{cj}}{1+p_{cj}F_{y,c}}\right)^n,\ "
        r"F=(1-P)^{-1},\ v_c=F_{0c}",
        DERIVED,
        "texts drawn from the truth; maximum likelihood; y is the context after c and j",
        "law",
        f"2 words, p={START} then {AFTER}, n={N} t={T}",
        BoundedClaim(
            Design(pooled, 400_000, at=(T,)),
            quantity("absent", T),
            expectation("absent", T),
            constant(0.0),
            constant(8.0),
            {
                "transitions drawn one by one": _multinomial,
                "Poisson uses": _poisson,
                "one text more": expectation("absent", T, samples=N + 1),
                "fixed contexts'": expectation("absent", T, model=Markov(WORDS, contexts="fixed")),
            },
        ),
        keywords="n-gram bigram language model lost zero count",
    ),
    Theorem(
        "markov/accumulate-subsample/length",
        "The expected transitions of a fit's texts are those of its training texts: their length "
        "is a martingale, whatever texts a workflow chooses.",
        r"E\,\mathrm{length}_t=\mathrm{length}_0",
        DERIVED,
        "texts drawn from the truth; maximum likelihood; here no text has more than 3 words",
        "law",
        f"3 words, n={N} t={T}",
        BoundedClaim(
            Design(subsampled, 400_000, at=(T,)),
            quantity("length", T),
            expectation("length", T),
            constant(1.0),
            constant(3.0),
            {
                "beyond one word 1/n lost at a time": _losing,
                "first words alike": constant((2.0 + 1.6 + 1.0) / 3),
                "the end counted": constant(2.78),
                "two of three": constant(2.0),
            },
        ),
        keywords="n-gram bigram language model longer shorter texts",
    ),
]
