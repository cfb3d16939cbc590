"""Exact simulation of Gaussian loops, in blocks of 1,024 replicates with a stream each."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse.checks import Floats, Integers
from modelcollapse.errors import unknown
from modelcollapse.experiment import Lazy
from modelcollapse.gaussian import slotted
from modelcollapse.gaussian.recording import Fits, Plan, derived, plan_of
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace

if TYPE_CHECKING:
    from modelcollapse.experiment import Experiment

BLOCK = 1024
EXTRA = ("log_pivots", "w2_squared", "test_log_loss")
Progress = Callable[[int], None] | None


def simulate(
    e: "Experiment",
    replicates: int,
    seed: int,
    recorded: Integers,
    jobs: int,
    extra: Sequence[str],
    progress: Progress,
) -> tuple[Lazy, int]:
    """Return the quantities, each of shape (finished, recorded), and the finished replicates.

    They are fewer than asked for only after Ctrl-C.

    `extra` may name "log_pivots" (shape (replicates, recorded, dim): the logarithms of the
    squared Cholesky diagonal of the fitted covariance in the truth's principal axes, whose
    growth rates under replace are the Lyapunov exponents) and, for dim > 1, "w2_squared" and
    "test_log_loss".
    """
    for name in extra:
        if name not in EXTRA:
            raise unknown("extra quantity", name, EXTRA)
    plan = plan_of(e, recorded, set(extra))
    counts = [min(BLOCK, replicates - start) for start in range(0, replicates, BLOCK)]
    stored: dict[str, Floats] = {}
    done = 0
    try:
        for fits in _blocks(plan, seed, counts, jobs, progress):
            for name, values in fits.items():
                if name not in stored:
                    stored[name] = np.empty((replicates, *values.shape[1:]))
                stored[name][done : done + len(values)] = values
            done += len(next(iter(fits.values())))
    except KeyboardInterrupt:
        if not done:
            raise
    return derived(plan, {name: values[:done] for name, values in stored.items()}), done


def _blocks(
    plan: Plan, seed: int, counts: list[int], jobs: int, progress: Progress
) -> Iterator[dict[str, Floats]]:
    """Yield the blocks in order, from this process or through joblib."""
    if jobs == 1:
        for index, count in enumerate(counts):
            yield block(plan, seed, index, count, progress)
        return
    from joblib import Parallel, delayed

    tasks = (delayed(block)(plan, seed, i, count, None) for i, count in enumerate(counts))
    for fits in Parallel(n_jobs=jobs, return_as="generator")(tasks):
        if progress:
            progress(len(next(iter(fits.values()))))
        yield fits


def block(plan: Plan, seed: int, index: int, count: int, progress: Progress) -> dict[str, Floats]:
    """Simulate one block; its stream depends on the seed and its index alone."""
    sequence = np.random.SeedSequence(seed, spawn_key=(index,))
    rng = np.random.Generator(np.random.SFC64(sequence))
    parts = []
    for start in range(0, count, plan.batch):
        size = min(plan.batch, count - start)
        parts.append(plan.stored(_run(plan, rng, size)))
        if progress:
            progress(size)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _run(plan: Plan, rng: np.random.Generator, count: int) -> Fits:
    """Draw `count` replicates one after the other from the stream."""
    workflow = plan.experiment.workflow
    if isinstance(workflow, AccumulateSubsample):
        return _subsampled(plan, workflow, rng, count)
    if isinstance(workflow, (Replace, Accumulate)):
        return _compiled(plan, rng, count)
    return slotted.run(plan, rng, count)


def _compiled(plan: Plan, rng: np.random.Generator, count: int) -> Fits:
    from modelcollapse.gaussian import paths

    e, fits = plan.experiment, plan.empty(count)
    pooled = isinstance(e.workflow, Accumulate)
    given, mean, factor = _start(plan, rng, count, ddof=0 if pooled else e.model.ddof)
    common = (e.sizes, float(e.temperature), e.model.ddof, plan.slots)
    if plan.dim == 1:
        line = paths.accumulate_line if pooled else paths.replace_line
        line(rng, given, mean[:, 0], factor[:, 0, 0] ** 2, *common, fits.mean, fits.log_variance)
        return fits
    space = paths.accumulate_space if pooled else paths.replace_space
    space(rng, given, mean, factor, *common, fits.scalars, fits.means, fits.factors, fits.pivots)
    return fits


def _start(
    plan: Plan, rng: np.random.Generator, count: int, ddof: int
) -> tuple[bool, Floats, Floats]:
    """Return the fits of generation 1 to rows of a data set, or the normal truth itself."""
    if plan.deviations is not None:
        copies = count if plan.dim == 1 else 1
        mean = np.zeros((copies, plan.dim))
        return False, mean, np.tile(np.diag(plan.deviations), (copies, 1, 1))
    n = int(plan.experiment.sizes[0])
    mean, factor = slotted.summaries(plan.real_rows(rng, count, n))
    # One memory layout, so that the kernels are compiled once.
    return True, mean, np.ascontiguousarray(factor) * np.sqrt(n / (n - ddof))


def _subsampled(
    plan: Plan, workflow: AccumulateSubsample, rng: np.random.Generator, count: int
) -> Fits:
    from modelcollapse.gaussian import subsampled

    e, fits = plan.experiment, plan.empty(count)
    sizes = e.sizes
    budget = sizes if workflow.budget is None else np.full_like(sizes, workflow.budget)
    counts = np.minimum(budget, np.cumsum(sizes))
    given = plan.deviations is None
    real = plan.real_rows(rng, count, int(sizes[0])) if given else np.empty((0, 0, 0))
    deviations = np.ones(plan.dim) if plan.deviations is None else plan.deviations
    common = (sizes, counts, float(e.temperature), e.model.ddof, plan.slots)
    run: Any
    if plan.dim == 1:
        run = partial(subsampled.subsample_line, rng, given, real, float(deviations[0]))
        run(*common, fits.mean, fits.log_variance)
    else:
        run = partial(subsampled.subsample_space, rng, given, real, deviations)
        run(*common, fits.scalars, fits.means, fits.factors, fits.pivots)
    return fits
