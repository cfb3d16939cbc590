"""The helper that runs the slow oracle many times."""

import numpy as np
import pytest

import modelcollapse as mc
from tests.helpers.plain_loops import plain_loops


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.KeepReal(0.3)])
def test_plain_loops_are_runs(workflow):
    """Bit by bit, each with a seed of its own."""
    given = mc.Gaussian(dim=2), mc.Normal([0.0, 1.0], np.eye(2)), workflow, [6, 4, 5], 3
    found = plain_loops(*given, 4, 7, metrics={"first": lambda model: model.mean_[0]})
    seeds = np.random.SeedSequence(7, spawn_key=(1,)).generate_state(4).tolist()

    assert len(set(seeds)) == len(found) == 4
    for run, seed in zip(found, seeds, strict=True):
        whole = mc.run(*given, seed, metrics={"first": lambda model: model.mean_[0]})
        assert list(run.keys()) == list(whole.keys())
        for name in whole:
            assert np.array_equal(run[name], whole[name])
        for batch, other in zip(run.batches, whole.batches, strict=True):
            assert np.array_equal(batch, other)
