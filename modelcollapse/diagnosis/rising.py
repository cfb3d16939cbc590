"""A quantity held against generation 1: by theorem, by an exact fact, or by a test."""

from dataclasses import dataclass, replace

import numpy as np

from modelcollapse._support.words import many
from modelcollapse.diagnosis.comparing import (
    Bar,
    Outcome,
    above,
    became_infinite,
    mean_test,
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
    bar = replace(bar, sign=metric.sign)
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
    shown = dict.fromkeys((0, t, len(curve) - 1))
    statistic = "expected " + ", ".join(f"{expected[i]:.5g} at generation {i + 1}" for i in shown)
    side, text = bar.side, bar.text(1)
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
    t, where = series.generations[j + 1], f"{counts[j]} of {many(series.runs, 'run')}"
    return Answer(
        "holds",
        "fact",
        str(metric),
        f"infinite at generation {t} in {where}; {series.numbers()}",
        "an infinite value is above every bar",
        f"it becomes infinite at generation {t}",
    )


def _rows(case: Case, metric: Metric, bar: Bar, shown: str) -> Answer:
    """Return the answer of the losses of held-out rows, which are independent given the models."""
    outcome = sign_test(above(case.record.rows[metric.name]().T, bar), case.alpha)
    t = case.record.generations[outcome.best + 1]
    threshold = f"half of the rows: {outcome.threshold}"
    return Answer(
        outcome.verdict,
        "test" if outcome.done else "",
        str(metric),
        f"above {bar.text(case.first)} for {outcome.counted('held-out row')} at generation {t}; "
        f"{shown}",
        f"{threshold}; the claim is about the median row of these runs",
        _reason(outcome, bar, case.first, int(t), "held-out row"),
        needed=outcome.wanted("held-out rows"),
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
    share = f"the share of samples that are {'not ' * (metric.sign < 0)}{metric.name}"
    least = " where it rises least" * (series.runs > 1)
    reasons = {
        "holds": f"{share} is larger at generation {t} in every run",
        "does not hold": f"{share} is smaller at every later generation in every run",
        "undetermined": f"{share} is not shown to be larger or smaller in every run",
    }
    return Answer(
        outcome.verdict,
        "test" if outcome.done else "",
        str(metric),
        f"{share} moves by {outcome.statistic:+.4g} to generation {t} in the run{least}; "
        f"{series.numbers()}",
        outcome.threshold,
        reasons[outcome.verdict],
        needed=outcome.wanted("samples for each generation"),
        evidence=outcome.evidence,
    )


def _runs(case: Case, metric: Metric, bar: Bar, series: Series, *, bounded: bool) -> Answer:
    """Return the answer of independent runs."""
    text, shown = bar.text(case.first), series.numbers()
    values = metric.sign * series.values
    limits = case.bounds if bounded else None
    if limits is not None:
        low, high = sorted(metric.sign * end for end in limits)
        outcome = mean_test(values, bar, (low, high), case.alpha)
    else:
        outcome = sign_test(above(values, bar), case.alpha)
    if series.runs == 1:
        return Answer(
            "undetermined",
            metric=str(metric),
            statistic=shown,
            reason="one run shows its own numbers, not what chance does to others",
            needed=f"independent runs, at least {outcome.least[0]}, or losses of single held-out "
            "rows",
        )
    t = int(series.generations[outcome.best + 1])
    if limits is not None:
        gap = metric.sign * outcome.statistic
        what = f"mean difference {gap:+.5g} to {text} at generation {t}"
        middle, reason = "the mean", _mean_reason(outcome, bar, case.first, t)
    else:
        what = f"{bar.side} {text} in {outcome.counted('run')} at generation {t}"
        middle = "the median run: half of the runs"
        reason = _reason(outcome, bar, case.first, t, "run")
    return Answer(
        outcome.verdict,
        "test" if outcome.done else "",
        str(metric),
        f"{what}; {shown}",
        f"{middle}; {outcome.threshold}",
        reason,
        needed=outcome.wanted("runs"),
        evidence=outcome.evidence,
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
