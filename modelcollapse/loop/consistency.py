"""Whether the methods of a workflow of one's own say the same, row by row."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput
from modelcollapse.loop.schedule import Schedule, inherited
from modelcollapse.workflows import AnyWorkflow, keeps, sources
from modelcollapse.workflows.selection import FRESH, batch_weights, memory_step, offers, select

MOST_ROWS = 10**6  # compared in all: beyond it, and beyond SECONDS, it costs more than it tells
SECONDS = 0.1
MOST_ROWS_ONCE = 10**7  # where few rows have shown a difference
FEW = 3  # rows of a batch that show most of what many do
SMALL = 3  # generations that are compared however long it takes
EQUAL = 1e-9  # two weights, relative to the largest


def check(schedule: Schedule) -> list[int]:
    """Compare the methods of a workflow with each other, row by row.

    Every generation, as far as a million rows and 0.1 s reach; first 1, 2, 3, the powers of two,
    the last, and those where the batches change in size. The others are looked at with batches of
    a few rows, as far as 0.1 s reach.

    Parameters
    ----------
    schedule
        The workflow and the batch sizes; what counts as a built-in workflow is not looked at.

    Returns
    -------
    list of int
        The generations that were not compared.

    Raises
    ------
    InvalidInput
        If two methods disagree; the message names them, the generation, and the remedy.
    """
    own = schedule.workflow
    if schedule.sets_sizes and not (schedule.rule and _plain(own)):
        _require_one_answer(schedule)
    if schedule.rule:
        return []
    sizes = schedule.listed
    _require_all_or_none(own)
    if not schedule.weighted:
        return []
    sources.real_counts(own, sizes)
    start, rows, left = time.thread_time(), 0, dict.fromkeys(_order(sizes))
    for t in list(left):
        rows += sum(sizes[:t])
        if rows > MOST_ROWS or (t > SMALL and time.thread_time() - start > SECONDS):
            break
        check_rows(own, sizes[:t])
        del left[t]
    if not schedule.fresh:  # which sets its own sizes
        _suspect(own, sizes, list(left))
    carried, start = Carried(own), time.thread_time()
    if carried.remembers:
        for t in range(1, len(sizes) + 1):
            if t > SMALL and time.thread_time() - start > SECONDS:
                return sorted({*left, *range(t, len(sizes) + 1)})
            carried.step(sizes[:t])
    return sorted(left)


def _suspect(own: AnyWorkflow, sizes: Sequence[int], left: Sequence[int]) -> None:
    """Compare generations with too many rows on batches of a few; what differs there, on its own.

    A workflow may do something else with other batches, so that alone proves nothing.
    """
    start, small = time.thread_time(), [min(n, FEW) for n in sizes]
    for t in left:
        if time.thread_time() - start > SECONDS:
            return
        try:
            check_rows(own, small[:t])
        except Exception:  # noqa: BLE001 - it may not be made for such batches
            if sum(sizes[:t]) <= MOST_ROWS_ONCE:
                check_rows(own, sizes[:t])


def _order(sizes: Sequence[int]) -> Iterator[int]:
    """Yield generations, those first that tell most; some of them twice."""
    T = len(sizes)
    yield from range(1, min(T, SMALL) + 1)
    yield T
    yield from (2**k for k in range(2, T.bit_length()) if 2**k <= T)
    yield from (t for t in range(2, T + 1) if sizes[t - 1] != sizes[t - 2])
    yield from range(1, T + 1)


def _plain(built_in: Any) -> bool:
    """Return whether a built-in workflow's batches are numbers, and no function makes them."""
    return not any(map(callable, vars(built_in).values()))


def _require_one_answer(schedule: Schedule) -> None:
    """Raise InvalidInput if batches are others at a second look: they may not depend on chance."""
    own, sizes = schedule.workflow, schedule.listed
    again = np.asarray(own.batch_sizes(sizes[0], len(sizes))).tolist()
    for name, first, second in (
        ("batch_sizes", sizes, again),
        ("real_rows", schedule.real.tolist(), sources.real_counts(own, sizes).tolist()),
    ):
        if first != second:
            t = next(t for t, (a, b) in enumerate(zip(first, second, strict=False), 1) if a != b)
            raise InvalidInput(
                f"{own!r}: {name} says {first[t - 1]} and then {second[t - 1]} rows of batch {t}: "
                "they must not depend on chance"
            )


def _require_all_or_none(own: AnyWorkflow) -> None:
    there = [name for name in FRESH if offers(own, name)]
    if there == ["batch_sizes"] and keeps(own):  # it may say its sizes alone
        return
    if there and len(there) < len(FRESH):
        lacking = ", ".join(name for name in FRESH if name not in there)
        raise InvalidInput(
            f"{own!r} has {', '.join(there)} and no {lacking}: a workflow that brings fresh real "
            f"rows has all of {', '.join(FRESH)}, any other has none of them"
        )


