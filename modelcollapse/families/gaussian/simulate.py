"""Exact simulation of Gaussian loops, in blocks of 1,024 replicates with a stream each."""

from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.chi_squares import polynomials
from modelcollapse.families.gaussian import batches
from modelcollapse.families.gaussian.quantities import Fits, Recording, derived, lanes, plan_of
from modelcollapse.loop.blocks import Arrays, Draws, Progress, part, simulated
from modelcollapse.loop.experiment import Lazy, Request
from modelcollapse.loop.selection import Selection

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

CELL = 16.0  # rows that cost as much as a cell, in one dimension
KEPT, TURNED = 128.0, 32.0  # and of edited sets, of which most are only kept, in one and in more


def simulate(e: "Experiment", request: Request) -> tuple[Lazy, int]:
    """Return the quantities, each of shape (finished, recorded), and the finished replicates.

    They are fewer than asked for only after Ctrl-C.

    `request.extra` may name "log_pivots" (shape (replicates, recorded, dim): the logarithms of
    the squared Cholesky diagonal of the fitted covariance in the truth's principal axes, whose
    growth rates under replace are the Lyapunov exponents), "minors" (the same shape: see
    `determinants.minors`) and, for dim > 1, "w2_squared" and "test_log_loss".
    """
    plan = plan_of(e, request.recorded, set(request.extra))
    storage, done = simulated(
        Blocks(plan), request.replicates, request.seed, request.jobs, request.progress
    )
    return derived(plan, storage), done


