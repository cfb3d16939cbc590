"""A quantity held against generation 1: by theorem, by an exact fact, or by a test."""

from dataclasses import dataclass

import numpy as np

from modelcollapse.diagnosis.comparing import (
    Bar,
    Outcome,
    above,
    became_infinite,
    mean_test,
    runs_needed,
    shares_test,
    sign_test,
)
from modelcollapse.diagnosis.outcome import Answer
from modelcollapse.diagnosis.record import Record, Series
from modelcollapse.diagnosis.roles import Metric
from modelcollapse.diagnosis.theory import Theory

ROUNDING = 1e-9  # relative; exact predictions may be this far off, quadratures included


@dataclass(frozen=True, eq=False)
class Case:
    """What the eight definitions are asked of.

    `bounds`, if given, are proved bounds on the risk; `metrics` has the column of each role.
    """

    record: Record
    theory: Theory
    metrics: dict[str, Metric | None]
    alpha: float
    bounds: tuple[float, float] | None = None

    @property
    def first(self) -> int:
        """The number of the first generation."""
        return int(self.record.generations[0])

    def recorded(self, metric: Metric) -> bool:
        """Return whether there are data."""
        return metric.name in self.record.columns

    def unnamed(self, role: str, example: str) -> Answer:
        """Return the answer where no column plays a role; `example` says what would."""
        return Answer(
            "undetermined",
            reason=f"no column is known for the role {role!r}",
            needed=f"{example}: name its column, as in {role}='my_column'",
        )


def rises(case: Case, role: str, bar: Bar, *, bounded: bool = False) -> Answer:
    """Return whether a role's quantity is above the bar at some later generation.

    Parameters
    ----------
    case
        The case; it has a metric for that role.
    role
        The role.
    bar
        What later values are held against.
    bounded
        Whether the case's bounds are about this quantity.
    """
    metric = _metric(case, role)
    return _proved(case, metric, bar) or _observed(case, metric, bar, bounded=bounded)


def infinite(case: Case, role: str) -> Answer | None:
    """Return the answer of a quantity that becomes infinite: it is above every bar."""
    metric = _metric(case, role)
    expected = case.theory.expected(metric.name)
    if expected is not None:
        curve = metric.sign * expected
        late = np.flatnonzero(np.isposinf(curve))
        if np.isfinite(curve[0]) and len(late):
            reason = f"its exact expectation is infinite at generation {late[0] + 1}"
            start = f"expected {expected[0]:.5g} at generation 1"
            return Answer("holds", "theorem", str(metric), start, "above every bar", reason)
    series = case.record.series(metric.name) if case.recorded(metric) else None
    if series is None or len(series.generations) < 2:
        return None
    return _became_infinite(metric, series)


def _metric(case: Case, role: str) -> Metric:
    metric = case.metrics[role]
    if metric is None:
        raise ValueError(role)
    return metric


def _observed(case: Case, metric: Metric, bar: Bar, *, bounded: bool) -> Answer:
    """Return the answer of the data."""
    if not case.recorded(metric):
        return _open(metric, "it is not recorded, and its expectation has no closed form")
    series = case.record.series(metric.name)
    if len(series.generations) < 2:
        reason = "values are missing: some run lacks the first generation, or all later ones"
        return _open(metric, reason)
    if (answer := _became_infinite(metric, series)) is not None:
        return answer
    if metric.name in case.record.rows and metric.sign > 0:
        return _rows(case, metric, bar, series.numbers())
    if metric.name in case.record.counts and bar.plain:
        found = _counted(case, metric, series)
        if found is not None:
            return found
    return _runs(case, metric, bar, series, bounded=bounded)


def _open(metric: Metric, reason: str) -> Answer:
    return Answer(
        "undetermined",
        metric=str(metric),
        reason=reason,
        needed="the column, in every run and generation",
    )


def _proved(case: Case, metric: Metric, bar: Bar) -> Answer | None:
    """Return the answer of exact expectations, if they are known."""
    expected = case.theory.expected(metric.name)
    if expected is None:
        return None
    curve = metric.sign * expected
    if not np.isfinite(curve[0]) or len(curve) < 2:
        return None
    height = float(bar.of(curve[:1])[0])
    slack = ROUNDING * max(abs(height), abs(float(curve[0])))
    over = np.flatnonzero(curve[1:] > height + slack) + 1
    t = int(over[0]) if len(over) else int(np.argmax(curve[1:])) + 1
    statistic = (
        f"expected {expected[0]:.5g} at generation 1, {expected[t]:.5g} at generation {t + 1}, "
        f"{expected[-1]:.5g} at generation {len(curve)}"
    )
    side = "below" if metric.sign < 0 else "above"
    text = bar.text(1)
    when = f"at generation {t + 1}" if len(over) else f"up to generation {len(curve)}"
    reason = f"its exact expectation is {'' if len(over) else 'not '}{side} {text} {when}"
    return Answer(
        "holds" if len(over) else "does not hold",
        "theorem",
        str(metric),
        statistic,
        f"{side} {text}: both are exact, so no test is needed",
        reason,
    )


