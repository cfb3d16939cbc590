"""`run`: the plain loop once, or many times with seeds of their own."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    Integers,
    Samples,
    as_path,
    horizon,
    listener,
    processes,
    truth_value,
    whole,
)
from modelcollapse._support.errors import invalid, unknown
from modelcollapse._support.memory import require
from modelcollapse._support.words import many
from modelcollapse._support.workers import spread
from modelcollapse.loop.checkpoint import Checkpoint, State
from modelcollapse.loop.convention import Estimator
from modelcollapse.loop.estimators import fresh, warn_of_floor
from modelcollapse.loop.identity import shown
from modelcollapse.loop.metrics import Metric, checked
from modelcollapse.loop.plain import INTERRUPTED, UNSEEDED, Loop, Run
from modelcollapse.loop.sampling import Sampling, lowered
from modelcollapse.loop.truth import form_of_law, of_data
from modelcollapse.workflows import Keeping, Workflow
from modelcollapse.workflows.selection import batch_sizes

Metrics = Mapping[str, Metric | str] | Sequence[str] | str


@dataclass(frozen=True, eq=False)
class Runs:
    """The result of `run` with `replicates`: ``result["variance"]`` has one row per replicate.

    Attributes
    ----------
    runs
        A `Run` for each replicate that was begun, in order.
    seeds
        Their seeds: ``run(..., seed=seeds[r])`` is replicate r again.
    generations
        The generations asked for, 1, 2, ..., T.
    asked
        The number of replicates asked for; an interruption leaves fewer.
    """

    runs: tuple[Run, ...]
    seeds: tuple[int, ...]
    generations: Integers
    asked: int

    def __getitem__(self, metric: str) -> Floats:
        """Return a metric, shape (replicates, generations); NaN where a run had ended."""
        known = dict.fromkeys(name for run in self.runs for name in run.metrics)
        if metric not in known:
            for run in self.runs:
                if metric in run.reasons:
                    return run[metric]  # which says why there is none
            raise unknown("metric", metric, known)
        found = np.full((len(self.runs), len(self.generations)), np.nan)
        for row, run in zip(found, self.runs, strict=True):
            values = run.metrics.get(metric, np.empty(0))
            row[: len(values)] = values
        return found

    def __len__(self) -> int:
        return len(self.runs)

    def __contains__(self, metric: object) -> bool:
        """Return whether it is the name of a metric, or one of the runs."""
        return metric in self.keys() or any(metric is run for run in self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def keys(self) -> list[str]:
        """Return the names of the metrics."""
        return list(dict.fromkeys(name for run in self.runs for name in run.metrics))

    def to_frame(self, library: str = "polars", *, long: bool = False) -> Any:
        """Return the metrics, as a data frame of "polars", "pandas" or "pyarrow".

        A row is a finished generation of a replicate, counted from 0; `long` is one row per
        quantity, with the columns "quantity" and "value".

        Raises
        ------
        MissingDependency
            If the library is not installed.
        """
        from modelcollapse.loop.tables import of_runs

        return of_runs(self).frame(library, long=long)

    def plot(
        self,
        quantity: str | None = None,
        ax: Any = None,
        *,
        label: str | None = None,
        color: Any = None,
    ) -> Any:
        """Draw a metric by generation, and return the matplotlib Axes.

        The band holds 5 % to 95 % of the replicates that reached a generation; their median is
        dashed, dots are their means. The parameters are those of `Run.plot`.
        """
        from modelcollapse.loop import plots

        return plots.replicates(self, quantity, ax, label, color)

    def __repr__(self) -> str:
        from modelcollapse.loop.showing import listed, span

        done = sum(run.completed for run in self.runs)
        told = f"{many(self.asked, 'replicate')}, {done} completed"
        return f"Runs({told}, {span(self.generations)}: {listed(self.keys())})"

    def _repr_html_(self) -> str:
        from modelcollapse.loop.showing import runs_html

        return runs_html(self)

    @property
    def shape(self) -> tuple[int, int]:
        """The number of replicates and of generations."""
        return len(self.runs), len(self.generations)

    @property
    def outcomes(self) -> list[str]:
        """What became of each replicate; see `Run.outcome`."""
        return [run.outcome for run in self.runs]

    @property
    def completed(self) -> bool:
        """Whether all generations of all replicates were finished."""
        return len(self.runs) == self.asked and all(run.completed for run in self.runs)

    @property
    def reproducible(self) -> bool:
        """Whether the loop could seed the estimator; see `Run.reproducible`."""
        return all(run.reproducible for run in self.runs)


@overload
def run(
    estimator: Any,
    data: Any,
    workflow: Workflow | Keeping,
    samples: Samples = ...,
    generations: int = ...,
    seed: int = ...,
    *,
    test: Any = ...,
    metrics: Metrics | None = ...,
    temperature: float | None = ...,
    sampling: Sampling | None = ...,
    seed_global: bool = ...,
    resample_weights: bool = ...,
    replicates: None = None,
    jobs: int = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    progress: Callable[[int], None] | None = ...,
) -> Run: ...


@overload
def run(
    estimator: Any,
    data: Any,
    workflow: Workflow | Keeping,
    samples: Samples = ...,
    generations: int = ...,
    seed: int = ...,
    *,
    test: Any = ...,
    metrics: Metrics | None = ...,
    temperature: float | None = ...,
    sampling: Sampling | None = ...,
    seed_global: bool = ...,
    resample_weights: bool = ...,
    replicates: int,
    jobs: int = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    progress: Callable[[int], None] | None = ...,
) -> Runs: ...


def run(
    estimator: Any,
    data: Any,
    workflow: Workflow | Keeping,
    samples: Samples = 100,
    generations: int = 20,
    seed: int = 0,
    *,
    test: Any = None,
    metrics: Metrics | None = None,
    temperature: float | None = None,
    sampling: Sampling | None = None,
    seed_global: bool = False,
    resample_weights: bool = False,
    replicates: int | None = None,
    jobs: int = 1,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Run | Runs:
    """Fit an estimator to data, then again and again to rows sampled from itself.

    Parameters
    ----------
    estimator
        Any object with ``fit(X)``, ``sample(n)`` and, with a test set, ``score_samples(X)``, as
        in scikit-learn. It is copied, never changed. A ``random_state`` of its own is replaced
        by fresh integers from `seed`.
    data
        Rows of shape (rows, columns): an array, a tensor, a data frame or a column of pandas,
        polars or Arrow, or the path of a .csv or .parquet file; or a truth (`Normal`,
        `NormalMixture`, `Rows`, an experiment's `truth`). Batch 1 and all fresh real rows are
        drawn from it; rows are drawn with replacement. With a data frame the estimator is given
        data frames of the same library and columns, which may hold texts and categories too.
    workflow
        Which rows each generation is fitted to. One that keeps rows of the generation before has
        them back here, and here alone; see `modelcollapse.workflows.Keeping`.
    samples
        Rows per batch: a number, a sequence with one size per generation, or a callable of the
        generation t = 1, 2, ...
    generations
        The number of fits; generation 1 is the fit to real data.
    seed
        The same seed gives the same numbers.
    test
        Held-out rows; adds the metric "test_log_loss".
    metrics
        More metrics: for each name a function, or the name of a ready-made one, such as
        "energy_distance" (see `modelcollapse.loop.sample_metrics`), or a list of such names. A
        function gets what its parameters are called: any of ``model``, ``rows`` (the training
        rows), ``truth``, ``sample`` (as many rows as the batch has, sampled from the model for
        this), ``reference`` (as many real rows, of the test set if there is one), ``generation``
        and ``rng``; three parameters of other names are the first three. No number of the loop
        depends on what is measured, unless a metric changes the model. Several numbers are recorded
        as ``name_1``, ``name_2``, ...
    temperature
        The short form of ``sampling=Tempered(temperature)``, in whose place it comes.
    sampling
        How the synthetic batches are sampled: None, plainly; `Tempered`, whose temperature is
        passed to the estimator's ``sample``; or a selection, `BestOf`, `KeepTop` or `Pairwise`, of
        rows with a higher reward. The real rows are as they are.
    seed_global
        Whether to seed the global generators of Python, NumPy and, if it is imported, PyTorch for
        each fit and each sample, from streams of `seed`; they have their own states back
        afterwards. For estimators, such as networks, that draw from them.
    resample_weights
        Whether an estimator without ``sample_weight`` gets, where a workflow weights rows, as many
        rows drawn with replacement by these weights. The loop has another law then: a draw adds
        its own noise.
    replicates
        How often to run the loop, each time with a seed of its own, which `seed` gives: a number,
        1 too, returns `Runs`. None runs it once with `seed` itself and returns a `Run`.
    jobs
        Processes for the replicates, through joblib; -1 uses all cores. Inside
        ``joblib.parallel_config(...)`` its backend is used.
    checkpoint
        A file to save each finished generation to. The same call resumes from it with the same
        numbers, and more `generations` prolong a finished run. With `replicates`, a folder with
        such a file for each of them, which is made if it does not exist.
    progress
        Called with the number of generations finished since the last call, of all replicates.

    Returns
    -------
    Run or Runs
        Metrics, batches and outcome. An estimator that fails after generation 1, or the
        keyboard's interruption, ends the run; what was finished is kept.

    Raises
    ------
    InvalidInput
        If an argument is wrong, the estimator fails at generation 1 or samples the same rows under
        every seed, or a metric fails.

    Warns
    -----
    UserWarning
        If the estimator cannot be seeded; see `Run.reproducible`. And if it has a `reg_covar` above
        0, as scikit-learn's GaussianMixture does: it is added in every generation, see
        `Gaussian`'s `floor`.

    Examples
    --------
    >>> import numpy as np
    >>> import modelcollapse as mc
    >>> rows = np.random.default_rng(0).normal(size=(100, 1))
    >>> mc.run(mc.Gaussian(), rows, mc.Replace(), 100, 3)
    Run(completed, 3 generations, 1 to 3: second_moment, central_variance, variance, squared_error)
    """
    if isinstance(estimator, Estimator):  # its parameters are checked once, for all fits
        estimator = fresh(estimator)
        estimator.settled()
    law = of_data(data)
    loop = Loop(
        estimator=estimator,
        truth=law,
        workflow=workflow,
        sizes=batch_sizes(workflow, samples, horizon(generations)),
        seed=whole("seed", seed, minimum=0),
        test=None if test is None else form_of_law(law).received("test", test),
        metrics=checked({} if metrics is None else metrics),
        sampling=lowered(sampling, temperature),
        seed_global=truth_value("seed_global", seed_global),
        resample=truth_value("resample_weights", resample_weights),
    )
    told = listener(progress, "generations")
    count = 1 if replicates is None else whole("replicates", replicates)
    # All batches, and a training set.
    held = 8.0 * (count + 1) * loop.sizes.sum(dtype=float) * loop.truth.dim
    require(held, f"samples = {shown(samples)}: the rows of {count * len(loop.sizes)} generations")
    loop.check()
    found: Run | Runs
    if replicates is None:
        if processes(jobs) != 1:
            raise invalid("jobs", jobs, "they share out replicates: give replicates too")
        found = loop.run(_file(loop, checkpoint), told)
    else:
        found = _replicated(loop, count, processes(jobs), _folder(checkpoint), told)
    warn_of_floor(loop.estimator)
    return found


def _file(loop: Loop, path: Any) -> Checkpoint:
    return Checkpoint(path, loop.configuration, len(loop.sizes), loop.form)


def _folder(checkpoint: Any) -> Path | None:
    """Return the folder of the replicates' files, made if it does not exist."""
    if checkpoint is None:
        return None
    folder = as_path("checkpoint", checkpoint, "give a folder for the files of the replicates")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise invalid("checkpoint", str(checkpoint), f"{reason}: give a folder") from error
    return folder


def seed_of(seed: int, replicate: int) -> int:
    """Return the seed of a replicate, counted from 0: 128 random bits."""
    state = np.random.SeedSequence(seed, spawn_key=(2**32 - 1, replicate)).generate_state(4)
    return int.from_bytes(state.astype("<u4").tobytes(), "little")


def _replicated(
    loop: Loop, count: int, jobs: int, folder: Path | None, progress: Callable[[int], None]
) -> Runs:
    """Run all replicates; an interruption leaves those that were begun before it."""
    seeds = [seed_of(loop.seed, r) for r in range(count)]
    paths = [folder and folder / f"replicate-{r + 1}.npz" for r in range(count)]
    work = list(zip([replace(loop, seed=s) for s in seeds], paths, strict=True))
    runs: list[Run] = []
    try:
        for one in _each(work, jobs, progress):
            runs.append(one)
            if one.outcome.startswith(INTERRUPTED):
                break
    except KeyboardInterrupt:
        if not runs:
            raise
    if jobs != 1 and not all(one.reproducible for one in runs):
        loop.warn()
    generations = np.arange(1, len(loop.sizes) + 1)
    return Runs(tuple(runs), tuple(seeds[: len(runs)]), generations, count)


def _each(
    work: list[tuple[Loop, Path | None]], jobs: int, progress: Callable[[int], None]
) -> Iterator[Run]:
    if jobs == 1:
        for loop, path in work:
            yield loop.run(_file(loop, path), progress)
        return
    from joblib import delayed

    # What a run is, is told here: a class of a script is another one in each process.
    files = (_file(loop, path) for loop, path in work)
    tasks = (
        delayed(_remote)(loop, file, file.load())
        for (loop, _), file in zip(work, files, strict=True)
    )
    for (loop, _), one in zip(work, spread(tasks, jobs), strict=True):
        progress(len(one.generations))
        yield replace(one, experiment=loop.told())


def _remote(loop: Loop, file: Checkpoint, state: State) -> Run:
    with warnings.catch_warnings():  # it is said once, where they come together
        warnings.filterwarnings("ignore", UNSEEDED.format(type(loop.estimator).__name__)[:40])
        return loop.run(file, lambda _: None, state)
