"""The plain loop: fit, sample, refit, for any estimator.

Slow and obvious on purpose: every fast simulator of this package is tested against `run`.
"""

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from modelcollapse._support import generators
from modelcollapse._support.checks import (
    Floats,
    Integers,
    frozen,
)
from modelcollapse._support.errors import InvalidInput, invalid, unknown
from modelcollapse._support.interruption import apart
from modelcollapse._support.spread import TINY
from modelcollapse._support.version import build
from modelcollapse.loop import estimators
from modelcollapse.loop.batches import Batch, Columns, Form
from modelcollapse.loop.checkpoint import Checkpoint, State
from modelcollapse.loop.estimators import FailedError, stage
from modelcollapse.loop.identity import of_workflow
from modelcollapse.loop.json_data import code_of, of_metric, plain
from modelcollapse.loop.metrics import Metric, built_in, custom
from modelcollapse.loop.sampling import Sampling
from modelcollapse.loop.truth import Law, form_of_law
from modelcollapse.workflows import keeps
from modelcollapse.workflows.selection import NONE, require_workflow, select
from modelcollapse.workflows.sources import real_counts

INTERRUPTED = "interrupted"  # how its outcome begins
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
        The rows of each batch, as arrays, or as data frames where the data is one with other
        columns than numbers; the first is real.
    warnings
        How often the estimator gave each warning.
    experiment
        Everything that the numbers depend on, as JSON data; see `described`.
    reproducible
        Whether the loop could seed the estimator: False where it takes no random_state, seed or rng
        and `seed_global` was not asked for, so that the same call may give other numbers.
    resampled
        Whether weighted rows were drawn again by their weights, as `resample_weights` asks for.
    reasons
        Why a metric of the loop's own was not measured.
    """

    metrics: dict[str, Floats]
    outcome: str
    generations: Integers
    model: Any
    batches: list[Any]
    warnings: dict[str, int]
    experiment: dict[str, Any]
    reproducible: bool = True
    resampled: bool = False
    reasons: dict[str, str] = field(default_factory=dict)

    def keys(self) -> list[str]:
        """Return the names of the metrics."""
        return list(self.metrics)

    def __iter__(self) -> Iterator[str]:
        return iter(self.metrics)

    def __contains__(self, metric: object) -> bool:
        return metric in self.metrics

    def __getitem__(self, metric: str) -> Floats:
        if metric in self.metrics:
            return self.metrics[metric]
        if metric in self.reasons:
            raise InvalidInput(f"{metric} was not measured: {self.reasons[metric]}")
        raise unknown("metric", metric, self.metrics)

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


@dataclass(frozen=True, eq=False)
class Loop:
    """The checked arguments of one run, and its steps."""

    estimator: Any
    truth: Law
    workflow: Any  # a Workflow, or Keeping
    sizes: Integers
    seed: int
    test: Batch | None
    metrics: dict[str, Metric]
    sampling: Sampling | None
    seed_global: bool
    resample: bool = False

    def run(
        self, file: Checkpoint, progress: Callable[[int], None], state: State | None = None
    ) -> Run:
        """Run the generations that the file does not hold, and say how it ended.

        `state` is what the file holds, if that has been read.
        """
        state = file.load() if state is None else state
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
            outcome = f"{INTERRUPTED} at generation {state.generation}"
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
            training = self.form.taken(self.form.joined(state.batches), chosen)
            with stage("fit", t, noted), self.globals_seeded(t, 4):
                state.model = apart(
                    estimators.fit, self.estimator, training, weights, fitting, t, self.form
                )
            if t == max(before, 1) and not self.reproducible(state.model):
                self.warn()
            if t == 1 < last:
                self.check_seeds(state.model, training, weights)
            if t > before:
                state.records.append(apart(self.measure, t, state, training, weights, noted))
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

    def warn(self) -> None:
        """Say that the estimator cannot be seeded."""
        warnings.warn(UNSEEDED.format(type(self.estimator).__name__), stacklevel=5)

    def check_seeds(self, model: Any, training: Batch, weights: Floats | None) -> None:
        """Raise InvalidInput if the model samples the same rows under every seed."""
        seeds, noted = _generator(self.seed, 1, 6), dict[str, int]()
        try:
            with generators.kept(devices=self.seed_global), stage("sample", 1, noted):
                same = estimators.frozen(
                    self.estimator, model, (training, weights), self.form, seeds, self.sampling
                )
        except FailedError:  # a model that cannot be copied is not judged
            return
        if same:
            raise InvalidInput(
                f"estimator = {self.estimator!r} samples the same rows under every random_state: "
                "all generations would share one noise; draw them from the random_state that "
                "sample(n, random_state) is given, a new one in each call"
            )

    def next_batch(self, t: int, model: Any, rng: np.random.Generator) -> Batch:
        """Return batch t + 1: fresh real rows if the workflow brings any, then sampled ones."""
        fresh = int(real_counts(self.workflow, self.sizes[: t + 1].tolist())[t])
        parts = []
        if fresh:
            parts.append(self.truth.sample(fresh, _generator(self.seed, t, 3)))
        if count := int(self.sizes[t]) - fresh:
            parts.append(estimators.sample(model, count, self.form, rng, self.sampling))
        return self.form.joined(parts)

    def choose(
        self, t: int, rng: np.random.Generator, before: Sequence[Integers]
    ) -> tuple[Integers, Floats | None]:
        """Return the numbers of the rows that generation t is fitted to, and their weights."""
        previous = before[-1] if before else NONE
        chosen, weights = select(self.workflow, self.sizes[:t].tolist(), rng, previous)
        if weights is None:
            return chosen, weights
        if self.resamples:
            drawn = _generator(self.seed, t, 7).choice(
                chosen, len(chosen), p=weights / weights.sum()
            )
            return np.asarray(drawn), None
        estimators.check_weights(self.estimator, t)
        return chosen, weights

    @property
    def resamples(self) -> bool:
        """Whether weighted rows are drawn again by their weights."""
        return self.resample and not estimators.accepts(self.estimator.fit, "sample_weight")

    @property
    def form(self) -> Form:
        """The form of the rows."""
        return form_of_law(self.truth)

    def measure(
        self, t: int, state: State, training: Batch, weights: Floats | None, noted: dict[str, int]
    ) -> dict[str, float]:
        """Return the metrics of generation t."""
        model, handed = state.model, self.form.handed
        state.reasons.clear()
        with stage("score", t, noted):
            record = built_in(model, training, weights, self.truth, self.test, state.reasons)
        sample = cache(lambda: self.fresh_sample(t, model))
        reference = cache(lambda: self.reference(t))
        there = {
            "model": lambda: model,
            "rows": lambda: handed(training),
            "truth": lambda: self.truth,
            "sample": lambda: handed(sample()),
            "reference": lambda: handed(reference()),
            "generation": lambda: t,
            "rng": lambda: _generator(self.seed, t, 10),
        }
        record |= custom(self.metrics, t, there, state.reasons)
        first = state.records[0] if state.records else record
        if surplus := [name for name in record if name not in first]:
            raise InvalidInput(
                f"{surplus[0]} is measured at generation {t} and was not at generation 1: let a "
                "metric return as many numbers in each generation"
            )
        return {name: record.get(name, np.nan) for name in first}

    def fresh_sample(self, t: int, model: Any) -> Batch:
        """Return as many rows as batch t has, sampled for the metrics alone.

        They come from a copy of the model and from a stream of their own, and the global generators
        stay as they are: no number of the loop depends on what is measured.
        """
        try:
            model = copy.deepcopy(model)
        except Exception:  # noqa: BLE001 - of an object of anybody
            noted = "the model cannot be copied, and is sampled itself for the metrics"
            warnings.warn(noted, stacklevel=2)
        rng = _generator(self.seed, t, 8)
        with generators.kept(devices=self.seed_global), self.globals_seeded(t, 11):
            return estimators.sample(model, int(self.sizes[t - 1]), self.form, rng, self.sampling)

    def reference(self, t: int) -> Batch:
        """Return real rows to compare with: as many, of the test set or else of the truth."""
        count, rng = int(self.sizes[t - 1]), _generator(self.seed, t, 9)
        if self.test is None:
            return self.truth.sample(count, rng)
        if len(self.test) <= count:
            return self.test
        return self.form.taken(self.test, np.sort(rng.permutation(len(self.test))[:count]))

    def check(self) -> None:
        """Raise InvalidInput where that is possible before anything runs."""
        require_workflow(self.workflow)
        total = float(np.trace(self.truth.covariance))
        if not TINY <= total < np.inf and not isinstance(self.form, Columns):
            remedy = "squares leave the range of floats: rescale the data to about 1"
            raise invalid("data, its total variance", total, remedy)
        estimators.check(self.estimator, sampling=self.sampling, scored=self.test is not None)
        if hasattr(self.estimator, "check_schedule"):
            self.estimator.check_schedule(len(self.sizes))
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
            "test": None if self.test is None else plain(self.form.told(self.test), generations),
            "metrics": {name: of_metric(metric) for name, metric in self.metrics.items()},
            "code": [code_of(one) for one in given],
            "sampling": plain(self.sampling, generations),
            "seed_global": self.seed_global,
            "resample_weights": self.resamples,
            "columns": self.form.described(),
        }

    def told(self) -> dict[str, Any]:
        """Return what `Run.experiment` says."""
        return {**self.configuration(len(self.sizes)), "generations": len(self.sizes)}

    def result(self, state: State, outcome: str) -> Run:
        """Return what is known as a `Run`."""
        finished = len(state.records)
        names = state.records[0] if finished else {}
        return Run(
            metrics={name: frozen(np.array([r[name] for r in state.records])) for name in names},
            outcome=outcome,
            generations=np.arange(1, finished + 1),
            model=state.model,
            batches=[self.form.handed(batch) for batch in state.batches]
            if isinstance(self.form, Columns)
            else [frozen(np.array(batch)) for batch in state.batches],
            warnings=state.warnings,
            experiment=self.told(),
            reproducible=self.reproducible(state.model),
            resampled=self.resamples,
            reasons=dict(state.reasons),
        )


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
