"""Webs that grow by a rate: the real share of what is new at which they turn."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from modelcollapse.loop.experiment import predict
from modelcollapse.reproduce.figure import Frames, Picture, Size
from modelcollapse.reproduce.questions.drawing_real_share import LIMIT, simulated, styles
from modelcollapse.reproduce.style import TEXT, legend, name_grid, panels
from modelcollapse.solver import web_threshold
from modelcollapse.sweep import Cell, Sweep
from modelcollapse.workflows.names import COLOURS

GROWTHS = {0.1: 66, 0.3: 25, 1.0: 10}  # and the generations after which a web is 500 times as large
ROWS = 1000  # of batch 1, all real
REAL = {
    "paper": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    "quick": [0.0, 0.4, 0.8],
}
PARTS = ("a third", "two thirds", "all")  # of the generations, that are drawn
REPLICATES = {"paper": 4_000, "quick": 4_000}


def sweeps(size: Size) -> Mapping[str, Sweep]:
    """Return webs with several shares, one sweep per growth rate."""
    return {
        f"web-{growth}": Sweep.of(
            {
                "model": {"family": "normal-mean"},
                "workflow": {"name": "web", "growth": growth, "real_share": REAL[size]},
                "samples": ROWS,
                "generations": last,
                "at": generations(last),
                "replicates": REPLICATES[size],
                "quantities": ["squared_error"],
            }
        )
        for growth, last in GROWTHS.items()
    }


def generations(last: int) -> list[int]:
    """Return the generations that are drawn."""
    return [round(last / 3), round(2 * last / 3), last]


def curves(fine: int) -> Iterator[dict[str, Any]]:
    """Yield exact points at generations, and in the limit (generation 0)."""
    for growth, last in GROWTHS.items():
        for share in np.linspace(0, 1, fine).tolist():
            model, web = {"family": "normal-mean"}, {"growth": growth, "real_share": share}
            cell = Cell(model, {"name": "web", **web}, ROWS, last)
            errors = predict(cell.experiment())["squared_error"]
            values = {t: errors[t - 1] for t in generations(last)}
            values[0] = limit(growth, share)
            for t, value in values.items():
                yield {
                    "workflow": "web",
                    **web,
                    "quantity": "squared_error",
                    "generation": t,
                    "value": value,
                }


def limit(growth: float, share: float) -> float:
    """Return the limit of the squared error times all rows, infinite up to the threshold.

    A generation multiplies the old error times all rows by q = (1 - share nu)^2 (1 + growth), with
    nu = growth / (1 + growth) the fraction that is new, and adds nu.
    """
    nu = growth / (1 + growth)
    if share <= web_threshold(nu):
        return np.inf
    return float(nu / (1 - (1 - share * nu) ** 2 * (1 + growth)))


def draw(frames: Frames) -> Picture:
    """Draw the error times all rows against the real share of what is new."""
    import polars as pl

    webs = [part for part in frames if part.startswith("web-") and part != "web-theorem"]
    title = (
        "A web that everyone trains on keeps its worth above a real share of what is new (dotted)"
    )
    key = "bands: 5 % to 95 % of runs at the last generation; dots: their means; lines: theorems"
    figure, axes = panels(1, len(webs), title, sharey=True)
    figure.set_size_inches(8.2, 3.6)
    growths = [float(frames[part]["growth"][0]) for part in webs]
    for axis, part, growth in zip(axes[0], webs, growths, strict=True):
        lines = frames["web-theorem"].filter(pl.col.growth == growth)
        _web(axis, frames[part], lines, growth)
    columns = [f"growth {100 * growth:.0f} % per generation" for growth in growths]
    name_grid(axes, [""], columns, "real share of what is new", "error, all rows real = 1")
    for words, style in zip(PARTS, styles(range(len(PARTS)), "black").values(), strict=True):
        axes[0, 0].plot([], [], label=f"{words} of the generations", **style)
    axes[0, 0].plot([], [], label="limit", **LIMIT)
    legend(figure, axes, key)
    alt = (
        "error times all rows against the real share of new rows, at three generations and in the "
        f"limit, for webs that grow by {', '.join(map(str, growths))} per generation"
    )
    return Picture("web", figure, alt)


def _web(axis: Any, runs: Any, lines: Any, growth: float) -> None:
    import polars as pl

    first, colour = float(runs["samples"][0]), COLOURS["web"]
    late = sorted(runs["generation"].unique().to_list())
    rows = {t: first * (1 + growth) ** (t - 1) for t in late} | {0: 1.0}
    own = runs.filter(pl.col.generation == late[-1]).sort("real_share")
    simulated(axis, own, own["real_share"].to_numpy(), rows[late[-1]], colour)
    for t, style in {**styles(late, colour), 0: LIMIT}.items():
        line = lines.filter(pl.col.generation == t).sort("real_share")
        values = rows[t] * line["value"].to_numpy()
        axis.plot(line["real_share"], np.where(np.isfinite(values), values, np.nan), **style)
    turn = web_threshold(growth / (1 + growth))
    axis.axvline(turn, color="0.4", lw=1, ls=":")
    axis.text(turn - 0.02, 0.005, f"{100 * turn:.1f} %", fontsize=TEXT - 1, ha="right")
    axis.axhline(1.0, color="0.6", lw=0.8, ls=":")
    axis.set(yscale="log", ylim=(0.003, None), xlim=(0, 1))
