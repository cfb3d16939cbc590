"""The suite that every workflow should pass."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from modelcollapse._support import generators
from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import InvalidInput
from modelcollapse.loop.consistency import Carried, check_rows
from modelcollapse.workflows import Keeping, Weighting, Workflow, keeps, sources
from modelcollapse.workflows.selection import (
    NONE,
    batch_weights,
    require_workflow,
    select,
    sets_sizes,
)

SCHEDULES = ([5] * 6, [3, 7, 2, 9, 1, 4], [2, 2], [40, 1, 1, 1], [1, 6, 20])
Selection = tuple[Integers, Floats | None]


class WorkflowContract:
    """The laws of a workflow; override the fixture `workflow`."""

    @pytest.fixture
    def workflow(self) -> Any:
        """Return the workflow to test."""
        raise NotImplementedError("override the fixture `workflow`")

    def test_rows_exist(self, workflow: Workflow | Keeping) -> None:
        """Some rows are chosen, all of them exist, and weights can be used.

        Rows that are kept are of the set before or of the newest batch.
        """
        _agree(require_workflow, workflow)
        for sizes in _schedules(workflow):
            _select(workflow, sizes)

    def test_same_generator_same_rows(self, workflow: Workflow | Keeping) -> None:
        """The generator's state determines the choice."""
        for sizes in _schedules(workflow):
            _require_same(_select(workflow, sizes), _select(workflow, sizes), workflow)

    def test_no_other_randomness(self, workflow: Workflow | Keeping) -> None:
        """The global generators of NumPy and Python are neither read nor changed."""
        with generators.kept():
            for sizes in _schedules(workflow):
                _seed_globally(1)
                before = generators.state()
                first = _select(workflow, sizes)
                require(generators.state() == before, f"{workflow!r} changes a global random state")
                _seed_globally(2)
                _require_same(first, _select(workflow, sizes), workflow)

    def test_sizes_are_not_changed(self, workflow: Workflow | Keeping) -> None:
        """The list of batch sizes is left as it is."""
        for sizes in _schedules(workflow):
            given = list(sizes)
            _select(workflow, given)
            require(given == sizes, f"{workflow!r} changes its argument sizes")

    def test_rows_before_are_not_changed(self, workflow: Workflow | Keeping) -> None:
        """The array of the rows before is left as it is."""
        if not keeps(workflow):
            pytest.skip("the workflow has no keep(previous_rows, sizes, rng)")
        for sizes in _schedules(workflow):
            before = _before(workflow, sizes)
            given = before.copy()
            workflow.keep(given, list(sizes), np.random.default_rng(0))
            require(
                np.array_equal(given, before),
                f"{workflow!r}.keep changes its argument previous_rows",
            )

    def test_batch_weights_are_weights(self, workflow: Workflow | Keeping) -> None:
        """There is one weight per batch, none is negative, and they sum to one."""
        weighting = _weighting(workflow)
        for sizes in _schedules(workflow):
            _weights(weighting, sizes)

    def test_batch_weights_agree_with_rows(self, workflow: Workflow | Keeping) -> None:
        """Each row of batch s, once, has the weight W[t, s] / n_s, whatever the generator."""
        _weighting(workflow)
        for sizes in _schedules(workflow):
            _agree(check_rows, workflow, sizes)

    def test_source_weights_agree_with_rows(self, workflow: Workflow | Keeping) -> None:
        """Rows of one part of a batch weigh alike: its source weight over its size."""
        _refreshing(workflow)
        for sizes in _schedules(workflow):
            _agree(check_rows, workflow, sizes)

    def test_source_memory_reproduces_source_weights(self, workflow: Workflow | Keeping) -> None:
        """The slots, carried along, hold mixtures of parts that give the source weights again."""
        _carry(_refreshing(workflow))

    def test_memory_reproduces_batch_weights(self, workflow: Workflow | Keeping) -> None:
        """The slots, carried along, hold mixtures of batches that give W[t, 1..t] again."""
        _weighting(workflow)
        if not sources.remembers(workflow):
            pytest.skip("the workflow has no memory(sizes)")
        _carry(workflow)


def require(condition: Any, message: str) -> None:
    """Raise AssertionError with the message if the condition does not hold."""
    if not condition:
        raise AssertionError(message)


def _schedules(workflow: Any) -> Iterator[list[int]]:
    """Yield the batch sizes at each generation of a few loops, one loop after the other."""
    schedules = [list(sizes) for sizes in SCHEDULES]
    if sets_sizes(workflow):  # it says itself how large later batches are
        schedules = [workflow.batch_sizes(n[0], min(len(n), 4)).tolist() for n in schedules]
    for sizes in schedules:
        for generation in range(1, len(sizes) + 1):
            yield list(sizes[:generation])


def _before(workflow: Workflow | Keeping, sizes: list[int]) -> Integers:
    """Return the rows of the generation before, where the workflow keeps some."""
    keeping = keeps(workflow) and len(sizes) > 1
    return _select(workflow, sizes[:-1])[0] if keeping else NONE


def _select(workflow: Workflow | Keeping, sizes: list[int], seed: int = 0) -> Selection:
    before = _before(workflow, sizes)
    try:
        return select(workflow, sizes, np.random.default_rng(seed), before)
    except InvalidInput as error:
        raise AssertionError(str(error)) from error


def _weights(workflow: Weighting, sizes: list[int]) -> Floats:
    try:
        return batch_weights(workflow, sizes)
    except InvalidInput as error:
        raise AssertionError(str(error)) from error


def _agree(step: Callable[..., None], *arguments: Any) -> None:
    try:
        step(*arguments)
    except InvalidInput as error:
        raise AssertionError(str(error)) from error


def _carry(workflow: Any) -> None:
    carried = Carried(workflow)
    for sizes in _schedules(workflow):
        if len(sizes) == 1:
            carried = Carried(workflow)
        _agree(carried.step, sizes)


def _refreshing(workflow: Any) -> Any:
    if not sources.is_refreshing(workflow):
        pytest.skip("the workflow brings no fresh real rows")
    return workflow


def _weighting(workflow: Any) -> Any:
    if not sources.is_weighting(workflow):
        pytest.skip("the workflow has no batch_weights(sizes)")
    return workflow


def _require_same(first: Selection, second: Selection, workflow: Workflow | Keeping) -> None:
    same = np.array_equal(first[0], second[0]) and (first[1] is None) == (second[1] is None)
    if first[1] is not None and second[1] is not None:
        same = same and np.array_equal(first[1], second[1])
    require(same, f"{workflow!r} chooses rows by more than its arguments")


def _seed_globally(seed: int) -> None:
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
