"""Which of two trained models is better on real rows: a paired comparison with a finite sample.

Both models are judged on the same held-out rows, so the difference of their losses varies from row
to row far less than either loss. Differences are clipped: a row on which one model gives more than
e^5 = 148 times the probability of the other counts as much as one with just that. So they are
bounded, and Maurer and Pontil's empirical Bernstein bound gives an interval that holds at every
number of rows. (Clipping the losses instead bounds the differences too, but an order of magnitude
wider, so that it takes ten times the rows to decide anything.)

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
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from modelcollapse._support.checks import Floats, positive, reals
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.words import many
from modelcollapse.evidence.bounded import bernstein_mean
from modelcollapse.language.results import Results

ALPHA = 1e-9
CLIP = 5.0  # nats per row
LARGEST = 1e300  # stands for an infinite loss
INFINITE = 1e200  # no mean of finite losses is as large
Verdict = Literal["first worse", "second worse", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The mean clipped difference of two models' losses on a row: first less second, in nats.

    Attributes
    ----------
    difference
        The mean difference over the held-out rows, nothing clipped.
    mean
        The mean clipped difference.
    low, high
        They enclose the expected clipped difference on a new row, with probability at least
        1 - alpha.
    rows
        The number of held-out rows.
    clip
        Larger differences count as much.
    clipped
        The number of rows with a larger difference.
    alpha
        The probability that the interval is wrong, at most.
    """

    difference: float
    mean: float
    low: float
    high: float
    rows: int
    clip: float
    clipped: int
    alpha: float

    @property
    def verdict(self) -> Verdict:
        """Which model is worse, by the expected clipped difference, if that is certain."""
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

    def __str__(self) -> str:
        found = self.comparison
        worse = {"first worse": self.first, "second worse": self.second}.get(found.verdict)
        rows = many(found.rows, "held-out row")
        outcome = f"{worse} is worse" if worse else f"undecided on {rows}"
        return (
            f"seed {self.seed}, generation {self.generation}: {self.first} less {self.second}: "
            f"{_nats(found.difference)} nats per row; {found.mean:.3f} with each row clipped to "
            f"{found.clip:g} ({found.clipped} of {found.rows} are), within {found.low:.3f} to "
            f"{found.high:.3f} but for probability {found.alpha:g}: {outcome}"
        )


def compare(first: Any, second: Any, clip: float = CLIP, alpha: float = ALPHA) -> Comparison:
    """Compare two trained models on the same held-out rows.

    Parameters
    ----------
    first, second
        The loss of each held-out row in nats, -log p, shape (rows,). Two infinite ones are equal.
    clip
        Differences are clipped to [-clip, clip]. It must not depend on the losses.
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
    exact = a - b
    differences = np.clip(exact, -bound, bound)
    evidence = bernstein_mean(differences, 0.0, -bound, bound, alpha=alpha)
    mean = float(differences.mean())
    with np.errstate(over="ignore"):
        difference = float(exact.mean())
    return Comparison(
        difference=difference,
        mean=mean,
        low=max(-bound, mean - evidence.threshold),
        high=min(bound, mean + evidence.threshold),
        rows=len(a),
        clip=bound,
        clipped=int(np.count_nonzero(np.abs(exact) > bound)),
        alpha=alpha,
    )


def compare_workflows(results: Results, *, clip: float = CLIP, alpha: float = ALPHA) -> list[Pair]:
    """Compare all pairs of workflows, seed by seed, in the last generation that all have finished.

    Parameters
    ----------
    results
        The run.
    clip, alpha
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
        pairs += [
            Pair(
                seed=seed,
                generation=t,
                first=first,
                second=second,
                comparison=compare(nats[first], nats[second], clip, alpha),
            )
            for first, second in combinations(present, 2)
        ]
    return pairs


def _nats(difference: float) -> str:
    """Return a mean difference; one that infinite losses have made is infinite."""
    shown = difference if abs(difference) < INFINITE else math.copysign(math.inf, difference)
    return f"{shown:.3f}"


def _losses(name: str, value: Any) -> Floats:
    """Return losses of shape (rows,), none of them NaN, at least two."""
    array = reals(name, value, "give one loss in nats per row")
    if array.ndim != 1 or len(array) < 2:
        raise invalid(name, f"array of shape {array.shape}", "give one loss per row, two or more")
    if np.isnan(array).any():
        raise invalid(name, "NaN", f"{np.isnan(array).sum()} of the losses are no numbers")
    return np.clip(array, -LARGEST, LARGEST)
