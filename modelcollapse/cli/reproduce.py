"""``modelcollapse reproduce``: the paper's figures, each beside its theorem."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelcollapse._support.checks import processes
from modelcollapse._support.errors import invalid, unknown
from modelcollapse._support.interruption import INTERRUPTED
from modelcollapse.cli.output import Quiet, note, progress
from modelcollapse.cli.whole import Whole
from modelcollapse.reproduce import Context, Figure, make, named, names
from modelcollapse.reproduce.figure import Failed, Size, Stopped
from modelcollapse.reproduce.making import check

FAILED = 1


def reproduce(
    figure: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    *,
    output: Path = Path("reproduction"),
    size: Size = "paper",
    jobs: Whole = 1,
    dask: str | None = None,
    option: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    show: Annotated[bool, Parameter(name="--list", negative="")] = False,
    quiet: Quiet = False,
) -> int:
    """Compute and draw figures of Collapse or Thrive?, each with its theorem, data and caption.

    Parameters
    ----------
    figure
        Names of figures; by default all.
    output
        The folder; each figure has a folder of its own in it.
    size
        paper, the paper's parameters, or quick, a few small cells of each figure.
    jobs
        Processes; -1 for all cores.
    dask
        The address of a Dask scheduler, such as tcp://host:8786, instead of processes here.
    option
        NAME=VALUE for figures that have options: the language models' model, data, samples, ...
    show
        List the figures, and make none.
    """
    processes(jobs)
    chosen = [named(name) for name in dict.fromkeys(figure or names())]
    if show:
        for one in chosen:
            print(f"{one.name}: {one.title}")
        return 0
    contexts = [
        Context(output / one.name, size, jobs, dask, found=note, options=_options(option, one))
        for one in chosen
    ]
    for one, context in zip(chosen, contexts, strict=True):
        check(one, context)
    _check_options(option, chosen)
    return _make(chosen, contexts, quiet=quiet)


def _make(chosen: Sequence[Figure], contexts: Sequence[Context], *, quiet: bool) -> int:
    failed = []
    for one, context in zip(chosen, contexts, strict=True):
        try:
            with progress(1.0, quiet=quiet) as show:
                about = make(one.name, replace(context, progress=show))
        except Stopped as stop:
            note(f"interrupted: {one.name}: {stop}; the same command goes on")
            return INTERRUPTED
        except Failed as error:
            note(f"{one.name} is not made: {error}")
            failed.append(one.name)
        else:
            note(f"{one.name}: {about.parent}")
    return FAILED if failed else 0


def _options(texts: Sequence[str], figure: Figure) -> dict[str, str]:
    """Return those of the options NAME=VALUE that a figure takes."""
    pairs = [_option(text) for text in texts]
    return {name: value for name, value in pairs if name in figure.options}


def _check_options(texts: Sequence[str], figures: Sequence[Figure]) -> None:
    known = [name for figure in figures for name in figure.options]
    for text in texts:
        if (name := _option(text)[0]) not in known:
            raise unknown("option of these figures", name, known)


def _option(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise invalid("option", text, "give NAME=VALUE, such as samples=2000")
    return name, value
