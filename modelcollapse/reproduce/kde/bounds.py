"""Lower bounds of test losses in tables: fixed bandwidths, rules of thumb, any density."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.datasets import blobs_mixture
from modelcollapse.families.kde.bandwidth import rule_of_thumb
from modelcollapse.reproduce.kde.cross_entropy import Law, lower_bound, named
from modelcollapse.reproduce.kde.losses import CROSS_ENTROPY, WORKFLOWS

NORMAL = "normal"
DIMS = {NORMAL: 1, "moons": 2, "blobs": 2, "circles": 2, "swiss_roll": 3}


def law_of(name: str) -> Law:
    """Return the law of a data set."""
    return Law.of(blobs_mixture()) if name == "blobs" else named(name)


def fixed(data: Sequence[str], bandwidths: Sequence[float], at: Sequence[int]) -> Any:
    """Return the cross-entropies of the expected densities, which do not depend on n."""
    rows = []
    for name in data:
        law = law_of(name)
        for h in bandwidths:
            low = {w: lower_bound(law, h, w, np.array(at)) for w in WORKFLOWS[:2]}
            # A row of either pool has the same ancestors in law.
            low[WORKFLOWS[2]] = low[WORKFLOWS[1]]
            rows += [_rows(name, str(h), w, at, own) for w, own in low.items()]
    return _table(rows)


def under(rules: Sequence[str], data: Sequence[str], samples: int, at: Sequence[int]) -> Any:
    """Return the same under rules that look at the number of rows alone."""
    rows = []
    for name in data:
        law = law_of(name)
        for rule in rules:
            for w in WORKFLOWS:
                h = schedule(rule, samples, at[-1], w, DIMS[name])
                rows.append(_rows(name, rule, w, at, lower_bound(law, h, w, np.array(at))))
    return _table(rows)


def schedule(rule: str, samples: int, generations: int, workflow: str, dim: int) -> Floats:
    """Return the bandwidth of each generation, (generations,)."""
    rows = np.full(generations, samples)
    pool = np.cumsum(rows) if workflow == "accumulate" else rows
    return np.asarray(rule_of_thumb(rule, pool, dim))


def entropies(rule: str, data: Sequence[str], at: Sequence[int]) -> Any:
    """Return the entropies of the truths, below which no density's loss falls."""
    rows = []
    for name in data:
        entropy = 0.5 * np.log(2 * np.pi * np.e)
        if name != NORMAL:
            entropy = lower_bound(law_of(name), 0.0, "replace", np.ones(1, dtype=np.int64))[0]
        rows += [_rows(name, rule, w, at, np.full(len(at), entropy)) for w in WORKFLOWS]
    return _table(rows)


def _rows(name: str, bandwidth: str, workflow: str, at: Sequence[int], low: Floats) -> Any:
    return {
        "name": name,
        "bandwidth": bandwidth,
        "quantity": CROSS_ENTROPY,
        "workflow": workflow,
        "generation": at,
        "expected": low,
    }


def _table(rows: Sequence[Any]) -> Any:
    import polars as pl

    return pl.concat([pl.DataFrame(own) for own in rows])
