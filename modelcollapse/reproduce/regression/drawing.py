"""How the regression's figure is drawn: the risk, and what it owes to the noise."""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.drawing import SKY, VERMILION, spaced
from modelcollapse.families.regression import LinearRegression
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.reproduce.figure import Picture
from modelcollapse.reproduce.style import KEY, TEXT, curve, finite_limits, legend, name_grid, panels
from modelcollapse.workflows import by_name

WORKFLOWS = ("replace", "accumulate", "accumulate-subsample")
DEPTH = 20  # of a band below the means, as a factor
# Nested, so that equal values are seen to be equal.
NOISES = (
    {"marker": "o", "ms": 6.5, "color": SKY, "markerfacecolor": "none"},
    {"marker": "s", "ms": 3.6, "color": VERMILION, "markerfacecolor": "none"},
    {"marker": ".", "ms": 2.5, "color": "black"},
)


def risks(frame: Any) -> Picture:
    """Draw the risk with noise 1, a panel for each d and n."""
    import polars as pl

    dims, sizes = (sorted(frame[key].unique().to_list()) for key in ("dim", "samples"))
    title = "Risk of a regression with sigma² = 1, one design for all generations"
    figure, axes = panels(len(dims), len(sizes), title, sharex=True)
    for i, d in enumerate(dims):
        for j, n in enumerate(sizes):
            own = (pl.col.dim == d) & (pl.col.samples == n) & (pl.col.noise == 1)
            panel(axes[i, j], frame.filter(own), d, n)
    rows, columns = [f"d = {d}" for d in dims], [f"n = {n}" for n in sizes]
    name_grid(axes, rows, columns, "generation t", r"risk, $|w_t-w^*|^2$")
    legend(figure, axes, KEY)
    alt = (
        f"Risk by generation, for {dims} inputs (rows of panels) and {sizes} rows (columns): "
        "under replace it grows in proportion to the generation, under accumulate it settles"
    )
    return Picture("risk", figure, alt)


def panel(axis: Any, cells: Any, d: int, n: int) -> None:
    """Draw one d and n; medians where the expectation is infinite."""
    import polars as pl

    axis.set_xscale("log")
    axis.set_yscale("log")
    infinite = abs(n - d) <= 1
    note = "medians: the mean is infinite" if infinite else "least norm" if n < d else ""
    axis.text(0.03, 0.98, note, fontsize=TEXT - 2, va="top", transform=axis.transAxes)
    bounds = []
    for workflow in WORKFLOWS:
        own = cells.filter(pl.col.workflow == workflow).sort("generation")
        if own.is_empty():
            continue
        if infinite:
            own = own.with_columns(
                pl.col("median").alias("mean"), pl.Series("expected", medians(own))
            )
        curve(axis, own, workflow)
        mean = own["mean"].to_numpy()
        # With few inputs a run may come near w*: the band is cut off below.
        bounds.append(np.maximum(own["q05"].to_numpy(), mean.min() / DEPTH))
        bounds += [mean, own["q95"].to_numpy(), own["expected"].to_numpy()]
    if limits := finite_limits(np.concatenate(bounds), log=True):
        axis.set_ylim(*limits)


def medians(cell: Any) -> Floats:
    """Return the median of the risk at each generation of a cell by theory, NaN if it is open."""
    from scipy.special import fdtri

    kind, d, n = cell.select("workflow", "dim", "samples").row(0)
    if n < d or kind == "accumulate-subsample":
        return np.full(len(cell), np.nan)
    model = LinearRegression(dim=d, noise=cell["noise"][0])
    loop = Experiment(model, by_name(kind), samples=n, generations=cell["generation"].max())
    every = predict(loop).laws["risk"]
    laws = [every[t - 1] for t in cell["generation"]]
    # A chi-square over an independent one is an F variable, times the ratio of their freedoms.
    ratios = [fdtri(law.above, law.below, 0.5) * law.above / law.below for law in laws]
    return np.asarray(np.array([law.scale for law in laws]) * ratios)


def noises(frame: Any) -> Picture:
    """Draw the risk over sigma^2 for every sigma^2, at one d on both sides of interpolation."""
    import polars as pl

    sizes = sorted(frame["samples"].unique().to_list())
    d = min(d for d in frame["dim"].unique() if d > sizes[0])
    title = f"Risk over sigma², d = {d}: from n = d + 2 on the three noises are one curve"
    key = "dots: means of runs (n = d: medians); lines: theorems"
    figure, axes = panels(len(WORKFLOWS), len(sizes), title, sharex=True, sharey="col")
    for i, workflow in enumerate(WORKFLOWS):
        for j, n in enumerate(sizes):
            own = (pl.col.workflow == workflow) & (pl.col.samples == n) & (pl.col.dim == d)
            _noises(axes[i, j], frame.filter(own), infinite=abs(n - d) <= 1)
    name_grid(axes, WORKFLOWS, [f"n = {n}" for n in sizes], "generation t", "risk / sigma²")
    legend(figure, axes, key)
    alt = (
        f"Risk over sigma squared by generation for three noises, d = {d}, three workflows (rows) "
        f"and {sizes} rows (columns): equal where n is at least d + 2, not below"
    )
    return Picture("noise", figure, alt)


def _noises(axis: Any, cells: Any, *, infinite: bool) -> None:
    import polars as pl

    axis.set_xscale("log")
    axis.set_yscale("log")
    for noise, style in zip(sorted(cells["noise"].unique()), NOISES, strict=True):
        own = cells.filter(pl.col.noise == noise).sort("generation")
        t, power = own["generation"].to_numpy(), noise**2
        line = medians(own) if infinite else own["expected"].to_numpy()
        dots = own["median" if infinite else "mean"].to_numpy() / power
        some = spaced(t, log=True)
        axis.plot(t, line / power, color=style["color"], lw=1.0)
        axis.plot(t[some], dots[some], ls="", **style, label=f"sigma² = {power:.3g}")
