"""``modelcollapse predict``: the exact predictions for a loop."""

from typing import Annotated

import numpy as np
from cyclopts import Parameter

from modelcollapse._support.strict_json import plain
from modelcollapse.cli.options import LoopOptions, WorkflowOptions
from modelcollapse.cli.output import note, number, print_json, print_table, progress
from modelcollapse.loop.experiment import Experiment, Prediction
from modelcollapse.loop.experiment import predict as predict_experiment
from modelcollapse.loop.identity import described

SHOWN = 12


def predict(
    family: str,
    which: WorkflowOptions | None = None,
    loop: LoopOptions | None = None,
    *,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
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
    json
        Print one JSON object; infinite values are the strings "inf" and "-inf".
    """
    experiment = (loop or LoopOptions()).build(family, which or WorkflowOptions())
    prediction = predict_experiment(experiment)
    names = list(prediction.expected)
    with progress(len(names)) as show:  # each is computed at the first look
        for done, name in enumerate(names):
            show(done, name)
            _ = prediction[name]
    if json:
        print_json(prediction.to_dict())
        return
    _print(prediction)


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


def _print(p: Prediction) -> None:
    names = list(p.expected)
    rows = [
        [str(t), *(number(p[name][t - 1]) for name in names)]
        for t in shown_generations(p.experiment.generations)
    ]
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
