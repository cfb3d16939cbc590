"""Which of two trained models is better on real rows, and which of two workflows.

Two models are judged on the same held-out rows, so the difference of their losses varies from row
to row far less than either loss. Two exact statements are made of it, each with half of alpha:

most rows   Of the rows on which the losses differ, how many are worse under the first model: a sign
            test, which needs no bounds and no clip. It is about the typical row.
mean        The mean difference per token of a row, clipped: a row on which one model gives more
            than e^clip times the probability of the other *per token* counts as much as one with
            just that. An interval by betting holds at every number of rows (Waudby-Smith and
            Ramdas 2024; see `modelcollapse.evidence.betting`); where differences are small it is
            as short as their own spread allows, whatever the clip.

The first model is worse if one of the two says so and the other does not say the opposite.

What it is a statement about: two models, as trained, and the distribution that the held-out rows
were drawn from (of rows short enough for the run). Trained again with another seed, a workflow
gives another model. What is said of workflows is said across seeds: of each seed's mean clipped
difference, generation by generation, by the signs of the seeds where so many could decide, and
else by the signs of all steps from a generation to the next (`modelcollapse.evidence.symmetry`),
under the null hypothesis that either workflow is as likely to gain in each.

When it is valid: the held-out rows are independent draws, and neither models nor clip depend on
them. So it is for a grammar. Of a finite data set held-out rows are drawn at random *without
replacement*, so the statement is about the distribution that the data set itself is an
independent sample of.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from modelcollapse._support.checks import Floats, fraction, positive, reals
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.words import many
from modelcollapse.evidence.betting import lower_bound
from modelcollapse.evidence.signs import Median, at_least, fewest_coins, median
from modelcollapse.evidence.symmetry import directions
from modelcollapse.language.results import Results

ALPHA = 0.05
CLIP = 1.0  # nats per token of a row
LARGEST = 1e300  # stands for an infinite loss
INFINITE = 1e200  # no mean of finite losses is as large
Verdict = Literal["first worse", "second worse", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The difference of two models' losses on the same rows: first less second.

    Attributes
    ----------
    difference
        The mean difference over the held-out rows, in nats per row, nothing clipped.
    median, median_low, median_high, confidence
        That of the median row, in nats, with an exact interval and its confidence.
    worse, better
        The numbers of rows on which the first model is worse, and better.
    p_value
        Of the null hypothesis that, where they differ, either is as likely to be worse.
    mean, low, high
        The mean clipped difference, in nats per token of a row (per row where no numbers of
        tokens are known). The ends enclose its expectation on a new row, with probability at least
        1 - alpha/2.
    rows
        The number of held-out rows.
    clip, clipped
        Larger differences count as much; the number of rows with one.
    unit
        "token" or "row": what `mean` and `clip` are per.
    alpha
        The probability that the verdict is wrong, at most.
    """

    difference: float
    median: float
    median_low: float
    median_high: float
    confidence: float
    worse: int
    better: int
    p_value: float
    mean: float
    low: float
    high: float
    rows: int
    clip: float
    clipped: int
    unit: str
    alpha: float

    @property
    def verdict(self) -> Verdict:
        """Which model is worse, on most rows or in the mean, if that is certain."""
        found = set()
        if self.p_value <= self.alpha / 2:
            found.add(self.worse > self.better)
        if self.low > 0 or self.high < 0:
            found.add(self.low > 0)
        if len(found) != 1:
            return "undecided"
        return "first worse" if found.pop() else "second worse"

    def __str__(self) -> str:
        level = f"{100 * (1 - self.alpha / 2):.6g} %"
        return (
            f"{_nats(self.difference)} nats per row, worse on {self.worse} and better on "
            f"{self.better} of {many(self.rows, 'held-out row')} (p = {self.p_value:.2g}); mean "
            f"{self.mean:.4f} nats per {self.unit} (within {self.low:.4f} to {self.high:.4f} at "
            f"{level}), clipped to {self.clip:g} on {many(self.clipped, 'row')}"
        )


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
        outcome = _worse(self.comparison.verdict, self.first, self.second)
        return (
            f"seed {self.seed}, generation {self.generation}: {self.first} less {self.second}: "
            f"{self.comparison}: {outcome}"
        )


