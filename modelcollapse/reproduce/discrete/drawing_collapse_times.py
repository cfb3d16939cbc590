"""How the times until one outcome is left are drawn."""

from typing import Any

import numpy as np

from modelcollapse._support.drawing import BAND, BLUE, GREEN, ORANGE, PURPLE
from modelcollapse.reproduce.figure import Picture
from modelcollapse.reproduce.style import TEXT, legend, panels, tones
from modelcollapse.workflows.names import COLOURS

TONES = ("#000000", BLUE, GREEN, ORANGE, PURPLE)  # one per number of outcomes
MARKERS = "osD^v"
APART = 1.3  # from one number of outcomes to the next, so that none hides another
LONGEST = 6  # generations over n that are shown of the law


def collapse_picture(frame: Any, times: Any) -> Picture:
    """Draw mean and spread of the times against n, the same over n, and their law."""
    outcomes = sorted(times["outcomes"].unique().to_list())
    title = "Replace: the first generation with one outcome left comes after about 2n generations"
    key = (
        "bars: 5 % to 95 % of runs; dots: means of runs; lines: exact up to n = 1,000, dashed: "
        "the diffusion's limit"
    )
    figure, axes = panels(1, 3, title)
    figure.set_size_inches(9.5, 4.2)
    for i, K in enumerate(outcomes):
        shift = APART ** (i - (len(outcomes) - 1) / 2)
        for axis, over in zip(axes[0], (False, True), strict=False):
            _times(axis, times, K, TONES[i], MARKERS[i], shift, over=over)
    axes[0, 0].set_yscale("log")
    labels = ["generations", "generations / n"]
    for axis, label in zip(axes[0], labels, strict=False):
        axis.set_xscale("log")
        axis.set_xlabel("rows per generation, n", fontsize=TEXT)
        axis.set_ylabel(label, fontsize=TEXT)
    axes[0, 1].set_ylim(0, None)
    legend(figure, axes[0, :2], key, ncols=5)
    _law(axes[0, 2], frame, outcomes[0])
    alt = (
        f"Generations until one outcome is left against the rows per generation, for {outcomes} "
        "outcomes, in log-log scale (left) and over n (middle): about 2 n; and the share of runs "
        "that have one left against the generation over n (right)"
    )
    return Picture("collapse-times", figure, alt)


def _times(
    axis: Any, times: Any, K: int, colour: str, marker: str, shift: float, *, over: bool
) -> None:
    import polars as pl

    own = times.filter(pl.col.outcomes == K).sort("samples")
    n = own["samples"].to_numpy()
    unit = n if over else np.ones(len(n))
    low, high = own["q05"].to_numpy() / unit, own["q95"].to_numpy() / unit
    mean = (own["mean_low"].to_numpy() + own["mean_high"].to_numpy()) / 2
    axis.vlines(n * shift, low, high, color=colour, alpha=2 * BAND, lw=4)
    axis.plot(n * shift, mean / unit, marker, color=colour, ms=4, label=f"K = {K:,}")
    axis.plot(n, own["expected"].to_numpy() / unit, color=colour, lw=1)
    axis.plot(n, own["diffusion"].to_numpy() / unit, color=colour, lw=1, ls=(0, (5, 3)))


def _law(axis: Any, frame: Any, K: int) -> None:
    """Draw the share of runs that have one outcome left, and its probability."""
    import polars as pl

    some = frame.filter(pl.col.quantity == "collapsed", pl.col.outcomes == K)
    sizes = sorted(some["samples"].unique().to_list())
    shades = tones(COLOURS["replace"], len(sizes))
    for i, n in enumerate(sizes):
        own = some.filter(pl.col.samples == n).sort("generation")
        t = own["generation"].to_numpy() / n
        own, t = own.filter(t <= LONGEST), t[t <= LONGEST]
        colour = shades[i]
        axis.plot(t, own["expected"].to_numpy(), color=colour, lw=1)
        marks = np.unique(np.searchsorted(t, np.linspace(0.1, LONGEST, 16)).clip(max=len(t) - 1))
        share, label = own["mean"].to_numpy()[marks], f"n = {n:,}"
        axis.plot(t[marks], share, MARKERS[i], color=colour, ms=3.5, label=label)
    axis.set_xlabel("generation / n", fontsize=TEXT)
    axis.set_ylabel(f"runs with one outcome left, K = {K:,}", fontsize=TEXT)
    axis.set_ylim(0, 1.03)
    axis.legend(fontsize=TEXT - 1, frameon=False, loc="lower right")
