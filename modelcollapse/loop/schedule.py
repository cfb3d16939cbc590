"""What a workflow trains on at each generation: it may be a user's.

The one place that asks a workflow for its class. An object counts as a built-in workflow if it
inherits all that makes its schedule unchanged, on its class and on itself: then it follows the
built-in's rule for ever, and has its limits and fates. Of any other only its own methods speak,
and of the generations that they are asked about; they have to agree: see `consistency`.

A generation's training rows are of one of these kinds:

weights    fixed weights of the real and of the sampled part of each batch
memory     the same, through few slots into which batches merge
subset     a fresh random subset of all rows so far
set        a random set that persists: rows of the set before are kept, or replaced by new ones;
           where these are as likely as any others, `edits` says how many they are
rows       whatever rows the workflow picks, possibly at random

Weights with a pattern have shorter routes, whoever gave them: `starts` (the last batches, whole
and alike; so `newest` and `pool`) and `chain` (the training set before, and the new batch).
"""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache, cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.memory import require
from modelcollapse.workflows import (
    BY_NAME,
    Accumulate,
    AnyWorkflow,
    Replace,
    SlidingWindow,
    keeps,
    sources,
)
from modelcollapse.workflows.selection import FRESH, NONE, select, sets_sizes

METHODS = ("training_rows", "batch_weights", "memory", *FRESH, "source_memory", "training_size")
ABOUT = ("name", "label", "described", "generations")  # of a workflow, and not its schedule
SAME = 1e-12  # relative: weights that differ by rounding alone
MOST_DENSE = 5000  # generations whose weights, one for each batch, are held or looked at
Kind = Literal["weights", "memory", "subset", "set", "rows"]


class Chain(NamedTuple):
    """Weights of the training set before, and of the new batch's real and sampled part, (T,).

    They sum to 1; generation 1 has real rows alone.
    """

    carried: Floats
    real: Floats
    sampled: Floats


class Edits(NamedTuple):
    """A set of `size` rows, of which each generation replaces some, all rows being as likely.

    Attributes
    ----------
    size
        The rows of the set.
    rows
        How many are replaced, shape (T,), 0 at generation 1; or None.
    shares
        The chance of each row alone, shape (T,), 0 at generation 1; or None.
    """

    size: int
    rows: Integers | None
    shares: Floats | None


