"""The page: everything in one file, which asks for nothing from anywhere."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from modelcollapse._support.errors import missing
from modelcollapse.ledger.coverage import MEANINGS, coverage
from modelcollapse.ledger.theorem import theorems
from modelcollapse.reproduce.report.entries import KINDS, STATUS, TITLES, Room, counts, rooms
from modelcollapse.reproduce.report.environment import environment
from modelcollapse.reproduce.report.figures import Figure, expected
from modelcollapse.reproduce.report.prose import scientific
from modelcollapse.reproduce.report.reading import Decisions


def render(
    decisions: Decisions, figures: Sequence[Figure] = (), date: datetime | None = None
) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    decisions
        The verdicts; a theorem without one is said to be not decided.
    figures
        As `read_figures` gives them.
    date
        When the report is made; by default now.

    Raises
    ------
    MissingDependency
        If the packages of the extra ``report`` are not installed.
    """
    ledger = rooms(theorems(), decisions.verdicts)
    style, script = _shipped("style.css"), _shipped("script.js")
    page: str = (
        templates()
        .get_template("page.html.jinja")
        .render(
            style=style,
            script=script,
            policy=_policy(style, script),
            rooms=ledger,
            counts={what: counts(ledger, what) for what in ("status", "room", "kind")},
            titles=TITLES,
            status=STATUS,
            kinds=KINDS,
            summary=summary(ledger, decisions),
            coverage=coverage(),
            meanings=MEANINGS,
            figures=figures,
            unmade=_unmade(figures),
            environment=environment(date or datetime.now(UTC)),
            decisions=decisions,
        )
    )
    return page


def templates() -> Any:
    """Return the environment that holds the templates; it escapes what is put into them."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise missing("jinja2", "report", "the report") from error
    found = Environment(
        loader=PackageLoader("modelcollapse.reproduce.report", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["scientific"] = scientific
    return found


def summary(ledger: Sequence[Room], decisions: Decisions) -> dict[str, Any]:
    """Return what the page begins with: how much was verified, and what is not as expected."""
    verdicts = decisions.verdicts.values()
    by_chance = sum(v.samples > 0 for v in verdicts)
    return {
        "theorems": sum(len(room.entries) for room in ledger),
        "unexpected": [v.slug for v in verdicts if not v.as_expected],
        "near": sum(len(v.near_misses) for v in verdicts),
        "near_rejected": sum(sum(v.near_misses.values()) for v in verdicts),
        "alarms": None if decisions.alpha is None else by_chance * decisions.alpha,
        "undecided": [e.slug for room in ledger for e in room.entries if e.verdict is None],
    }


def _unmade(figures: Sequence[Figure]) -> list[str]:
    """Return the names of figures that are not there."""
    there = {figure.name for figure in figures}
    return [name for name in expected() if name not in there]


def _shipped(name: str) -> str:
    """Return a file of the package."""
    template = files("modelcollapse.reproduce.report").joinpath("template")
    return template.joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return what the page may do: show the pictures in it, and use this style and script alone."""
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    )


def _digest(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
