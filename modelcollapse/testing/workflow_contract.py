"""The suite that every workflow should pass."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from modelcollapse import sources
from modelcollapse.checks import Floats, Integers
from modelcollapse.errors import InvalidInput
from modelcollapse.selection import batch_weights, memory_step, select
from modelcollapse.workflows import Refreshing, Remembering, Weighting, Workflow

SCHEDULES = ([5] * 6, [3, 7, 2, 9, 1, 4], [2, 2], [40, 1, 1, 1], [1, 6, 20])
Selection = tuple[Integers, Floats | None]


class WorkflowContract:
    """The laws of a workflow; override the fixture `workflow`."""

    @pytest.fixture
    def workflow(self) -> Any:
        """Return the workflow to test."""
        raise NotImplementedError("override the fixture `workflow`")

    def test_rows_exist(self, workflow: Workflow) -> None:
        """Some rows are chosen, all of them exist, and weights can be used."""
        for sizes in _schedules(workflow):
            _select(workflow, sizes)

    def test_same_generator_same_rows(self, workflow: Workflow) -> None:
        """The generator's state determines the choice."""
        for sizes in _schedules(workflow):
            _require_same(_select(workflow, sizes), _select(workflow, sizes), workflow)

    def test_no_other_randomness(self, workflow: Workflow) -> None:
        """The global generators of NumPy and Python are neither read nor changed."""
        with _global_state_kept():
            for sizes in _schedules(workflow):
                _seed_globally(1)
                before = _global_state()
                first = _select(workflow, sizes)
                require(_global_state() == before, f"{workflow!r} changes a global random state")
                _seed_globally(2)
                _require_same(first, _select(workflow, sizes), workflow)

    def test_sizes_are_not_changed(self, workflow: Workflow) -> None:
        """The list of batch sizes is left as it is."""
        for sizes in _schedules(workflow):
            given = list(sizes)
            _select(workflow, given)
            require(given == sizes, f"{workflow!r}.training_rows changes its argument sizes")

    def test_batch_weights_are_weights(self, workflow: Workflow) -> None:
        """There is one weight per batch, none is negative, and they sum to one."""
        weighting = _weighting(workflow)
        for sizes in _schedules(workflow):
            _weights(weighting, sizes)

    def test_batch_weights_agree_with_rows(self, workflow: Workflow) -> None:
        """Each row of batch s has the training weight W[t, s] / n_s, whatever the generator."""
        weighting = _weighting(workflow)
        for sizes in _schedules(workflow):
            expected = np.repeat(_weights(weighting, sizes) / sizes, sizes)
            for seed in range(2):
                rows, weights = _select(workflow, sizes, seed)
                actual = np.bincount(rows, weights=weights, minlength=sum(sizes))
                require(
                    np.allclose(actual / actual.sum(), expected, rtol=1e-9, atol=1e-12),
                    f"{workflow!r}: batch_weights({sizes}) disagrees with training_rows: "
                    f"row weights {expected} and {actual / actual.sum()}",
                )

    def test_source_weights_agree_with_rows(self, workflow: Workflow) -> None:
        """Rows of one part of a batch weigh alike: its source weight over its size."""
        if not isinstance(workflow, Refreshing):
            pytest.skip("the workflow brings no fresh real rows")
        for sizes in _schedules(workflow):
            real, synthetic = sources.source_weights(workflow, sizes)
            counts = sources.real_counts(workflow, sizes)
            expected = np.zeros(sum(sizes))
            for start, n, r, *share in zip(
                np.cumsum(sizes) - sizes, sizes, counts, real, synthetic, strict=True
            ):
                expected[start : start + r] = share[0] / max(r, 1)
                expected[start + r : start + n] = share[1] / max(n - r, 1)
            rows, weights = _select(workflow, sizes)
            actual = np.bincount(rows, weights=weights, minlength=sum(sizes))
            require(
                np.allclose(actual / actual.sum(), expected, rtol=1e-9, atol=1e-12),
                f"{workflow!r}: source_weights({sizes}) disagrees with training_rows: "
                f"row weights {expected} and {actual / actual.sum()}",
            )

    def test_source_memory_reproduces_source_weights(self, workflow: Workflow) -> None:
        """The slots, carried along, hold mixtures of parts that give the source weights again."""
        if not isinstance(workflow, Refreshing):
            pytest.skip("the workflow brings no fresh real rows")
        slots = np.empty((0, 0))  # one row per slot: its composition, by parts
        for sizes in _schedules(workflow):
            if len(sizes) == 1:
                slots = np.empty((0, 0))
            carry, weights = sources.source_memory(workflow, sizes)
            new = sum(n > 0 for n in sources.parts(workflow, sizes))
            where = f"{workflow!r}.source_memory({sizes})"
            require(carry.shape == (len(weights), len(slots) + new), f"{where}: {carry.shape}")
            slots = carry @ np.block(
                [
                    [slots, np.zeros((len(slots), new))],
                    [np.zeros((new, slots.shape[1])), np.eye(new)],
                ]
            )
            real, synthetic = sources.source_weights(workflow, sizes)
            counts = sources.real_counts(workflow, sizes)
            there = np.stack([counts > 0, counts < np.asarray(sizes)], axis=1)
            expected = np.stack([real, synthetic], axis=1)[there]
            require(
                np.allclose(weights @ slots, expected, rtol=1e-9, atol=1e-12),
                f"{where} gives weights {weights @ slots}, not {expected}",
            )

    def test_memory_reproduces_batch_weights(self, workflow: Workflow) -> None:
        """The slots, carried along, hold mixtures of batches that give W[t, 1..t] again."""
        weighting = _weighting(workflow)
        if not isinstance(workflow, Remembering):
            pytest.skip("the workflow has no memory(sizes)")
        slots = np.empty((0, 0))  # one row per slot: its composition, by batches
        for sizes in _schedules(workflow):
            if len(sizes) == 1:
                slots = np.empty((0, 0))
            carry, weights = memory_step(workflow, sizes)
            where = f"{workflow!r}.memory({sizes})"
            columns = len(slots) + 1
            require(carry.ndim == 2, f"{where}: carry has shape {carry.shape}")
            require(carry.shape[1] == columns, f"{where}: carry needs {columns} columns")
            require(np.all(carry >= 0), f"{where}: carry has negative entries")
            require(np.allclose(carry.sum(axis=1), 1), f"{where}: a row of carry is no mixture")
            require(weights.shape == (len(carry),), f"{where}: one weight per slot is needed")
            batch = np.eye(len(sizes))[-1:]
            slots = carry @ np.vstack([np.pad(slots, ((0, 0), (0, 1))), batch])
            expected = _weights(weighting, sizes)
            require(
                np.allclose(weights @ slots, expected, rtol=1e-9, atol=1e-12),
                f"{where} gives batch weights {weights @ slots}, not {expected}",
            )


