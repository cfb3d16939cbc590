"""Drawing test losses: runs as bands and dots, proved bounds as lines."""

from collections.abc import Sequence
from typing import Any

from modelcollapse._support.drawing import BAND
from modelcollapse.reproduce.style import DASHES
from modelcollapse.workflows.names import COLOURS

WORKFLOWS = ("replace", "accumulate", "accumulate-subsample")
QUANTITIES = ["test_log_loss", "test_log_loss_lower", "test_log_loss_upper"]
CROSS_ENTROPY = "cross_entropy"
KEY = (
    "bands: 5 % to 95 % of runs; dots: means of runs; lines: proved lower bounds of the expected "
    "loss; fine dots: proved upper bounds"
)


def logarithmic(axis: Any) -> None:
    """Make both axes logarithmic, with plain numbers on them."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: Any = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    axis.set(xscale="log", yscale="log")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(Plain())
        side.set_minor_formatter(Plain(minor_thresholds=(1, 0.4)))


def loss(axis: Any, frame: Any, workflow: str) -> None:
    """Draw one cell: its test losses, and the bounds of their expectation that it has."""
    import polars as pl

    frame, colour = frame.sort("generation"), COLOURS[workflow]
    runs = frame.filter(pl.col.quantity == QUANTITIES[0])
    t = runs["generation"].to_numpy()
    axis.fill_between(
        t, runs["q05"].to_numpy(), runs["q95"].to_numpy(), color=colour, alpha=BAND, lw=0
    )
    low = largest(frame, [QUANTITIES[1], CROSS_ENTROPY])
    # The pooled workflows share a bound, and often the losses: one shows around the other.
    beneath = workflow == "accumulate-subsample"
    size, order = (3.4, 2.0) if beneath else (2.2, 2.1)
    axis.plot(t, runs["mean"].to_numpy(), "o", color=colour, ms=size, zorder=order)
    dashes, width = ("-", 2.4) if beneath else (DASHES[workflow], 1.2)
    axis.plot(*low, dashes, color=colour, lw=width, label=workflow, zorder=order - 0.5)
    high = frame.filter(pl.col.quantity == QUANTITIES[2])
    axis.plot(high["generation"], high["expected"], ":", color=colour, lw=0.7)


def largest(frame: Any, quantities: Sequence[str]) -> tuple[Any, Any]:
    """Return generations, and the largest expectation of some quantities at each."""
    import polars as pl

    chosen = frame.filter(pl.col.quantity.is_in(list(quantities)))
    best = chosen.group_by("generation").agg(pl.col.expected.max()).sort("generation")
    return best["generation"].to_numpy(), best["expected"].to_numpy()
