"""Simulation of workflows that weight batches unevenly, and of random workflows of one's own."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.discrete.estimator import smoothed
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.loop.blocks import Draws

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

HELD = 4e6  # numbers held at a time


class MixtureStep(NamedTuple):
    """One generation: how many rows are drawn, and what it is fitted to.

    Attributes
    ----------
    real, synthetic
        Rows of the batch.
    kept
        Which of the parts held before are still needed, as positions; the batch's real and its
        sampled part come after them.
    weights
        The weight of each part then held.
    trained
        How many rows have a positive weight.
    """

    real: int
    synthetic: int
    kept: list[int]
    weights: Floats
    trained: int


def plan(e: "Experiment") -> list[MixtureStep] | None:
    """Return the steps of a deterministic workflow, or None for a random one."""
    if not e.schedule.weighted:
        return None
    schedule, T = e.schedule, e.generations
    table = np.zeros((T, 2 * T))  # weights of real and sampled parts, batch by batch
    for t in range(1, T + 1):
        table[t - 1, 0 : 2 * t : 2], table[t - 1, 1 : 2 * t : 2] = schedule.weights(t)
    used = table > 0
    last = np.where(used.any(axis=0), T - 1 - np.argmax(used[::-1], axis=0), -1)
    steps, held = [], []  # type: tuple[list[MixtureStep], list[int]]
    for t in range(T):
        kept = [i for i, part in enumerate(held) if last[part] >= t]
        held = [held[i] for i in kept] + [2 * t, 2 * t + 1]
        rows = int(schedule.real[t]), int(schedule.sampled[t])
        steps.append(MixtureStep(*rows, kept, table[t, held], schedule.trained(t + 1)))
    return steps


def batch(e: "Experiment", steps: list[MixtureStep] | None) -> int:
    """Return how many replicates are held at a time: a function of the experiment alone."""
    if steps is None:
        return 16
    parts = 2 + max(len(step.weights) for step in steps)
    return int(np.clip(HELD / (parts * e.model.outcomes), 1, 1024))


def run(blocks: Any, draws: Draws, out: Floats, fitted: Floats) -> None:
    """Simulate some replicates: out (replicates, recorded, 6), fitted (..., K) or empty."""
    if blocks.mixture is not None:
        _weighted(blocks, draws, out, fitted)
        return
    for r in range(len(out)):
        _by_rows(blocks, draws, out[r], fitted[r] if fitted.size else None)


def _weighted(blocks: Any, draws: Draws, out: Floats, fitted: Floats) -> None:
    """Hold the frequencies of every part that is still needed, replicates first."""
    from modelcollapse.families.discrete.kernels import drawn_mixtures

    truth = np.array(truth_of(blocks.experiment).probabilities)
    count, K = len(out), len(truth)
    real = np.broadcast_to(truth, (count, K)).copy()
    held: list[Floats] = []
    model, tally = real, np.empty((count, K), dtype=np.int64)
    for t, step in enumerate(blocks.mixture):
        held = [held[i] for i in step.kept]
        for rows, source in ((step.real, real), (step.synthetic, model)):
            if rows:
                drawn_mixtures(draws.stream, rows, source, tally)
            held.append(tally / rows if rows else np.zeros((0, K)))
        model = np.zeros((count, K))
        for weight, frequencies in zip(step.weights, held, strict=True):
            if weight > 0:
                model += weight * frequencies
        model = smoothed(model, step.trained, blocks.experiment.model.smoothing)
        _record(blocks, t, model, out, fitted)


def _by_rows(blocks: Any, draws: Draws, out: Floats, fitted: Floats | None) -> None:
    """Ask the workflow for rows, generation after generation."""
    from modelcollapse.families.discrete.kernels import drawn_mixtures

    e = blocks.experiment
    model = np.array(truth_of(e).probabilities)[None]
    tally = np.empty(model.shape, dtype=np.int64)
    rows, choices = np.empty(0, dtype=np.int64), e.schedule.chosen(draws.rng)
    for t, n in enumerate(e.schedule.listed):
        drawn_mixtures(draws.stream, n, model, tally)
        # A workflow may look at where a row stands in its batch: any order is as likely.
        fresh = draws.rng.permutation(np.repeat(np.arange(e.model.outcomes), tally[0]))
        rows = np.concatenate([rows, fresh])
        chosen, weights = next(choices)
        model = np.bincount(rows[chosen], weights, e.model.outcomes)[None].astype(np.float64)
        model /= model.sum()
        trained = len(chosen) if weights is None else int(np.count_nonzero(weights))
        model = smoothed(model, trained, e.model.smoothing)
        kept = np.empty((0, 0, 0)) if fitted is None else fitted[None]
        _record(blocks, t, model, out[None], kept)


def _record(blocks: Any, t: int, model: Floats, out: Floats, fitted: Floats) -> None:
    """Fill what is recorded of fits, (replicates, K)."""
    slot = int(blocks.slots[t])
    if slot < 0:
        return
    truth, (_, scale, differ, _) = truth_of(blocks.experiment), blocks.given
    absent = (model == 0) & (truth.probabilities > 0)
    others = 1 - model
    each, largest = np.arange(len(model)), model.argmax(axis=1)
    with np.errstate(under="ignore", divide="ignore"):
        rest = model.copy()
        rest[each, largest] = 0.0
        # Without what 1 - p loses where p is near 1; weights sum to 1 but for rounding.
        others[each, largest] = rest.sum(axis=1)
        logs = model * np.log(np.where(model > 0, model, 1.0))
        few = others[each, largest] < 0.5
        logs[each[few], largest[few]] = np.log1p(-others[each[few], largest[few]])
        logs[each[few], largest[few]] *= model[each[few], largest[few]]
        near = truth.probabilities > 0.5
        gaps = np.where(near, truth.others - others, model - truth.probabilities) * scale
        columns = (
            (model * others).sum(axis=1),
            absent.sum(axis=1),
            (model > 0).sum(axis=1) == 1,
            np.maximum(-logs.sum(axis=1), 0.0),
            (gaps**2).sum(axis=1) / differ,
            np.where(model > 0, 0.0, truth.probabilities).sum(axis=1),
        )
    out[:, slot] = np.stack(columns, axis=1)
    if fitted.size:
        fitted[:, slot] = model
