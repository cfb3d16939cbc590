"""Small simulations and sums that call every compiled function, here compiled or interpreted.

Compiled functions do not look whether an index is in its array, Python does: run as a program
with NUMBA_DISABLE_JIT=1 this writes its numbers to a file, and which functions it has called.
"""

import ast
import json
import math
import sys
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

import modelcollapse as mc
from modelcollapse import solver
from modelcollapse._support import cells
from modelcollapse._support import stream as streams
from modelcollapse.families.discrete import simulate
from modelcollapse.families.kde import control, scoring
from modelcollapse.families.kde.scoring import distances, exponential, few
from modelcollapse.families.kde.scoring.grid import Grid
from modelcollapse.families.markov import runs

PACKAGE = Path(mc.__file__).parent
FEW = 4  # numbers that are drawn one by one where nothing is compiled
DECORATORS = {"compiled", "inlined", "ordered"}
MEANS = {  # of rows whose batches of six are drawn in every way: by rejection, few, boosted
    "normal": (mc.NormalMean(), 0.0),
    "poisson": (mc.Poisson(), 2.0),
    "binomial": (mc.Binomial(4), 2.0),
    "small": (mc.Gamma(0.1), 1.0),
    "gamma": (mc.Gamma(8.0), 1.0),
    "negative": (mc.NegativeBinomial(2.0), 2.5),
}
WORKFLOWS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "subsample": mc.AccumulateSubsample(),
    "weighted": mc.Weighted([[1], [0.5, 0.5], [0.2, 0.5, 0.3]]),
    "window": mc.SlidingWindow(2),
    "fresh": mc.FreshData(2, 3),
    "edited": mc.Edit(rows=1),
    "shared": mc.Edit(share=0.5),
}
MODELS = {
    "line": (mc.Gaussian(), {}),
    "floored": (mc.Gaussian(floor=0.5), {}),
    "plane": (mc.Gaussian(2, 1), {"extra": ["minors"]}),
    "deficient": (mc.Gaussian(8), {}),
    "density": (mc.KDE(0.5), {"test": 3}),
    "densities": (mc.KDE("scott", dim=4), {"test": 3}),
    "spread": (mc.KDE("scipy-scott", dim=2), {"test": 3}),
    "counts": (mc.Poisson(), {}),
    "secants": (mc.HyperbolicSecant(), {}),
    "outcomes": (mc.Discrete(3), {}),
    "smoothed": (mc.Discrete(3, smoothing=0.5), {}),
    "texts": (mc.Markov(7), {}),
    "longer texts": (mc.Markov(4, 2, 0.5), {}),
    "regression": (mc.LinearRegression(2, design="fresh", ridge=0.1), {}),
}


def simulated(e, count=2, **options):
    """Return what a small simulation records, by name."""
    found = mc.simulate(e, count, 1, **options)
    return {name: np.asarray(found[name]) for name in found.values}


def tables():
    """Yield draws through guide tables of every width, from counts and from rows."""
    for n, generations in ((5, 3), (50, 12), (400, 4)):
        for kept in (0, simulate.KEPT):
            for name in ("replace", "accumulate", "subsample", "fresh"):
                e = mc.Experiment(mc.Discrete(3), WORKFLOWS[name], n, generations)
                with mock.patch.object(simulate, "KEPT", kept):
                    yield f"tables/{n}/{kept}/{name}", simulated(e, extra=["probabilities"])


def in_cells():
    """Yield random sets in cells, of few and of many rows, and of full rank and less."""
    room = cells.room
    with mock.patch.object(cells, "room", lambda *sets: room(*sets[:3], 0.0)):
        for kind, n, workflow in (
            *((kind, 6, "subsample") for kind in ("line", "plane", "counts", "regression")),
            *((kind, 9, "edited") for kind in ("line", "plane", "counts", "regression")),
            *(("line", 80, "subsample"), ("line", 200, "shared")),
        ):
            model, options = MODELS[kind]
            e = mc.Experiment(model, WORKFLOWS[workflow], n, 3)
            yield f"cells/{kind}/{n}/{workflow}", simulated(e, **options)
        for dim in (1, 2):
            drawn = {"truth": np.eye(5)[:, :dim]}
            e = mc.Experiment(mc.Gaussian(dim), mc.AccumulateSubsample(), 4, 3, **drawn)
            yield f"cells/data/{dim}", simulated(e)
        e = mc.Experiment(mc.Gaussian(), mc.AccumulateSubsample(10), 80, 3)
        yield "cells/few", simulated(e)


def sums():
    """Yield sums over pairs of points and rows: few and many, near and far, with weights."""
    rng = np.random.default_rng(0)
    for dim in (1, 2, 7):
        for points, rows, tolerance in ((3, 1030, 0.0), (50, 3, 1e-9), (50, 4, 0.0), (50, 9, 1e-6)):
            x, y = rng.normal(size=(points, dim)), rng.normal(size=(rows, dim))
            values = [
                scoring.log_densities(x, y, 0.3, weights=w, tolerance=tolerance)
                for w in (None, rng.random(rows))
            ]
            yield f"sums/{dim}/{rows}", {"values": np.array(values)}
        squares = [scoring.pair_density(y, 0.3, w) for w in (None, rng.random(len(y)))]
        yield f"pairs/{dim}", {"values": np.array(squares)}
    for dim in (1, 2):
        grid, x = Grid(dim, 0.3, 1e-6), rng.normal(size=(20, dim))
        grid.add(x)
        yield f"grid/{dim}", {"values": grid.sums(x, 0.4)[0]}


