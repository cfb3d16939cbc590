"""Many runs of the plain loop, the slow oracle that simulators are held to."""

from contextlib import contextmanager
from unittest import mock

import numpy as np

import modelcollapse as mc
from modelcollapse.loop.plain import Loop


@contextmanager
def bare():
    """Let no loop look whether the model heeds its seed, nor describe itself.

    It looks by copies of the model and a stream of their own: without, in half the time, the
    numbers are the same bits (`test_plain_loops.py`). As a decorator, for all runs of a function.
    """
    with mock.patch.multiple(Loop, check_seeds=mock.DEFAULT, told=lambda _: {}):
        yield


@bare()
def plain_loops(model, data, workflow, sizes, generations, runs, seed, stream=1, **options):
    """Return so many runs, each with a seed of its own."""
    start = np.random.SeedSequence(seed, spawn_key=(stream,)).generate_state(runs).tolist()
    return [mc.run(model, data, workflow, sizes, generations, s, **options) for s in start]
