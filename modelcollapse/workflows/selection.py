"""Asking a workflow what to train on, and checking its answer: the workflow may be a user's."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import (
    LARGEST_BATCH,
    Floats,
    Integers,
    Samples,
    horizon,
    whole,
)
from modelcollapse._support.checks import sizes as checked_sizes
from modelcollapse._support.errors import InvalidInput, invalid, shown
from modelcollapse._support.tables import NoNumbersError, of_numbers
from modelcollapse.workflows import BY_NAME, Keeping, Workflow, keeps

PAIR = 2  # rows and weights, carry and weights, real and sampled
MOST_SHOWN = 80  # characters of a value in a message
NONE = np.empty(0, np.int64)  # the training set before generation 1
FRESH = ("real_rows", "batch_sizes", "source_weights")  # all of them, or none
# What says which rows a generation trains on, whatever was chosen before.
ANEW = ("training_rows", "batch_weights", "memory", *FRESH)


def offers(workflow: Any, *names: str) -> bool:
    """Return whether a workflow has all these methods; one that is None is not there."""
    return all(getattr(workflow, name, None) is not None for name in names)


def require_workflow(value: Any) -> None:
    """Raise InvalidInput unless a value is a workflow, with one way to choose its rows."""
    if isinstance(value, type):
        name = value.__name__
        raise InvalidInput(f"workflow = {name} is a class: give an object, {name}(...)")
    if not (isinstance(value, Workflow) or keeps(value)):
        raise InvalidInput(
            f"workflow = {shown(value)} is not a workflow: give an object with "
            "training_rows(sizes, rng) or keep(previous_rows, sizes, rng), such as "
            f"{', '.join(w.__name__ + '()' for w in BY_NAME.values())}"
        )
    for name in FRESH:
        if offers(value, *FRESH) and not callable(getattr(value, name)):
            method = getattr(value, name)
            remedy = "make it a method, or None"
            raise InvalidInput(f"{value!r}.{name}: {method!r} cannot be called; {remedy}")
    others = [name for name in ANEW if name != "batch_sizes" and offers(value, name)]
    if keeps(value) and others:
        raise InvalidInput(
            f"workflow = {value!r} has keep and {', '.join(others)}: rows that are kept depend on "
            "those before, and the others do not know these; remove one of them (set it to None)"
        )


def reason_if_kept(workflow: Any) -> str:
    """Return why nothing is known of a workflow whose training set persists."""
    return (
        f"workflow = {workflow!r} keeps rows from one training set to the next, in a way of which "
        "no theorem is known here: use mc.simulate(), or mc.run()"
    )


def sets_sizes(workflow: Any) -> bool:
    """Return whether a workflow says how many rows the later batches have."""
    return offers(workflow, *FRESH) or (keeps(workflow) and offers(workflow, "batch_sizes"))


def batch_sizes(workflow: Any, samples: Samples, generations: int) -> Integers:
    """Return the batch sizes n_1, ..., n_T of a loop, shape (generations,)."""
    horizon(generations)
    if not sets_sizes(workflow):
        return checked_sizes(samples, generations)
    if callable(samples) or hasattr(samples, "__len__"):
        remedy = f"{workflow!r} sets the later batches itself; give the size of batch 1"
        raise invalid("samples", samples, remedy)
    first = whole("samples", samples)
    if first > LARGEST_BATCH:
        raise invalid("samples", first, f"a batch has at most {LARGEST_BATCH} rows")
    where = f"{workflow!r}.batch_sizes({first}, {generations})"
    remedy = (
        f"return {generations} whole numbers, from 1 to {LARGEST_BATCH}, and the first of them "
        f"{first}"
    )
    given = _array(where, workflow.batch_sizes(first, generations), remedy)
    right = given.shape == (generations,) and np.issubdtype(given.dtype, np.integer)
    if not right or given[0] != first or not 1 <= given.min() <= given.max() <= LARGEST_BATCH:
        raise InvalidInput(f"{where} gave {_shown(given)}: {remedy}")
    return np.asarray(given, dtype=np.int64)


def memory_step(workflow: Any, sizes: Sequence[int]) -> tuple[Floats, Floats]:
    """Return the (carry, weights) that `memory` gives, as two arrays."""
    where = f"{workflow!r}.memory at generation {len(sizes)}"
    return pair(where, _answer(where, workflow.memory, sizes))


def batch_weights(workflow: Any, sizes: Sequence[int]) -> Floats:
    """Return the checked batch weights of generation len(sizes), shape (t,)."""
    where = f"{workflow!r}.batch_weights at generation {len(sizes)}"
    weights = numbers(where, _answer(where, workflow.batch_weights, sizes))
    if weights.shape != (len(sizes),) or not np.all(weights >= 0):
        raise InvalidInput(
            f"{workflow!r}.batch_weights({list(sizes)!r}) gave {weights!r}: "
            f"return {len(sizes)} weights, none of them negative"
        )
    if not np.isclose(weights.sum(), 1.0, rtol=1e-9, atol=0):
        raise InvalidInput(
            f"{workflow!r}.batch_weights({list(sizes)!r}) sums to {weights.sum():.12g}: "
            "divide the weights by their sum"
        )
    return weights


def _answer(where: str, method: Any, sizes: Sequence[int]) -> Any:
    if not callable(method):
        raise InvalidInput(f"{where}: {method!r} cannot be called; make it a method, or None")
    return method(sizes)


def _array(where: str, value: Any, remedy: str = "return an array of real numbers") -> Any:
    """Return an array of real numbers of what a method of a user's gave: a copy, of any type."""
    try:
        return np.array(of_numbers(value)[0])
    except NoNumbersError as error:
        shown = f"{error.place}: " * bool(error.place) + _shown(error.found)
        raise InvalidInput(f"{where} gave {shown}: {remedy} ({error.why})") from error


