"""What a workflow counts as: it may be a user's.

The one place that decides it: what families ask for a workflow's class is asked of what
`understood` returns. An object counts as a built-in workflow if it inherits all that makes its
schedule unchanged, on its class and on itself: then it has the built-in's predictions, laws,
limits and fates. Of any other only its own methods speak; they have to agree: see `consistency`.
"""

import inspect
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from modelcollapse.workflows import BY_NAME, Replace, SlidingWindow, Workflow

FRESH = ("real_rows", "batch_sizes", "source_weights")  # all of them, or none
METHODS = ("training_rows", "batch_weights", "memory", *FRESH, "source_memory", "training_size")
ABOUT = ("name", "label", "described", "generations")  # of a workflow, and not its schedule


class Own:
    """A workflow of which its own methods speak alone, whatever class it is of."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        for name in (*METHODS[1:], "keep", *ABOUT):
            if (found := getattr(workflow, name, None)) is not None:
                setattr(self, name, found)

    def training_rows(self, sizes: Sequence[int], rng: np.random.Generator) -> Any:
        """Return what the workflow returns."""
        return self.workflow.training_rows(sizes, rng)

    def __reduce__(self) -> tuple[Any, ...]:
        return Own, (self.workflow,)

    def __repr__(self) -> str:
        return repr(self.workflow)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and self.workflow == other.workflow

    def __hash__(self) -> int:
        return hash(self.workflow)


def understood(workflow: Workflow) -> Workflow:
    """Return the built-in workflow that an object counts as, or its own methods alone.

    A window of one batch is replace.
    """
    if isinstance(workflow, Own):
        return workflow
    for built_in in BY_NAME.values():
        if isinstance(workflow, built_in) and not changed(workflow, built_in):
            found: Any = workflow
            if type(workflow) is not built_in:
                own = {field.name: getattr(workflow, field.name) for field in fields(built_in)}
                found = built_in(**own)
            return Replace() if built_in is SlidingWindow and found.k == 1 else found
    return Own(workflow)


def changed(workflow: Workflow, built_in: type) -> list[str]:
    """Return what makes the schedule of a built-in workflow and is not inherited unchanged.

    That is each of its functions and properties, helpers included, and each schedule method that
    it does not have; what only describes it may be another's.
    """
    made = [
        name
        for name, value in vars(built_in).items()
        if (callable(value) or isinstance(value, property))
        and not (name.startswith("__") or name in ABOUT)
    ]
    found, static = getattr(workflow, "__dict__", {}), inspect.getattr_static
    # A field that is computed may differ from one look to the next.
    computed = [
        field.name
        for field in fields(built_in)
        if hasattr(static(type(workflow), field.name, None), "__get__")
    ]
    return computed + [
        name
        for name in dict.fromkeys([*made, *METHODS, "__getattribute__"])
        if name in found or static(type(workflow), name, None) is not static(built_in, name, None)
    ]
