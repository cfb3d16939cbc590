"""How much real data a loop needs: risk, boundaries and the smallest shares, all closed forms.

``python -m modelcollapse.reproduce.figures.thrive_or_collapse FILE.png`` draws it.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support import drawing
from modelcollapse._support.errors import InvalidInput, ModelCollapseError
from modelcollapse._support.files import check_writable
from modelcollapse.mixed import (
    critical_share,
    fresh_inflation,
    optimal_weight,
    smallest_share,
)

LEVELS = (0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0)
RATIOS = (0.1, 100.0)  # synthetic rows over real ones
SHARES = (0.003, 0.997)
WANTED = (0.1, 10.0)
PAIRS = ((1, drawing.BLUE), (4, drawing.ORANGE), (16, drawing.VERMILION))
BLACK = "#000000"


def draw(path: Path, real: int = 10, curvature: float = 1.0) -> None:
    """Draw the risk over real share and synthetic rows, and the smallest share for a risk."""
    figure = drawing.figure((9.6, 4.5))
    check_writable("path", path)
    left, right = figure.subplots(1, 2)
    drawing.letter((left, right))
    _map(figure, left, real, curvature)
    _thresholds(right, real, curvature)
    figure.suptitle(
        f"Exponential data, {real} real rows, the mean refitted for ever:\n"
        "exact limiting risk over that of the real rows alone",
        fontsize=10.5,
    )
    drawing.save(figure, path, ending="png")


def _map(figure: Any, axis: Any, real: int, curvature: float) -> None:
    """Draw the limiting risk with fresh real data of some weight."""
    from matplotlib.colors import BoundaryNorm

    shares = np.linspace(*SHARES, 500)
    ratios = np.geomspace(*RATIOS, 400)
    synthetic = real * ratios
    risk = fresh_inflation(real, synthetic[:, None], shares, curvature)
    shown = np.minimum(risk, 2 * LEVELS[-1])
    norm = BoundaryNorm(LEVELS, 256, extend="both")
    filled = axis.contourf(shares, ratios, shown, LEVELS, cmap="RdBu_r", norm=norm, extend="both")
    axis.contour(shares, ratios, shown, [1.0], colors=BLACK, linewidths=1, linestyles=":")
    edge = critical_share(curvature / synthetic)
    axis.fill_betweenx(ratios, 0, edge, color="0.25", lw=0)
    best = optimal_weight(real, synthetic, curvature)
    axis.plot(best, ratios, color=BLACK, lw=2, label="best weight: the risk equals it")
    axis.plot(1 / (1 + ratios), ratios, color=BLACK, lw=1.4, ls="--", label="all rows alike")
    axis.set(yscale="log", xlim=(0, 1), ylim=RATIOS)
    axis.set(xlabel="weight w on fresh real rows", ylabel=r"synthetic rows per real row, $n_s/n_r$")
    axis.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axis.text(0.015, 0.112, "diverges", color="white", fontsize=9, va="bottom")
    axis.text(0.5, 0.32, "risk 1", fontsize=9, color=BLACK, rotation=-38)
    axis.legend(loc="upper right", fontsize=9, framealpha=0.85, edgecolor="none")
    bar = figure.colorbar(filled, ax=axis, ticks=LEVELS, label="risk; below 1 the loop thrives")
    bar.ax.set_yticklabels([f"{level:g}" for level in LEVELS])


def _thresholds(axis: Any, real: int, curvature: float) -> None:
    """Draw the smallest real share that keeps a wanted risk, fresh (solid) or kept (dashed)."""
    for ratio, colour in PAIRS:
        synthetic = real * ratio
        least = float(optimal_weight(real, synthetic, curvature))
        fresh = np.concatenate([[least], np.geomspace(least * 1.0001, WANTED[1], 600)])
        share = smallest_share(fresh, real, synthetic, "fresh-data", curvature)
        axis.plot(fresh, share, color=colour, lw=1.8)
        axis.plot(least, share[0], "o", color=colour, ms=5)
        words = f"{ratio} synthetic\nper real row"
        where = {"ha": "right", "va": "bottom", "fontsize": 8.5}
        axis.text(1.15 * least, share[0] + 0.02, words, color=colour, **where)
        kept = np.geomspace(1, WANTED[1], 600)
        share = smallest_share(kept, real, synthetic, "keep-real", curvature)
        axis.plot(kept, share, color=colour, lw=1.4, ls="--")
    axis.axvline(1.0, color="0.6", lw=0.8, ls=":")
    axis.text(0.97, 0.42, "real rows alone", color="0.4", fontsize=9, ha="right", rotation=90)
    styles = (
        *axis.plot([], [], color="0.3", lw=1.8, label="fresh each generation"),
        *axis.plot([], [], color="0.3", lw=1.4, ls="--", label="the first rows, kept"),
    )
    axis.set(xscale="log", xlim=WANTED, ylim=(0, 1.02))
    axis.set_xticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
    axis.minorticks_off()
    axis.set(xlabel="largest risk allowed", ylabel="smallest weight w on real rows that is enough")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(handles=styles, loc="upper right", frameon=False, fontsize=9)


if __name__ == "__main__":
    try:
        if len(sys.argv) != 2:
            raise InvalidInput(f"path: give one file name, not {len(sys.argv) - 1}")
        draw(Path(sys.argv[1]))
    except ModelCollapseError as problem:
        sys.exit(f"thrive_or_collapse: {problem}")