def _became_infinite(metric: Metric, series: Series) -> Answer | None:
    """Return the answer where a finite value has become infinite, which no test is needed for."""
    counts = became_infinite(metric.sign * series.values)
    if not counts.any():
        return None
    j = int(np.flatnonzero(counts)[0])
    t = series.generations[j + 1]
    return Answer(
        "holds",
        "fact",
        str(metric),
        f"infinite at generation {t} in {counts[j]} of {series.runs} runs; {series.numbers()}",
        "an infinite value is above every bar",
        f"it becomes infinite at generation {t}",
    )


def _rows(case: Case, metric: Metric, bar: Bar, shown: str) -> Answer:
    """Return the answer of the losses of held-out rows, which are independent given the models."""
    values = case.record.rows[metric.name]().T
    outcome = sign_test(above(values, bar), case.alpha)
    t = case.record.generations[outcome.best + 1]
    return Answer(
        outcome.verdict,
        "test" if outcome.verdict != "undetermined" else "",
        str(metric),
        f"above {bar.text(case.first)} for {outcome.statistic:.4g} of {len(values)} held-out rows "
        f"at generation {t}; {shown}",
        f"half of the rows: {outcome.threshold}; the claim is about the median row of these runs",
        _reason(outcome, "of the held-out rows", bar.text(case.first), int(t), "above"),
        needed="" if outcome.verdict != "undetermined" else "more held-out rows",
        evidence=outcome.evidence,
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
    done = outcome.verdict != "undetermined"
    share = "share of samples that are not" if metric.sign < 0 else "share of samples that are"
    reasons = {
        "holds": f"the {share} {metric.name} is larger at generation {t} in every run",
        "does not hold": f"the {share} {metric.name} is smaller at every later generation",
        "undetermined": f"the {share} {metric.name} is not shown to be larger or smaller",
    }
    return Answer(
        outcome.verdict,
        "test" if done else "",
        str(metric),
        f"differs by {outcome.statistic:+.4g} at generation {t}; {series.numbers()}",
        outcome.threshold,
        reasons[outcome.verdict],
        needed="" if done else "more samples for each generation",
        evidence=outcome.evidence,
    )


def _runs(case: Case, metric: Metric, bar: Bar, series: Series, *, bounded: bool) -> Answer:
    """Return the answer of independent runs."""
    side = "below" if metric.sign < 0 else "above"
    later, text, shown = len(series.generations) - 1, bar.text(case.first), series.numbers()
    values = metric.sign * series.values
    least = runs_needed(later, case.alpha)
    if series.runs == 1:
        return Answer(
            "undetermined",
            metric=str(metric),
            statistic=shown,
            reason="one run shows its own numbers, not what chance does to others",
            needed=f"independent runs, at least {least}, or losses of single held-out rows",
        )
    limits = case.bounds if bounded else None
    if limits is not None:
        outcome = mean_test(values, bar, limits, case.alpha)
        t = int(series.generations[outcome.best + 1])
        what = f"mean difference {outcome.statistic:+.5g} to {text} at generation {t}"
        reason = _mean_reason(outcome, text, t)
    else:
        outcome = sign_test(above(values, bar), case.alpha)
        t = int(series.generations[outcome.best + 1])
        what = f"{side} {text} in {outcome.statistic:.4g} of {series.runs} runs at generation {t}"
        reason = _reason(outcome, "of the runs", text, t, side)
    done = outcome.verdict != "undetermined"
    middle = "the mean" if limits else "the median run: half of the runs"
    return Answer(
        outcome.verdict,
        "test" if done else "",
        str(metric),
        f"{what}; {shown}",
        f"{middle}; {outcome.threshold}",
        reason,
        needed="" if done else f"more runs: the test needs {least} or more",
        evidence=outcome.evidence,
    )


def _reason(outcome: Outcome, of: str, text: str, t: int, side: str) -> str:
    return {
        "holds": f"in more than half {of} it is {side} {text} at generation {t} (median increase)",
        "does not hold": f"in less than half {of} is it {side} {text}, at every later generation",
        "undetermined": f"it is {side} {text} in {outcome.statistic:.4g} {of} at most: too near "
        "one half to be told from it",
    }[outcome.verdict]


def _mean_reason(outcome: Outcome, text: str, t: int) -> str:
    return {
        "holds": f"its mean is above {text} at generation {t}",
        "does not hold": f"its mean is below {text} at every later generation",
        "undetermined": f"its mean is not shown to be above or below {text}",
    }[outcome.verdict]
