"""The picture of loops with a weight on real rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelcollapse import mixed
from modelcollapse._support.checks import Floats
from modelcollapse._support.drawing import BAND
from modelcollapse.reproduce.figure import Frames, Picture
from modelcollapse.reproduce.style import TEXT, legend, name_grid, panels, tones
from modelcollapse.workflows.names import COLOURS

ROWS = {
    "Gaussian\nfitted variance": ("gaussian", "variance"),
    "Gaussian\nerror, real rows alone = 1": ("gaussian", "squared_error"),
    "exponential\nerror, real rows alone = 1": ("gamma", "squared_error"),
}
NAMES = {"fresh-data": "fresh real rows each generation", "keep-real": "the first real rows, kept"}
CURVATURES = {"gaussian": -1.0, "gamma": 1.0}
WANTED = 2.0  # the error for which the smallest share is marked
RANGE = (0.01, 2000.0)  # of the errors' axis
EDGE = 0.9  # of the first share, where the axis begins
LIMIT: Mapping[str, Any] = {"color": "0.1", "lw": 1.4, "ls": "--"}


def draw_shares(frames: Frames) -> Picture:
    """Draw variances and errors against the weight on real rows, fresh and kept."""
    import polars as pl

    rows = int(frames["gaussian"]["samples"][0])
    title = f"How much real data: {rows} real and {rows} sampled rows in each fit"
    last = int(frames["gaussian"]["generation"].max())
    key = f"bands: 5 % to 95 % of runs at t = {last}; dots: their means; lines: theorems"
    figure, axes = panels(len(ROWS), len(NAMES), title, sharex=True, sharey="row")
    figure.set_size_inches(8.2, 7.8)
    for i, (family, quantity) in enumerate(ROWS.values()):
        for j, name in enumerate(NAMES):
            own = (pl.col.workflow == name) & (pl.col.quantity == quantity)
            lines = frames["share-theorem"].filter(own, pl.col.family == family)
            _panel(axes[i, j], frames[family].filter(own), lines, name, quantity)
            if quantity == "squared_error":
                _mark(axes[i, j], name, rows, CURVATURES[family])
    name_grid(axes, list(ROWS), list(NAMES.values()), "weight w on the real rows", "")
    _key(axes[0, 0], sorted(t for t in frames["share-theorem"]["generation"].unique() if t))
    legend(figure, axes, key, ncols=3)
    alt = (
        "limiting and finite-time error, and fitted variance, against the weight on real rows, for "
        "fresh (left) and kept (right) real rows, Gaussian and exponential data"
    )
    return Picture("share", figure, alt)


def _panel(axis: Any, runs: Any, lines: Any, name: str, quantity: str) -> None:
    import polars as pl

    unit = 1.0 if quantity == "variance" else float(runs["samples"][0])
    share = "share" if name == "keep-real" else "weight"
    own = runs.filter(pl.col.generation == runs["generation"].max()).sort(share)
    simulated(axis, own, own[share].to_numpy(), unit, COLOURS[name])
    late = sorted(t for t in lines["generation"].unique().to_list() if t)
    for t, style in {**styles(late, COLOURS[name]), 0: LIMIT}.items():
        line = lines.filter(pl.col.generation == t).sort("share")
        values = unit * line["value"].to_numpy()
        axis.plot(line["share"], np.where(np.isfinite(values), values, np.nan), **style)
    axis.set(xscale="log", xlim=(EDGE * lines["share"].min(), 1.0))
    axis.set_xticks([0.01, 0.1, 1], ["1 %", "10 %", "100 %"])
    if quantity == "squared_error":
        axis.set(yscale="log", ylim=RANGE)


def styles(late: Sequence[int], colour: str) -> dict[int, dict[str, Any]]:
    """Return how the theorem at each generation is drawn."""
    both = zip(late, tones(colour, len(late)), strict=True)
    return {t: {"color": tone, "lw": 1.2} for t, tone in both}


def simulated(axis: Any, own: Any, x: Floats, unit: float, colour: str) -> None:
    """Draw a band of runs and dots for their means, in some unit."""
    low, high, mean = (unit * own[key].to_numpy() for key in ("q05", "q95", "mean"))
    axis.fill_between(x, low, high, color=colour, alpha=BAND, lw=0)
    axis.plot(x, mean, "o", color=colour, ms=3)


def _mark(axis: Any, name: str, rows: int, v2: float) -> None:
    """Mark what is needed: to be bounded, for a wanted error, and for the least one."""
    axis.axhline(1.0, color="0.6", lw=0.8, ls=":")
    edge = float(mixed.critical_share(v2 / rows))
    if edge:
        axis.axvspan(axis.get_xlim()[0], edge, color="0.9", lw=0, zorder=0)
        axis.text(edge / 1.06, RANGE[0] * 1.3, "diverges", fontsize=TEXT - 1, ha="right")
    share = float(mixed.smallest_share(WANTED, rows, rows, name, v2))
    axis.plot(share, WANTED, "D", color="0.1", ms=4)
    axis.annotate(
        f"{100 * share:.1f} %", (share, WANTED), (4, 4), textcoords="offset points", fontsize=7
    )
    if name == "fresh-data":
        best = float(mixed.optimal_weight(rows, rows, v2))
        axis.plot(best, best, "*", color="0.1", ms=7)


def _key(axis: Any, late: Sequence[int]) -> None:
    for t, style in styles(late, "black").items():
        axis.plot([], [], label=f"generation {t}", **style)
    axis.plot([], [], label="limit", **LIMIT)
    axis.plot([], [], "D", color="0.1", ms=4, label=f"smallest share for an error of {WANTED:g}")
    axis.plot([], [], "*", color="0.1", ms=7, label="best weight")
