"""Exact simulation of discrete loops, in blocks of 1,024 replicates with a stream each.

Counts are simulated, not rows: replace, pools and edited sets as integer counts of the outcomes
present, any other deterministic workflow as mixtures of the batches' frequencies; only a random
workflow of one's own goes row by row.
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import invalid
from modelcollapse.families.discrete import mixtures, moments
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.loop.blocks import Arrays, Draws, Progress, part, simulated
from modelcollapse.loop.experiment import Lazy, Request
from modelcollapse.loop.routes import given

if TYPE_CHECKING:
    from modelcollapse._support.stream import Stream
    from modelcollapse.loop.experiment import Experiment

NAMES = ("heterozygosity", "absent", "collapsed", "entropy", "squared_error", "missing_mass")
ROWS_PER_OUTCOME = 32  # from here on a binomial is faster
TABLE = 2**16  # counts whose c log c is tabulated
BATCH_STEPS = 2e7  # rows or outcomes until Ctrl-C is looked at
KEPT = 2**23  # rows of a pool that are kept one by one, 32 MiB
MOST_ROWS = 2**52  # of a pool, counted exactly


def simulate(e: "Experiment", request: Request) -> tuple[Lazy, int]:
    """Return the quantities, each of shape (finished, recorded), and the finished replicates.

    They are "heterozygosity", "absent", "missing_mass", "collapsed" and "any_absent" (0 or 1),
    "entropy", "squared_error" and "inflation". `request.extra` may name "probabilities", the
    fitted ones, with a last axis of K.
    """
    blocks = Blocks(e, request.recorded, fitted="probabilities" in request.extra)
    storage, done = simulated(
        blocks, request.replicates, request.seed, request.jobs, request.progress
    )
    values = {name: storage["measured"][..., i] for i, name in enumerate(NAMES)}
    values["any_absent"] = (values["absent"] > 0).astype(np.float64)
    values["inflation"] = float(e.sizes[0]) * values["squared_error"]
    if blocks.fitted:
        values["probabilities"] = storage["probabilities"]
    return Lazy(given(values)), done


class Blocks:
    """The simulation of an experiment, block by block.

    Parameters
    ----------
    e
        The experiment.
    recorded
        Generations to record, ascending.
    fitted
        Whether to keep the fitted probabilities.
    """

    def __init__(self, e: "Experiment", recorded: Integers, *, fitted: bool) -> None:
        self.experiment, self.recorded, self.fitted = e, recorded, fitted
        self.slots = np.full(e.generations, -1, dtype=np.int64)
        self.slots[recorded - 1] = np.arange(len(recorded))
        self.counted = _counted(e)
        self.budgets = np.zeros(e.generations, dtype=np.int64)
        if moments.pooled(e):
            self.budgets[:] = e.schedule.counts
        rows = int(e.sizes.sum())
        if rows > MOST_ROWS:
            raise invalid("samples", rows, f"a pool of more than {MOST_ROWS} rows is not counted")
        truth = truth_of(e)
        self.scale, differ = scaled(truth.heterozygosity)
        self.given = np.array([truth.possible, self.scale, differ, truth.others.min()])
        c = np.arange(min(rows + 1, TABLE), dtype=np.float64)
        self.table = c * np.log(np.maximum(c, 1.0))
        self.mixture = None if self.counted else mixtures.plan(e)

    @property
    def released(self) -> bool:
        """Whether compiled code does the work, see `loop.blocks`."""
        return bool(self.counted)

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates, to be filled."""
        shape = (count, len(self.recorded))
        kept = {"measured": np.empty((*shape, len(NAMES)))}
        if self.fitted:
            kept["probabilities"] = np.empty((*shape, self.experiment.model.outcomes))
        return kept

    @property
    def batch(self) -> int:
        """Replicates at a time: a function of the experiment alone."""
        e = self.experiment
        K = e.model.outcomes
        if e.schedule.edits is not None:
            steps = float(e.sizes.sum()) + K * e.generations
            return int(np.clip(BATCH_STEPS / steps, 1, 1024))
        if self.counted:
            steps = np.minimum(e.sizes, ROWS_PER_OUTCOME * K).astype(np.float64) + min(
                K, int(e.sizes.max())
            )
            return int(np.clip(BATCH_STEPS / steps.sum(), 1, 1024))
        return mixtures.batch(e, self.mixture)

    def fill(self, seed: int, index: int, storage: Arrays, progress: Progress) -> None:
        """Simulate one block; its stream depends on the seed and its index alone."""
        draws, count = Draws(seed, index), len(storage["measured"])
        batch = self.batch
        for start in range(0, count, batch):
            some = part(storage, slice(start, min(start + batch, count)))
            fitted = some.get("probabilities", np.empty((0, 0, 0)))
            if self.counted:
                self._counts(draws.stream, some["measured"], fitted)
            elif self.experiment.schedule.edits is not None:
                self._edited(draws.stream, some["measured"], fitted)
            else:
                mixtures.run(self, draws, some["measured"], fitted)
            if progress:
                progress(len(some["measured"]))

    def _counts(self, stream: "Stream", out: Floats, fitted: Floats) -> None:
        from modelcollapse.families.discrete import runs

        e = self.experiment
        pooled, real = not e.schedule.alone, e.schedule.real
        truth = np.array(truth_of(e).probabilities)
        where = self.budgets, truth, self.given, self.table, self.slots
        rows = np.empty(int(e.sizes.sum()) if self._by_rows(pooled) else 0, dtype=np.int32)
        runs.run(stream, pooled, e.model.smoothing, e.sizes, real, *where, rows, out, fitted)

    def _edited(self, stream: "Stream", out: Floats, fitted: Floats) -> None:
        from modelcollapse.families.discrete import runs

        e = self.experiment
        truth = np.array(truth_of(e).probabilities)
        how = int(e.sizes[0]), e.model.smoothing, e.schedule.edit_table
        runs.edit(stream, *how, truth, self.given, self.table, self.slots, out, fitted)

    def _by_rows(self, pooled: bool) -> bool:
        """Return whether a pool is small, and its rows are worth more than its counts."""
        e = self.experiment
        many = e.sizes.max() > ROWS_PER_OUTCOME * truth_of(e).possible
        return pooled and int(e.sizes.sum()) <= KEPT and not many


def scaled(differ: float) -> tuple[float, float]:
    """Return a power of two whose square, times the heterozygosity, is about 1, and that product.

    Squares of what is as small as the heterozygosity are then no smaller than it.
    """
    scale = 2.0 ** (-int(np.frexp(differ)[1]) // 2)
    return scale, differ * scale * scale


def _counted(e: "Experiment") -> bool:
    """Return whether every fit is a table of integer counts."""
    return e.schedule.alone or e.schedule.everything or e.schedule.kind == "subset"
