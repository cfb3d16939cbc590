"""The plain loop: fit, sample, refit, for any estimator.

Slow and obvious on purpose: every fast simulator of this package is tested against `run`.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse._support import generators
from modelcollapse._support.checks import (
    Floats,
    Integers,
    Samples,
    horizon,
    listener,
    rows,
    truth_value,
    whole,
)
from modelcollapse._support.errors import InvalidInput, invalid, unknown
from modelcollapse._support.interruption import apart
from modelcollapse._support.memory import require
from modelcollapse._support.spread import TINY
from modelcollapse._support.version import build
from modelcollapse._support.words import many
from modelcollapse.loop import estimators
from modelcollapse.loop.checkpoint import Checkpoint, State
from modelcollapse.loop.estimators import FailedError, stage
from modelcollapse.loop.identity import of_workflow, shown
from modelcollapse.loop.json_data import code_of, of_metric, plain
from modelcollapse.loop.metrics import Metric, built_in, check_names, custom
from modelcollapse.loop.sampling import Tempered, lowered
from modelcollapse.loop.truth import Rows, Truth
from modelcollapse.workflows import Keeping, Workflow, keeps
from modelcollapse.workflows.selection import NONE, batch_sizes, require_workflow, select
from modelcollapse.workflows.sources import real_counts

UNSEEDED = (
    "{} takes no random_state, seed or rng, so the same call may give other numbers: "
    "give its sample a random_state, or this call seed_global=True"
)


@dataclass(frozen=True, eq=False)
class Run:
    """The result of `run`; ``result["variance"]`` is one number per finished generation.

    Attributes
    ----------
    metrics
        Each metric as an array of shape (finished generations,).
    outcome
        "completed", or what ended the run: a failure of the estimator or an interruption, with
        the generation.
    generations
        The finished generations, 1, 2, ...
    model
        The last fitted model; None if there is none.
    batches
        The rows of each batch; the first is real.
    warnings
        How often the estimator gave each warning.
    experiment
        Everything that the numbers depend on, as JSON data; see `described`.
    reproducible
        Whether the loop could seed the estimator: False where it takes no random_state, seed or rng
        and `seed_global` was not asked for, so that the same call may give other numbers.
    """

    metrics: dict[str, Floats]
    outcome: str
    generations: Integers
    model: Any
    batches: list[Floats]
    warnings: dict[str, int]
    experiment: dict[str, Any]
    reproducible: bool = True

    def __getitem__(self, metric: str) -> Floats:
        if metric not in self.metrics:
            raise unknown("metric", metric, self.metrics)
        return self.metrics[metric]

    @property
    def completed(self) -> bool:
        """Whether all generations were finished."""
        return self.outcome == "completed"

    def to_frame(self, library: str = "polars", *, long: bool = False) -> Any:
        """Return the metrics, as a data frame of "polars", "pandas" or "pyarrow".

        A row is a generation, as in the files of ``modelcollapse run``; `long` is one row per
        quantity, with the columns "quantity" and "value". Columns share the memory of the arrays,
        read-only.

        Raises
        ------
        MissingDependency
            If the library is not installed.
        """
        from modelcollapse.loop.tables import of_run

        return of_run(self).frame(library, long=long)

    def plot(
        self,
        quantity: str | None = None,
        ax: Any = None,
        *,
        label: str | None = None,
        color: Any = None,
    ) -> Any:
        """Draw a metric by generation as dots on a line, and return the matplotlib Axes.

        Parameters
        ----------
        quantity
            Its name; None is the first one.
        ax
            The Axes to draw into; None makes new ones. Their scales and names are set only if
            nothing is drawn there yet.
        label
            Its name in the legend.
        color
            In place of the usual one.

        Raises
        ------
        MissingDependency
            If matplotlib is not installed.
        """
        from modelcollapse.loop import plots

        return plots.run(self, quantity, ax, label, color)

    def __repr__(self) -> str:
        from modelcollapse.loop.showing import listed, span

        return f"Run({self.outcome}, {span(self.generations)}: {listed(self.metrics)})"

    def _repr_html_(self) -> str:
        from modelcollapse.loop.showing import run_html

        return run_html(self)


def run(
    estimator: Any,
    data: Any,
    workflow: Workflow | Keeping,
    samples: Samples = 100,
    generations: int = 20,
    seed: int = 0,
    *,
    test: Any = None,
    metrics: Mapping[str, Metric] | None = None,
    temperature: float | None = None,
    sampling: Tempered | None = None,
    seed_global: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Run:
    """Fit an estimator to data, then again and again to rows sampled from itself.

    Parameters
    ----------
    estimator
        Any object with ``fit(X)``, ``sample(n)`` and, with a test set, ``score_samples(X)``, as
        in scikit-learn. It is copied, never changed. A ``random_state`` of its own is replaced
        by fresh integers from `seed`.
    data
        Rows of shape (rows, columns), or a truth (`Normal`, `NormalMixture`, `Rows`, an
        experiment's `truth`). Batch 1 and all fresh real rows are drawn from it; rows are drawn
        with replacement.
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
        More metrics: for each name a function of (model, training rows, truth).
    temperature
        The short form of ``sampling=Tempered(temperature)``, in whose place it comes.
    sampling
        How the synthetic batches are sampled: None, plainly, or `Tempered`, whose temperature is
        passed to the estimator's ``sample``. The real rows are not tempered.
    seed_global
        Whether to seed the global generators of Python, NumPy and, if it is imported, PyTorch for
        each fit and each sample, from streams of `seed`; they have their own states back
        afterwards. For estimators, such as networks, that draw from them.
    checkpoint
        A file to save each finished generation to. The same call resumes from it with the same
        numbers, and more `generations` prolong a finished run.
    progress
        Called with the number of generations finished since the last call.

    Returns
    -------
    Run
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
        If the estimator cannot be seeded; see `Run.reproducible`.
    """
    loop = _Loop(
        estimator=estimator,
        truth=data if _is_truth(data) else Rows(data),
        workflow=workflow,
        sizes=batch_sizes(workflow, samples, horizon(generations)),
        seed=whole("seed", seed, minimum=0),
        test=None if test is None else rows("test", _values(test)),
        metrics=check_names({} if metrics is None else metrics),
        sampling=lowered(sampling, temperature),
        seed_global=truth_value("seed_global", seed_global),
    )
    told = listener(progress, "generations")
    held = 16.0 * loop.sizes.sum(dtype=float) * loop.truth.dim  # all batches, and a training set
    require(held, f"samples = {shown(samples)}: the rows of {generations} generations")
    loop.check()
    file = Checkpoint(checkpoint, loop.configuration, len(loop.sizes))
    return loop.run(file, told)


@dataclass(frozen=True, eq=False)
class _Loop:
    """The checked arguments of `run`, and its steps."""

    estimator: Any
    truth: Truth
    workflow: Any  # a Workflow, or Keeping
    sizes: Integers
    seed: int
    test: Floats | None
    metrics: dict[str, Metric]
    sampling: Tempered | None
    seed_global: bool

    def run(self, file: Checkpoint, progress: Callable[[int], None]) -> Run:
        """Run the generations that the file does not hold, and say how it ended."""
        state = file.load()
        for finished in (state.records, state.batches, state.chosen):
            del finished[len(self.sizes) :]
        try:
            self.all_generations(state, file, progress)
            outcome = "completed"
        except FailedError as failure:
            if state.generation == 1:
                message = f"estimator = {self.estimator!r} cannot start the loop: {failure}"
                raise InvalidInput(message) from failure.__cause__
            outcome = str(failure)
        except KeyboardInterrupt:
            outcome = f"interrupted at generation {state.generation}"
        file.save(state, outcome)
        return self.result(state, outcome)

    def all_generations(
        self, state: State, file: Checkpoint, progress: Callable[[int], None]
    ) -> None:
        """Fit, measure and sample, generation after generation."""
        before, last = len(state.records), len(self.sizes)
        if before:
            progress(before)
        else:
            state.batches = [self.truth.sample(int(self.sizes[0]), _generator(self.seed, 0))]
        # The last generation of the file is fitted once more: the file holds no models.
        for t in range(max(before, 1), last + 1):
            state.generation = t
            choice, fitting, sampling = (_generator(self.seed, t, use) for use in range(3))
            noted = state.warnings if t > before else {}
            chosen, weights = self.choose(t, choice, state.chosen[: t - 1])
            training = np.concatenate(state.batches)[chosen]
            with stage("fit", t, noted), self.globals_seeded(t, 4):
                state.model = apart(estimators.fit, self.estimator, training, weights, fitting, t)
            if t == max(before, 1) and not self.reproducible(state.model):
                warnings.warn(UNSEEDED.format(type(self.estimator).__name__), stacklevel=4)
            if t == 1 < last:
                self.check_seeds(state.model, training, weights)
            if t > before:
                state.records.append(apart(self.measure, t, state.model, training, weights, noted))
                if keeps(self.workflow):
                    state.chosen.append(chosen)
                file.save(state, "completed" if t == last else "unfinished")
                progress(1)
            if t < last:
                with stage("sample", t, state.warnings), self.globals_seeded(t, 5):
                    state.batches.append(apart(self.next_batch, t, state.model, sampling))

    @contextmanager
    def globals_seeded(self, t: int, use: int) -> Iterator[None]:
        """Seed the global generators for a while, if that was asked for."""
        if not self.seed_global:
            yield
            return
        with generators.kept(devices=True):
            generators.seed(_generator(self.seed, t, use))
            yield

    def reproducible(self, model: Any) -> bool:
        """Return whether the numbers follow from the seed, as far as the loop can see."""
        seeded = map(estimators.seeded, [self.estimator, *([] if model is None else [model])])
        return self.seed_global or any(seeded)

    def check_seeds(self, model: Any, training: Floats, weights: Floats | None) -> None:
        """Raise InvalidInput if the model samples the same rows under every seed."""
        seeds, noted = _generator(self.seed, 1, 6), dict[str, int]()
        try:
            with generators.kept(devices=self.seed_global), stage("sample", 1, noted):
                same = estimators.frozen(
                    self.estimator, model, (training, weights), seeds, self.sampling
                )
        except FailedError:  # a model that cannot be copied is not judged
            return
        if same:
            raise InvalidInput(
                f"estimator = {self.estimator!r} samples the same rows under every random_state: "
                "all generations would share one noise; draw them from the random_state that "
                "sample(n, random_state) is given, a new one in each call"
            )

    def next_batch(self, t: int, model: Any, rng: np.random.Generator) -> Floats:
        """Return batch t + 1: fresh real rows if the workflow brings any, then sampled ones."""
        fresh = int(real_counts(self.workflow, self.sizes[: t + 1].tolist())[t])
        parts = []
        if fresh:
            parts.append(self.truth.sample(fresh, _generator(self.seed, t, 3)))
        if count := int(self.sizes[t]) - fresh:
            dim = self.truth.dim
            parts.append(estimators.sample(model, count, dim, rng, self.sampling))
        return np.concatenate(parts)

    def choose(
        self, t: int, rng: np.random.Generator, before: Sequence[Integers]
    ) -> tuple[Integers, Floats | None]:
        """Return the numbers of the rows that generation t is fitted to, and their weights."""
        previous = before[-1] if before else NONE
        chosen, weights = select(self.workflow, self.sizes[:t].tolist(), rng, previous)
        if weights is not None:
            estimators.check_weights(self.estimator, t)
        return chosen, weights

    def measure(
        self, t: int, model: Any, training: Floats, weights: Floats | None, noted: dict[str, int]
    ) -> dict[str, float]:
        """Return the metrics of generation t."""
        with stage("score", t, noted):
            record = built_in(model, training, weights, self.truth, self.test)
        return record | custom(self.metrics, t, model, training, self.truth)

    def check(self) -> None:
        """Raise InvalidInput where that is possible before anything runs."""
        require_workflow(self.workflow)
        if hasattr(self.estimator, "check_schedule"):
            self.estimator.check_schedule(len(self.sizes))
        total = float(np.trace(self.truth.covariance))
        if not TINY <= total < np.inf:
            remedy = "squares leave the range of floats: rescale the data to about 1"
            raise invalid("data, its total variance", total, remedy)
        estimators.check(self.estimator, sampling=self.sampling, scored=self.test is not None)
        if self.test is not None and self.test.shape[1] != self.truth.dim:
            columns = f"test has {many(self.test.shape[1], 'column')} and data has {self.truth.dim}"
            raise InvalidInput(f"{columns}: make them equal")
        # A workflow says only by its choice whether it weights rows: look at three of them, or at
        # the first two if each needs the one before.
        last, before = len(self.sizes), list[Integers]()
        for t in sorted({1, min(2, last), 1 if keeps(self.workflow) else last}):
            before.append(self.choose(t, _generator(self.seed, t, 0), before)[0])

    def configuration(self, generations: int) -> dict[str, Any]:
        """Return everything that the numbers of so many generations depend on."""
        given = self.estimator, self.workflow, *self.metrics.values()
        return {
            "build": build(),
            "estimator": plain(self.estimator, generations),
            "data": plain(self.truth, generations),
            "workflow": of_workflow(self.workflow, generations),
            "samples": self.sizes.tolist(),
            "seed": self.seed,
            "test": plain(self.test, generations),
            "metrics": {name: of_metric(metric) for name, metric in self.metrics.items()},
            "code": [code_of(one) for one in given],
            "sampling": plain(self.sampling, generations),
            "seed_global": self.seed_global,
        }

    def result(self, state: State, outcome: str) -> Run:
        """Return what is known as a `Run`."""
        finished = len(state.records)
        names = state.records[0] if finished else {}
        return Run(
            metrics={name: np.array([r[name] for r in state.records]) for name in names},
            outcome=outcome,
            generations=np.arange(1, finished + 1),
            model=state.model,
            batches=state.batches,
            warnings=state.warnings,
            experiment={**self.configuration(len(self.sizes)), "generations": len(self.sizes)},
            reproducible=self.reproducible(state.model),
        )


def _is_truth(data: Any) -> bool:
    """Return whether rows can be drawn from it; those of a data frame go by `sample` too."""
    return hasattr(data, "sample") and not hasattr(data, "__array__")


def _values(data: Any) -> Any:
    return data.values if isinstance(data, Rows) else data


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
