"""What an experiment will cost: rough estimates from its sizes, before anything runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from modelcollapse.loop.experiment import Experiment
from modelcollapse.loop.identity import described
from modelcollapse.sweep.cells import Cell

OVERHEAD = 0.02  # seconds of a cell for building, predicting and writing
QUANTITIES = 10  # kept of a replicate and generation, about
BLOCK = 1024  # replicates under way at once
# ns of a row, and of a batch's mean (a batch of one input's labels); else 25 and 60
DRAWS = {"hyperbolic-secant": (75, 900), "label-verifier": (25, 150)}
# chains of one outcome's count that a discrete loop's predictions run
CHAINS = {"entropy": 1, "absent": 2, "missing_mass": 1, "collapsed": 1}
BATCHED, SMALL = 4e6, 2**14  # numbers of kernel densities' rows, and pairs that are scored together
SCORED = 500  # rows of a test file that is not read yet
CACHED = 2**21  # rows of a pool that are near enough to be drawn at full speed


class Cost(NamedTuple):
    """Seconds on one core of a current server, within a factor of about three; and bytes."""

    seconds: float
    memory: float


@dataclass(frozen=True)
class Asked:
    """What is asked for of an experiment, as of `simulate`; `quantities` as of a `Cell`."""

    replicates: int
    at: Sequence[int] | None = None
    extra: Sequence[str] = ()
    test: Any = None
    quantities: Sequence[str] | None = None


def cost(cell: Cell) -> Cost:
    """Return what a cell will cost."""
    asked = Asked(cell.replicates, cell.at, cell.extra, cell.test, cell.quantities)
    return cost_of(cell.experiment(), asked)


def cost_of(e: Experiment, asked: Asked) -> Cost:
    """Return what simulating and predicting an experiment will cost.

    The constants are measured times per replicate, generation, row or pair; the sizes that they
    are multiplied by are the algorithms' own.
    """
    family = str(described(e)["model"].get("model"))
    nanoseconds, held = _unit(family, e, asked)
    recorded = e.generations if asked.at is None else len(asked.at)
    kept = 8.0 * asked.replicates * recorded * QUANTITIES
    seconds = OVERHEAD + 1e-9 * nanoseconds * asked.replicates
    if family == "discrete":
        seconds += _predicted(e, asked)
    return Cost(seconds, 2 * kept + 8.0 * held + 150 * 2**20)


def _unit(family: str, e: Experiment, asked: Asked) -> tuple[float, float]:
    """Return nanoseconds of one replicate, and numbers held at once."""
    n, T, total = float(e.sizes.mean()), e.generations, float(e.sizes.sum())
    subsample = e.schedule.random_sets
    rows = float(e.schedule.counts.mean()) if subsample else n
    if family == "gaussian":
        d = e.model.dim
        step = rows * (12 + 3 * d + 0.05 * d * d) if subsample else _gaussian(e)
        return T * step, BLOCK * (d * d + (total * d if subsample else 0)) / (16 if d > 1 else 1)
    if family == "kde":
        return _kde(e, asked, T, total)
    if family == "discrete":
        rows = 0 if e.schedule.newest else min(total, 4 * CACHED)
        return _discrete(e, n, T), 8 * T + rows + 40 * e.model.outcomes
    if family == "markov":
        size, texts = e.truth.probabilities.size, min(total, 2e7)
        return T * _markov(e, rows), 24 * size + 4 * texts * (1 + e.truth.length)
    if family == "regression":
        return T * _regression(e, n), BLOCK * e.model.dim**2
    row, batch = DRAWS.get(family, (25, 60))
    one_by_one = subsample or family == "region-verifier"
    step = row * rows if one_by_one else batch * getattr(e.model, "cells", 1)
    return T * step, BLOCK * (total if one_by_one else 4)


def _gaussian(e: Experiment) -> float:
    """Return nanoseconds of a generation; a workflow with slots keeps a factor for each."""
    d = float(e.model.dim)
    if e.schedule.one_pool:
        return 25 + 8 * d * min(d, float(e.sizes[0]))
    return (1.3 + 0.35 * _slots(e)) * (400 + 100 * d + 40 * d * d)


def _kde(e: Experiment, asked: Asked, T: int, total: float) -> tuple[float, float]:
    """Count rows, pairs of a test row and a training row, and pairs of training rows."""
    d, n = e.model.dim, total / T
    rows = (30.0 + 10.0 * d) * total
    at = range(1, T + 1) if asked.at is None else asked.at
    pooled = e.schedule.everything
    trained = [n * t if pooled else n for t in at]
    if "mise" in asked.extra:
        rows += 0.4 * sum(N * N for N in trained)
    held = max(total * d, min(BATCHED, total * d * asked.replicates))
    if (values := getattr(e.truth, "values", None)) is not None:
        held += 6 * values.size  # the truth's rows, and along its axes
    if asked.test is None:
        return rows, held
    test = asked.test
    scored = test if isinstance(test, int) else len(getattr(test, "values", range(SCORED)))
    rule, unit = e.model.bandwidth, 0.7 + 0.2 * d
    pairs = scored * sum(trained)
    if isinstance(rule, str) and rule.startswith("scipy"):
        unit = 6.0  # to rounding, whatever the tolerance is
    elif pooled and isinstance(rule, (int, float)) and n * scored > SMALL:
        pairs = scored * total  # each row is added once
    elif pooled and d <= 2:
        unit = 0.2  # through a grid
    return rows + unit * pairs, held + scored * T


def _discrete(e: Experiment, n: float, T: int) -> float:
    """Count rows; a binomial costs as much as 32, and outcomes die out under replace."""
    K: int = e.model.outcomes
    rows, binomials = min(n, 32.0 * K), n > 32 * K
    added = 10.0 * K if e.model.smoothing > 0 else 0.0  # of all outcomes, in each generation
    if e.schedule.newest and not added:
        # About 2n/t outcomes are left at generation t; until `turn` that is not fewer.
        alive = min(float(K), n / 32)
        turn = 2 * n / alive
        drawn = 32 * alive * min(T, turn) + 64 * n * max(0.0, math.log(T / turn))
        return 3.5 * drawn + 40.0 * T
    if e.schedule.edits is not None:
        return T * (15 * n + 3 * K + added)
    far = bool(e.sizes.sum() > CACHED) and not binomials
    if e.schedule.kind == "subset":
        return T * ((20 if far else 7.5) * (n + (e.schedule.budget or n)) + added)
    if e.schedule.everything or e.schedule.alone:
        return T * ((20 if far else 6) * rows + added)
    return T * (500 + 20 * rows + 15.0 * K)


def _predicted(e: Experiment, asked: Asked) -> float:
    """Return seconds of the variances, and of replace's exact chains of one outcome's count."""
    from modelcollapse.families.discrete import chains, lost
    from modelcollapse.families.discrete.truth import truth_of

    points, smoothed = len(truth_of(e).groups[0]), e.model.smoothing > 0
    count = sum(CHAINS[q] for q in CHAINS if asked.quantities is None or q in asked.quantities)
    if not e.schedule.newest or chains.reason(e, points):
        count = 0
    elif smoothed:  # the others are 0
        count = min(count, CHAINS["entropy"])
    steps = count * chains.work(e, points)
    some = asked.quantities is None or "any_absent" in asked.quantities
    if some and not smoothed and e.schedule.newest and lost.sets_reason(e) is None:
        steps += 2 * chains.work(e, lost.sets(e))
    return 1e-5 * e.generations + 0.7e-9 * steps


def _markov(e: Experiment, rows: float) -> float:
    """Count transitions, where a batch has few of them; a binomial costs as much as 32."""
    size, trained = float(e.truth.probabilities.size), rows
    if e.schedule.everything:
        trained *= (len(e.sizes) + 1) / 2
    words = 1 + float(e.truth.length)
    if not (e.schedule.weighted or e.schedule.kind == "subset"):
        return 5e5 + 2000 * rows * words  # text by text
    return 60 * rows * words + 10 * min(trained * words, 10 * size)


def _regression(e: Experiment, n: float) -> float:
    """Count the multiplications of one generation's least squares."""
    d: int = e.model.dim
    rank = min(n, float(d))
    penalty = 1.6 * d**3 if e.model.ridge > 0 else 0.0
    if e.schedule.random_sets:
        k = float(e.schedule.counts.mean())
        return n * (25 + 4 * d) + k * (25 + 4 * d + 1.1 * d * rank) + 0.3 * d * rank**2 + penalty
    if e.model.design == "fixed":
        return 100 + 40 * rank
    if e.schedule.alone:
        return 150 + 4 * d * rank + penalty
    stacked = d + rank if e.schedule.everything else _slots(e) * rank
    return 150 + 4 * d * rank + 0.8 * stacked * d * min(stacked, d) + penalty


def _slots(e: Experiment) -> float:
    """Return about how many batches are remembered."""
    if e.schedule.starts is not None:
        return float((np.arange(1, e.generations + 1) - e.schedule.starts).mean())
    return 2 if e.schedule.kind == "memory" else e.generations / 2
