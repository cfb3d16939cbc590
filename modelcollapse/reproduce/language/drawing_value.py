"""The pictures of what synthetic rows are worth."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse._support.drawing import BAND
from modelcollapse.mixed import synthetic_value
from modelcollapse.reproduce.figure import Frames, Picture
from modelcollapse.reproduce.language.drawing_rows import (
    SIZE,
    STAR,
    counts,
    log_losses,
    of_seeds,
    rows,
    styles,
    ticks,
)
from modelcollapse.reproduce.language.pooled_mean import REPLICATES
from modelcollapse.reproduce.style import TEXT, legend, panels

POINTS = 200  # of a theorem's line


def draw(frames: Frames) -> Sequence[Picture]:
    """Draw the language model's losses, and the exactly solvable model beside."""
    return [_language(frames), _gaussian(frames)]


def _language(frames: Frames) -> Picture:
    import polars as pl

    frame = frames["language"]
    loss = "excess" if "excess" in frame.columns else "loss"
    label = {"excess": "loss above the entropy, nats per row", "loss": "loss, nats per token"}[loss]
    figure, axes = panels(1, 2, _title(frame), sharey=True)
    figure.set_size_inches(*SIZE)
    for count, colour, marker in styles(frame["real"]):
        own = frame.filter(pl.col.real == count)
        cells = own.group_by("synthetic", "proportion").agg(
            pl.col(loss).mean().alias("mean"),
            pl.col(loss).min().alias("low"),
            pl.col(loss).max().alias("high"),
        )
        for axis, x in zip(axes[0], ("synthetic", "proportion"), strict=True):
            _curve(axis, cells.drop_nulls(x).sort(x), x, colour, marker, rows(count))
    log_losses(axes[0, 0])
    counts(axes[0, 0], frame["synthetic"], "synthetic rows")
    axes[0, 0].set_ylabel(label, fontsize=TEXT)
    axes[0, 1].set_xlabel("proportion of real rows", fontsize=TEXT)
    axes[0, 1].set_title(_explained(frames.get("regressions")), fontsize=TEXT - 1)
    legend(figure, axes, f"{of_seeds(frame)}; stars: the best of a curve")
    alt = f"{label}, by the number of synthetic rows and by the proportion of real rows, with one "
    return Picture("value", figure, alt + "curve for each number of real rows")


def _title(frame: Any) -> str:
    return f"{frame['model'][0]} on {frame['data'][0]}: what are synthetic rows worth?"


def _explained(fits: Any) -> str:
    if fits is None or not fits["r_squared"].is_finite().all():
        return "too few cells for a regression"
    share = dict(zip(fits["predictors"], fits["r_squared"], strict=True))
    return (
        "variance of the loss explained by the logarithm of the\nnumber of real rows: "
        f"{share['log_real']:.2f}; by their proportion: {share['proportion']:.2f}"
    )


def _curve(axis: Any, cells: Any, x: str, colour: Any, marker: str, label: str) -> None:
    at, mean = cells[x].to_numpy(), cells["mean"].to_numpy()
    if not len(at):
        return
    axis.fill_between(at, cells["low"], cells["high"], color=colour, alpha=BAND, lw=0)
    axis.plot(at, mean, ":", color=colour, lw=0.8)
    axis.plot(at, mean, marker, color=colour, ms=3, label=label)
    if x == "synthetic":
        axis.plot(at[mean.argmin()], mean.min(), color=colour, **STAR)


def _gaussian(frames: Frames) -> Picture:
    import polars as pl

    frame, best = frames["gaussian"], frames["gaussian-best"]
    generator = frame["generator_rows"][0]
    title = (
        f"Another model, exactly solvable: the mean of a Gaussian, generator fitted to {generator} "
        "rows"
    )
    key = (
        f"dots: means of {REPLICATES:,} simulations; lines: theorems; stars: best numbers of "
        "synthetic rows"
    )
    figure, axes = panels(1, 2, title)
    figure.set_size_inches(*SIZE)
    left, right = axes[0]
    most = frame["synthetic"].max()
    dense = np.append(0.0, np.geomspace(1, most, POINTS))
    _regions(right, best, most)
    for count, colour, marker in styles(frame["real"]):
        own = frame.filter(pl.col.real == count)
        line = synthetic_value(count, dense, generator)
        left.plot(dense, 1000 * line, "-", color=colour, lw=1.2)
        dots = 1000 * own["mean"]
        left.plot(own["synthetic"], dots, marker, color=colour, ms=3, label=rows(count))
        at = best.filter(pl.col.real == count)
        if at["best"].item() <= most:
            left.plot(at["best"], 1000 * at["least"], color=colour, **STAR)
            right.plot(count, at["best"], color=colour, **STAR)
    log_losses(left)
    counts(left, frame["synthetic"], "synthetic rows")
    left.set_ylabel("squared error over the variance, times 1,000", fontsize=TEXT)
    right.set_xticks(*ticks(frame["real"]))
    right.minorticks_off()
    legend(figure, axes, key, ncols=3)
    alt = (
        "Squared error of a Gaussian mean by the number of synthetic rows, simulated and by "
        "theory, and the best and the break-even number of synthetic rows by that of real rows"
    )
    return Picture("gaussian-mean", figure, alt)


def _regions(axis: Any, best: Any, most: float) -> None:
    """Draw where synthetic rows help and where they hurt, by theory."""
    real, optimum, even = (best[name].to_numpy() for name in ("real", "best", "break_even"))
    low, high = optimum.min() / 2, 4 * max(most, even.min())
    axis.fill_between(real, np.minimum(even, high), high, color="0.88", lw=0)
    best_label, even_label = "best: every row up to it helps", "break-even: more of them hurt"
    for line, dashes, label in ((optimum, "k-", best_label), (even, "k--", even_label)):
        axis.plot(real, np.where(np.isfinite(line), line, np.nan), dashes, lw=1.3, label=label)
    axis.set(xscale="log", yscale="log", ylim=(low, high))
    axis.set_xlabel("real rows", fontsize=TEXT)
    axis.set_ylabel("synthetic rows", fontsize=TEXT)
