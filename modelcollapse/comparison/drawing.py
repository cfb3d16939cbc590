"""The picture: the relative effect of every line, with its interval, most certain losses first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support import drawing
from modelcollapse._support.drawing import axes_of, figure
from modelcollapse._support.errors import InvalidInput
from modelcollapse.comparison.chance import Row
from modelcollapse.comparison.sentences import amount

SIZE = (9.5, 5.4)
MOST = 24  # lines
COLOURS = {
    "shrank": drawing.VERMILION,
    "grew": drawing.BLUE,
    "differs": drawing.PURPLE,
    "no loss": drawing.GREEN,
}
WIDEST = 2.0  # a relative effect beyond is drawn at the edge


def save(path: Path, rows: Sequence[Row], margin: float) -> None:
    """Write the picture to a file."""
    made = figure(SIZE)
    draw(made.subplots(), rows, margin)
    drawing.save(made, path)


def draw(ax: Any, rows: Sequence[Row], margin: float) -> Any:
    """Draw into axes, or into new ones, and return them."""
    if not rows:
        raise InvalidInput("both hold the same rows: there is nothing to draw")
    axis = axes_of(ax, SIZE)
    axis.spines[["top", "right"]].set_visible(False)
    some = sorted(rows, key=lambda row: row.p)[:MOST]
    for place, row in enumerate(some):
        low, at, high = np.clip(_relative(row), -WIDEST, WIDEST)
        colour = COLOURS.get(row.verdict, "0.55")
        axis.plot([low, high], [place, place], color=colour, lw=2.0)
        axis.plot([at], [place], "o", color=colour, ms=5)
        axis.annotate(
            f"{amount(row.other)} | {amount(row.real)}   {row.verdict}",
            (1.01, place),
            xycoords=("axes fraction", "data"),
            fontsize=7.5,
            va="center",
            color=colour,
            annotation_clip=False,
        )
    axis.axvline(0, color="0.3", lw=0.8)
    axis.axvspan(-margin, margin, color="0.92", zorder=0)
    axis.set_yticks(range(len(some)), [_name(row) for row in some], fontsize=7.5)
    axis.invert_yaxis()
    axis.set_xlabel(
        "change relative to honest real rows, or distance from them (right: other | real)"
    )
    if len(some) < len(rows):
        axis.set_title(f"the {len(some)} lines of the smallest p, of {len(rows)}", fontsize=9)
    return axis


def _name(row: Row) -> str:
    text = f"{row.where}: {row.metric}"
    return text if len(text) <= 60 else text[:59] + "…"


def _relative(row: Row) -> tuple[float, float, float]:
    if row.scale == "ratio":
        return row.low - 1, row.effect - 1, row.high - 1
    unit = abs(row.real) or 1.0
    return row.low / unit, row.effect / unit, row.high / unit
