"""A verdict as a picture: how far the claim and its near misses are from the evidence."""

from typing import TYPE_CHECKING, Any

from modelcollapse._support.drawing import BLUE, VERMILION, axes_of, scale
from modelcollapse._support.errors import shown

if TYPE_CHECKING:
    from modelcollapse.ledger.theorem import Verdict

KEPT, REJECTED = BLUE, VERMILION
MOST = 40  # characters of a name


def draw(verdict: "Verdict", ax: Any) -> Any:
    """Draw a dot for the claim and for each near miss, and a line for the threshold."""
    statistics = {"the claim": verdict.statistic, **verdict.near_statistics}
    axis = axes_of(ax, (6.4, 1.6 + 0.35 * len(statistics)))
    for y, value in enumerate(statistics.values()):
        colour = REJECTED if value > verdict.threshold else KEPT
        axis.plot([value], [y], "o", color=colour, ms=6)
    axis.axvline(verdict.threshold, color="0.4", lw=1, ls="--", label="rejected beyond")
    names = [f"{_short(name)}: {value:.2g}" for name, value in statistics.items()]
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    scale(axis, "x", [*statistics.values(), verdict.threshold])
    axis.set(xlabel="statistic", title=f"{verdict.slug}: {verdict.verdict}")
    axis.legend(frameon=False)
    return axis


def _short(name: str) -> str:
    return shown(name, MOST).strip("'\"")
