"""``modelcollapse verify``: decide every theorem of the ledger on evidence."""

import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from modelcollapse.cli.output import console, note, number, print_json, progress
from modelcollapse.theorem import Verdict, theorems
from modelcollapse.verification import ALPHA, verify_all

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130


def verify(
    *,
    only: str = "*",
    seed: int = 0,
    alpha: float = ALPHA,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Verify the theorems of the ledger; exit status 1 if a verdict is not the expected one.

    Parameters
    ----------
    only
        A glob of slugs, such as 'gaussian/accumulate/*'.
    seed
        The seed of the simulations; the verdicts hold for any.
    alpha
        False-alarm probability of each check, and the probability of missing a near miss.
    json
        Print the verdicts as JSON.
    """
    started = time.monotonic()
    count = len(theorems(only))
    verdicts: list[Verdict] = []
    interrupted = False
    with progress(1.0) as show:
        try:
            verify_all(
                only,
                seed=seed,
                alpha=alpha,
                report=verdicts.append,
                progress=lambda slug, share: show(share, slug),
            )
        except KeyboardInterrupt:
            if not verdicts:
                raise
            interrupted = True
    if interrupted:
        note(f"interrupted: {len(verdicts)} of {count} theorems are decided")
        count = len(verdicts)
    summary = _summary(verdicts, count, alpha, time.monotonic() - started)
    if json:
        print_json({"verdicts": [v.as_dict() for v in verdicts], "summary": summary})
    else:
        screen = console()
        _print(screen, verdicts)
        screen.print("\n" + _sentence(summary))
    return INTERRUPTED if interrupted else int(summary["unexpected"] > 0)


COLUMNS = ("theorem", "parameters", "predicted", "observed", "gap", "allowed", "near", "verdict")


def _print(screen: "Console", verdicts: list[Verdict]) -> None:
    """Print one row for each theorem; on a narrow screen the row takes several lines."""
    rows = [_cells(v) for v in verdicts]
    widths = [max(len(row[i]) for row in [COLUMNS, *rows]) for i in range(len(COLUMNS))]
    room = screen.width - sum(widths) - 2 * len(widths)
    if room < 12:
        for v, row in zip(verdicts, rows, strict=True):
            screen.print(f"[{_colour(v)}]{row[-1]}[/] {row[0]}  [dim]{v.source}[/]")
            screen.print(
                f"  {row[1]}: predicted {row[2]}, observed {row[3]}, gap {row[4]} "
                f"({row[5]} allowed), near misses rejected {row[6]}"
            )
        return
    screen.print(_line(COLUMNS, "source", widths, room), style="bold")
    for v, row in zip(verdicts, rows, strict=True):
        screen.print(_line(row, v.source, widths, room), style=_colour(v))


def _line(cells: tuple[str, ...], source: str, widths: list[int], room: int) -> str:
    """Return a line in which all but the first two columns are aligned to the right."""
    aligned = [
        cell.ljust(width) if i < 2 or i == len(cells) - 1 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    short = source if len(source) <= room else source[: room - 1] + "…"
    return "  ".join([aligned[0], short.ljust(room), *aligned[1:]])


def _cells(v: Verdict) -> tuple[str, ...]:
    gap, allowed = f"{v.statistic:.2g}", f"{v.threshold:.2g}"
    near = v.near_misses_rejected
    return v.slug, v.parameters, v.predicted, v.observed, gap, allowed, near, v.verdict


def _colour(v: Verdict) -> str:
    return "green" if v.as_expected else "red"


def _summary(verdicts: list[Verdict], count: int, alpha: float, seconds: float) -> dict[str, float]:
    by_chance = sum(v.samples > 0 for v in verdicts)
    return {
        "theorems": count,
        "hold": sum(v.verdict == "holds" for v in verdicts),
        "refuted": sum(v.verdict == "refuted" for v in verdicts),
        "unexpected": sum(not v.as_expected for v in verdicts),
        "near_misses": sum(len(v.near_misses) for v in verdicts),
        "near_misses_rejected": sum(sum(v.near_misses.values()) for v in verdicts),
        "false_alarm_probability_at_most": by_chance * alpha,
        "seconds": round(seconds, 1),
    }


def _sentence(s: dict[str, float]) -> str:
    return (
        f"{s['theorems']} theorems: {s['hold']} hold, {s['refuted']} refuted as expected, "
        f"{s['unexpected']} unexpected; {s['near_misses_rejected']} of {s['near_misses']} near "
        f"misses rejected; false alarms in all with probability below "
        f"{number(s['false_alarm_probability_at_most'])}; {s['seconds']} s"
    )
