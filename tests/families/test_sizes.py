"""Predictions of all families at the largest batches: in little memory, and of their own signs."""

import tracemalloc

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families.names import FAMILIES, build

MOST = 10**12
NEEDED = {
    "kde": {"bandwidth": 0.5},
    "binomial": {"trials": 3},
    "discrete": {"outcomes": 3},
    "markov": {"words": 3},
    "label-verifier": {"keep_correct": 0.9, "keep_wrong": 0.2, "noise": 0.1},
    "region-verifier": {"centre": 0.0, "radius": 1.0, "spread": 1.0},
}
WORKFLOWS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "subsample": mc.AccumulateSubsample(),
    "budget": mc.AccumulateSubsample(5),
    "budgets": mc.AccumulateSubsample((5, MOST // 2, 3)),
    "window": mc.SlidingWindow(2),
    "kept": mc.KeepReal(0.3),
    "fresh": mc.FreshData(MOST // 2, MOST // 2),
    "web": mc.Web(1, MOST // 2),
}
OPEN = ("test_log_loss",)  # a difference of what is 1, right to roundings of that
MEBIBYTES = 128  # a million labels' chances, some times


@pytest.mark.parametrize("samples", [10**9, MOST])
@pytest.mark.parametrize("workflow", WORKFLOWS)
@pytest.mark.parametrize("family", FAMILIES)
def test_memory_does_not_grow_with_batches(family, workflow, samples):
    """All that is predicted of three generations; no variance over replicates is negative."""
    model, truth = build(family, NEEDED.get(family, {}))
    try:
        e = mc.Experiment(model, WORKFLOWS[workflow], samples, 3, truth=truth)
    except mc.InvalidInput:
        pytest.skip("this family has no such loop")
    tracemalloc.start()
    try:
        p = mc.predict(e)
        for part in (p.expected, p.variances, p.limits, p.exponents, p.fates, p.typical):
            for name in part:
                assert part[name] is not None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < MEBIBYTES * 2**20
    assert all(np.all(p.variances[name] >= 0) for name in p.variances if name not in OPEN)