@dataclass(frozen=True, kw_only=True)
class Across:
    """Two workflows compared across seeds: what is said of them, and not of some models.

    Attributes
    ----------
    first, second
        The names of the workflows.
    seeds, generations
        The seeds, and the generations that all of them have, of both workflows.
    differences
        The mean clipped difference of each seed at each generation, shape (seeds, generations).
    effect
        The median over seeds at the last generation, with its interval and confidence.
    test
        "signs of seeds", or "steps" where so few seeds could not decide by their signs.
    p_value
        Of the null hypothesis that either workflow is as likely to be worse, two-sided: in each
        seed, or in each step from a generation to the next.
    unit, alpha
        What the differences are per, and the level.
    """

    first: str
    second: str
    seeds: tuple[int, ...]
    generations: tuple[int, ...]
    differences: Floats
    effect: Median
    test: str
    p_value: float
    unit: str
    alpha: float

    @property
    def verdict(self) -> Verdict:
        """Which workflow is worse, if that is certain at alpha."""
        if self.p_value > self.alpha:
            return "undecided"
        last = self.differences[:, -1]
        signs = np.sign(last) if self.test != "steps" else last
        return "first worse" if signs.sum() > 0 else "second worse"

    def __str__(self) -> str:
        seeds, found = len(self.seeds), self.effect
        worse = int((self.differences[:, -1] > 0).sum())
        outcome = _worse(self.verdict, self.first, self.second)
        return (
            f"across {many(seeds, 'seed')}, generation {self.generations[-1]}: {self.first} less "
            f"{self.second}: median {found.middle:.4f} nats per {self.unit} "
            f"({100 * found.confidence:.4g} % interval {found.low:.4f} to {found.high:.4f}), above "
            f"0 in {worse} of {seeds}; p = {self.p_value:.2g} by the {self.test}, if the workflows "
            f"are alike: {outcome}"
        )


