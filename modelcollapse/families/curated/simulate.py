"""Exact simulation of curated loops, in blocks of 1,024 replicates with a stream each."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.families.curated.estimator import LabelVerifier
from modelcollapse.families.curated.regions import truncated
from modelcollapse.loop.blocks import Arrays, Draws, Progress, simulated
from modelcollapse.loop.experiment import Lazy, Request
from modelcollapse.loop.routes import given

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

ROWS = 1 << 20  # rows drawn at once


def simulate(e: "Experiment", request: Request) -> tuple[Lazy, int]:
    """Return the quantities, each of shape (finished, recorded), and the finished replicates.

    `LabelVerifier`: "label_error". `RegionVerifier`: "error" (m_t - mu_0)/s, "squared_error" and
    "centre_distance" (m_t - c)^2/s^2.
    """
    work: Labels | Means = (Labels if isinstance(e.model, LabelVerifier) else Means)(
        e, request.recorded
    )
    storage, done = simulated(
        work, request.replicates, request.seed, request.jobs, request.progress
    )
    return work.derived(storage), done


class Labels:
    """The simulation of majority labels: the counts of kept labels at each input."""

    def __init__(self, experiment: "Experiment", recorded: Integers) -> None:
        self.experiment, self.recorded = experiment, recorded

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates."""
        return {"label_error": np.empty((count, len(self.recorded)))}

    def derived(self, storage: Arrays) -> Lazy:
        """Return the quantities."""
        return Lazy(given(storage))

    def fill(self, seed: int, index: int, storage: Arrays, progress: Progress) -> None:
        """Simulate one block."""
        e, rng, out = self.experiment, Draws(seed, index).rng, storage["label_error"]
        error: Any = np.full((len(out), e.model.cells), e.truth.error)
        for t, n in enumerate(e.sizes.tolist(), start=1):
            right = self.learned(rng, n, error)
            error = np.where(right, e.model.noise, 1 - e.model.noise)
            column = np.flatnonzero(self.recorded == t)
            out[:, column] = (~right).sum(axis=1, keepdims=True) / e.model.cells
        if progress:
            progress(len(out))

    def learned(self, rng: np.random.Generator, n: int, error: Floats) -> Any:
        """Return whether the majority of the kept labels is right, where labels err with `error`.

        Two binomials in turn: correct labels that are kept, and of the rest wrong ones that are.
        """
        correct = (1 - error) * self.experiment.model.keep_correct
        wrong = error * self.experiment.model.keep_wrong
        kept_correct = rng.binomial(n, correct)
        rest = np.divide(wrong, 1 - correct, out=np.zeros_like(wrong), where=correct < 1)
        kept_wrong = rng.binomial(n - kept_correct, np.minimum(rest, 1.0))
        coin = rng.random(error.shape) < 0.5
        tie = kept_correct == kept_wrong
        return np.where(tie, coin, kept_correct > kept_wrong)


class Means:
    """The simulation of a mean behind a region: the batch means, from kept rows."""

    def __init__(self, experiment: "Experiment", recorded: Integers) -> None:
        self.experiment, self.recorded = experiment, recorded

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates."""
        return {"error": np.empty((count, len(self.recorded)))}

    def derived(self, storage: Arrays) -> Lazy:
        """Return the quantities."""
        model, truth = self.experiment.model, self.experiment.truth
        bias, error = (model.centre - truth.mean) / model.spread, storage["error"]
        return Lazy(
            {
                **given(storage),
                "squared_error": partial(np.square, error),
                "centre_distance": partial(_squared_difference, error, bias),
            }
        )

    def fill(self, seed: int, index: int, storage: Arrays, progress: Progress) -> None:
        """Simulate one block, in units of the spread and from the truth's mean."""
        e, rng, out = self.experiment, Draws(seed, index).rng, storage["error"]
        sizes = e.schedule.listed
        batches = np.empty((len(out), len(sizes)))
        batches[:, 0] = rng.standard_normal(len(out)) / np.sqrt(sizes[0])
        mean = batches[:, 0]
        for t, n in enumerate(sizes, start=1):
            if t > 1:
                batches[:, t - 1] = self.kept_means(rng, mean, n)
                mean = np.asarray(batches[:, :t] @ e.schedule.parts(t))
            out[:, np.flatnonzero(self.recorded == t)] = mean[:, None]
        if progress:
            progress(len(out))

    def kept_means(self, rng: np.random.Generator, mean: Floats, n: int) -> Floats:
        """Return the mean of n kept rows of N(mean, 1), for each replicate."""
        model, truth = self.experiment.model, self.experiment.truth
        bias, radius = (model.centre - truth.mean) / model.spread, model.radius / model.spread
        total, cut = np.zeros(len(mean)), max(1, ROWS // len(mean))
        for start in range(0, n, cut):
            low, high = bias - radius - mean, bias + radius - mean
            total += truncated(rng, low, high, min(cut, n - start)).sum(axis=1)
        return np.asarray(mean + total / n)


def _squared_difference(values: Floats, other: float) -> Floats:
    return np.asarray((values - other) ** 2)
