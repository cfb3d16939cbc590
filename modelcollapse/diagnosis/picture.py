"""A diagnosis as a picture: the verdict of each definition."""

from typing import TYPE_CHECKING, Any

from modelcollapse._support.drawing import BLUE, VERMILION, axes_of
from modelcollapse.diagnosis.answer import Word

if TYPE_CHECKING:
    from modelcollapse.diagnosis.outcome import Diagnosis

COLUMNS: dict[Word, str] = {
    "does not hold": BLUE,
    "undetermined": "0.6",
    "holds": VERMILION,
}


def draw(diagnosis: "Diagnosis", ax: Any) -> Any:
    """Draw a dot for each definition in the column of its verdict, with its basis and metric."""
    axis = axes_of(ax, (8.0, 4.2))
    columns = list(COLUMNS)
    for y, finding in enumerate(diagnosis):
        x = columns.index(finding.verdict)
        axis.plot([x], [y], "o", color=COLUMNS[finding.verdict], ms=9)
        told = ": ".join(filter(None, (finding.basis, finding.metric)))
        axis.annotate(told, (x, y), (8, 0), textcoords="offset points", va="center", fontsize=8)
    axis.set_xticks(range(len(columns)), columns)
    axis.set_xlim(-0.5, len(columns) + 0.4)  # with room for the last names
    axis.set_yticks(range(len(diagnosis)), [finding.definition for finding in diagnosis])
    axis.set_ylim(len(diagnosis) - 0.5, -0.5)
    axis.set_title(diagnosis.source, fontsize=9)
    return axis
