"""How the regression's risk is drawn with one design, and with a new one in each generation."""

from typing import Any

import numpy as np

from modelcollapse._support.drawing import spaced
from modelcollapse.reproduce.figure import Picture
from modelcollapse.reproduce.style import legend, name_grid, panels
from modelcollapse.workflows.names import COLOURS

WORKFLOWS = ("replace", "accumulate")
SETTLED = np.pi**2 / 6
ERRORS = 3  # standard errors of a mean on either side of it
DESIGNS = {"fixed": ("-", True, 0.97), "fresh": ("--", False, 1.03)}  # dashes, filled, shift


def designs(frame: Any) -> Picture:
    """Draw the risk over that of generation 1, with one design and with a new one each time."""
    import polars as pl

    sizes = sorted(frame["samples"].unique().to_list())
    dots = f"dots: means of {frame['replicates'][0]:,} runs ± {ERRORS} standard errors"
    title = (
        f"Risk over that of generation 1, d = {frame['dim'][0]}: replace grows like t, "
        "accumulate stays below π²/6"
    )
    figure, axes = panels(2, len(sizes), title, sharex=True, sharey="row")
    for i, workflow in enumerate(WORKFLOWS):
        for axis, n in zip(axes[i], sizes, strict=True):
            own = frame.filter(pl.col.workflow == workflow, pl.col.samples == n)
            _designs(axis, own, workflow)
    for axis in axes[0]:
        axis.set_yscale("log")
    for axis in axes[1]:
        axis.axhline(SETTLED, color="0.5", lw=0.8, ls=":", label="π²/6")
        axis.set_ylim(0.9, 1.8)
    name_grid(axes, WORKFLOWS, [f"n = {n}" for n in sizes], "generation t", "risk / first")
    legend(figure, axes, f"{dots}; lines: theorems", ncols=2 if len(sizes) < 4 else 5)
    alt = (
        f"Risk relative to generation 1 for {sizes} rows (columns): under replace (top) it is the "
        "generation's number, under accumulate (bottom) it tends to pi squared over 6 with one "
        "design for all generations, and to less with a new one in each"
    )
    return Picture("designs", figure, alt)


def _designs(axis: Any, cells: Any, workflow: str) -> None:
    import polars as pl

    axis.set_xscale("log")
    for design, (dashes, face, shift) in DESIGNS.items():
        own = cells.filter(pl.col.design == design).sort("generation")
        first, t = own["expected"][0], own["generation"].to_numpy()
        some = spaced(t, log=True)
        error = ERRORS * own["expected_deviation"].to_numpy() / np.sqrt(own["replicates"][0])
        colour, label = COLOURS[workflow], f"{workflow}, {design} design"
        axis.plot(t, own["expected"].to_numpy() / first, dashes, color=colour, lw=1.2)
        axis.errorbar(
            t[some] * shift,
            (own["mean"].to_numpy() / first)[some],
            (error / first)[some],
            fmt="o",
            color=colour,
            markerfacecolor=colour if face else "white",
            ms=3.2,
            lw=0.8,
            label=label,
        )