def along_a_path():
    """Return errors of a schedule of bandwidths, and their derivatives."""
    e, h = mc.Experiment(mc.KDE(1.0), mc.Accumulate(), 6, 3), np.array([0.5, 0.4, 0.6])
    path = control.path_of(e, h)
    values, tape = path.errors(h)
    own = path.own_error(tape[1, 2], tape[3, 2])(-0.5)
    return {"errors": values, "slopes": path.slopes(tape, np.ones(3)), "own": np.array([own])}


def drawn_one_by_one():
    """Return the numbers of short arrays."""
    found = {}
    for fill in (streams.fill_uniforms, streams.fill_normals):
        found[fill.__name__] = np.empty(2 * FEW)
        fill(streams.opened(3), found[fill.__name__])
    return found


def numbers():
    """Return all numbers by name."""
    found = dict([*tables(), *in_cells(), *sums()])
    for kind, (model, options) in MODELS.items():
        for name, workflow in WORKFLOWS.items():
            if not (kind in ("densities", "spread") and name == "fresh"):  # rules need the rows
                e = mc.Experiment(model, workflow, 6, 3)
                found[f"{kind}/{name}"] = simulated(e, **options)
    for kind, (model, mean) in MEANS.items():
        for name in ("replace", "accumulate", "weighted", "subsample"):
            e = mc.Experiment(model, WORKFLOWS[name], 6, 3, truth=mean)
            found[f"means/{kind}/{name}"] = simulated(e, 30)
    contexts = mc.Markov(2, contexts="fixed")
    found["contexts"] = simulated(mc.Experiment(contexts, mc.Replace(), 6, 3))
    paired = mc.LinearRegression(2, design="paired")
    found["paired"] = simulated(mc.Experiment(paired, mc.FreshData(6, 6), 6, 3))
    wide = mc.LinearRegression(9, design="fresh")  # generation 1 is of least norm
    found["wide"] = simulated(mc.Experiment(wide, mc.Accumulate(), 6, 3))
    found["path"] = along_a_path()
    found["stream"] = drawn_one_by_one()
    found["room"] = {"values": runs.grown(np.arange(3))[:3]}
    units = mc.Normal(np.zeros(3), np.diag([1e-40, 1e-20, 1.0]))
    found["thin"] = simulated(mc.Experiment(mc.Gaussian(3), mc.Replace(), 3, 3, truth=units))
    sizes = np.array([5, 3, 4, 6, 2, 5])
    found["window"] = {"errors": solver.squared_errors(mc.SlidingWindow(2), sizes, curvature=-0.5)}
    return {f"{k}/{name}": value for k, own in found.items() for name, value in own.items()}


def kernels():
    """Return the names of all compiled functions, with their files."""
    return {
        f"{path.relative_to(PACKAGE)}:{node.name}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and DECORATORS & {ast.unparse(decorator) for decorator in node.decorator_list}
    }


@contextmanager
def interpreted(called):
    """Stand in for the functions that have no Python code, and note what is called."""

    def note(frame, event, _):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            called.add(f"{path.relative_to(PACKAGE)}:{frame.f_code.co_name}")

    def with_exponent(value, shifted):
        return math.ldexp(value, int(shifted - exponential.SHIFT))

    def whole(fill, numbers):
        """Return a fill that does long arrays at once: one number after the other takes minutes."""

        def filled(stream, first, second):
            if first.size <= FEW:
                fill(stream, first, second)
                return
            i = np.arange(first.size, dtype=np.uint64)
            first[:], second[:] = numbers(
                *streams.threefry(*stream.key, stream.next + i, np.zeros_like(i))
            )
            stream.next += np.uint64(first.size)

        return filled

    def two_uniforms(a, b):
        return streams.uniform_of(a), streams.uniform_of(b)

    with (
        mock.patch.object(distances, "lesser", min),
        mock.patch.object(few, "lesser", min),
        mock.patch.object(exponential, "with_exponent", with_exponent),
        mock.patch.object(streams, "as_float", lambda word: word.view(np.float64)),
        mock.patch.object(streams, "as_word", lambda value: np.float64(value).view(np.uint64)),
        mock.patch.object(
            streams, "_pairs_of_uniforms", whole(streams._pairs_of_uniforms, two_uniforms)
        ),
        mock.patch.object(
            streams, "_pairs_of_normals", whole(streams._pairs_of_normals, streams.normals_of)
        ),
    ):
        sys.setprofile(note)
        try:
            yield
        finally:
            sys.setprofile(None)


if __name__ == "__main__":
    seen: set[str] = set()
    with interpreted(seen), np.errstate(all="ignore"):
        result = numbers()
    np.savez(sys.argv[1], **result, called=json.dumps(sorted(seen)))
