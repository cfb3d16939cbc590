"""Drawing what bandwidths do: the test loss against them, rules by generation, exact errors."""

from collections.abc import Sequence
from typing import Any

from modelcollapse._support.drawing import BAND
from modelcollapse.families.kde import bandwidth as rules
from modelcollapse.reproduce.figure import Frames, Picture
from modelcollapse.reproduce.kde.bounds import DIMS, NORMAL
from modelcollapse.reproduce.kde.losses import (
    CROSS_ENTROPY,
    KEY,
    QUANTITIES,
    WORKFLOWS,
    largest,
    logarithmic,
    loss,
)
from modelcollapse.reproduce.style import legend, name_grid, panels, tones

LOSSES = ("loss", "scaled")  # parts of the data
TITLES = {NORMAL: "N(0, 1)", "swiss_roll": "swiss roll"}
MARKERS = {"scott": "^", "silverman": "v"}
SHADES = tones("#882255", 4)  # light to dark: early to late generations
LOSS = r"loss $-\log\,p_t$, nats"


def with_names(frame: Any) -> Any:
    """Return a frame with the data sets' names, and bandwidths as numbers where they are."""
    import polars as pl

    if "data" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias("data"))
    name = pl.col.data.str.split(":").list.first().fill_null(NORMAL)
    return frame.with_columns(name.alias("name")) if "name" not in frame.columns else frame


def by_bandwidth(frames: Frames) -> Picture:
    """Draw the loss at some generations against the bandwidth, for workflows and data sets."""
    import polars as pl

    frame, bounds = _both(frames)
    names = [n for n in DIMS if n in frame["name"].unique().to_list()]
    decades = sorted(frames["mise"]["generation"].unique().to_list())
    title = "Test loss by bandwidth; triangles: means under rules of thumb, at their bandwidth"
    key = KEY.replace("proved upper bounds", "upper ones, in the last generation")
    figure, axes = panels(len(WORKFLOWS), len(names), title, sharex=True, sharey="col")
    for i, workflow in enumerate(WORKFLOWS):
        for j, name in enumerate(names):
            axis = axes[i, j]
            logarithmic(axis)
            own = (pl.col.workflow == workflow) & (pl.col.name == name)
            for t, colour in zip(decades, shades(len(decades)), strict=True):
                at = own & (pl.col.generation == t)
                cells = pl.concat([frame.filter(at), bounds.filter(at)], how="diagonal_relaxed")
                _against(axis, cells, colour, f"generation {t}", last=t == decades[-1])
                marks(axis, cells, colour)
            name_marks(axis, frame)
    name_grid(axes, WORKFLOWS, [TITLES.get(n, n) for n in names], "bandwidth h", LOSS)
    legend(figure, axes, key, ncols=6)
    alt = (
        f"test loss against the bandwidth in generations {decades}, for {', '.join(WORKFLOWS)} "
        f"(rows) on {', '.join(names)} (columns), with proved bounds"
    )
    return Picture("loss-by-bandwidth", figure, alt)


def _both(frames: Frames) -> tuple[Any, Any]:
    """Return the losses and the cross-entropies in the same columns."""
    import polars as pl

    runs = [frames[part].with_columns(pl.col.bandwidth.cast(pl.String)) for part in LOSSES]
    return with_names(pl.concat(runs, how="diagonal_relaxed")), frames["bounds"]


def shades(count: int) -> Sequence[Any]:
    """Return the colours of some generations, from light to dark."""
    return SHADES[-count:]


def _against(axis: Any, cells: Any, colour: str, label: str, *, last: bool) -> None:
    """Draw bands, dots and bounds of one generation against fixed bandwidths."""
    import polars as pl

    h = pl.col.bandwidth.cast(pl.Float64, strict=False)
    fixed = cells.with_columns(h.alias("h")).filter(pl.col.h.is_not_null()).sort("h")
    runs = fixed.filter(pl.col.quantity == QUANTITIES[0])
    axis.fill_between(runs["h"], runs["q05"], runs["q95"], color=colour, alpha=BAND, lw=0)
    axis.plot(runs["h"], runs["mean"], "o", color=colour, ms=2.6)
    low = fixed.with_columns(pl.col.h.alias("generation"))
    axis.plot(*largest(low, [QUANTITIES[1], CROSS_ENTROPY]), color=colour, lw=1.1, label=label)
    if last:
        high = fixed.filter(pl.col.quantity == QUANTITIES[2])
        axis.plot(high["h"], high["expected"], ":", color=colour, lw=0.8)


def marks(axis: Any, cells: Any, colour: str, quantity: str = QUANTITIES[0]) -> None:
    """Mark the rules that look at the number of rows alone, at the bandwidth they give."""
    import polars as pl

    for rule, marker in MARKERS.items():
        own = cells.filter((pl.col.bandwidth == rule) & (pl.col.quantity == quantity))
        if own.is_empty():
            continue
        one = own.row(0, named=True)
        count = one["samples"] * (one["generation"] if one["workflow"] == "accumulate" else 1)
        h = rules.rule_of_thumb(rule, count, DIMS[one["name"]])
        axis.plot(h, one["mean"], marker, color=colour, ms=6, mfc="none")


def name_marks(axis: Any, frame: Any) -> None:
    """Put the rules that are there into the legend."""
    given = frame["bandwidth"].unique().to_list()
    for rule, marker in MARKERS.items():
        if rule in given:
            axis.plot([], [], "k" + marker, ms=6, mfc="none", label=rule)


def by_rule(frames: Frames) -> Picture:
    """Draw the loss by generation under rules of thumb, for data in d = 1, 2 and 3."""
    import polars as pl

    frame = pl.concat(_both(frames), how="diagonal_relaxed")
    names = [n for n in DIMS if n in frame["name"].unique().to_list()]
    given = frame["bandwidth"].unique().to_list()
    chosen = [rule for rule in ("scott", "silverman", "scipy-scott") if rule in given]
    title = "Test loss under rules of thumb, by generation"
    figure, axes = panels(len(names), len(chosen), title, sharex=True, sharey="row")
    for i, name in enumerate(names):
        for j, rule in enumerate(chosen):
            logarithmic(axes[i, j])
            own = (pl.col.name == name) & (pl.col.bandwidth == rule)
            for workflow in WORKFLOWS:
                loss(axes[i, j], frame.filter(own & (pl.col.workflow == workflow)), workflow)
    rows = [f"{TITLES.get(n, n)}, d = {DIMS[n]}" for n in names]
    name_grid(axes, rows, chosen, "generation t", LOSS)
    legend(figure, axes, KEY)
    alt = (
        f"test loss by generation under the rules {', '.join(chosen)} (columns) on "
        f"{', '.join(names)} (rows)"
    )
    return Picture("loss-by-rule", figure, alt)
