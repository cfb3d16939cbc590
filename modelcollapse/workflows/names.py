"""Workflows by their names on the command line, with the options that belong to each."""

import re
from collections.abc import Sequence
from typing import Any

from modelcollapse._support.checks import named
from modelcollapse._support.errors import InvalidInput
from modelcollapse.workflows.batches import (
    Accumulate,
    AccumulateSubsample,
    KeepReal,
    Replace,
    SlidingWindow,
)
from modelcollapse.workflows.editing import Edit
from modelcollapse.workflows.fresh import FreshData, Web
from modelcollapse.workflows.protocols import AnyWorkflow
from modelcollapse.workflows.weighted import Weighted

BY_NAME: dict[str, type] = {
    workflow.name: workflow
    for workflow in (
        Replace,
        Accumulate,
        AccumulateSubsample,
        SlidingWindow,
        KeepReal,
        Weighted,
        FreshData,
        Web,
        Edit,
    )
}

# The options of each workflow: its name on the command line, the parameter, and an example where
# it must be given.
OPTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "accumulate-subsample": {"budget": ("budget", "")},
    "sliding-window": {"window": ("k", "3")},
    "keep-real": {"share": ("share", "")},
    "weighted": {"weights": ("matrix", "weights.csv")},
    "fresh-data": {
        "real": ("real", "100"),
        "synthetic": ("synthetic", "1000"),
        "weight": ("weight", ""),
    },
    "web": {"real": ("real", "100"), "synthetic": ("synthetic", "1000")},
    "edit": {"edits": ("rows", ""), "share": ("share", "")},
}
ONE_OF = {"edit": ("edits", "share")}  # exactly one of these has to be given

# In every picture. Distinct for colour-blind readers, and in grey: Okabe and Ito, "Color Universal
# Design"; the last one and those of other workflows are of Paul Tol's "muted" colours.
COLOURS = {
    "replace": "#d55e00",
    "accumulate": "#0072b2",
    "accumulate-subsample": "#009e73",
    "sliding-window": "#cc79a7",
    "keep-real": "#56b4e9",
    "fresh-data": "#e69f00",
    "web": "#000000",
    "weighted": "#882255",
    "edit": "#332288",
}
OTHER_COLOURS = ("#999933", "#661100", "#44aa99", "#aa4499", "#6699cc", "#dddddd")

OWNERS: dict[str, tuple[str, ...]] = {}
for _name, _options in OPTIONS.items():
    for _option in _options:
        OWNERS[_option] = (*OWNERS.get(_option, ()), _name)


def colours(workflows: Sequence[str]) -> dict[str, str]:
    """Return the colour of each workflow: a built-in one always has the same."""
    others = [name for name in workflows if name not in COLOURS]
    extra = {name: OTHER_COLOURS[i % len(OTHER_COLOURS)] for i, name in enumerate(others)}
    return {name: (COLOURS | extra)[name] for name in workflows}


def by_name(name: str, **options: Any) -> AnyWorkflow:
    """Build a workflow from its command-line name and the options that belong to it.

    An option that is None was not given.
    """
    named("workflow", name, BY_NAME)
    own, parameters = OPTIONS.get(name, {}), {}
    for option, value in options.items():
        if value is None:
            continue
        if option not in own:
            owners = " or ".join(repr(owner) for owner in OWNERS[option])
            raise InvalidInput(
                f"{option} = {value!r} belongs to the workflow {owners}, not to {name!r}: leave it "
                "out, or name that workflow"
            )
        parameters[own[option][0]] = value
    for option, (parameter, example) in own.items():
        if example and parameter not in parameters:
            raise InvalidInput(
                f"{option} is missing: the workflow {name!r} needs it; give {option}, such as "
                f"{example}"
            )
    some = [option for option in ONE_OF.get(name, ()) if options.get(option) is not None]
    if name in ONE_OF and len(some) != 1:
        choice = " or ".join(ONE_OF[name])
        raise InvalidInput(f"the workflow {name!r} needs {choice}: give one of them, and one alone")
    try:
        built: AnyWorkflow = BY_NAME[name](**parameters)
    except InvalidInput as error:
        raise InvalidInput(_as_options(str(error), own)) from error
    return built


def _as_options(message: str, own: dict[str, tuple[str, str]]) -> str:
    """Return a message whose first word, a parameter, is the option that it was given as."""
    for option, (parameter, _) in own.items():
        message = re.sub(rf"^{parameter}\b", option, message)
    return message