class Schedule:
    """What T generations train on.

    Parameters
    ----------
    workflow
        Any workflow.
    sizes
        The batch sizes n_1, ..., n_T.

    Attributes
    ----------
    workflow
        What it counts as: a built-in workflow, or itself.
    rule
        The name of the built-in workflow whose rule it follows for ever; "" for any other.
    """

    def __init__(self, workflow: AnyWorkflow, sizes: Integers) -> None:
        self.sizes, found = sizes, counted(workflow)
        self.rule: str = "" if found is None else found.name
        self.workflow: Any = workflow if found is None else found

    def __len__(self) -> int:
        return len(self.sizes)

    def __repr__(self) -> str:
        return repr(self.workflow)

    @cached_property
    def listed(self) -> list[int]:
        """The batch sizes as a list."""
        return [int(n) for n in self.sizes.tolist()]

    @cached_property
    def kind(self) -> Kind:
        """How training rows are given; see the module."""
        if not self.weighted:
            picked: Kind = "set" if keeps(self.workflow) else "rows"
            return "subset" if self.rule == "accumulate-subsample" else picked
        merges = sources.remembers(self.workflow) or self.chain is not None
        return "memory" if merges else "weights"

    @cached_property
    def weighted(self) -> bool:
        """Whether the weight of each part of each batch is known."""
        return self.fresh or sources.is_weighting(self.workflow)

    @property
    def known(self) -> bool:
        """Whether moments can be known: of fixed weights, of random subsets, or of edited sets."""
        return self.weighted or self.random_sets

    @cached_property
    def random_sets(self) -> bool:
        """Whether rows are chosen at random, all sets of so many rows being as likely."""
        return self.kind == "subset" or self.edits is not None

    @cached_property
    def edits(self) -> Edits | None:
        """How many rows of a set that persists are replaced; None of any other."""
        if self.rule != "edit":
            return None
        w, later = self.workflow, range(2, len(self) + 1)
        if w.rows is None:
            shares = np.array([0.0, *map(w.edited_share, later)])
            return Edits(self.listed[0], None, shares)
        rows = np.array([0, *map(w.edited_rows, later)], dtype=np.int64)
        return Edits(self.listed[0], rows, None)

    @cached_property
    def edit_table(self) -> Floats:
        """The rows, and the chances of each row, as compiled code takes them: (2, T) or (2, 0)."""
        found = self.edits
        if found is None:
            return np.zeros((2, 0))
        none = np.zeros(len(self))
        rows = none if found.rows is None else found.rows.astype(float)
        return np.stack([rows, none if found.shares is None else found.shares])

    @cached_property
    def sets_sizes(self) -> bool:
        """Whether the workflow says how many rows the later batches have."""
        return sets_sizes(self.workflow)

    @cached_property
    def fresh(self) -> bool:
        """Whether batches after the first may have fresh real rows."""
        return sources.is_refreshing(self.workflow)

    @cached_property
    def real(self) -> Integers:
        """The number of real rows of each batch, which come first, shape (T,)."""
        if self.fresh:
            return sources.real_counts(self.workflow, self.listed)
        real = np.zeros_like(self.sizes)
        real[0] = self.sizes[0]
        return real

    @cached_property
    def sampled(self) -> Integers:
        """The number of sampled rows of each batch, shape (T,)."""
        return np.asarray(self.sizes - self.real)

    @cached_property
    def later(self) -> int | None:
        """The size of batches 2, 3, ... (of batch 1 if it is alone), or None if they differ."""
        later = self.sizes[1:] if len(self) > 1 else self.sizes
        return None if np.ptp(later) else int(later[0])

    @cached_property
    def equal(self) -> int | None:
        """The size of all batches that the workflow does not set itself, or None if they differ.

        None too where the number of training rows is another one in each generation.
        """
        if self.kind == "subset" and not self.workflow.steady:
            return None
        if self.sets_sizes:
            return self.later
        return None if np.ptp(self.sizes) else int(self.sizes[0])

    @cached_property
    def one_pool(self) -> bool:
        """Whether one pool of rows is remembered, and all of it or a random subset trained on."""
        return self.newest or self.pool or self.kind == "subset"

    @cached_property
    def counts(self) -> Integers:
        """How many rows of that one pool, or of a set, each generation trains on, shape (T,)."""
        if self.kind == "subset":
            return np.array(self.workflow.training_sizes(self.listed), dtype=np.int64)
        if self.edits is not None:
            return np.full(len(self), self.edits.size)
        return self.sizes if self.newest else np.cumsum(self.sizes)

    def cells(self, worth: float, beside: float = 0.0, *, columns: int = 1) -> int:
        """Return how many cells random sets fall into, see `_support.cells.room`; 0 of others.

        Raises InvalidInput if they are to be drawn row by row, each of so many columns, and all
        rows of one loop do not fit into memory.
        """
        from modelcollapse._support.cells import room  # numba, when a simulation uses it

        if not self.random_sets:
            return 0
        found = room(self.sizes, self.counts, self.edit_table, worth, beside)
        if not found:
            rows, n = self.sizes.sum(dtype=float), int(self.sizes[0])
            size = 8.0 * ((2 + columns) * rows + len(self) * float(self.counts.max()))
            require(size, f"samples = {n}: the rows of {len(self)} generations")
        return found

    @property
    def budget(self) -> int | None:
        """The number of rows that a random subset has in the end; None: as the newest batch."""
        if self.kind != "subset" or self.workflow.budget is None:
            return None
        budget: int = self.workflow.wanted(self.listed[-1], len(self))
        return budget

    def trained(self, t: int) -> int:
        """Return how many rows generation t trains on, of a known number."""
        if self.random_sets:
            return int(self.counts[t - 1])
        real, sampled = self.weights(t)
        return int(self.real[:t][real > 0].sum() + self.sampled[:t][sampled > 0].sum())

    @cached_property
    def least_trained(self) -> int:
        """The smallest number of rows that a generation trains on, of a known number."""
        if self.alone or self.everything:
            return int(self.sizes.min() if self.alone else self.sizes[0])
        return min(self.trained(t) for t in range(1, len(self) + 1))

    def weights(self, t: int) -> tuple[Floats, Floats]:
        """Return the weights of the real and the sampled parts at generation t, (t,) each.

        Raises
        ------
        NoClosedForm
            If the rows are random, or the workflow does not say their weights.
        InvalidInput
            If a part without rows has a weight.
        """
        weights = sources.source_weights(self.workflow, self.listed[:t])
        for name, rows, part in zip(
            ("real", "sampled"), (self.real, self.sampled), weights, strict=True
        ):
            if np.any(empty := (rows[:t] == 0) & (part > 0)):
                s = int(np.argmax(empty))
                raise InvalidInput(
                    f"{self.workflow!r} at generation {t} gives weight {part[s]:g} to the {name} "
                    f"part of batch {s + 1}, which has no rows: give it weight 0"
                )
        return weights

    def parts(self, t: int) -> Floats:
        """Return the weights of the parts that have rows, real before sampled, in one array."""
        there = np.stack([self.real[:t], self.sampled[:t]], axis=1) > 0
        return np.stack(self.weights(t), axis=1)[there]

    def step(self, t: int) -> tuple[Floats, Floats]:
        """Return (carry, weights) of generation t; see `workflows.sources.source_memory`.

        A chain needs one slot, whether the workflow says so or not. Where nothing is merged every
        part of a batch keeps its slot.
        """
        if self.rule == "web" and self.chain is not None:  # it would add up all sizes
            return self._linked(t)
        if self.rule == "sliding-window":  # the built-in ones look at these sizes only
            sizes = self.listed[max(0, t - self.workflow.k - 1) : t]
        elif self.rule == "keep-real" and t > 3:
            sizes = [self.listed[0], *self.listed[t - 2 : t]]
        elif self.rule == "fresh-data":
            sizes = self.listed[max(0, t - 3) : t]
        else:
            sizes = self.listed[:t]
        if self.newest or self.pool:
            return (Replace() if self.newest else Accumulate()).memory(sizes)
        if sources.remembers(self.workflow):
            return sources.source_memory(self.workflow, sizes)
        if self.chain is not None:
            return self._linked(t)
        weights = self.parts(t)
        return np.eye(len(weights)), weights

    def _linked(self, t: int) -> tuple[Floats, Floats]:
        """Return `step` of a chain."""
        assert self.chain is not None  # noqa: S101 - for the type checker
        carried, *new = (part[t - 1] for part in self.chain)
        rows = self.real[t - 1], self.sampled[t - 1]
        parts = [weight for weight, count in zip(new, rows, strict=True) if count]
        return np.array([[carried, *parts] if t > 1 else parts]), np.ones(1)

    def chosen(self, rng: np.random.Generator) -> Iterator[tuple[Integers, Floats | None]]:
        """Yield the rows of each generation, and their weights where they are not equal."""
        rows = NONE
        for t in range(1, len(self) + 1):
            rows, weights = select(self.workflow, self.listed[:t], rng, rows)
            yield rows, weights

    @cached_property
    def starts(self) -> Integers | None:
        """The first batch, from 0, of the last ones that are trained on whole and alike, (T,).

        None where the rows are others, or weigh differently.
        """
        T, w = np.arange(len(self)), self.workflow
        if self.rule == "replace" or (self.rule == "fresh-data" and w.weight is None):
            return T
        if self.rule in ("accumulate", "web"):
            return np.zeros_like(T)
        if self.rule == "sliding-window":
            return np.asarray(np.maximum(T - w.k + 1, 0))
        if not self.weighted or len(self) > MOST_DENSE:
            return None
        found = []
        for t in range(1, len(self) + 1):
            first = _whole(self.listed[:t], self.real[:t], *self.weights(t))
            if first is None:
                return None
            found.append(first)
        return np.array(found)

    @cached_property
    def alone(self) -> bool:
        """Whether every generation trains on the newest batch alone, its rows alike."""
        if self.rule in ("replace", "fresh-data"):
            return len(self) == 1 or getattr(self.workflow, "weight", None) is None
        if self.rule in ("accumulate", "web") or (self.rule and len(self) == 1):
            return False  # one generation is both; what the rule is, it stays
        return self.starts is not None and bool((self.starts == np.arange(len(self))).all())

    @cached_property
    def everything(self) -> bool:
        """Whether every generation trains on all rows so far, alike."""
        if self.rule in ("replace", "fresh-data"):
            return False
        if self.rule in ("accumulate", "web"):
            return True
        return self.starts is not None and not self.starts.any()

    @property
    def newest(self) -> bool:
        """Whether every generation trains on the newest batch alone, sampled by the last model."""
        return self.alone and not self.fresh

    @property
    def pool(self) -> bool:
        """Whether every generation trains on all rows so far, sampled but for batch 1."""
        return self.everything and not self.fresh

    @cached_property
    def keeps_real(self) -> bool:
        """Whether every generation is known to give weight to all real rows so far."""
        if self.everything or self.rule == "keep-real":
            return True
        if not self.weighted or len(self) > MOST_DENSE:
            return False
        weights = (self.weights(t)[0] for t in range(1, len(self) + 1))
        return all((real[self.real[: len(real)] > 0] > 0).all() for real in weights)

    @cached_property
    def chain(self) -> Chain | None:
        """How each training set is the last one, scaled, and the new batch; None if it is not."""
        if not self.weighted:
            return None
        n = self.sizes.astype(float)
        if self.everything or self.alone:
            return _chained(pools(self.sizes) - n if self.everything else np.zeros_like(n), self)
        if self.rule == "fresh-data":
            real = np.full(len(self), self.workflow.real_weight)
            real[0] = 1.0
            return Chain(np.zeros_like(real), real, 1 - real)
        return None if len(self) > MOST_DENSE else self._any_chain()

    def _any_chain(self) -> Chain | None:
        found, before = np.zeros((3, len(self))), np.zeros((2, 0))
        for t in range(1, len(self) + 1):
            now = np.stack(self.weights(t))
            old, kept = before[before > 0], now[:, :-1][before > 0]
            if np.any(now[:, :-1][before == 0] > 0):
                return None
            ratios = kept / old
            if ratios.size and np.ptp(ratios) > SAME * ratios.max():
                return None
            found[:, t - 1] = kept.sum(), *now[:, -1]
            before = now
        return Chain(*found)


