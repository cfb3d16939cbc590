"""How cost grows: the loops whose sizes are doubled, the exponents that are due, and the fit."""

import gc
import sys
import time
import tracemalloc
from typing import NamedTuple

import numpy as np

import modelcollapse as mc
from modelcollapse.families.names import FAMILIES, build
from modelcollapse.workflows import BY_NAME

ENOUGH = 0.002  # seconds of processor time, after which sizes are doubled no more
LONG = 0.005  # seconds that are measured once: little disturbs them
FITTED = 3  # points of a fit, the last ones: two doublings, a factor of 4
# Of processor time, which others disturb: 3 times as much as is due at 4 times the size.
MARGIN = np.log(3) / np.log(4)
COUNTED = 0.25  # of counts, which are the same in every run; parts of lower order make it
SAMPLES, GENERATIONS, REPLICATES = 8, 4, 8
DIMENSIONS = {  # what is doubled as the number of parameters, and from where
    "gaussian": ("dim", 2),
    "kde": ("dim", 2),
    "regression": ("dim", 2),
    "discrete": ("outcomes", 64),  # below it, small state spaces are enumerated
    "markov": ("words", 4),
    "label-verifier": ("cells", 2),
}
FIRST = {"T": 4, "n": 8, "replicates": 16}
MOST = {"T": 256, "n": 256, "d": 128, "replicates": 4096}
OPERATIONS = {"predict": ("T", "n", "d"), "simulate": ("T", "n", "d", "replicates")}
DUE = {
    ("predict", "T"): 1,
    ("predict", "n"): 0,
    ("predict", "d"): 3,  # a covariance is decomposed
    ("simulate", "T"): 1,
    ("simulate", "n"): 1,
    ("simulate", "d"): 3,
    ("simulate", "replicates"): 1,
}


class Loop(NamedTuple):
    """A family and a workflow by their names."""

    family: str
    workflow: str

    def experiment(self, size=SAMPLES, generations=GENERATIONS, dim=None):
        """Return the loop, with so many rows of each kind in a batch."""
        options = dict(_options(FAMILIES[self.family].example))
        if dim is not None:
            options[DIMENSIONS[self.family][0]] = dim
        model, truth = build(self.family, options)
        two = self.workflow in ("fresh-data", "web")  # real rows and sampled ones
        workflow = _workflow(self.workflow, size, generations)
        return mc.Experiment(model, workflow, size * (1 + two), generations, truth)

    def due(self, operation, axis):
        """Return the exponent that is due, which a reason in words may raise."""
        raised = [
            exponent
            for (what, along, families, workflows), exponent in RAISED.items()
            if (what, along) == (operation, axis)
            and self.family in (families or [self.family])
            and self.workflow in (workflows or [self.workflow])
        ]
        return max([DUE[operation, axis], *raised])


# Operation, axis, families, workflows: () are all.
RAISED = {
    # A matrix of T x T weights is given.
    ("predict", "T", (), ("weighted",)): 2,
    ("simulate", "T", (), ("weighted",)): 2,
    # Mean log-determinants of unions of subsets: a sum over pairs of generations.
    ("predict", "T", ("gaussian",), ("accumulate-subsample", "edit")): 2,
    # Laws of counts: a matrix over the states of one outcome, which are the rows.
    ("predict", "n", ("discrete",), ()): 2,
    ("predict", "T", ("discrete",), ()): 2,
}


def _options(example):
    words = example.split()
    for name, value in zip(words[::2], words[1::2], strict=True):
        try:
            yield name[2:].replace("-", "_"), int(value)
        except ValueError:
            yield name[2:].replace("-", "_"), value if ":" in value else float(value)


def _workflow(name, n, generations):
    if name == "weighted":
        lower = np.tril(np.ones((generations, generations)))
        return mc.Weighted(lower / lower.sum(axis=1, keepdims=True))
    options = {
        "sliding-window": {"k": 2},
        "fresh-data": {"real": n, "synthetic": n},
        "web": {"real": n, "synthetic": n},
        "edit": {"share": 0.5},
    }
    return BY_NAME[name](**options.get(name, {}))


def loops():
    """Return the loops that their families support, all that is compiled or kept once ready."""
    found = []
    for family in FAMILIES:
        for workflow in BY_NAME:
            loop = Loop(family, workflow)
            try:
                for size in (SAMPLES, MOST["n"]):  # random sets of many rows go another way
                    mc.simulate(loop.experiment(size), 1)
            except mc.InvalidInput:
                continue
            predicted(loop.experiment())
            found.append(loop)
    return found


def call(loop, operation, axis, size):
    """Return the work, ready to be called: one operation with one size of the loop set."""
    sizes = {"T": {"generations": size}, "n": {"size": size}, "d": {"dim": size}}.get(axis, {})
    if operation == "predict":
        return lambda: predicted(loop.experiment(**sizes))
    if axis == "d":  # rows for a covariance of full rank
        sizes["size"] = 64
    replicates = size if axis == "replicates" else REPLICATES
    return lambda: mc.simulate(loop.experiment(**sizes), replicates)


def predicted(experiment):
    """Look at every expectation and variance that has a closed form."""
    found = mc.predict(experiment)
    for part in (found.expected, found.variances):
        for name in list(part):
            try:
                part[name]
            except (mc.NoClosedForm, mc.InvalidInput):
                continue


def spent(work):
    """Return processor seconds: the best of two, unless they are many."""
    tries = []
    while len(tries) < 2 and max(tries, default=0) < LONG:
        start = time.process_time()
        work()
        tries.append(time.process_time() - start)
    return min(tries)


def doubled(make, first, most, measure=spent, enough=ENOUGH):
    """Return sizes and costs, doubling until one costs enough, after FITTED at least."""
    sizes, costs = [], []
    size = first
    while size <= most:
        sizes.append(size)
        costs.append(measure(make(size)))
        if costs[-1] > enough and len(sizes) >= FITTED:
            break
        size *= 2
    return sizes, costs


def exponent(sizes, costs):
    """Return the slope of log cost on log size over the last points."""
    logs = np.log(np.maximum(costs[-FITTED:], 1e-9))
    return float(np.polyfit(np.log(sizes[-FITTED:]), logs, 1)[0])


def counted(work):
    """Return calls of Python and C functions, and the largest number of bytes held at once."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    gc.collect()
    tracemalloc.start()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return calls, peak
