"""Fixed contexts: a language by counts is a discrete loop in each of them."""

from functools import partial

import numpy as np

from modelcollapse import solver
from modelcollapse.families.discrete.estimator import Discrete
from modelcollapse.families.markov import Language, Markov
from modelcollapse.ledger.claims import Design, ExactClaim, mean_claim
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Computed, expectation, fixed
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Accumulate, AnyWorkflow, Replace

DERIVED = "derived here: theory/markov.py"
REGULAR = "derived here: theory/regular.py"
FIXED = "as many transitions of each context in every batch"
START, AFTER = (0.5, 0.5), ((0.5, 0.25, 0.25), (0.25, 0.5, 0.25))
WORDS, N, T = 2, 6, 4
LARGEST, LARGE = 400, 4  # texts of the longest chains; the generation of the law
PARAMETERS = 5  # free ones: 1 of the start, 2 after each word


def language() -> Language:
    """Two words that tend to follow themselves: a text comes to each twice, on average."""
    return Language(START, AFTER)


def replaced() -> Experiment:
    """Replace, with fixed contexts."""
    model = Markov(WORDS, contexts="fixed")
    return Experiment(model, Replace(), N, T, truth=language())


def _one_loop(_: Experiment) -> float:
    """Return the transitions lost by one discrete loop of all transitions together."""
    truth = language()
    joint = (truth.probabilities * truth.visits[:, None]).ravel()
    shares = joint[joint > 0] / joint.sum()
    rows = round(N * truth.visits.sum())
    loop = Experiment(Discrete(len(shares)), Replace(), rows, T, truth=shares)
    return float(predict(loop)["absent"][-1])


def _scaled(workflow: AnyWorkflow, n: int) -> float:
    """Return the smoothed excess over k/2n."""
    model = Markov(WORDS, 1, 1.0, "fixed")
    e = Experiment(model, workflow, n, LARGE, truth=language())
    return float(predict(e)["excess"][-1]) * 2 * n / PARAMETERS


def large_sample(workflow: AnyWorkflow, most: int) -> Computed:
    """Enclose the limit for many texts: of f = c + a/n + b/n^2 + ... by three sizes.

    The width is the last step of the extrapolation, what the term b/n^2 still was.
    """

    def compute() -> tuple[float, float, float]:
        f = [_scaled(workflow, n) for n in (most // 4, most // 2, most)]
        first, second = 2 * f[1] - f[0], 2 * f[2] - f[1]
        found = (4 * second - first) / 3
        slack = abs(found - second)
        claimed = float(solver.inflation(workflow, [most] * LARGE)[-1])
        return claimed, found - slack, found + slack

    return compute


THEOREMS = [
    Theorem(
        "markov/replace/fixed-contexts-absent",
        "With fixed contexts a language by counts loses its transitions as discrete loops lose "
        "their outcomes, one loop for each context.",
        r"E\,\#\mathrm{lost}=\sum_c\sum_jP(\mathrm{chain\ of}\ n_c\ \mathrm{rows,\ from}\ "
        r"p_{cj},\ \mathrm{is\ at}\ 0)",
        DERIVED,
        f"{FIXED}; maximum likelihood",
        "law",
        f"2 words, n={N} t={T}",
        mean_claim(
            Design(replaced, 400_000, at=(T,)),
            "absent",
            T,
            {
                "one loop of all transitions": _one_loop,
                "one text fewer": expectation("absent", T, samples=N - 1),
                "one generation early": expectation("absent", T - 1),
                "accumulate's": expectation("absent", T, workflow=Accumulate()),
            },
        ),
        keywords="n-gram bigram language model lost",
    ),
    Theorem(
        "markov/replace/large-sample-law",
        "For many texts the excess loss of a language by counts, smoothed by one, is k/2n times t "
        "under replace, k its free parameters.",
        r"\lim_{n\to\infty}\frac{2n}k\sum_cv_c\,E\,\mathrm{KL}(p_c\|q_{c,t})=t",
        REGULAR,
        f"{FIXED}; smoothing 1",
        "limit",
        f"2 words, t={LARGE} n={LARGEST}",
        ExactClaim(
            large_sample(Replace(), LARGEST),
            {
                "accumulate's": fixed(1 + 1 / 4 + 1 / 9 + 1 / 16),
                "a parameter for each transition": fixed(LARGE * 8 / PARAMETERS),
                "without the start's": fixed(LARGE * 4 / PARAMETERS),
                "of texts of one word": fixed(LARGE * 1 / PARAMETERS),
            },
        ),
        keywords="n-gram bigram language model regular parameters",
    ),
    Theorem(
        "markov/accumulate/large-sample-law",
        "Under accumulate that excess loss is k/2n times 1 + 1/4 + ... + 1/t^2, for many texts.",
        r"\lim_{n\to\infty}\frac{2n}k\sum_cv_c\,E\,\mathrm{KL}(p_c\|q_{c,t})=\sum_{s\le t}s^{-2}",
        REGULAR,
        f"{FIXED}; smoothing 1",
        "limit",
        f"2 words, t={LARGE} n={LARGEST // 4}",
        ExactClaim(
            large_sample(Accumulate(), LARGEST // 4),
            {
                "replace's": fixed(float(LARGE)),
                "pi^2/6": fixed(np.pi**2 / 6),
                "a generation less": fixed(1 + 1 / 4 + 1 / 9),
                "at so many texts": partial(_scaled, Accumulate(), LARGEST // 4),
            },
        ),
        keywords="n-gram bigram language model regular parameters",
    ),
]
