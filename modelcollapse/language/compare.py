"""Which of two trained models is better on real rows: a paired comparison with a finite sample.

Both models are judged on the same held-out rows, so the difference of their losses varies from row
to row far less than either loss. Losses are clipped, which bounds the differences, and Maurer and
Pontil's empirical Bernstein bound then gives an interval that holds at every number of rows.

What it is a statement about: two models, as trained, and the distribution that the held-out rows
were drawn from (of rows short enough for the run). Trained again with another seed, a workflow
gives another model: nothing is said of workflows in general.

When it is valid: the held-out rows are independent draws, and neither models nor clip depend on
them. So it is for a grammar. Of a finite data set held-out rows are drawn at random *without
replacement*. For Hoeffding's bound that does no harm (Hoeffding, Journal of the American
Statistical Association 58, 1963, section 6), but Maurer and Pontil's is proved for independent
rows. For a finite data set the statement is therefore about the distribution that the data set
itself is an independent sample of.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from modelcollapse.checks import Floats, positive
from modelcollapse.errors import InvalidInput, invalid
from modelcollapse.evidence.bounded import bernstein_mean
from modelcollapse.language.results import Results

ALPHA = 1e-9
CLIP_FACTOR = 2  # times the surprisal of a row under word frequencies
Verdict = Literal["first worse", "second worse", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The mean difference of two models' clipped losses on a real row, in nats: first less second.

    Attributes
    ----------
    mean
        Over the held-out rows.
    low, high
        They enclose the expected difference on a new row with probability at least 1 - alpha.
    rows
        The number of held-out rows.
    clip
        Losses above it count as much.
    clipped
        The number of rows on which a loss was above it.
    alpha
        The probability that the interval is wrong, at most.
    """

    mean: float
    low: float
    high: float
    rows: int
    clip: float
    clipped: int
    alpha: float

    @property
    def verdict(self) -> Verdict:
        """Which model has the higher expected clipped loss, if that is certain enough."""
        if self.low > 0:
            return "first worse"
        return "second worse" if self.high < 0 else "undecided"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two workflows' models of one seed and generation, compared.

    Attributes
    ----------
    seed, generation
        Of the two models.
    first, second
        The names of the workflows.
    comparison
        The outcome.
    """

    seed: int
    generation: int
    first: str
    second: str
    comparison: Comparison


def compare(first: Any, second: Any, clip: float, alpha: float = ALPHA) -> Comparison:
    """Compare two trained models on the same held-out rows.

    Parameters
    ----------
    first, second
        The loss of each held-out row in nats, -log p, shape (rows,). Infinite ones are clipped.
    clip
        Losses are clipped to [0, clip], so that differences lie in [-clip, clip]. It must not
        depend on the losses.
    alpha
        The probability, over the draw of the rows, that the interval misses the expected
        difference. The intervals of k comparisons hold together with probability 1 - k alpha.

    Returns
    -------
    Comparison
        The interval is the mean, plus and minus sqrt(2 V L/n) + 14 clip L/(3 (n - 1)) with V the
        sample variance of the differences and L = log(3/alpha): see
        `modelcollapse.evidence.bernstein_mean`.

    Raises
    ------
    InvalidInput
        If the losses are not numbers, or not of the same two or more rows.

    References
    ----------
    Maurer and Pontil, "Empirical Bernstein bounds and sample variance penalization", COLT 2009,
    Theorem 4.
    """
    bound = positive("clip", clip)
    a, b = _losses("first", first), _losses("second", second)
    if len(a) != len(b):
        raise InvalidInput(
            f"first has {len(a)} rows and second has {len(b)}: give losses of the same rows"
        )
    differences = np.clip(a, 0, bound) - np.clip(b, 0, bound)
    evidence = bernstein_mean(differences, 0.0, -bound, bound, alpha=alpha)
    mean = float(differences.mean())
    return Comparison(
        mean=mean,
        low=max(-bound, mean - evidence.threshold),
        high=min(bound, mean + evidence.threshold),
        rows=len(a),
        clip=bound,
        clipped=int(np.count_nonzero((a > bound) | (b > bound))),
        alpha=alpha,
    )


def default_clip(texts: Sequence[str]) -> float:
    """Return a clip that does not depend on any held-out row: twice what a crude model needs.

    Parameters
    ----------
    texts
        The real training rows (batch 1) as text.

    Returns
    -------
    float
        Twice the mean over the texts of their surprisal, in nats, under the frequencies of words
        in them. Each word is counted once more, and so is one word that never occurs. Words are
        what white space separates. A model that has learned anything is mostly far below it.
    """
    words = [text.split() for text in texts]
    counts = Counter(word for row in words for word in row)
    if not counts:
        raise invalid("texts", list(texts), "give at least one text with a word")
    total = counts.total() + len(counts) + 1
    surprisal = (n * math.log(total / (n + 1)) for n in counts.values())
    return CLIP_FACTOR * math.fsum(surprisal) / len(words)


def compare_workflows(
    results: Results, *, clip: float | None = None, alpha: float = ALPHA
) -> list[Pair]:
    """Compare all pairs of workflows, seed by seed, in the last generation that all have finished.

    Parameters
    ----------
    results
        The run.
    clip
        As in `compare`; by default `default_clip` of the seed's batch 1.
    alpha
        Of each comparison.

    Returns
    -------
    list of Pair
        Workflows that have no generation of a seed are left out there. Nothing is decided where
        only the shared generation 1 is finished: it is one model.
    """
    pairs: list[Pair] = []
    for seed in results.seeds:
        finished = {
            workflow: {t for name, s, t in results.records if (name, s) == (workflow, seed)}
            for workflow in results.workflows
        }
        present = [workflow for workflow, ts in finished.items() if ts]
        common = set.intersection(*(finished[workflow] for workflow in present))
        if len(present) < 2 or not common:
            continue
        t = max(common)
        nats = {workflow: results.nats(workflow, seed, t) for workflow in present}
        bound = clip
        if bound is None:
            bound = default_clip([results.template.write(row) for row in results.real(seed)])
        pairs += [
            Pair(
                seed=seed,
                generation=t,
                first=first,
                second=second,
                comparison=compare(nats[first], nats[second], bound, alpha),
            )
            for first, second in combinations(present, 2)
        ]
    return pairs


def _losses(name: str, value: Any) -> Floats:
    """Return losses of shape (rows,), none of them NaN, at least two."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise invalid(name, value, "give one loss in nats per row") from error
    if array.ndim != 1 or len(array) < 2:
        raise invalid(name, f"array of shape {array.shape}", "give one loss per row, two or more")
    if np.isnan(array).any():
        raise invalid(name, "NaN", f"{np.isnan(array).sum()} of the losses are no numbers")
    return array
