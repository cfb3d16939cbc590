"""Which rows train each generation of a simulation, and what is kept of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.moments import scoring_rule
from modelcollapse.loop.blocks import Arrays

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

RANGES, SUBSETS, TABLES = 0, 1, 2  # as in the compiled code, which is slow to import
BATCH_NUMBERS, BATCH_NANOSECONDS = 4e6, 2e8  # held, and until Ctrl-C is looked at


Array = TypeVar("Array", Floats, Integers)


class Choice(NamedTuple):
    """The training rows of all generations of some replicates.

    Attributes
    ----------
    kind
        RANGES, SUBSETS or TABLES.
    firsts
        The first row of each generation's range, (generations,).
    counts
        The number of rows, (replicates or 1, generations).
    tables
        Row numbers, (replicates or 1, generations, most).
    cumulative
        Cumulative weights of the same shape, or empty.
    """

    kind: int
    firsts: Integers
    counts: Integers
    tables: Integers
    cumulative: Floats

    def rows(self, pool: Floats, replicate: int, t: int) -> Floats:
        """Return the training rows of generation t (from 0) out of a pool (N, d)."""
        count = int(_own(self.counts, replicate)[t])
        if self.kind == RANGES:
            first = int(self.firsts[t])
            return pool[first : first + count]
        return pool[_own(self.tables, replicate)[t, :count]]

    def weights(self, replicate: int, t: int) -> Floats | None:
        """Return their weights, or None for equal ones."""
        if self.cumulative.size == 0:
            return None
        count = int(_own(self.counts, replicate)[t])
        sums = _own(self.cumulative, replicate)[t, :count]
        return np.asarray(np.diff(sums, prepend=0.0) / sums[-1])


def _own(values: Array, replicate: int) -> Array:
    """Return a replicate's part of what may be shared by all."""
    own: Array = values[min(replicate, len(values) - 1)]
    return own


@dataclass(frozen=True, eq=False)
class Plan:
    """One simulation: what is run, and what is recorded.

    Attributes
    ----------
    slots
        For each generation the column that records it, or -1.
    extra
        "mise" and "draw", on request.
    test
        Held-out rows (m, d), the number of fresh ones, or None.
    """

    experiment: "Experiment"
    recorded: Integers
    slots: Integers
    extra: frozenset[str]
    test: Floats | int | None
    tolerance: float

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates, to be filled."""
        shape = (count, len(self.recorded))
        names = ["second_moment", "central_variance"]
        names += ["test_log_loss"] if self.test is not None else []
        names += ["mise"] if "mise" in self.extra else []
        kept = {name: np.empty(shape) for name in names}
        if "draw" in self.extra:
            kept["draw"] = np.empty((*shape, self.experiment.model.dim))
        return kept

    @cached_property
    def batch(self) -> int:
        """Replicates held at a time: a function of the experiment alone."""
        e = self.experiment
        rows, d = int(e.sizes.sum()), e.model.dim
        held = BATCH_NUMBERS / (rows * (d + 1))
        quick = BATCH_NANOSECONDS / (rows * (10 + 12 * d))
        return int(np.clip(min(held, quick), 1, 1024))

    @cached_property
    def fixed(self) -> Choice | None:
        """The choice that all replicates share, or None if it is random."""
        e = self.experiment
        starts = np.concatenate([[0], np.cumsum(e.sizes)])
        none = np.empty((0, 0, 0))
        if e.schedule.starts is not None:
            firsts = starts[e.schedule.starts]
            table = np.zeros((1, e.generations, 1), dtype=np.int64)
            return Choice(RANGES, firsts, (starts[1:] - firsts)[None], table, none)
        if e.schedule.weighted:
            return self._tables(1, np.random.default_rng(0))
        return None

    def choice(self, count: int, rng: np.random.Generator) -> Choice:
        """Return the training rows of `count` replicates; subsets are drawn with the rows."""
        if self.fixed is not None:
            return self.fixed
        e = self.experiment
        if e.schedule.random_sets:
            counts = e.schedule.counts
            tables = np.empty((count, len(counts), int(counts.max())), dtype=np.int64)
            none = np.empty((0, 0, 0))
            return Choice(SUBSETS, np.zeros_like(e.sizes), counts[None], tables, none)
        return self._tables(count, rng)

    def _tables(self, count: int, rng: np.random.Generator) -> Choice:
        """Ask the workflow for its rows, replicate by replicate."""
        e = self.experiment
        T = e.generations
        chosen = [list(e.schedule.chosen(rng)) for _ in range(count)]
        counts = np.array([[len(rows) for rows, _ in generations] for generations in chosen])
        tables = np.zeros((count, T, int(counts.max())), dtype=np.int64)
        weighted = any(weights is not None for rows in chosen for _, weights in rows)
        cumulative = np.zeros(tables.shape if weighted else (0, 0, 0))
        for r, generations in enumerate(chosen):
            for t, (rows, weights) in enumerate(generations):
                tables[r, t, : len(rows)] = rows
                if weighted:
                    own = np.ones(len(rows)) if weights is None else weights
                    cumulative[r, t, : len(rows)] = np.cumsum(own)
        return Choice(TABLES, np.zeros(T, dtype=np.int64), counts, tables, cumulative)

    @property
    def generator_is_scaled(self) -> bool:
        """Whether rows are drawn with a factor of the training rows' covariance."""
        return bandwidths.is_scaled(self.experiment.model.bandwidth)

    @property
    def scored_by_number(self) -> bool:
        """Whether the scored bandwidth is known before the data."""
        return not bandwidths.is_scaled(scoring_rule(self.experiment))
