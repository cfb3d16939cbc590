"""``modelcollapse verify``: decide every theorem of the ledger on evidence."""

import time
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse._support.interruption import INTERRUPTED
from modelcollapse._support.words import many
from modelcollapse.cli.completing import FamilyOrSlug
from modelcollapse.cli.options import LoopOptions, WorkflowOptions
from modelcollapse.cli.output import Quiet, console, note, number, print_json, progress
from modelcollapse.cli.whole import Whole
from modelcollapse.families.names import FAMILIES
from modelcollapse.ledger.agreement import verify_experiment
from modelcollapse.ledger.theorem import Verdict, theorems
from modelcollapse.ledger.verification import ALPHA, helped_to_compile, lacking, verify_all
from modelcollapse.loop.experiment import Experiment

if TYPE_CHECKING:
    from rich.console import Console


def verify(
    family: FamilyOrSlug = None,
    which: WorkflowOptions | None = None,
    loop: LoopOptions | None = None,
    *,
    only: str | None = None,
    effect: float | None = None,
    seed: Whole = 0,
    alpha: float = ALPHA,
    thorough: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    quiet: Quiet = False,
) -> int:
    """Verify the theorems of the ledger, or one loop; exit status 1 if a verdict is unexpected.

    Parameters
    ----------
    family
        The model of the loop to verify, such as kde; or theorems of the ledger by their slug, such
        as kde/replace/test-loss-linear, or its beginning, such as kde/replace. By default all.
    which
        The workflow of that loop.
    loop
        That loop.
    only
        A glob of slugs of the ledger, such as 'gaussian/accumulate/*'.
    effect
        With a family: the relative error of a prediction that is to be found, 0.05 by default.
    seed
        The seed of the simulations; the verdicts hold for any.
    alpha
        False-alarm probability of each check, and the probability of missing a near miss.
    thorough
        Simulate more than the near misses need, to see smaller errors too; this takes longer.
    json
        Print the verdicts as JSON.
    """
    started = time.monotonic()
    if family is not None and family not in FAMILIES:
        if only is not None:
            raise InvalidInput(f"only = {only!r} and {family!r} both choose theorems: give one")
        only, family = _slugs(family), None
    if family is not None:
        if thorough:
            raise InvalidInput("thorough is of the ledger: with a family give effect instead")
        if only is not None:
            raise InvalidInput(
                f"only = {only!r} chooses theorems of the ledger: leave it, or {family!r}"
            )
        experiment = (loop or LoopOptions()).build(family, which or WorkflowOptions())
        own = _loop(experiment, 0.05 if effect is None else effect, seed, alpha, quiet=quiet)
        return _report(own, len(own), seed, alpha, started, json=json)
    given = [name for part in (which, loop) if part for name in _given(part)]
    if which is not None and not given:
        given = ["workflow"]
    for name in [*given, *(["effect"] if effect is not None else [])]:
        raise InvalidInput(
            f"{name} needs a family: give one, such as modelcollapse verify gaussian"
        )
    only = "*" if only is None else only
    chosen = theorems(only)
    left = [theorem.slug for theorem in chosen if lacking(theorem)]
    count = len(chosen) - len(left)
    verdicts: list[Verdict] = []
    interrupted = False
    with progress(1.0, quiet=quiet) as show, helped_to_compile(only):
        try:
            verify_all(
                only,
                seed=seed,
                alpha=alpha,
                thorough=thorough,
                report=verdicts.append,
                progress=lambda slug, share: show(share, slug),
            )
        except KeyboardInterrupt:
            if not verdicts:
                raise
            interrupted = True
    if interrupted:
        note(f"interrupted: {len(verdicts)} of {many(count, 'theorem')} decided")
        count = len(verdicts)
    status = _report(verdicts, count, seed, alpha, started, json=json, left=left)
    return INTERRUPTED if interrupted else status


def _given(options: WorkflowOptions | LoopOptions) -> list[str]:
    """Return the names of the options that are not at their defaults."""
    return [f.name for f in fields(options) if getattr(options, f.name) != f.default]


