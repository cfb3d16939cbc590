"""Integrated squared errors for N(0, 1) against the bandwidth: exact, and drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.drawing import BAND
from modelcollapse.families.kde import KDE
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.reproduce.figure import Frames, Picture
from modelcollapse.reproduce.kde.drawing_bandwidths import marks, name_marks, shades, with_names
from modelcollapse.reproduce.kde.losses import WORKFLOWS, logarithmic
from modelcollapse.reproduce.style import legend, name_grid, panels
from modelcollapse.workflows import by_name

LIMIT = 0  # the generation that stands for the limit of late ones


def exact(bandwidths: Floats, samples: int, generations: int, at: Sequence[int]) -> Any:
    """Return the expected errors at some generations, and their limits."""
    import polars as pl

    tables = []
    for h in bandwidths.tolist():
        for workflow in WORKFLOWS:
            prediction = predict(Experiment(KDE(h), by_name(workflow), samples, generations))
            values = [*prediction["mise"][np.array(at) - 1], prediction.limits["mise"]]
            key = {"bandwidth": str(h), "workflow": workflow, "quantity": "mise"}
            tables.append(pl.DataFrame({**key, "generation": [*at, LIMIT], "expected": values}))
    return pl.concat(tables)


def error(frames: Frames) -> Picture:
    """Draw the exact integrated squared error against the bandwidth, and its limit."""
    import polars as pl

    exact = frames["exact"].with_columns(pl.col.bandwidth.cast(pl.Float64).alias("h")).sort("h")
    runs = pl.concat([frames["mise"], frames["pooled"]], how="diagonal_relaxed")
    runs = with_names(runs.with_columns(pl.col.bandwidth.cast(pl.String)))
    decades = sorted(frames["mise"]["generation"].unique().to_list())
    title = "Integrated squared error of densities fitted to N(0, 1), by bandwidth"
    key = "bands: 5 % to 95 % of runs; dots and triangles: means of runs; lines: exact expectations"
    figure, axes = panels(1, len(WORKFLOWS), title, sharex=True, sharey=True)
    for axis, workflow in zip(axes[0], WORKFLOWS, strict=True):
        logarithmic(axis)
        lines = exact.filter(pl.col.workflow == workflow)
        for t, colour in zip(decades, shades(len(decades)), strict=True):
            line = lines.filter(pl.col.generation == t)
            axis.plot(line["h"], line["expected"], color=colour, lw=1.1, label=f"generation {t}")
            cells = runs.filter((pl.col.workflow == workflow) & (pl.col.generation == t))
            _dots(axis, cells, colour)
            marks(axis, cells, colour, "mise")
        limit = lines.filter(pl.col.generation == LIMIT)
        axis.plot(limit["h"], limit["expected"], "k--", lw=0.9, label="limit of late generations")
        name_marks(axis, runs)
    name_grid(axes, [""], WORKFLOWS, "bandwidth h", r"squared error, $\int(p_t-p_0)^2$")
    legend(figure, axes, key, ncols=4)
    alt = f"exact integrated squared error against the bandwidth in generations {decades}"
    return Picture("squared-error", figure, alt)


def _dots(axis: Any, cells: Any, colour: str) -> None:
    import polars as pl

    h = pl.col.bandwidth.cast(pl.Float64, strict=False)
    fixed = cells.with_columns(h.alias("h")).filter(pl.col.h.is_not_null()).sort("h")
    axis.fill_between(fixed["h"], fixed["q05"], fixed["q95"], color=colour, alpha=BAND, lw=0)
    axis.plot(fixed["h"], fixed["mean"], "o", color=colour, ms=2.6)
