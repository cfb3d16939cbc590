"""What the data of runs, held-out rows or samples say of a quantity."""

import math
from dataclasses import replace

import numpy as np

from modelcollapse._support.words import many
from modelcollapse.diagnosis.answer import Answer
from modelcollapse.diagnosis.bars import Bar, above
from modelcollapse.diagnosis.bars import became_infinite as now_infinite
from modelcollapse.diagnosis.case import Case
from modelcollapse.diagnosis.comparing import (
    betting_test,
    paired_test,
    shares_test,
    sign_test,
    steps_test,
)
from modelcollapse.diagnosis.record import Series, lacking
from modelcollapse.diagnosis.roles import Metric
from modelcollapse.diagnosis.tested import Outcome
from modelcollapse.evidence.betting import LARGEST_LOG


def held(case: Case, metric: Metric, bar: Bar, *, bounded: bool) -> Answer:
    """Return the answer of the data."""
    if not case.recorded(metric):
        return _open(metric, "it is not recorded, and its expectation has no closed form")
    series = case.record.series(metric.name)
    if len(series.generations) < 2:
        return _open(metric, lacking(case.record, metric.name))
    if (answer := became_infinite(metric, series)) is not None:
        return answer
    if metric.name in case.record.rows and metric.sign > 0:
        return _rows(case, metric, bar, series.numbers(metric.sign))
    if metric.name in case.record.counts and bar.plain:
        found = _counted(case, metric, series)
        if found is not None:
            return found
    return runs(case, metric, bar, series, bounded=bounded)


def _open(metric: Metric, reason: str) -> Answer:
    return Answer(
        "undetermined",
        metric=str(metric),
        reason=reason,
        needed="the column in every run, or the table without the runs that lack it",
    )


def became_infinite(metric: Metric, series: Series) -> Answer | None:
    """Return the answer where a finite value has become infinite, which no test is needed for."""
    counts = now_infinite(metric.sign * series.values)
    if not counts.any():
        return None
    j = int(np.flatnonzero(counts)[0])
    t, where = series.generations[j + 1], f"{counts[j]} of {many(series.runs, 'run')}"
    return Answer(
        "holds",
        "fact",
        str(metric),
        f"infinite at generation {t} in {where}; {series.numbers(metric.sign)}",
        "an infinite value is above every bar",
        f"it becomes infinite at generation {t}",
    )


def _rows(case: Case, metric: Metric, bar: Bar, shown: str) -> Answer:
    """Return the answer of the losses of held-out rows, which are independent given the models."""
    outcome = sign_test(above(case.record.rows[metric.name]().T, bar), case.alpha)
    t, text = case.record.generations[outcome.best + 1], bar.text(case.first)
    return answer(
        outcome,
        metric,
        f"above {text} for {outcome.counted('held-out row')} at generation {t}; {shown}",
        f"half of the rows: {outcome.method}; the claim is about the median row of these runs",
        _reason(outcome, bar, case.first, int(t), "held-out row"),
        f"at no later generation are more than half of all rows above {text}, for these models",
        "held-out rows",
        int(t),
    )


def answer(
    outcome: Outcome,
    metric: Metric,
    statistic: str,
    threshold: str,
    reason: str,
    null: str,
    nouns: str,
    at: int | None = None,
) -> Answer:
    """Return the answer of a test, with its sentences; `at` is the generation that it is of."""
    e = None if outcome.log_e is None else math.exp(min(outcome.log_e, LARGEST_LOG))
    return Answer(
        outcome.verdict,
        "test" if outcome.done else "",
        str(metric),
        statistic,
        threshold,
        reason,
        outcome.wanted(nouns),
        null,
        outcome.p_value,
        outcome.opposite,
        e,
        at,
        outcome.evidence,
    )


def _counted(case: Case, metric: Metric, series: Series) -> Answer | None:
    """Return the answer of the numbers of samples behind a share."""
    successes, trials = case.record.counts[metric.name]()
    kept = np.isin(case.record.generations, series.generations)
    successes, trials = successes[:, kept], trials[:, kept]
    outcome = shares_test(trials - successes if metric.sign < 0 else successes, trials, case.alpha)
    if outcome is None:
        return None
    t = int(series.generations[outcome.best + 1])
    share = f"the share of samples that are {'not ' * (metric.sign < 0)}{metric.name}"
    least = " where it rises least" * (series.runs > 1)
    reasons = {
        "holds": f"{share} is larger at generation {t} in every run",
        "does not hold": f"{share} is smaller at every later generation in every run",
        "undetermined": f"{share} is not shown to be larger or smaller in every run",
    }
    return answer(
        outcome,
        metric,
        f"{share} moves by {outcome.statistic:+.4g} to generation {t} in the run{least}; "
        f"{series.numbers(metric.sign)}",
        outcome.method,
        reasons[outcome.verdict],
        f"at no later generation is {share} larger in every run",
        "samples for each generation",
        t,
    )


