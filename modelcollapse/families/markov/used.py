r"""Which transitions a text uses, and so how many the real texts have never shown.

Let F be the fundamental matrix of the contexts, F[a, c] the expected visits of c from a on, and y
the context after outcome j of context c. A text comes to c with probability F[0, c]/F[c, c]; once
there it takes j, or comes back by another outcome and has the choice again. So it uses the
transition with probability

v_c p_j / (1 + p_j F[y, c]),     v_c = F[0, c],

and none of n texts does with the n-th power of the rest. What no real text has shown never comes
where batch 1 is kept for ever and no real text follows.
"""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.markov.chain import MOST_DENSE
from modelcollapse.families.markov.truth import Language


def reason(truth: Language) -> str | None:
    """Return why the probabilities are not computed, or None."""
    if len(truth.base) > MOST_DENSE:
        return f"exact up to {MOST_DENSE} contexts, and there are {len(truth.base)}: simulate it"
    return None


def used(truth: Language) -> Floats:
    """Return the probability that a text has each transition, shape (contexts, K + 1)."""
    p, K, count = truth.probabilities, truth.words, len(truth.base)
    after = truth.base[:, None] + np.arange(K)
    among = np.zeros((count, count))
    np.add.at(
        among, (np.arange(count)[:, None], after), np.where(truth.reached[:, None], p[:, :K], 0)
    )
    visits = np.linalg.inv(np.eye(count) - among)
    back = np.zeros_like(p)
    back[:, :K] = visits[after, np.arange(count)[:, None]]
    return np.asarray(np.minimum(truth.visits[:, None] * p / (1 + p * back), 1.0))


def unseen(truth: Language, n: int) -> tuple[float, float]:
    """Return how many possible transitions n texts are expected to lack, and their mass."""
    chance, p = used(truth), truth.probabilities
    with np.errstate(divide="ignore"):
        lacking = np.where(chance > 0, np.exp(n * np.log1p(-chance)), 0.0)
    mass = truth.visits @ (lacking * p).sum(axis=1) / truth.visits.sum()
    return float(lacking.sum()), float(mass)
