"""The report: one HTML page with the ledger, the evidence, what is known of what, and the figures.

The page is one file that asks for nothing from anywhere. Furniture of this folder:

    reading, values   verdicts that `modelcollapse verify --json` wrote
    figures, png      figures that `modelcollapse reproduce` made
    mathematics       formulas as MathML
    prose             sentences as HTML
    picture           a verdict as a drawing
    entries           what is said of each theorem
    environment       where and with what the page was made
    page, template/   the page itself
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.files import check_writable, replacing
from modelcollapse.reproduce.report.figures import Figure, read_figures
from modelcollapse.reproduce.report.mathematics import mathml
from modelcollapse.reproduce.report.page import render, templates
from modelcollapse.reproduce.report.reading import Decisions, read_verdicts

__all__ = ["Decisions", "Figure", "check", "read_figures", "read_verdicts", "render", "write"]

ENDINGS = (".html", ".htm")


def check(path: Path) -> None:
    """Raise unless a report can be written to `path`, before any work is done.

    Raises
    ------
    InvalidInput
        If it cannot be written there.
    MissingDependency
        If the packages of the extra ``report`` are not installed.
    """
    if path.suffix not in ENDINGS:
        raise InvalidInput(f"output = {str(path)!r}: the name must end in {' or '.join(ENDINGS)}")
    check_writable("output", path)
    templates()
    mathml("x")


def write(
    path: Path,
    decisions: Decisions,
    figures: Sequence[Figure] = (),
    date: datetime | None = None,
) -> None:
    """Write the report, whole or not at all; see `render`."""
    check(path)
    page = render(decisions, figures, date)
    with replacing(path) as partial:
        partial.write_text(page, encoding="utf-8")
