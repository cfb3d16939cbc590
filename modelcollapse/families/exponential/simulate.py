"""Exact simulation of mean-fitting loops, in blocks of 1,024 replicates with a stream each.

The mean of a batch is one draw, because sums stay in the family: by compiled code for families
that have a `kernel`, else by NumPy. So a deterministic workflow
costs one draw per batch, or two where real and sampled rows mix, whatever the batch sizes.
Random sets are run in cells of alike rows where these are fewer, else on rows: accumulate-subsample
all replicates at once, a random workflow of one's own one after the other.
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.loop.blocks import Arrays, Draws, Progress, part, simulated
from modelcollapse.loop.experiment import Lazy, Request

if TYPE_CHECKING:
    from modelcollapse.families.exponential.estimator import Family
    from modelcollapse.loop.experiment import Experiment, Route

MOST_ROWS = 2**21  # of all replicates that are drawn at once
CELL = 16.0  # rows that cost as much as a cell


def simulate(e: "Experiment", request: Request) -> tuple[Lazy, int]:
    """Return the quantities, each of shape (finished, recorded), and the finished replicates.

    "mean" is (m_t - m_0)/sqrt(V(m_0)); "squared_error" its square; "variance" V(m_t)/V(m_0);
    "inflation" n_1 times the squared error; "cubed_error" the error's third power; and
    "absorbed", for counts, 1.0 where V(m_t) = 0. They are fewer than asked for only after Ctrl-C.
    """
    work = Blocks(e, request.recorded)
    storage, done = simulated(
        work, request.replicates, request.seed, request.jobs, request.progress
    )
    return derived(e, storage["fitted"]), done


def derived(e: "Experiment", fitted: Floats) -> Lazy:
    """Return the quantities of the fitted means."""
    truth = e.truth
    errors = partial(_errors, fitted, truth.value, np.sqrt(truth.variance))
    routes: dict[str, Route] = {
        "mean": errors,
        "squared_error": partial(_squares, errors),
        "variance": partial(_variances, e.model, fitted, truth.variance),
        "inflation": partial(_squares, errors, int(e.sizes[0])),
        "cubed_error": partial(_cubes, errors),
    }
    reasons = {}
    if e.model.counts:
        routes["absorbed"] = partial(_absorbed, e.model, fitted)
    else:
        reasons["absorbed"] = f"a fit of {e.model!r} is never degenerate"
    return Lazy(routes, reasons)


def _errors(fitted: Floats, mean: float, deviation: float) -> Floats:
    return np.asarray((fitted - mean) / deviation)


def _squares(errors: "Route", times: int = 1) -> Floats:
    squares: Floats = errors() ** 2
    return squares if times == 1 else times * squares


def _cubes(errors: "Route") -> Floats:
    cubes: Floats = errors() ** 3
    return cubes


def _variances(model: "Family", fitted: Floats, unit: float) -> Floats:
    return np.asarray(model.variance_function(fitted) / unit)


def _absorbed(model: "Family", fitted: Floats) -> Floats:
    return np.asarray(model.variance_function(fitted) == 0, dtype=np.float64)


class Blocks:
    """The simulation of an experiment, block by block."""

    def __init__(self, e: "Experiment", recorded: Integers) -> None:
        self.experiment, self.recorded = e, recorded
        self.slots = np.full(e.generations, -1)
        self.slots[recorded - 1] = np.arange(recorded.size)
        self.sizes = e.sizes.tolist()
        self.kernel: tuple[int, float] | None = e.model.kernel
        if self.kernel is not None:
            law, parameter = self.kernel
            from modelcollapse.families.exponential.kernels import tables

            real = e.schedule.real if e.schedule.weighted else 0 * e.sizes
            sizes = np.unique([1, *e.sizes, *real, *(e.sizes - real)])
            places, self.polynomials = tables(law, parameter, sizes)
            self.places = dict(zip(sizes.tolist(), places.tolist(), strict=True))
        self.cells = e.schedule.cells(np.inf if self.kernel is None else CELL)

    @property
    def released(self) -> bool:
        """Whether compiled code does the work, see `loop.blocks`."""
        schedule = self.experiment.schedule
        return bool(self.kernel and (schedule.newest or schedule.pool or self.cells))

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates, to be filled."""
        return {"fitted": np.empty((count, self.recorded.size))}

    def fill(self, seed: int, index: int, storage: Arrays, progress: Progress) -> None:
        """Simulate one block; its stream depends on the seed and its index alone."""
        draws, schedule = Draws(seed, index), self.experiment.schedule
        count = step = len(storage["fitted"])
        if schedule.random_sets and not self.cells:
            longest = len(self.sizes) * int(schedule.counts.max())
            step = max(1, MOST_ROWS // max(sum(self.sizes), longest))
        elif not schedule.known:
            step = 1
        for start in range(0, count, step):
            cut = slice(start, min(start + step, count))
            fitted = part(storage, cut)["fitted"]
            with np.errstate(under="ignore"):
                self.run(draws, fitted)
            if progress:
                progress(len(fitted))

    def run(self, draws: Draws, fitted: Floats) -> None:
        """Draw all replicates of `fitted` at once."""
        schedule = self.experiment.schedule
        if schedule.newest or schedule.pool:
            self._one_slot(draws, fitted)
        elif schedule.weighted:
            self._slots(draws, fitted)
        elif schedule.random_sets:
            self._subsamples(draws, fitted)
        else:
            self._rows(draws, fitted)

    def _record(self, fitted: Floats, t: int, mean: Floats) -> None:
        if self.slots[t] >= 0:
            fitted[:, self.slots[t]] = mean

    def _batch(self, draws: Draws, mean: Floats, n: int) -> Floats:
        if self.kernel is None:
            means: Floats = self.experiment.model.batch_means(draws.rng, mean, n)
            return means
        from modelcollapse.families.exponential.kernels import NONE, batch_means

        place, drawn = self.places[n], np.empty(mean.shape)
        polynomial = NONE if place < 0 else self.polynomials[place, 0]
        batch_means(draws.stream, *self.kernel, n, polynomial, mean.ravel(), drawn.ravel())
        return drawn

    def _one_slot(self, draws: Draws, fitted: Floats) -> None:
        mean, pool = np.full(len(fitted), self.experiment.truth.value), 0
        newest = self.experiment.schedule.newest
        if self.kernel is not None:
            from modelcollapse.families.exponential.kernels import one_slot

            (law, parameter), sizes = self.kernel, self.experiment.sizes
            places, table = np.array([self.places[n] for n in self.sizes]), self.polynomials
            stream, slots = draws.stream, self.slots
            one_slot(stream, law, parameter, sizes, places, table, newest, slots, mean, fitted)
            return
        for t, n in enumerate(self.sizes):
            batch = self._batch(draws, mean, n)
            pool += n
            mean = batch if t == 0 or newest else _pooled(mean, batch, n / pool)
            self._record(fitted, t, mean)

    def _slots(self, draws: Draws, fitted: Floats) -> None:
        """Run any deterministic workflow, by the means of the parts that it remembers."""
        schedule = self.experiment.schedule
        mean = truth = np.full(len(fitted), self.experiment.truth.value)
        slots: list[Floats] = []
        for t, n in enumerate(self.sizes):
            fresh = int(schedule.real[t])
            if fresh:
                slots.append(self._batch(draws, truth, fresh))
            if n > fresh:
                slots.append(self._batch(draws, mean, n - fresh))
            if schedule.kind == "memory":
                carry, weights = schedule.step(t + 1)
                slots = [mixed(slots, row) for row in carry]
            else:
                weights = schedule.parts(t + 1)
            mean = mixed(slots, weights)
            self._record(fitted, t, mean)

    def _subsamples(self, draws: Draws, fitted: Floats) -> None:
        from modelcollapse.families.exponential.plans import cell_means, chosen_means, draw_plans

        count, rows = len(fitted), sum(self.sizes)
        sizes, truth = np.array(self.sizes), float(self.experiment.truth.value)
        counts, edits = self.experiment.schedule.counts, self.experiment.schedule.edit_table
        if self.kernel is not None and self.cells:
            how = *self.kernel, truth, sizes, counts, edits, self.cells, self.slots
            cell_means(draws.stream, *how, fitted)
            return
        plans = np.empty((count, len(sizes), int(counts.max())), np.int64)
        draw_plans(draws.stream, sizes, counts, edits, plans)
        mean, pool = np.full(count, truth), np.empty((count, rows))
        first = 0
        for t, n in enumerate(self.sizes):
            each = np.broadcast_to(mean[:, None], (count, n))
            pool[:, first : first + n] = self._batch(draws, each, 1)
            first += n
            mean = np.empty(count)
            chosen_means(pool, plans, t, counts[t], mean)
            self._record(fitted, t, mean)

    def _rows(self, draws: Draws, fitted: Floats) -> None:
        """Run one replicate of any other workflow."""
        mean, pool = self.experiment.truth.value, np.empty(0)
        choices = self.experiment.schedule.chosen(draws.rng)
        for t, n in enumerate(self.sizes):
            pool = np.concatenate([pool, self._batch(draws, np.full(n, mean), 1)])
            rows, weights = next(choices)
            share = np.full(len(rows), 1.0) if weights is None else weights
            chosen = pool[rows]
            moved = (share / share.sum()) @ (chosen - chosen[0])
            mean = float(np.clip(chosen[0] + moved, chosen.min(), chosen.max()))
            self._record(fitted, t, np.array([mean]))


def _pooled(mean: Floats, batch: Floats, share: float) -> Floats:
    """Return `mixed` of two slots, in place."""
    large, small, share = (mean, batch, share) if share <= 0.5 else (batch, mean, 1 - share)
    small -= large
    small *= share
    small += large
    return small


def mixed(slots: list[Floats], weights: Floats) -> Floats:
    """Return the weighted mean of slots, from the heaviest: equal slots are returned unchanged."""
    heaviest = int(np.argmax(weights))
    base = slots[heaviest]
    total = base
    for i in np.flatnonzero(weights):
        if i != heaviest:
            total = total + weights[i] * (slots[i] - base)
    return total