def check_rows(workflow: AnyWorkflow, sizes: Sequence[int]) -> None:
    """Raise InvalidInput if training_rows is not what the weights of generation t say."""
    claims: dict[str, Floats] = {}
    if sources.is_weighting(workflow):
        claims["batch_weights"] = _by_batch(workflow, sizes)
        _require_same(workflow, "batch_weights", sizes, claims, _by_batch(workflow, sizes))
    if sources.is_refreshing(workflow):
        claims["source_weights"] = _by_part(workflow, sizes)
        _require_same(workflow, "source_weights", sizes, claims, _by_part(workflow, sizes))
    for seed in range(2):
        rows, weights = select(workflow, list(sizes), np.random.default_rng(seed))
        actual = np.bincount(rows, weights, sum(sizes)).astype(np.float64)
        for name, expected in claims.items():
            _compare(workflow, sizes, name, expected, actual / actual.sum(), seed)
        if len(rows) > np.count_nonzero(np.bincount(rows)):
            repeated = int(np.argmax(np.bincount(rows) > 1))
            raise InvalidInput(
                f"{workflow!r}: at generation {len(sizes)} training_rows repeats row {repeated}, "
                f"which {' and '.join(claims)} cannot say: return each row once, with a weight"
            )


def _by_batch(workflow: Any, sizes: Sequence[int]) -> Floats:
    """Return each row's weight, by the weights of the batches."""
    n = np.asarray(sizes)
    return np.repeat(batch_weights(workflow, list(sizes)) / n, n)


def _by_part(workflow: AnyWorkflow, sizes: Sequence[int]) -> Floats:
    """Return each row's weight, by the weights of the batches' real and sampled parts."""
    plan = Schedule(workflow, np.asarray(sizes))
    rows = np.stack([plan.real, plan.sampled], axis=1).ravel()
    weights = np.stack(plan.weights(len(sizes)), axis=1).ravel()
    return np.repeat(weights / np.maximum(rows, 1), rows)


def _require_same(
    workflow: AnyWorkflow, name: str, sizes: Sequence[int], claims: dict[str, Floats], again: Floats
) -> None:
    if not np.array_equal(claims[name], again):
        raise InvalidInput(
            f"{workflow!r}: {name} says two different things of generation {len(sizes)}: weights "
            f"must not depend on chance; remove {name}, and let training_rows use its rng"
        )


def _compare(
    workflow: AnyWorkflow,
    sizes: Sequence[int],
    name: str,
    expected: Floats,
    actual: Floats,
    seed: int,
) -> None:
    wrong = np.abs(actual - expected) > EQUAL * expected.max()
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    batch = int(np.searchsorted(np.cumsum(sizes), row, side="right")) + 1
    random = "" if seed == 0 else " (with another rng than before, so the rows are random)"
    raise InvalidInput(
        f"{workflow!r}: at generation {len(sizes)} training_rows gives row {row}, of batch "
        f"{batch}, the weight {actual[row]:.6g}{random} and {name} says {expected[row]:.6g}"
        f"{inherited(workflow, name)}; make them agree, or remove {name} (set it to None) if the "
        "rows are random or the rows of a batch differ in weight"
    )


class Carried:
    """What is remembered of a loop, carried along, has to give the weights again."""

    def __init__(self, workflow: AnyWorkflow) -> None:
        self._workflow = workflow
        self._fresh = sources.is_refreshing(workflow)
        self._slots = np.empty((0, 0))  # one row per slot: its composition, by parts of batches
        self._name = "source_memory" if self._fresh else "memory"
        self.remembers = sources.remembers(workflow)

    def step(self, sizes: Sequence[int]) -> None:
        """Carry one generation on; raise InvalidInput if that gives other weights."""
        workflow: Any = self._workflow
        before = len(self._slots)
        if self._fresh:
            carry, weights = sources.source_memory(workflow, list(sizes))
            parts = np.stack(sources.source_weights(workflow, list(sizes)), axis=1)
            counts = sources.real_counts(workflow, sizes)
            there = np.stack([counts > 0, counts < np.asarray(sizes)], axis=1)
            expected, new = parts[there], int(there[-1].sum())
        else:
            carry, weights = memory_step(workflow, list(sizes))
            expected, new = batch_weights(workflow, list(sizes)), 1
        carry, weights = np.asarray(carry, float), np.asarray(weights, float)
        where = f"{workflow!r}: at generation {len(sizes)} {self._name}"
        if carry.ndim != 2 or carry.shape[1] != before + new or weights.shape != (len(carry),):
            raise InvalidInput(
                f"{where} gave a carry of shape {carry.shape} and weights of shape "
                f"{weights.shape}: there were {before} slots, and {new} new; give one row and one "
                f"weight per slot kept, and {before + new} columns"
            )
        if np.any(carry < 0) or not np.allclose(carry.sum(axis=1), 1):
            raise InvalidInput(
                f"{where} gave a carry of which a row is no mixture: make the rows sum to 1, "
                "without negative entries"
            )
        known = self._slots.shape[1]
        slots = np.empty((len(carry), known + new))
        slots[:, :known], slots[:, known:] = carry[:, :before] @ self._slots, carry[:, before:]
        self._slots = slots
        if not np.allclose(weights @ self._slots, expected, rtol=0, atol=EQUAL):
            other = "source_weights" if self._fresh else "batch_weights"
            raise InvalidInput(
                f"{where} gives the weights {_short(weights @ self._slots)} and {other} says "
                f"{_short(expected)}{inherited(workflow, self._name)}; make them agree, or remove "
                f"{self._name} (set it to None)"
            )


def _short(weights: Floats) -> str:
    return np.array2string(weights, precision=6, threshold=8)
