"""The simulator: products of U^(1/n)."""

import numpy as np

from modelcollapse import Experiment
from modelcollapse.loop.blocks import Draws
from modelcollapse.loop.experiment import Lazy, Request


def simulate(e: Experiment, request: Request) -> tuple[Lazy, int]:
    """Return theta_t at the recorded generations."""
    rng = Draws(request.seed, 0).rng
    logs = np.log(rng.random((request.replicates, e.generations))) / e.sizes
    upper = e.truth * np.exp(np.cumsum(logs, axis=1))[:, request.recorded - 1]
    return Lazy({"upper": lambda: upper}), request.replicates
