"""What is measured of fits that are tables, against the truth, replicates first."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.markov.contexts import options
from modelcollapse.families.markov.truth import Language

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

NAMES = ("excess", "absent", "missing_mass", "squared_error", "collapsed", "length")


def names(e: "Experiment") -> tuple[str, ...]:
    """Return the quantities that there are: a fit's texts are as long as its training texts.

    Where neither smoothing nor fixed contexts break the balance of what comes to a context and
    what leaves it.
    """
    lengths = e.model.contexts == "random" and e.model.smoothing == 0
    return NAMES if lengths else NAMES[:-1]


class Known(NamedTuple):
    """What the measures ask of a truth.

    Attributes
    ----------
    contexts
        For each context the expected visits of a text, sum p log p, sum p^2 and the number of
        outcomes, shape (contexts, 4).
    unseen
        The number of possible transitions, and what contexts that are never seen contribute to
        the excess, the missing mass and the squared error; then the units of the last two: the
        transitions of a text, and the sum of the visits times 1 - sum p^2.
    """

    contexts: Floats
    unseen: Floats


def known(truth: Language, smoothing: float) -> Known:
    """Return what `measured` and the kernels ask of a truth."""
    p, visits = truth.probabilities, truth.visits
    outcomes = options(truth.words, len(p))
    surprise = (p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1)
    squares = (p**2).sum(axis=1)
    uniform = smoothing > 0
    unseen = [
        truth.possible,
        float(visits @ (surprise + np.log(outcomes))) if uniform else 0.0,
        float(visits.sum()),
        float(visits @ (squares - (1 / outcomes if uniform else 0.0))),
        float(visits.sum()),
        float(visits @ (p * (1 - p)).sum(axis=1)),
    ]
    contexts = np.stack([visits, surprise, squares, outcomes], axis=1)
    return Known(contexts, np.array(unseen, dtype=np.float64))


def excess(truth: Language, fits: Floats) -> Floats:
    """Return the expected excess log-loss per text of fits, (count, contexts, K + 1): (count,).

    The divergence of each context as a sum of p (x - log(1 + x)), with x = q/p - 1, in which
    nothing cancels, and of what the fit gives to what is impossible.
    """
    p, there = truth.probabilities, truth.probabilities > 0
    with np.errstate(divide="ignore"):
        x = np.where(there, fits / np.where(there, p, 1.0) - 1, 0.0)
        each = np.where(there, p * (x - np.log1p(x)), fits).sum(axis=2)
        return np.asarray(np.where(truth.visits > 0, truth.visits * each, 0.0).sum(axis=1))


def measured(truth: Language, fits: Floats, flows: Floats | None = None) -> Floats:
    """Return `NAMES` of fits: shape (count, 6), or (count, 5) without the lengths.

    Parameters
    ----------
    truth
        The real language.
    fits
        Shape (count, contexts, K + 1); a context without a fit has zeros.
    flows
        How often a training text had each transition, shaped as the fits; or None.
    """
    p, expected = truth.probabilities, truth.visits
    here = (p > 0) & (expected[:, None] > 0)
    lost = here & (fits == 0)
    error = ((fits - p) ** 2).sum(axis=2) @ expected
    columns = [
        excess(truth, fits),
        lost.sum(axis=(1, 2)),
        np.where(lost, p, 0.0).sum(axis=2) @ expected / expected.sum(),
        error / float(expected @ (p * (1 - p)).sum(axis=1)),
        ((fits > 0).sum(axis=2) <= 1).all(axis=1),
    ]
    if flows is not None:  # no text is shorter than a word, whatever rounding says
        columns.append(np.maximum(flows[..., :-1].sum(axis=(1, 2)), 1.0))
    return np.stack(columns, axis=1).astype(np.float64)
