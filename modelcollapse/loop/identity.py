"""What an experiment is, as plain data: the one place that decides what is the same.

Experiments are equal where it is, a checkpoint belongs to a run and a sweep's cell keeps its result
where it is. How any value becomes data stands in `json_data`.
"""

import importlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.loop.json_data import canonical, plain
from modelcollapse.loop.sampling import built
from modelcollapse.loop.truth import Normal, NormalMixture
from modelcollapse.workflows import BY_NAME, AnyWorkflow
from modelcollapse.workflows.fresh import Growth

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

MOST_SHOWN = 300  # characters of data in a message
KEYS = ("model", "workflow", "samples", "generations", "truth", "sampling")


def described(experiment: "Experiment") -> dict[str, Any]:
    """Return what an experiment is, as plain data: equal for equal experiments.

    Parameters
    ----------
    experiment
        The loop.

    Returns
    -------
    dict
        Strict JSON data. "model" is what the model says of itself, with its family's name as
        "model"; "workflow" holds its "name" and parameters, or of a class that is not this
        package's the "class" and its "parameters"; "samples" is the batch size, one number where
        all are equal or where the workflow sets the later ones, else n_1, ..., n_T; "generations"
        is T, "truth" what the truth says of itself, and "sampling" null or its "name" and
        parameters. Functions of the generation (sizes, bandwidths, a web's curves) are given by
        their numbers for t = 1..T, other functions by their name or, such as a lambda, by their
        code and what they hold, and arrays by "shape", "type" and "sha256". What cannot be
        identified is named as "unidentified": it is equal to itself alone, in this process.

    Raises
    ------
    InvalidInput
        If it is no experiment.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Accumulate(), samples=10, generations=3)
    >>> told = mc.described(loop)
    >>> told["workflow"], told["samples"], mc.Experiment.from_dict(told) == loop
    ({'name': 'accumulate'}, 10, True)
    """
    if not hasattr(experiment, "identity"):
        raise invalid("experiment", experiment, "give an Experiment(model, workflow, ...)")
    told: dict[str, Any] = json.loads(experiment.identity)
    return told


def identity(e: "Experiment") -> str:
    """Return the data of `described` as text: one line, its keys sorted."""
    sizes, T = e.sizes.tolist(), e.generations
    constant = e.schedule.sets_sizes or len(set(sizes)) == 1
    values = (
        plain(e.model, T),
        of_workflow(e.workflow, T),
        sizes[0] if constant else sizes,
        T,
        plain(e.truth, T),
        plain(e.sampling, T),
    )
    return canonical(dict(zip(KEYS, values, strict=True)))


def of_workflow(workflow: AnyWorkflow, generations: int) -> dict[str, Any]:
    """Return what a workflow is, up to a generation."""
    own: Any = workflow
    told: dict[str, Any]
    if type(own) not in BY_NAME.values():
        told = plain(own, generations)
        return told
    if hasattr(own, "described"):
        said = own.described(generations).items()
        told = {key: plain(v, 0) if isinstance(v, np.ndarray) else v for key, v in said}
        return {"name": own.name, **told}
    return {"name": own.name, **{f.name: getattr(own, f.name) for f in fields(own)}}


def arguments(data: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the experiment that data describe; `given` ones are not None."""
    if not isinstance(data, Mapping) or not set(KEYS) <= set(data):
        raise invalid("data", data, f"give what described() returns, with {', '.join(KEYS)}")
    for name in data:
        if name not in KEYS:
            raise invalid(f"data[{name!r}]", data[name], f"the keys are {', '.join(KEYS)}")
    made = {name: value for name, value in given.items() if value is not None}
    made["sampling"] = built(data["sampling"])
    for name, build in (("model", _model), ("workflow", _workflow), ("truth", _truth)):
        if name in made:
            continue
        try:
            made[name] = build(data[name])
        except (InvalidInput, TypeError, KeyError, AttributeError) as error:
            raise InvalidInput(
                f"{name} cannot be built from its description ({error}): "
                f"give it, from_dict(data, {name}=...)"
            ) from error
    return {**data, **made}


def check_same(data: Mapping[str, Any], experiment: "Experiment") -> None:
    """Raise InvalidInput if an experiment is not the one that data describe."""
    here = described(experiment)
    for name in KEYS:
        if here[name] != data[name]:
            raise InvalidInput(
                f"{name} is another one: {shown(here[name])} here and {shown(data[name])} in the "
                "description; give the one that was described"
            )


def shown(told: Any) -> str:
    """Return data for a message, and what to do where they hold what cannot be identified."""
    text = repr(told)
    if len(text) > MOST_SHOWN:
        text = text[:MOST_SHOWN] + "..."
    if "'unidentified': " not in repr(told):
        return text
    return (
        f"{text} (it cannot be identified but in the process that described it: make it a "
        "function or a class of a module, or give its owner a method described())"
    )


def _model(told: Mapping[str, Any]) -> Any:
    if "model" not in told:
        raise InvalidInput(f"its class is {told.get('class')}")
    options = {name: value for name, value in told.items() if name not in ("model", "class")}
    names = importlib.import_module("modelcollapse.families.names")  # a floor above this one
    return names.build(told["model"], options)[0]


def _workflow(told: Mapping[str, Any]) -> Any:
    if "name" not in told:
        raise InvalidInput(f"its class is {told.get('class')}")
    options = {name: value for name, value in told.items() if name != "name"}
    for name, value in options.items():
        if isinstance(value, Mapping):
            options[name] = Growth(**value)
        elif name == "matrix":
            options[name] = [_divided(row) for row in value]
    return BY_NAME[told["name"]](**options)


def _truth(told: Any) -> Any:
    if not isinstance(told, Mapping):  # text stands for the standard one
        return _divided(told) if isinstance(told, list) else None if isinstance(told, str) else told
    if "covariance" in told:
        return Normal(**told)
    if "covariances" in told:
        return NormalMixture(**{**told, "weights": _divided(told["weights"])})
    for name in ("mean", "coefficients"):
        if name in told:
            return told[name]
    raise InvalidInput(f"it is known by {', '.join(told)} alone")


def _divided(weights: Any) -> Any:
    """Return weights that keep their bits: they have been divided by their sum."""
    array = np.array(weights)
    array.flags.writeable = False
    return array
