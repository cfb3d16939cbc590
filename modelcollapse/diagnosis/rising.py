"""A quantity held against generation 1: by theorem, by an exact fact, or by a test."""

from dataclasses import replace

import numpy as np

from modelcollapse.diagnosis import observed
from modelcollapse.diagnosis.answer import Answer
from modelcollapse.diagnosis.bars import Bar
from modelcollapse.diagnosis.case import Case
from modelcollapse.diagnosis.roles import Metric

ROUNDING = 1e-9  # relative; exact predictions may be this far off, quadratures included


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
    return _proved(case, metric, bar) or observed.held(case, metric, bar, bounded=bounded)


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
    return observed.became_infinite(metric, series)


def _metric(case: Case, role: str) -> Metric:
    metric = case.metrics[role]
    if metric is None:
        raise ValueError(role)
    return metric


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
