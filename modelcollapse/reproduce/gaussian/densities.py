"""The fitted Gaussian densities by generation, as they are plotted and as they are."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.sealed import frames
from modelcollapse.loop.experiment import predict
from modelcollapse.reproduce.figure import Context, Figure, Frames, Size, swept
from modelcollapse.reproduce.gaussian.drawing_densities import draw
from modelcollapse.reproduce.gaussian.products import Cdf, accumulated_log_variances
from modelcollapse.sweep import Cell, Sweep
from modelcollapse.sweep.store import Store
from modelcollapse.workflows import Replace

SIZES = {"paper": [10, 32, 100, 316, 1000], "quick": [10, 32]}
GENERATIONS = {"paper": 100, "quick": 20}
AT = {"paper": [1, 10, 30, 100], "quick": [1, 3, 10, 20]}
REPLICATES = {"paper": 20_000, "quick": 10_000}
BINS = {"paper": 40, "quick": 15}
OUTSIDE = 0.001  # of the runs, on either side of a histogram
WORKFLOWS = ("replace", "accumulate", "accumulate-subsample")


def sweeps(size: Size) -> Mapping[str, Sweep]:
    """Return the paper's batch sizes and generations in d = 1, with enough runs for their law."""
    return {
        "runs": Sweep.of(
            {
                "model": {"family": "gaussian"},
                "workflow": {"name": list(WORKFLOWS)},
                "samples": SIZES[size],
                "generations": GENERATIONS[size],
                "replicates": REPLICATES[size],
                "at": AT[size],
                "quantities": ["variance", "log_variance"],
                "runs": True,
            }
        )
    }


def compute(context: Context) -> Frames:
    """Return the summaries of the fitted variances, and their histograms beside the exact law."""
    summary = swept(sweeps)(context)["runs"]
    store = Store(context.folder / "sweeps" / "runs")
    tables = [
        _histograms(cell, store, BINS[context.size]) for cell in sweeps(context.size)["runs"].cells
    ]
    return {"runs": summary, "histogram": frames().concat(tables)}


def _histograms(cell: Cell, store: Store, bins: int) -> Any:
    """Return the density of log v_t over the runs, and the exact law's in the same bins."""
    pl = frames()
    runs, laws = store.table(cell, "runs"), log_variance_laws(cell)
    tables = []
    for t in cell.at or ():
        values = runs.filter(pl.col.generation == t)["log_variance"].to_numpy()
        low, high = np.quantile(values, [OUTSIDE, 1 - OUTSIDE])
        edges = np.linspace(low, high, bins + 1)
        width = edges[1] - edges[0]
        counted = np.histogram(values, edges)[0] / (len(values) * width)
        law = np.diff(laws[t](edges)) / width if t in laws else np.full(bins, np.nan)
        tables.append(_table(cell, t, edges, counted, law))
    return pl.concat(tables)


def _table(cell: Cell, t: int, edges: Floats, counted: Floats, law: Floats) -> Any:
    pl = frames()
    values = pl.DataFrame({"low": edges[:-1], "high": edges[1:], "density": counted, "law": law})
    named = {"workflow": cell.workflow["name"], "samples": cell.samples, "generation": t}
    return values.select(*[pl.lit(v).alias(k) for k, v in named.items()], pl.all())


def log_variance_laws(cell: Cell) -> dict[int, Cdf]:
    """Return the cdf of log v_t at the recorded generations, nothing where it is open."""
    e, at = cell.experiment(), cell.at or ()
    if e.schedule.pool:
        return accumulated_log_variances(e, at)
    laws = predict(replace(e, workflow=Replace())).laws["log_variance"]
    # Generation 1 is the same fit to real rows under every workflow.
    return {t: laws[t - 1].cdf for t in at if t == 1 or e.schedule.newest}


FIGURES = {
    "gaussian-densities": Figure(
        name="gaussian-densities",
        title="Fitted Gaussian densities, generation by generation",
        shows=(
            "Normals fitted by maximum likelihood to n rows per generation, from N(0, 1). The "
            "first picture draws N(0, v), v the expected fitted variance, at four generations of "
            "replace, accumulate and accumulate-subsample: with v as the standard deviation on the "
            "left of each pair, as the original plots it, and with its square root on the right. "
            "The second shows the law of log v over 20,000 runs (axes differ between panels)."
        ),
        original=(
            "The paper's notebook 00 plots the fitted densities by generation, as "
            "norm.pdf(x, 0, cov): the third argument of that function is a standard deviation, and "
            "it is given the variance. Batch sizes and generations are the paper's; which of them "
            "the notebook draws is not known here, and these are our choice."
        ),
        difference=(
            "With the variance as scale, collapse looks faster than it is. Under replace "
            "the expected variance is (1 - 1/n)^t, so the curve labelled t is as narrow as the "
            "density of generation 2t. Both versions are centred at 0; the fitted means wander, "
            "which neither shows. The expected variance is exact for all three workflows, but a "
            "typical fit is narrower: the dotted median. For n = 10 at t = 100 even the mean over "
            "20,000 runs misses the expectation, as runs too rare to be among them carry "
            "it; hence the second picture. Its lines are exact: under replace log v is a "
            "sum of t independent logarithms of chi-squares, and "
            "under accumulate a sum of independent steps, whose laws are convolved. Under "
            "accumulate-subsample the law is open after generation 1, and none is drawn. Under "
            "replace the law moves left and widens for ever, under the other two it stops."
        ),
        compute=compute,
        draw=draw,
    )
}