def _slugs(word: str) -> str:
    """Return what is no family, if theorems have it as their slug or its beginning."""
    try:
        theorems(word)
    except InvalidInput:
        known = [*FAMILIES, *(theorem.slug for theorem in theorems())]
        raise unknown("family or theorem", word, known) from None
    return word


def _loop(
    experiment: Experiment, effect: float, seed: int, alpha: float, *, quiet: bool
) -> list[Verdict]:
    """Verify one loop."""
    with progress(1.0, quiet=quiet) as show:
        return verify_experiment(
            experiment,
            effect=effect,
            seed=seed,
            alpha=alpha,
            progress=lambda slug, share: show(share, slug),
        )


def _report(
    verdicts: list[Verdict],
    count: int,
    seed: int,
    alpha: float,
    started: float,
    *,
    json: bool,
    left: Sequence[str] = (),
) -> int:
    """Print the verdicts, and what was left out; return 1 if one is not the expected one."""
    summary = _summary(verdicts, count, seed, alpha, time.monotonic() - started)
    if json:
        told = [v.as_dict() for v in verdicts]
        print_json(
            {"verdicts": told, "summary": summary | ({"not_run": list(left)} if left else {})}
        )
    else:
        screen = console()
        _print(screen, verdicts)
        screen.print("\n" + EXPLAINED, style="dim")
        screen.print("\n" + _sentence(summary))
        if left:
            screen.print(_not_run(len(left)))
    return int(summary["unexpected"] > 0)


def _not_run(count: int) -> str:
    """Return the line on theorems that need torch and transformers."""
    return (
        f"{many(count, 'theorem')} of language/ not run: the extra language is not installed; in a "
        "clone: pip install '.[language]'"
    )


EXPLAINED = """\
gap: between predicted and observed (of a law the largest distance, of a bound what exceeds it)
allowed: the largest gap that is put down to chance, or of a computation to rounding
near: of the near misses, wrong variants of the theorem, how many the same evidence rejected"""
COLUMNS = ("theorem", "parameters", "predicted", "observed", "gap", "allowed", "near", "verdict")


def _print(screen: "Console", verdicts: list[Verdict]) -> None:
    """Print one row for each theorem; on a narrow screen the row takes several lines."""
    rows = [_cells(v) for v in verdicts]
    widths = [max(len(row[i]) for row in [COLUMNS, *rows]) for i in range(len(COLUMNS))]
    room = screen.width - sum(widths) - 2 * len(widths)
    if room < 12:
        for v, row in zip(verdicts, rows, strict=True):
            screen.print(f"{row[-1]} {row[0]}  {v.source}", style=_colour(v))
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


def _summary(
    verdicts: list[Verdict], count: int, seed: int, alpha: float, seconds: float
) -> dict[str, float]:
    by_chance = sum(v.samples > 0 for v in verdicts)
    return {
        "theorems": count,
        "hold": sum(v.verdict == "holds" for v in verdicts),
        "refuted": sum(v.verdict == "refuted" for v in verdicts),
        "unexpected": sum(not v.as_expected for v in verdicts),
        "near_misses": sum(len(v.near_misses) for v in verdicts),
        "near_misses_rejected": sum(sum(v.near_misses.values()) for v in verdicts),
        "false_alarm_probability_at_most": by_chance * alpha,
        "seed": seed,
        "seconds": round(seconds, 1),
    }


def _sentence(s: dict[str, float]) -> str:
    chance = s["false_alarm_probability_at_most"]
    alarms = f"in all with probability below {number(min(chance, 1.0))}" if chance else "impossible"
    misses = "miss" if s["near_misses"] == 1 else "misses"
    return (
        f"{many(int(s['theorems']), 'theorem')}: {s['hold']} hold, {s['refuted']} refuted as "
        f"expected, {s['unexpected']} unexpected; {s['near_misses_rejected']} of "
        f"{s['near_misses']} near {misses} rejected; false alarms {alarms}; {s['seconds']} s"
    )