def runs(case: Case, metric: Metric, bar: Bar, series: Series, *, bounded: bool = False) -> Answer:
    """Return the answer of independent runs."""
    text, shown = bar.text(case.first), series.numbers(metric.sign)
    limits = case.bounds if bounded else None
    if limits is not None:
        return _means(case, metric, bar, series, limits)
    outcome, way = compared(case, metric, series, bar)
    if series.runs == 1:
        return _alone(metric, shown, outcome)
    t = int(series.generations[outcome.best + 1])
    if way == "sign":
        return answer(
            outcome,
            metric,
            f"{bar.side} {text} in {outcome.counted('run')} at generation {t}; {shown}",
            f"the median run: half of the runs; {outcome.method}",
            _reason(outcome, bar, case.first, t, "run"),
            f"at no later generation is {metric.name} {bar.side} {text} in more than half of all "
            "such runs",
            "runs",
            t,
        )
    return flipped(outcome, metric, series, way)


def flipped(outcome: Outcome, metric: Metric, series: Series, way: str) -> Answer:
    """Return the answer of a test of signs of changes, or of steps."""
    a, b = series.generations[0], series.generations[-1]
    change = metric.sign * outcome.statistic + 0.0  # no -0
    rises, falls = ("rises", "falls")[:: metric.sign]
    if way == "paired":
        what = f"{metric.name} changes by {change:+.5g} on average from generation {a} to {b}"
        null = f"from generation {a} to {b} {metric.name} of a run changes by x as often as by -x"
        lead = f"from generation {a} to {b} it"
    else:
        what = f"{metric.name} moves by {change:+.5g} on average in {many(int(b - a), 'step')}"
        ways = ("down", "up")[:: metric.sign]
        null = (
            f"every step of {metric.name}, of every run, is as likely {ways[0]} as {ways[1]}, "
            "whatever its size and whatever the others do"
        )
        lead = "from a generation to the next it"
    reason = {
        "holds": f"{lead} {rises} rather than {falls}",
        "does not hold": f"{lead} {falls} rather than {rises}",
        "undetermined": f"{lead} is not shown to rise or to fall",
    }[outcome.verdict]
    said = f"{what}; {series.numbers(metric.sign)}"
    return answer(outcome, metric, said, outcome.method, reason, null, "runs")


def compared(case: Case, metric: Metric, series: Series, bar: Bar) -> tuple[Outcome, str]:
    """Return a test of independent runs, and which.

    The rule looks at numbers of runs alone, so that no test is chosen for its outcome: a sign test
    where so many runs could decide at alpha, else the steps of all of them.
    """
    values = series.worse(metric.sign)
    outcome = sign_test(above(values, bar), case.alpha)
    finite = bar.plain and bool(np.isfinite(values).all())
    few = 1 < series.runs < outcome.least[0]
    way = "steps" if case.test == "auto" and few else case.test
    if way == "paired" and finite:
        return paired_test(values, case.alpha), way
    if way == "steps" and finite:
        return steps_test(values, case.alpha), way
    if case.test in ("paired", "steps"):
        why = f"; {case.test} is for finite values, held against generation {case.first}'s"
        return replace(outcome, method=outcome.method + why), "sign"
    return outcome, "sign"


def _means(
    case: Case, metric: Metric, bar: Bar, series: Series, limits: tuple[float, float]
) -> Answer:
    """Return the answer of runs whose values have bounds: it is about the mean."""
    text, shown = bar.text(case.first), series.numbers(metric.sign)
    low, high = sorted(metric.sign * end for end in limits)
    outcome = betting_test(series.worse(metric.sign), bar, (low, high), case.alpha)
    if series.runs == 1:
        return _alone(metric, shown, outcome)
    t = int(series.generations[outcome.best + 1])
    gap = metric.sign * outcome.statistic
    return answer(
        outcome,
        metric,
        f"mean difference {gap:+.5g} to {text} at generation {t}; {shown}",
        f"the mean; {outcome.method}",
        _mean_reason(outcome, bar, case.first, t),
        f"the mean of {metric.name} is not {bar.side} {text} at any later generation",
        "runs",
        t,
    )


def _alone(metric: Metric, shown: str, outcome: Outcome) -> Answer:
    return Answer(
        "undetermined",
        metric=str(metric),
        statistic=shown,
        reason="one run shows its own numbers, not what chance does to others",
        needed=f"independent runs: five or more, at least {outcome.least[0]:.0f} for a sign test "
        "at this alpha; or losses of single held-out rows",
    )


def _reason(outcome: Outcome, bar: Bar, first: int, t: int, noun: str) -> str:
    where = (
        "at every later generation" if outcome.verdict == "does not hold" else f"at generation {t}"
    )
    lead = f"{where} it is {bar.side} {bar.text(first)}"
    move = "median increase" if bar.sign > 0 else "median decrease"
    return outcome.explained(lead, noun, move)


def _mean_reason(outcome: Outcome, bar: Bar, first: int, t: int) -> str:
    text, other = bar.text(first), {"above": "below", "below": "above"}[bar.side]
    return {
        "holds": f"its mean is {bar.side} {text} at generation {t}",
        "does not hold": f"its mean is {other} {text} at every later generation",
        "undetermined": f"its mean is not shown to be above or below {text}",
    }[outcome.verdict]