class Blocks:
    """The simulation of a plan, block by block."""

    def __init__(self, plan: Recording) -> None:
        self.plan = plan
        self.cells = 0 if _batched(plan) else _cells(plan.experiment, plan.dim)

    @property
    def released(self) -> bool:
        """Whether compiled code does the work, see `loop.blocks`."""
        return not _batched(self.plan)

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates, to be filled."""
        return self.plan.storage(count)

    def fill(self, seed: int, index: int, storage: Arrays, progress: Progress) -> None:
        """Simulate one block; its stream depends on the seed and its index alone."""
        plan, draws = self.plan, Draws(seed, index)
        count = len(next(iter(storage.values())))
        for start in range(0, count, plan.batch):
            cut = slice(start, min(start + plan.batch, count))
            some = part(storage, cut)
            fits = plan.fits(some)
            _run(plan, draws, fits, cut.stop - cut.start, self.cells)
            plan.finish(fits, some)
            if progress:
                progress(cut.stop - cut.start)


def _run(plan: Recording, draws: Draws, fits: Fits, count: int, cells: int) -> None:
    """Draw `count` replicates one after the other, random sets in at most so many cells."""
    schedule = plan.experiment.schedule
    if _batched(plan):
        batches.run(plan, draws.rng, fits, count)
    elif schedule.random_sets:
        _random(plan, draws, fits, count, cells)
    else:
        _compiled(plan, draws, fits, count)


def _batched(plan: Recording) -> bool:
    """Return whether batches are computed by NumPy, as no compiled loop knows the workflow."""
    schedule = plan.experiment.schedule
    line = schedule.newest or schedule.pool
    if isinstance(plan.experiment.sampling, Selection):
        return True
    if plan.experiment.model.floor:
        return not (plan.dim == 1 and line)
    return not (line or schedule.edits is not None or schedule.random_sets)


def _compiled(plan: Recording, draws: Draws, fits: Fits, count: int) -> None:
    from modelcollapse.families.gaussian import lane_kernels, path_kernels

    e = plan.experiment
    pooled, together = e.schedule.pool, lanes(e, plan.dim) > 1
    given, mean, factor = _start(plan, draws, count, ddof=0 if pooled else e.model.ddof)
    heat = float(e.temperature), e.model.ddof
    sizes: tuple[Any, ...] = (e.sizes,)
    if together:
        sizes = e.sizes, *polynomials(e.sizes[:, None] - 1 - np.arange(plan.dim))
    if plan.dim == 1:
        first = mean[:, 0], factor[:, 0, 0] ** 2 + (e.model.floor if given and not pooled else 0.0)
        how = *heat, e.model.floor, plan.slots
        line = (draws.stream, given, *first, *sizes, *how, fits.mean, fits.variance)
        run: Any = lane_kernels.accumulate_line if pooled else lane_kernels.replace_line
        run(*line, *(() if pooled else (fits.shift,)))
        return
    run = path_kernels.accumulate_space if pooled else path_kernels.replace_space
    if together:
        run = lane_kernels.accumulate_lanes if pooled else lane_kernels.replace_lanes
    kept = fits.scalars, fits.means, fits.factors, fits.pivots
    run(draws.stream, given, mean, factor, *sizes, *heat, plan.slots, *kept)


def _start(plan: Recording, draws: Draws, count: int, ddof: int) -> tuple[bool, Floats, Floats]:
    """Return the fits of generation 1 to rows of a data set, or the normal truth itself."""
    if plan.deviations is not None:
        copies = count if plan.dim == 1 else 1
        mean = np.zeros((copies, plan.dim))
        return False, mean, np.tile(np.diag(plan.deviations), (copies, 1, 1))
    n = int(plan.experiment.sizes[0])
    mean, factor = batches.summaries(plan.real_rows(draws.rng, count, n))
    # One memory layout, so that the kernels are compiled once.
    return True, mean, np.ascontiguousarray(factor) * np.sqrt(n / (n - ddof))


def _random(plan: Recording, draws: Draws, fits: Fits, count: int, cells: int) -> None:
    """Draw random sets: in cells, or on rows if there are none."""
    from modelcollapse.families.gaussian import cell_kernels, edit_kernels, subsample_kernels

    e, d, schedule = plan.experiment, plan.dim, plan.experiment.schedule
    n, given, real, deviations = _real(plan, draws, count)
    how = float(e.temperature), e.model.ddof, plan.slots
    where = e.sizes, schedule.counts
    if d == 1:
        start: tuple[Any, ...] = given, real, float(deviations[0])
        kept: tuple[Any, ...] = fits.mean, fits.variance, fits.shift
    else:
        start, kept = (
            (given, real, deviations),
            (fits.scalars, fits.means, fits.factors, fits.pivots),
        )
    run: Any
    if cells:
        run = cell_kernels.cells_line if d == 1 else cell_kernels.cells_space
        run(draws.stream, *start, *where, schedule.edit_table, cells, *how, *kept)
    elif schedule.edits is not None:
        run = edit_kernels.edited_line if d == 1 else edit_kernels.edited_space
        run(draws.stream, n, *start, schedule.edit_table, *how, *kept)
    else:
        run = subsample_kernels.subsample_line if d == 1 else subsample_kernels.subsample_space
        run(draws.stream, *start, *where, *how, *(kept[:2] if d == 1 else kept))


def _cells(e: "Experiment", d: int) -> int:
    """Return how many cells there are at most, or 0 if rows are cheaper."""
    edited = e.schedule.edits is not None
    # Beside the cells each generation's frame costs d^3 for each later one.
    frames = e.generations**2 * d**2 / 16 if d > 1 else 0.0
    worth = (KEPT if edited else CELL) if d == 1 else (TURNED if edited else CELL) + d / 4
    if e.schedule.random_sets and e.schedule.counts.min() <= d:
        worth = np.inf  # of such sets a mean and a scatter do not say what rows do
    return e.schedule.cells(worth, frames, columns=d)


def _real(plan: Recording, draws: Draws, count: int) -> tuple[int, bool, Floats, Floats]:
    """Return how many real rows there are, those of a data set, and a normal truth's deviations."""
    n, given = int(plan.experiment.sizes[0]), plan.deviations is None
    real = plan.real_rows(draws.rng, count, n) if given else np.empty((0, 0, 0))
    return n, given, real, np.ones(plan.dim) if plan.deviations is None else plan.deviations
