"""``modelcollapse predict``: the exact predictions for a loop."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from modelcollapse._support.checks import Integers
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.strict_json import plain
from modelcollapse.cli import WRONG_USE
from modelcollapse.cli.completing import Family
from modelcollapse.cli.options import LoopOptions, WorkflowOptions
from modelcollapse.cli.output import (
    ENDINGS,
    Quiet,
    check_table,
    note,
    number,
    print_json,
    print_table,
    progress,
    write_json,
    write_table,
)
from modelcollapse.loop.document import document
from modelcollapse.loop.experiment import Experiment, Prediction, chosen_generations
from modelcollapse.loop.experiment import predict as predict_experiment
from modelcollapse.loop.identity import described
from modelcollapse.loop.tables import with_variances

SHOWN = 12


def predict(
    family: Family,
    which: WorkflowOptions | None = None,
    loop: LoopOptions | None = None,
    *,
    at: str | None = None,
    output: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    quiet: Quiet = False,
) -> int:
    """Print what theory expects of a loop at each generation.

    Parameters
    ----------
    family
        The model: gaussian, kde, normal-mean, poisson, binomial, gamma, negative-binomial,
        hyperbolic-secant, discrete, regression or markov.
    which
        The workflow.
    loop
        The loop.
    at
        The generations to show and to write, such as 1,10,100; by default all, of which the table
        shows some.
    output
        A .csv or .parquet file with one row per generation: the expectations, and the variances
        over replicates as variance_of_QUANTITY; or a .json file with what --json prints.
    json
        Print one JSON object; infinite values are the strings "inf" and "-inf".
    """
    if output is not None:
        check_table(output, (*ENDINGS, ".json"))
    experiment = (loop or LoopOptions()).build(family, which or WorkflowOptions())
    chosen = parse_generations(at)
    generations = chosen_generations(chosen, experiment.generations)
    prediction = predict_experiment(experiment)
    every = [(prediction.expected, name) for name in prediction.expected]
    if json or output is not None:
        every += [(prediction.variances, name) for name in prediction.variances]
    with progress(len(every), quiet=quiet) as show:  # each is computed at the first look
        for done, (values, name) in enumerate(every):
            show(done, name)
            _ = values[name]
    written = output is None or _written(output, prediction, generations)
    if json:
        print_json(document(prediction, chosen))
    elif output is None or not written:
        shown = shown_generations(experiment.generations) if chosen is None else chosen
        _print(prediction, shown)
    return 0 if written else WRONG_USE


def _written(output: Path, p: Prediction, generations: Integers) -> bool:
    if output.suffix == ".json":
        return write_json(output, document(p, generations.tolist()))
    return write_table(output, with_variances(p, generations).columns)


def parse_generations(text: str | None) -> list[int] | None:
    """Return generations from text such as "1,10,100"; None stays None."""
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidInput(f"at = {text!r}: give generations, such as 1,10,100") from error


def _title(e: Experiment) -> str:
    """Return what an experiment is, for people: a truth that has a name by its name."""
    told = described(e)
    model, workflow = told.pop("model"), told.pop("workflow")
    told["truth"] = getattr(e.truth, "name", None) or told["truth"]
    told |= {key: v for key, v in (told.pop("sampling") or {}).items() if key != "name"}
    parts = {**model, "workflow": workflow.pop("name"), **workflow, **told}
    return ", ".join(f"{key} {value}" for key, value in parts.items() if value is not None)


def shown_generations(last: int) -> list[int]:
    """Return at most SHOWN generations, the first and the last among them."""
    if last <= SHOWN:
        return list(range(1, last + 1))
    return sorted({round(t) for t in np.geomspace(1, last, SHOWN).tolist()})


def _print(p: Prediction, generations: Sequence[int]) -> None:
    names = list(p.expected)
    rows = [[str(t), *(number(p[name][t - 1]) for name in names)] for t in generations]
    if p.limits:
        rows.append(["limit", *(number(p.limits[n]) if n in p.limits else "" for n in names)])
    print_table("expected: " + _title(p.experiment), ["generation", *names], rows)
    for name, value in p.exponents.items():
        print(f"exponent {name}: {plain(value)}")
    for name, fate in p.fates.items():
        rate = f" ({fate.rate})" if fate.rate else ""
        print(f"in the long run {name}: {fate.verdict}{rate}: {fate.reason}")
    for name, reason in p.reasons.items():
        note(f"{name}: {reason}")
