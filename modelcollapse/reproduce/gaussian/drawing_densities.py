"""The pictures of the fitted Gaussian densities."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.reproduce.figure import Frames, Picture
from modelcollapse.reproduce.style import TEXT, legend, name_grid, panels, tones
from modelcollapse.workflows.names import COLOURS

WORKFLOWS = ("replace", "accumulate", "accumulate-subsample")
SHOWN = (0, 2)  # positions of the batch sizes whose densities are drawn
SIDES = 2.8  # standard deviations of the truth that are drawn on either side
HIGHEST = 2.4  # density at which a panel ends; a collapsed fit would hide the others
SCALES = {"scale v, as in the original": 1.0, "scale √v": 0.5}


def draw(frames: Frames) -> Sequence[Picture]:
    """Draw the densities with either scale side by side, and the laws of the fitted variances."""
    return [_densities(frames["runs"]), _laws(frames["histogram"])]


def normal(x: Floats, scale: float) -> Floats:
    """Return the density of N(0, scale^2)."""
    return np.asarray(np.exp(-0.5 * (x / scale) ** 2) / (scale * np.sqrt(2 * np.pi)))


def _densities(frame: Any) -> Picture:
    import polars as pl

    every = sorted(frame["samples"].unique().to_list())
    sizes = [every[min(i, len(every) - 1)] for i in SHOWN]
    generations = sorted(frame["generation"].unique().to_list())
    title = (
        "The density that is fitted, at the expected variance v: the original takes v for its "
        "square root"
    )
    key = (
        "lines: theorems; dots: at the mean variance of the runs; dotted: at the median, last "
        "generation"
    )
    figure, axes = panels(len(WORKFLOWS), 2 * len(sizes), title, sharex=True, sharey="row")
    for i, workflow in enumerate(WORKFLOWS):
        for j, n in enumerate(sizes):
            own = (pl.col.workflow == workflow) & (pl.col.samples == n)
            cell = frame.filter(own, pl.col.quantity == "variance").sort("generation")
            for k, power in enumerate(SCALES.values()):
                _panel(axes[i, 2 * j + k], cell, workflow, power)
    columns = [f"n = {n}: {scale}" for n in sizes for scale in SCALES]
    name_grid(axes, WORKFLOWS, columns, "x", "density")
    _generations(axes[0, 0], generations)
    axes[0, 0].plot([], [], color="0.2", lw=0.9, ls=(0, (4, 2)), label="truth, N(0, 1)")
    legend(figure, axes, key, ncols=5)
    alt = (
        f"fitted normal densities at generations {generations} for three workflows (rows) and n = "
        f"{sizes}, each with v (left) and the square root of v (right) as its standard deviation"
    )
    return Picture("densities", figure, alt)


def _generations(axis: Any, generations: Sequence[int]) -> None:
    for t, tone in zip(generations, tones("black", len(generations)), strict=True):
        axis.plot([], [], color=tone, lw=2, label=f"generation {t}")


def _panel(axis: Any, cell: Any, workflow: str, power: float) -> None:
    x, dots = np.linspace(-SIDES, SIDES, 561), np.linspace(-SIDES, SIDES, 29)
    axis.plot(x, normal(x, 1.0), color="0.2", lw=0.9, ls=(0, (4, 2)))
    rows = list(cell.iter_rows(named=True))
    beyond = []
    for row, tone in zip(rows, tones(COLOURS[workflow], len(rows)), strict=True):
        axis.plot(x, normal(x, row["expected"] ** power), color=tone, lw=1.3)
        axis.plot(dots, normal(dots, row["mean"] ** power), "o", color=tone, ms=1.8)
        peak = float(normal(np.zeros(1), row["expected"] ** power)[0])
        if peak > HIGHEST:
            beyond.append(f"t = {row['generation']}: peak {peak:,.{0 if peak >= 100 else 1}f}")
    axis.plot(x, normal(x, rows[-1]["median"] ** power), color="0.2", lw=0.9, ls=":")
    axis.set_ylim(0, min(HIGHEST, axis.get_ylim()[1]))
    where = {"ha": "right", "va": "top", "fontsize": TEXT - 2, "transform": axis.transAxes}
    axis.text(0.99, 0.97, "\n".join(beyond), **where)


def _laws(frame: Any) -> Picture:
    import polars as pl

    sizes = sorted(frame["samples"].unique().to_list())
    title = "The fitted variance over the runs: under replace it drifts away, else it settles"
    figure, axes = panels(len(WORKFLOWS), len(sizes), title)
    for i, workflow in enumerate(WORKFLOWS):
        for j, n in enumerate(sizes):
            own = frame.filter(pl.col.workflow == workflow, pl.col.samples == n)
            _histogram(axes[i, j], own, workflow)
    name_grid(axes, WORKFLOWS, [f"n = {n}" for n in sizes], r"$\log\,v_t$ (natural)", "density")
    generations = sorted(frame["generation"].unique().to_list())
    _generations(axes[0, 0], generations)
    legend(figure, axes, "filled: histograms of runs; lines: exact laws")
    alt = (
        f"histograms of the logarithm of the fitted variance at generations {generations}, with "
        f"the exact laws, for three workflows (rows) and batch sizes {sizes} (columns)"
    )
    return Picture("variance-laws", figure, alt)


def _histogram(axis: Any, frame: Any, workflow: str) -> None:
    import polars as pl

    generations = sorted(frame["generation"].unique().to_list())
    for t, tone in zip(generations, tones(COLOURS[workflow], len(generations)), strict=True):
        own = frame.filter(pl.col.generation == t).sort("low")
        low, high = own["low"].to_numpy(), own["high"].to_numpy()
        edges = np.append(low, high[-1])
        axis.stairs(own["density"].to_numpy(), edges, color=tone, fill=True, alpha=0.35, lw=0)
        axis.plot((low + high) / 2, own["law"].to_numpy(), color=tone, lw=1.2)
    axis.set_ylim(0, None)
    axis.set_yticks([])
    axis.locator_params(axis="x", nbins=5)
