"""How the discrete figure is drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse.reproduce.discrete.drawing_collapse_times import collapse_picture
from modelcollapse.reproduce.figure import Frames, Picture
from modelcollapse.reproduce.style import DASHES, KEY, curve, legend, name_grid, panels
from modelcollapse.workflows.names import COLOURS

WORKFLOWS = ("replace", "accumulate", "accumulate-subsample")
POINTS = 150  # of a curve: more are not seen


def draw(frames: Frames) -> Sequence[Picture]:
    """Draw entropy, heterozygosity and the collapse times."""
    import polars as pl

    frame = pl.concat([frames["replace"], frames["pools"]], how="diagonal_relaxed")
    return [
        _entropy(frame),
        _heterozygosity(frame),
        collapse_picture(frames["replace"], frames["collapse-times"]),
    ]


def thinned(frame: Any) -> Any:
    """Return a cell's quantity at few generations, evenly spaced in their logarithm."""
    frame = frame.sort("generation")
    if frame.is_empty():
        return frame
    t = frame["generation"].to_numpy()
    wanted = np.geomspace(t[0], t[-1], POINTS)
    return frame[np.unique(np.minimum(np.searchsorted(t, wanted), len(t) - 1))]


def _entropy(frame: Any) -> Picture:
    import polars as pl

    outcomes, sizes = _axes(frame)
    title = (
        "Entropy of the fitted distribution: under replace it is lost within a few n generations"
    )
    key = f"{KEY}; where these are open, dots are joined, and thin lines are proved lower bounds"
    figure, axes = panels(len(outcomes), len(sizes), title, sharex="col")
    for line, K in zip(axes, outcomes, strict=True):
        for axis, n in zip(line, sizes, strict=True):
            own = frame.filter(pl.col.outcomes == K, pl.col.samples == n)
            axis.set_xscale("log")
            for workflow in WORKFLOWS:
                cell = own.filter(pl.col.workflow == workflow)
                _curve(axis, cell, "entropy", workflow)
                bound = thinned(cell.filter(pl.col.quantity == "entropy_lower"))
                dashes, colour = DASHES[workflow], COLOURS[workflow]
                axis.plot(bound["generation"], bound["expected"], dashes, color=colour, lw=0.6)
            axis.set_ylim(0, 1.08 * np.log(min(K, n)))
    rows, columns = [f"K = {K:,}" for K in outcomes], [f"n = {n:,}" for n in sizes]
    name_grid(axes, rows, columns, "generation t", "entropy $H_t$, nats")
    legend(figure, axes, key)
    alt = (
        f"Entropy by generation, for {outcomes} outcomes (rows of panels) and {sizes} rows "
        "(columns): under replace it falls to zero, under the other two it settles"
    )
    return Picture("entropy", figure, alt)


def _heterozygosity(frame: Any) -> Picture:
    import polars as pl

    outcomes, sizes = _axes(frame)
    K = outcomes[0]
    title = f"K = {K:,}: heterozygosity, the chance that two rows of the fit differ, and its loss"
    figure, axes = panels(2, len(sizes), title, sharex="col", sharey="row")
    for j, n in enumerate(sizes):
        own = frame.filter(pl.col.outcomes == K, pl.col.samples == n)
        axes[0, j].set_xscale("log")
        axes[1, j].set_yscale("log")
        for workflow in WORKFLOWS:
            cell = own.filter(pl.col.workflow == workflow)
            _curve(axes[0, j], cell, "heterozygosity", workflow)
            _curve(axes[1, j], cell, "squared_error", workflow)
    axes[0, 0].set_ylim(0, 1)
    columns = [f"n = {n:,}" for n in sizes]
    name_grid(axes, ["", ""], columns, "generation t", r"heterozygosity, $1-\sum p_i^2$")
    axes[1, 0].set_ylabel("squared error = share lost", fontsize=axes[0, 0].yaxis.label.get_size())
    legend(figure, axes, KEY)
    alt = (
        f"Heterozygosity (top) and squared error over its truth (bottom) by generation, K = {K}, "
        f"{sizes} rows (columns): under replace all is lost, under the others of the order 1/n"
    )
    return Picture("heterozygosity", figure, alt)


def _axes(frame: Any) -> tuple[list[int], list[int]]:
    outcomes, sizes = (sorted(frame[key].unique().to_list()) for key in ("outcomes", "samples"))
    return outcomes, sizes


def _curve(axis: Any, cell: Any, quantity: str, workflow: str) -> None:
    import polars as pl

    curve(axis, thinned(cell.filter(pl.col.quantity == quantity)), workflow)