def require(condition: Any, message: str) -> None:
    """Raise AssertionError with the message if the condition does not hold."""
    if not condition:
        raise AssertionError(message)


def _schedules(workflow: Workflow) -> Iterator[list[int]]:
    """Yield the batch sizes at each generation of a few loops, one loop after the other."""
    schedules = [list(sizes) for sizes in SCHEDULES]
    if isinstance(workflow, Refreshing):  # it says itself how large later batches are
        schedules = [workflow.batch_sizes(n[0], min(len(n), 4)).tolist() for n in schedules]
    for sizes in schedules:
        for generation in range(1, len(sizes) + 1):
            yield list(sizes[:generation])


def _select(workflow: Workflow, sizes: list[int], seed: int = 0) -> Selection:
    try:
        return select(workflow, sizes, np.random.default_rng(seed))
    except InvalidInput as error:
        raise AssertionError(str(error)) from error


def _weights(workflow: Weighting, sizes: list[int]) -> Floats:
    try:
        return batch_weights(workflow, sizes)
    except InvalidInput as error:
        raise AssertionError(str(error)) from error


def _weighting(workflow: Workflow) -> Weighting:
    if not isinstance(workflow, Weighting):
        pytest.skip("the workflow has no batch_weights(sizes)")
    return workflow


def _require_same(first: Selection, second: Selection, workflow: Workflow) -> None:
    same = np.array_equal(first[0], second[0]) and (first[1] is None) == (second[1] is None)
    if first[1] is not None and second[1] is not None:
        same = same and np.array_equal(first[1], second[1])
    require(same, f"{workflow!r}.training_rows depends on more than its arguments")


@contextmanager
def _global_state_kept() -> Iterator[None]:
    """Give the global generators their states back in the end."""
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)


def _seed_globally(seed: int) -> None:
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)


def _global_state() -> tuple[Any, ...]:
    _, key, *rest = np.random.get_state()  # noqa: NPY002
    return np.asarray(key).tobytes(), rest, random.getstate()
