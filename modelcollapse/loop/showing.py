"""Experiments, predictions, trajectories and runs in few words, and as tables of a notebook."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support import html
from modelcollapse._support.drawing import quantiles
from modelcollapse._support.errors import shown
from modelcollapse._support.words import many
from modelcollapse.loop.json_data import plain
from modelcollapse.loop.tables import numbers, of_prediction, of_run
from modelcollapse.loop.truth import Rows

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Prediction, Trajectories
    from modelcollapse.loop.plain import Run
    from modelcollapse.loop.replicates import Runs

MOST = 100  # characters of a part
NAMES = 12  # quantities that are listed


def parts(e: "Experiment") -> dict[str, str]:
    """Return what an experiment is, a few words for each of its fields."""
    sizes = e.sizes.tolist()
    told = {
        "model": shown(e.model, MOST),
        "workflow": shown(e.workflow, MOST),
        "samples": str(sizes[0]) if _one_size(e) else shown(sizes, MOST // 2),
        "generations": str(e.generations),
        "truth": _truth(e.truth, e.generations),
    }
    return told | ({} if e.sampling is None else {"sampling": shown(e.sampling, MOST)})


def _one_size(e: "Experiment") -> bool:
    return e.schedule.edits is not None or len(set(e.sizes.tolist())) == 1


def _truth(truth: Any, generations: int) -> str:
    """Return a truth by its name; of rows also how many there are."""
    if isinstance(truth, Rows):
        count, dim = truth.values.shape
        return f"{shown(truth.name, MOST // 2)} ({many(count, 'row')} of {many(dim, 'number')})"
    told = getattr(truth, "name", None) or plain(truth, generations)
    return told if isinstance(told, str) else shown(told, MOST // 2)


def words(e: "Experiment") -> str:
    """Return what an experiment is on one line."""
    model, workflow, *rest = parts(e).items()
    return ", ".join([model[1], workflow[1], *(f"{name}={value}" for name, value in rest)])


def listed(names: Iterable[str]) -> str:
    """Return the first of some names."""
    some = list(names)
    more = ["..."] if len(some) > NAMES else []
    return ", ".join([*some[:NAMES], *more]) or "nothing"


def span(generations: Any) -> str:
    """Return which generations there are."""
    count = len(generations)
    if not count:
        return "no generation"
    ends = f"{generations[0]} to {generations[-1]}" if count > 1 else str(generations[0])
    return f"{many(count, 'generation')}, {ends}"


def of_experiment(e: "Experiment") -> str:
    """Return an experiment as HTML."""
    return html.pairs("Experiment", parts(e))


def prediction_html(p: "Prediction") -> str:
    """Return the expectations by generation, the limits and the reasons as HTML."""
    limits = [f"limit of {name}: {value:.5g}" for name, value in p.limits.items()]
    reasons = [f"{name}: {why}" for name, why in p.reasons.items()]
    title = f"Prediction: {words(p.experiment)}"
    return html.table(title, of_prediction(p).columns, [*limits, *reasons])


def trajectories_html(runs: "Trajectories") -> str:
    """Return means and bands by generation as HTML."""
    columns: dict[str, Any] = {"generation": runs.generations}
    for name in numbers(runs):
        columns[name] = _bands(runs[name])
    count = many(runs.replicates, "replicate")
    title = f"{count}, mean (5 % to 95 %): {words(runs.experiment)}"
    return html.table(title, columns)


def _bands(values: Any) -> list[str]:
    """Return the mean and the band of each generation; NaN is a run that did not reach it."""
    low, _, high = quantiles(values)
    with np.errstate(invalid="ignore", over="ignore"):
        mean = np.nanmean(values, axis=0)
    return [f"{m:.4g} ({a:.3g} to {b:.3g})" for m, a, b in zip(mean, low, high, strict=True)]


def runs_html(runs: "Runs") -> str:
    """Return means and bands by generation as HTML, and how many replicates there are."""
    there = [len(run.generations) for run in runs.runs]
    reached = [sum(count >= t for count in there) for t in runs.generations]
    most = max(there, default=0)
    columns: dict[str, Any] = {"generation": runs.generations[:most], "replicates": reached[:most]}
    for name in runs.keys():  # noqa: SIM118 - it is no dictionary
        columns[name] = _bands(runs[name][:, :most])
    done = sum(run.completed for run in runs.runs)
    title = f"{many(runs.asked, 'replicate')}, {done} completed, mean (5 % to 95 %)"
    notes = [one for one in dict.fromkeys(runs.outcomes) if one != "completed"]
    return html.table(title, columns, notes)


def run_html(run: "Run") -> str:
    """Return the metrics by generation as HTML."""
    notes = [f"warning, {many(count, 'time')}: {text}" for text, count in run.warnings.items()]
    return html.table(f"Run, {run.outcome}", of_run(run).columns, notes)
