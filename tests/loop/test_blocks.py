"""Blocks of replicates: threads fill them as one job does, and stop where it would."""

import threading

import joblib
import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.loop import blocks
from modelcollapse.loop.blocks import BLOCK, simulated

COUNT = 3 * BLOCK + 5


class Draws:
    """One number for each replicate; it notes the threads, and may fail at a block."""

    released = True

    def __init__(self, fails=None, error=ValueError):
        self.fails, self.error, self.threads = fails, error, set()

    def storage(self, count):
        """Return room for so many numbers."""
        return {"x": np.full(count, np.nan)}

    def fill(self, seed, index, storage, progress):
        """Draw a block."""
        self.threads.add(threading.current_thread())
        if index == self.fails:
            raise self.error
        storage["x"][:] = blocks.Draws(seed, index).rng.random(len(storage["x"]))
        if progress:
            progress(len(storage["x"]))


@pytest.mark.parametrize("jobs", [2, 3, 9, -1])
def test_threads_change_no_bits(jobs):
    """Other threads than this one fill the blocks; this one tells the progress, in whole blocks."""
    one, many, told = Draws(), Draws(), []
    whole, _ = simulated(one, COUNT, 3, 1, None)
    progress = lambda count: told.append((count, threading.current_thread()))  # noqa: E731
    found, done = simulated(many, COUNT, 3, jobs, progress)

    assert done == COUNT
    assert np.array_equal(found["x"], whole["x"])
    assert told == [(n, threading.main_thread()) for n in (BLOCK, BLOCK, BLOCK, 5)]
    assert threading.main_thread() not in many.threads
    assert 1 <= len(many.threads) <= 4


@pytest.mark.parametrize("fails", range(4))
def test_errors_of_threads_are_raised(fails):
    """A block that fails ends the simulation, whichever it is."""
    with pytest.raises(ValueError, match=r"^$"):
        simulated(Draws(fails), COUNT, 3, 2, None)


def test_an_interruption_keeps_the_blocks_before():
    """Where it is told of the second block, two are finished: the first of them is kept."""
    told = []

    def progress(count):
        told.append(count)
        if len(told) == 2:
            raise KeyboardInterrupt

    found, done = simulated(Draws(), COUNT, 3, 2, progress)
    assert done == BLOCK
    assert np.array_equal(found["x"], simulated(Draws(), BLOCK, 3, 1, None)[0]["x"])


def test_an_interruption_of_the_first_block_is_raised():
    """Nothing is finished, and nothing held back."""
    with pytest.raises(KeyboardInterrupt):
        simulated(Draws(0, KeyboardInterrupt), 5, 3, 2, None)


def test_a_backend_that_is_chosen_is_used():
    """Inside joblib.parallel_config its workers do the work."""
    work = Draws()
    with joblib.parallel_config("threading"):
        whole, _ = simulated(work, COUNT, 3, 2, None)
    assert np.array_equal(whole["x"], simulated(Draws(), COUNT, 3, 1, None)[0]["x"])


@pytest.mark.parametrize(
    "e",
    [
        mc.Experiment(mc.Gaussian(), mc.Replace(), 9, 3),
        mc.Experiment(mc.Gaussian(2), mc.AccumulateSubsample(), 9, 3),
        mc.Experiment(mc.Discrete(4), mc.Accumulate(), 9, 3),
    ],
    ids=["line", "subsets", "outcomes"],
)
def test_compiled_families(e):
    """Their blocks in threads, which start no process, have the bits of one job."""
    one, two = (mc.simulate(e, 2 * BLOCK + 9, 4, jobs=jobs) for jobs in (1, 3))
    for name in one.values:
        assert np.array_equal(one[name], two[name], equal_nan=True)