def compare(
    first: Any, second: Any, tokens: Any = None, clip: float = CLIP, alpha: float = ALPHA
) -> Comparison:
    """Compare two trained models on the same held-out rows.

    Parameters
    ----------
    first, second
        The loss of each held-out row in nats, -log p, shape (rows,). Two infinite ones are equal.
    tokens
        The number of tokens of each row, shape (rows,); None: a row counts as one.
    clip
        Differences per token are clipped to [-clip, clip]. It must not depend on the losses.
    alpha
        The probability, over the draw of the rows, that the verdict is wrong.

    Returns
    -------
    Comparison
        The sizes, both tests and the verdict.

    Raises
    ------
    InvalidInput
        If the losses are not numbers, or not of the same two or more rows, or a row has no token.

    References
    ----------
    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", Journal of
    the Royal Statistical Society B 86(1), 2024.
    """
    bound, alpha = positive("clip", clip), fraction("alpha", alpha)
    a, b = _losses("first", first), _losses("second", second)
    if len(a) != len(b):
        raise InvalidInput(
            f"first has {len(a)} rows and second has {len(b)}: give losses of the same rows"
        )
    exact = a - b
    rates = exact if tokens is None else exact / _lengths(tokens, len(a))
    differences = np.clip(rates, -bound, bound)
    worse, better = int((exact > 0).sum()), int((exact < 0).sum())
    p = float(2 * at_least(max(worse, better), worse + better))
    # A quarter of alpha for each end, as the sign test has half of it.
    log_level = math.log(4) - math.log(alpha)
    with np.errstate(over="ignore"):
        difference = float(exact.mean())
    middle = median(exact, alpha)
    return Comparison(
        difference=difference,
        median=middle.middle,
        median_low=middle.low,
        median_high=middle.high,
        confidence=middle.confidence,
        worse=worse,
        better=better,
        p_value=min(1.0, p),
        mean=float(differences.mean()),
        low=lower_bound(differences, bound, log_level),
        high=-lower_bound(-differences, bound, log_level),
        rows=len(a),
        clip=bound,
        clipped=int(np.count_nonzero(np.abs(rates) > bound)),
        unit="row" if tokens is None else "token",
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
        finished = {workflow: _finished(results, workflow, seed) for workflow in results.workflows}
        present = [workflow for workflow, ts in finished.items() if ts]
        common = set.intersection(*(finished[workflow] for workflow in present))
        if len(present) < 2 or not common:
            continue
        t = max(common)
        pairs += [
            Pair(
                seed=seed,
                generation=t,
                first=first,
                second=second,
                comparison=_compared(results, (first, second), seed, t, clip, alpha),
            )
            for first, second in combinations(present, 2)
        ]
    return pairs


def compare_across_seeds(
    results: Results, *, clip: float = CLIP, alpha: float = ALPHA
) -> list[Across]:
    """Compare all pairs of workflows across seeds, over the generations that all of them have.

    Parameters
    ----------
    results
        The run.
    clip
        Of the differences, in nats per token of a row.
    alpha
        The probability, over the draw of seeds, that a verdict is wrong.

    Returns
    -------
    list of Across
        Pairs with fewer than two seeds, or with generation 1 alone, are left out.
    """
    found = []
    for first, second in combinations(results.workflows, 2):
        both = {
            seed: _finished(results, first, seed) & _finished(results, second, seed)
            for seed in results.seeds
        }
        seeds = tuple(seed for seed, ts in both.items() if ts)
        if len(seeds) < 2:
            continue
        ts = tuple(sorted(set.intersection(*(both[seed] for seed in seeds))))
        if len(ts) < 2:
            continue
        cells = [
            [_compared(results, (first, second), seed, t, clip, alpha) for t in ts]
            for seed in seeds
        ]
        differences = np.array([[cell.mean for cell in row] for row in cells])
        test, p = _signs(differences, alpha)
        found.append(
            Across(
                first=first,
                second=second,
                seeds=seeds,
                generations=ts,
                differences=differences,
                effect=median(differences[:, -1], alpha),
                test=test,
                p_value=p,
                unit=cells[0][0].unit,
                alpha=alpha,
            )
        )
    return found


def _signs(differences: Floats, alpha: float) -> tuple[str, float]:
    """Return which test of alike workflows, by the numbers of seeds alone, and its p-value."""
    last = differences[:, -1]
    if len(last) >= fewest_coins(alpha / 2):
        more, fewer = int((last > 0).sum()), int((last < 0).sum())
        return "signs of seeds", min(1.0, float(2 * at_least(max(more, fewer), more + fewer)))
    return "steps", min(1.0, 2 * min(directions(np.diff(differences, axis=1))))


def _finished(results: Results, workflow: str, seed: int) -> set[int]:
    return {t for name, s, t in results.records if (name, s) == (workflow, seed)}


def _compared(
    results: Results, pair: Sequence[str], seed: int, t: int, clip: float, alpha: float
) -> Comparison:
    first, second = (results.nats(workflow, seed, t) for workflow in pair)
    return compare(first, second, results.tokens(pair[0], seed, t), clip, alpha)


def _worse(verdict: Verdict, first: str, second: str) -> str:
    worse = {"first worse": first, "second worse": second}.get(verdict)
    return f"{worse} is worse" if worse else "undecided"


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


def _lengths(value: Any, rows: int) -> Floats:
    array = reals("tokens", value, "give the number of tokens of each row")
    if array.shape != (rows,) or not (array > 0).all():
        raise invalid("tokens", f"array of shape {array.shape}", f"give {rows} numbers above 0")
    return array
