"""One cell of a sweep: an experiment, its replicates and what is kept of them, as plain data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from modelcollapse import datasets
from modelcollapse._support.errors import InvalidInput, invalid, unknown
from modelcollapse._support.version import build
from modelcollapse.families import names as families
from modelcollapse.loop.experiment import Experiment
from modelcollapse.loop.json_data import plain
from modelcollapse.workflows import OWNERS, AnyWorkflow, Weighted, by_name, curves, short_forms

GROWTH = ("growth", "real_share")
FIRST = {"budget": 1, "edits": 2, "real": 2, "synthetic": 2}  # generation of a schedule
WORKFLOW_KEYS = ("name", *OWNERS, *GROWTH)


@dataclass(frozen=True, eq=False)
class Cell:
    """One experiment of a sweep.

    Parameters
    ----------
    model
        The family and its options, such as ``{"family": "gaussian", "dim": 3}``; the options are
        those of ``modelcollapse predict``, with underscores.
    workflow
        Its name and options, such as ``{"name": "accumulate-subsample", "budget": 50}``.
    samples, generations
        As in `Experiment`; a schedule is a list of sizes, or a text such as "double:10",
        "10*2^t" or "a.csv" (see `modelcollapse.workflows.short_forms`).
    replicates, seed
        As in `simulate`. Cells with the same seed share their random streams, which makes
        contrasts between cells sharper than independent ones.
    at, extra, test, tolerance
        As in `simulate`; `test` is a number of rows, or the name or file of a data set.
    quantities
        Those to keep, simulated or predicted, where a cell has them; by default all.
    runs
        Whether to keep every replicate beside the summary.
    """

    model: Mapping[str, Any]
    workflow: Mapping[str, Any]
    samples: Any = 100
    generations: int = 50
    replicates: int = 100
    seed: int = 0
    at: tuple[int, ...] | None = None
    extra: tuple[str, ...] = ()
    test: int | str | None = None
    tolerance: float = 1e-10
    quantities: tuple[str, ...] | None = None
    runs: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """Return everything as plain data."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        plain: dict[str, Any] = json.loads(json.dumps(given))
        return plain

    @cached_property
    def key(self) -> str:
        """A name for files: equal for cells of equal experiments, different for others."""
        return self.key_of(self.experiment())

    def key_of(self, experiment: Experiment) -> str:
        """Return the key, given what `experiment` returns."""
        of_experiment = ("model", "workflow", "samples", "generations")
        names = (f.name for f in fields(self) if f.name not in of_experiment)
        asked = {name: getattr(self, name) for name in names}
        if isinstance(self.test, str):  # what is in a file, and not its name
            asked["test"] = plain(datasets.load(self.test), self.generations)
        text = experiment.identity + json.dumps([asked, build()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def columns(self) -> dict[str, Any]:
        """Return what tells cells apart, one value per column of a table."""
        model = {("family" if k == "family" else k): v for k, v in self.model.items()}
        workflow = {("workflow" if k == "name" else k): v for k, v in self.workflow.items()}
        return {
            **model,
            **workflow,
            "samples": self.samples,
            "generations": self.generations,
            "seed": self.seed,
            "replicates": self.replicates,
        }

    def __str__(self) -> str:
        named = {k: v for k, v in self.columns.items() if k not in ("family", "workflow")}
        words = ", ".join(f"{name}={value}" for name, value in named.items())
        return f"{self.model.get('family')} {self.workflow.get('name')} {words}"

    def experiment(self) -> Experiment:
        """Return the experiment.

        Raises
        ------
        InvalidInput
            If an option is wrong or belongs to another family or workflow.
        """
        options = dict(self.model)
        family = options.pop("family", None)
        if not isinstance(family, str):
            raise invalid("model.family", family, f"give one of {', '.join(families.FAMILIES)}")
        model, truth = families.build(family, options)
        samples = _read("samples", self.samples, 1)
        return Experiment(
            model,
            _workflow(self.workflow, samples),
            samples=samples,
            generations=self.generations,
            truth=truth,
            sampling=families.sampling(options),
        )


def _read(name: str, value: Any, first: int) -> Any:
    """Return what is given, or the schedule that a text is the short form of."""
    return short_forms.parse(name, value, first) if isinstance(value, str) else value


def _workflow(given: Mapping[str, Any], samples: Any) -> AnyWorkflow:
    options = dict(given)
    name = options.pop("name", None)
    for key in options:
        if key not in WORKFLOW_KEYS:
            raise unknown("key of workflow", key, WORKFLOW_KEYS)
    if not isinstance(name, str):
        raise invalid("workflow.name", name, "give a workflow's name, such as replace")
    if name == "web" and set(options) & set(GROWTH):
        if set(options) != set(GROWTH):
            raise InvalidInput("workflow 'web': give growth and real_share, or real and synthetic")
        return curves.growing(samples, *(options[key] for key in GROWTH))
    if isinstance(options.get("weights"), str):
        options["weights"] = Weighted.read(Path(options["weights"])).matrix
    for key, first in FIRST.items():
        if key in options:
            options[key] = _read(key, options[key], first)
    for key in set(options) & set(GROWTH):
        raise InvalidInput(
            f"workflow.{key} belongs to the workflow 'web', not to {name!r}: leave it out"
        )
    return by_name(name, **options)
