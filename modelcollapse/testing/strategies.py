"""Hypothesis strategies: workflows, built in and of one's own, that agree with themselves or not.

They drive this package's own tests, and may drive those of code that takes any workflow. They
need Hypothesis.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from modelcollapse._support.errors import missing
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    FreshData,
    KeepReal,
    Replace,
    SlidingWindow,
    Web,
    Weighted,
    Workflow,
)

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as error:
    raise missing("hypothesis", "pytest", "modelcollapse.testing.strategies") from error

METHODS = ("training_rows", "batch_weights", "memory")
FRESH = ("real_rows", "batch_sizes", "source_weights", "source_memory")


def sizes(least: int = 1, generations: int = 10) -> st.SearchStrategy[list[int]]:
    """Draw batch sizes n_1, ..., n_T, each from `least` to 12, T from 1 to `generations`."""
    return st.lists(st.integers(least, 12), min_size=1, max_size=generations)


def weighting(generations: int = 10) -> st.SearchStrategy[Workflow]:
    """Draw a built-in workflow that weights the batches, for up to so many generations."""
    shares = st.none() | st.floats(0.01, 0.99)
    return st.one_of(
        st.builds(Replace),
        st.builds(Accumulate),
        st.builds(SlidingWindow, st.integers(1, generations + 1)),
        st.builds(KeepReal, shares),
        _matrices(generations).map(Weighted),
    )


def workflows(generations: int = 10) -> st.SearchStrategy[Workflow]:
    """Draw any built-in workflow, for up to so many generations."""
    few = st.integers(1, 9)
    return weighting(generations) | st.one_of(
        st.builds(AccumulateSubsample, st.none() | few),
        st.builds(FreshData, few, few, st.none() | st.floats(0.01, 0.99)),
        st.builds(Web, few, few),
    )


@st.composite
def own(draw: st.DrawFn, generations: int = 10) -> tuple[Workflow, Workflow]:
    """Draw a workflow of one's own, and the built-in one that does the same.

    Its class extends a drawn built-in class, or none, and overrides all that it has to; its
    methods agree.
    """
    source = draw(weighting(generations))
    parent = draw(st.none() | workflows(generations))
    kept = [name for name in METHODS if hasattr(source, name)]
    if draw(st.booleans()) and "memory" in kept:
        kept.remove("memory")
    return _extended(parent, {name: _method(source, name) for name in kept}), source


@st.composite
def contradictory(draw: st.DrawFn, sizes: list[int]) -> tuple[Workflow, int]:
    """Draw a workflow of one's own that contradicts itself, and where it does so first.

    At that generation, of a loop with these sizes, its rows are weighted otherwise than
    ``batch_weights`` says: one row is left out or weighs more, or chance has a say.
    """
    mine, source = draw(own(len(sizes)))
    several = [t for t in range(1, len(sizes) + 1) if sum(sizes[:t]) > 1]
    where = draw(st.sampled_from(several))
    how = draw(st.sampled_from(("fewer", "heavier", "random")))

    def training_rows(_: Any, sizes: list[int], rng: np.random.Generator) -> Any:
        chosen: Any = source.training_rows(sizes, rng)
        if len(sizes) != where:
            return chosen
        rows, weights = chosen if isinstance(chosen, tuple) else (chosen, np.ones(len(chosen)))
        weights = np.bincount(rows, weights, sum(sizes))
        if how == "random":
            return np.arange(sum(sizes)), rng.random(sum(sizes))
        weights[int(np.argmax(weights))] *= 0.0 if how == "fewer" and (weights > 0).sum() > 1 else 2
        if (weights > 0).sum() == 1:  # a single row weighs the same, whatever its weight
            weights = weights + weights.max()
        return np.arange(sum(sizes)), weights

    setattr(type(mine), "training_rows", training_rows)  # noqa: B010 - of a class made here
    return mine, where


def _matrices(generations: int) -> st.SearchStrategy[list[list[float]]]:
    """Draw rows of weights; some are zero."""
    row: Callable[[int], Any] = lambda t: st.lists(  # noqa: E731
        st.sampled_from((0.0, 1.0, 2.0, 5.0)), min_size=t, max_size=t
    ).map(lambda drawn: [w / sum(drawn) for w in drawn] if any(drawn) else [1.0] + [0.0] * (t - 1))
    return st.tuples(*(row(t) for t in range(1, generations + 1))).map(list)


def _method(source: Workflow, name: str) -> Callable[..., Any]:
    return lambda _, *arguments: getattr(source, name)(*arguments)


def _extended(parent: Workflow | None, methods: dict[str, Any]) -> Workflow:
    """Return an object of a new class that extends the parent's; other methods are removed."""
    if parent is None:
        made: Workflow = type("Own", (), methods)()
        return made
    removed = {name: None for name in (*METHODS, *FRESH) if hasattr(parent, name)}
    kind = type(f"Own{type(parent).__name__}", (type(parent),), removed | methods)
    fields = {name: getattr(parent, name) for name in parent.__dataclass_fields__}  # type: ignore[attr-defined]
    built: Workflow = kind(**fields)
    return built
