"""Does the risk depend on the sample size as it did at generation 1?

For a risk that falls like n^-a the change of the exponent a between generations 1 and t, from
sample size n_1 to n_2, is -S with

    S = [log(r_t(n_2) / r_1(n_2)) - log(r_t(n_1) / r_1(n_1))] / log(n_2 / n_1).

Exact expectations give S exactly. Runs of the two sizes are paired in their order, which makes
independent pairs, and S of a pair is held against -margin and margin by exact sign tests: nothing
is fitted, resampled or approximated. The claim is about the median S.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, whole
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.diagnosis.answer import Answer, Word
from modelcollapse.diagnosis.columns import Columns
from modelcollapse.diagnosis.comparing import sign_test
from modelcollapse.diagnosis.reading import read
from modelcollapse.diagnosis.record import Record
from modelcollapse.diagnosis.tested import Outcome
from modelcollapse.diagnosis.theory import Theory
from modelcollapse.loop.identity import described

ROUNDING = 1e-8  # of a slope: relative errors of 1e-9 in each of four exact values

NEEDED = (
    "the risk at several sample sizes: scaling={100: one, 1000: another}, each with many runs or "
    "exact expectations"
)


@dataclass(frozen=True, eq=False)
class Sizes:
    """The trajectories of the smallest and the largest sample size."""

    small: int
    large: int
    first: Record
    last: Record

    @property
    def step(self) -> float:
        """The logarithm of the ratio of the sizes."""
        return float(np.log(self.large / self.small))


def read_sizes(scaling: Any, workflow: str | None, columns: Columns | None = None) -> Sizes | None:
    """Return the trajectories at the smallest and the largest sample size.

    Raises
    ------
    InvalidInput
        If there are fewer than two sizes, or two experiments differ in more than their samples.
    """
    if scaling is None:
        return None
    pairs = list(scaling.items()) if isinstance(scaling, Mapping) else scaling
    proper = isinstance(pairs, Sequence) and not isinstance(pairs, str)
    if not proper or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise invalid("scaling", scaling, "give {samples: trajectory, ...} or a list of such pairs")
    found = {whole("scaling", size): trajectory for size, trajectory in pairs}
    if len(found) < 2 or len(found) < len(pairs):
        raise InvalidInput(
            f"scaling has the sample sizes {[pair[0] for pair in pairs]}: give at least two, each "
            "once"
        )
    small, large = min(found), max(found)
    records = [_read(found[size], workflow, columns) for size in (small, large)]
    for size, record in zip((small, large), records, strict=True):
        _check_size(size, record)
    _check_alike(*records)
    return Sizes(small, large, *records)


def _read(trajectory: Any, workflow: str | None, columns: Columns | None) -> Record:
    several = isinstance(trajectory, str) or hasattr(trajectory, "__fspath__")
    return read(trajectory, workflow if several else None, columns=columns if several else None)


def _check_alike(one: Record, other: Record) -> None:
    a, b = one.experiment, other.experiment
    if a is None or b is None:
        return
    both = min(a.generations, b.generations)
    told = [described(replace(e, generations=both)) for e in (a, b)]
    for name in ("model", "workflow", "sampling", "truth"):
        values = [data[name] for data in told]
        if values[0] != values[1]:
            raise InvalidInput(
                f"scaling: one trajectory has {name} = {values[0]!r} and another "
                f"{values[1]!r}; they may differ in samples only"
            )


def _check_size(size: int, record: Record) -> None:
    e = record.experiment
    if e is not None and int(e.sizes[0]) != size:
        raise InvalidInput(
            f"scaling: the trajectory given for {size} samples has {int(e.sizes[0])} in batch 1; "
            "name it by that"
        )


def change(sizes: Sizes | None, metric: str, margin: float, alpha: float) -> Answer:
    """Return whether the risk's dependence on the sample size changes after generation 1.

    Parameters
    ----------
    sizes
        Trajectories of two sample sizes, or None.
    metric
        The risk's column.
    margin
        The largest change of the exponent that counts as none.
    alpha
        The largest probability of a wrong verdict.
    """
    if sizes is None:
        reason = "one trajectory has one sample size: its risk says nothing of another"
        return Answer("undetermined", reason=reason, needed=NEEDED)
    if (answer := _proved(sizes, metric, margin)) is not None:
        return answer
    for record in (sizes.first, sizes.last):
        if metric not in record.columns:
            reason = f"{record.source} does not record it"
            return Answer("undetermined", metric=metric, reason=reason, needed=NEEDED)
    one, other = (record.series(metric) for record in (sizes.first, sizes.last))
    shared = np.intersect1d(one.generations, other.generations)
    if len(shared) < 2:
        reason = "the trajectories share no two generations, the first among them"
        return Answer("undetermined", metric=metric, reason=reason, needed=NEEDED)
    small = one.values[:, np.isin(one.generations, shared)]
    large = other.values[:, np.isin(other.generations, shared)]
    if not all(np.all((x > 0) & np.isfinite(x)) for x in (small, large)):
        reason = "the risk is not positive and finite everywhere, so it has no power law"
        return Answer("undetermined", metric=metric, reason=reason, needed="such a risk")
    runs = min(len(small), len(large))
    slopes = _slopes(small[:runs], large[:runs], sizes.step)
    # Rounding decides nothing: each of four logarithms x, and of the differences of them, is wrong
    # by at most eps |x| and eps/2 of its result, and by eps more where its number is rounded.
    largest = max(float(np.abs(np.log(x)).max()) for x in (small, large))
    rounding = float(np.finfo(np.float64).eps) * (8 * largest + 4) / sizes.step
    return _tested(sizes, metric, slopes, shared, (margin, margin + rounding), alpha)


def _proved(sizes: Sizes, metric: str, margin: float) -> Answer | None:
    one, other = (
        Theory(record.experiment).expected(metric) for record in (sizes.first, sizes.last)
    )
    if one is None or other is None:
        return None
    last = min(len(one), len(other))
    small, large = one[None, :last], other[None, :last]
    if not all(np.all((x > 0) & np.isfinite(x)) for x in (small, large)):
        return None
    slopes = _slopes(small, large, sizes.step)[0]
    t = int(np.argmax(np.abs(slopes)))
    first = float(np.log(small[0, 0] / large[0, 0]) / sizes.step)
    changed = abs(float(slopes[t])) > margin + ROUNDING
    word: Word = "holds" if changed else "does not hold"
    move = f"from {first:.5g} to {first - float(slopes[t]):.5g} at generation {t + 2}"
    return Answer(
        word,
        "theorem",
        metric,
        f"exponent of the exact expectation between {sizes.small} and {sizes.large} samples: "
        f"{move}",
        f"a change of more than {margin:.5g}: both are exact, so no test is needed",
        f"the exponent goes {move}" if changed else f"the exponent stays: {move} at most",
    )


def _slopes(small: Floats, large: Floats, step: float) -> Floats:
    """Return S of each pair of runs, shape (runs, later generations)."""
    ratio = np.log(large[:, 1:]) - np.log(large[:, :1])
    return np.asarray((ratio - (np.log(small[:, 1:]) - np.log(small[:, :1]))) / step)


def _tested(
    sizes: Sizes,
    metric: str,
    slopes: Floats,
    generations: Any,
    margins: tuple[float, float],
    alpha: float,
) -> Answer:
    """Test the slopes; `margins` are the margin, and the margin with what may be rounding."""
    margin, bar = margins
    n = len(slopes)
    middle = np.quantile(slopes, 0.5, axis=0, method="inverted_cdf")
    t = int(np.argmax(np.abs(middle)))
    pairs = f"median of {n} pairs of runs" if n > 1 else "one pair of runs"
    statistic = (
        f"the exponent changes by {0.0 - middle[t]:+.5g} ({pairs}) at generation "
        f"{generations[t + 1]}, between {sizes.small} and {sizes.large} samples"
    )
    sides = [sign_test(slopes > bar, alpha / 2), sign_test(slopes < -bar, alpha / 2)]
    if n == 1:
        reason = "one run of each size shows its own numbers, not what chance does to others"
        need = f"at least {sides[0].least[0]:.0f} runs of each size"
        return Answer(
            "undetermined", metric=metric, statistic=statistic, reason=reason, needed=need
        )
    shown = next((side for side in sides if side.verdict == "holds"), None)
    word: Word = "undetermined"
    nearer = shown or max(sides, key=lambda side: side.statistic)
    if shown is not None:
        word = "holds"
    elif all(side.verdict == "does not hold" for side in sides):
        word = "does not hold"
    return Answer(
        word,
        "" if word == "undetermined" else "test",
        metric,
        statistic,
        f"a median change of more than {margin:.5g}; on both sides, each at half of alpha: "
        f"{sides[0].method}",
        {
            "holds": "the ratio of the risk to generation 1's depends on the sample size",
            "does not hold": f"the exponent's median change is within {margin:.5g} throughout",
            "undetermined": "the exponent's change is not shown to be above or within the margin",
        }[word],
        needed="" if word != "undetermined" else _wanted(nearer, margin),
        null=f"at no later generation is the exponent's change beyond {margin:.5g} on one side in "
        "more than half of all such pairs",
        p_value=min(1.0, 2 * min(side.p_value for side in sides)),
        opposite=min(1.0, 2 * max(side.opposite for side in sides)),
        evidence=nearer.evidence,
    )


def _wanted(open_side: Outcome, margin: float) -> str:
    more = open_side.wanted("runs of each size") or "more runs of each size"
    if margin > 0:
        return more
    return f"{more}; or a margin above 0: no data can show that nothing changes at all"