def numbers(where: str, value: Any) -> Floats:
    """Return what a method of a user's gave as an array of floats."""
    return np.asarray(_array(where, value), dtype=np.float64)


def pair(where: str, value: Any) -> tuple[Floats, Floats]:
    """Return two arrays of real numbers that a method of a user's gave."""
    if not isinstance(value, (tuple, list)) or len(value) != PAIR:
        raise InvalidInput(f"{where} gave {_shown(value)}: return two arrays of numbers")
    return numbers(where, value[0]), numbers(where, value[1])


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "..."


def select(
    workflow: Workflow | Keeping,
    sizes: Sequence[int],
    rng: np.random.Generator,
    previous: Integers = NONE,
) -> tuple[Integers, Floats | None]:
    """Return the checked (rows, weights or None) of generation len(sizes).

    `previous` are the rows of the generation before, for a workflow that keeps some of them.

    Raises
    ------
    InvalidInput
        If the workflow returns no rows, rows that do not exist or that it cannot have kept, or
        unusable weights.
    """
    total, earlier = sum(sizes), sum(sizes[:-1])
    chosen: Any
    if keeps(workflow):
        name, chosen = "keep", workflow.keep(previous.copy(), sizes, rng)
    else:
        name, chosen = "training_rows", workflow.training_rows(sizes, rng)
    where = f"{workflow!r}.{name} at generation {len(sizes)}"
    if isinstance(chosen, tuple) and len(chosen) != PAIR:
        raise InvalidInput(
            f"{where} gave a tuple of {len(chosen)} entries: return an array of row numbers, or a "
            "pair (rows, weights)"
        )
    rows, weights = chosen if isinstance(chosen, tuple) else (chosen, None)
    remedy = "return a one-dimensional, non-empty array of row numbers"
    rows = _array(where, rows, remedy)
    if rows.ndim != 1 or rows.size == 0 or not np.issubdtype(rows.dtype, np.integer):
        raise InvalidInput(
            f"{where} gave an array of shape {rows.shape} and type {rows.dtype}: {remedy}"
        )
    outside = rows[(rows < 0) | (rows >= total)]
    if outside.size:
        raise InvalidInput(
            f"{where} chose row {outside[0]}, which does not exist: "
            f"there are {total} rows, numbered 0 to {total - 1}"
        )
    lost = rows[(rows < earlier) & ~np.isin(rows, previous)] if keeps(workflow) else NONE
    if lost.size:
        raise InvalidInput(
            f"{where} chose row {lost[0]}, which is neither in the training set before nor in the "
            "newest batch: return rows of these alone"
        )
    if weights is not None:
        weights = numbers(where, weights)
        usable = weights.shape == rows.shape and np.all(weights >= 0) and weights.sum() > 0
        if not usable or not np.isfinite(weights.sum()):
            raise InvalidInput(
                f"{where} gave weights of shape {weights.shape} for {rows.size} rows, the smallest "
                f"{weights.min(initial=np.inf):g}: return one finite weight per row, none "
                "negative, not all zero"
            )
    return rows, weights