def pools(sizes: Integers) -> Floats:
    """Return N_1, ..., N_T, as exact as floats are."""
    if sizes.sum(dtype=float) < 2.0**62:
        return np.cumsum(sizes).astype(float)
    return np.cumsum(sizes, dtype=float)


def _chained(before: Floats, schedule: Schedule) -> Chain:
    """Return the weights of `before` rows and of all rows of the new batch, all alike."""
    total = before + schedule.sizes
    return Chain(before / total, schedule.real / total, schedule.sampled / total)


def _whole(sizes: Sequence[int], real_rows: Integers, real: Floats, sampled: Floats) -> int | None:
    """Return the first of the batches that have all the weight, alike in each row, or None."""
    n = np.asarray(sizes, dtype=np.float64)
    both = real + sampled
    first = int(np.argmax(both > 0))
    share = n[first:] / n[first:].sum()
    alike = np.abs(both[first:] - share) <= SAME * share
    fresh = np.abs(real[first:] - share * (real_rows[first:] / n[first:])) <= SAME * share
    return first if np.all(alike & fresh) else None


def counted(workflow: AnyWorkflow) -> Any:
    """Return the built-in workflow that an object counts as, or None.

    A window of one batch is replace.
    """
    for built_in in BY_NAME.values():
        itself = type(workflow) is built_in and set(vars(workflow)) <= _names(built_in)
        if itself or (isinstance(workflow, built_in) and not changed(workflow, built_in)):
            found: Any = workflow
            if type(workflow) is not built_in:
                if not all(hasattr(workflow, field.name) for field in fields(built_in)):
                    return None  # its own __init__ has set less
                own = {field.name: getattr(workflow, field.name) for field in fields(built_in)}
                found = built_in(**own)
            return Replace() if built_in is SlidingWindow and found.k == 1 else found
    return None


@cache
def _names(built_in: Any) -> set[str]:
    """Return the names of a built-in workflow's fields."""
    return {field.name for field in fields(built_in)}


def changed(workflow: AnyWorkflow, built_in: type) -> list[str]:
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


def inherited(workflow: Any, name: str) -> str:
    """Return whose a method is, where a built-in class wrote it."""
    for built_in in BY_NAME.values():
        found = inspect.getattr_static(type(workflow), name, None) is vars(built_in).get(name, ())
        if found and name not in getattr(workflow, "__dict__", {}):
            return f" (inherited from {built_in.__name__})"
    return ""
