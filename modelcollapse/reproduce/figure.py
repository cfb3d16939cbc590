"""What a figure is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from modelcollapse._support.words import many
from modelcollapse.sweep import Sweep, read, run

Size = Literal["paper", "quick"]
SIZES: tuple[Size, ...] = ("paper", "quick")
Frames = Mapping[str, Any]  # polars DataFrames by the name of a part


class Stopped(KeyboardInterrupt):
    """Ctrl-C while a figure is computed; what is finished is kept."""


class Failed(Exception):  # noqa: N818 - says what it is
    """Cells of a figure failed, each of which has been reported."""


@dataclass(frozen=True)
class Context:
    """How a figure is to be computed.

    Attributes
    ----------
    folder
        The figure's own.
    size
        "paper", the paper's parameters, or "quick", the same with few and small cells.
    jobs, dask, progress, found
        As in `modelcollapse.sweep.run`; `progress` gets a share between 0 and 1.
    options
        Of figures that have their own, such as the language models'.
    """

    folder: Path
    size: Size = "paper"
    jobs: int | None = 1
    dask: str | None = None
    progress: Callable[[float, str], None] | None = None
    found: Callable[[str], None] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """A drawing: its file name without ending, a matplotlib Figure, and words in its place."""

    name: str
    drawing: Any
    alt: str


@dataclass(frozen=True)
class Figure:
    """One figure of the reproduction.

    Attributes
    ----------
    name, title
        What it is called on the command line, and above it.
    shows
        What is drawn.
    original
        What the paper shows.
    difference
        Where this differs from the paper, and why.
    compute
        Returns the data: polars frames by the name of a part.
    draw
        Returns the pictures of the data.
    options
        Names that ``Context.options`` may have.
    """

    name: str
    title: str
    shows: str
    original: str
    difference: str
    compute: Callable[[Context], Frames]
    draw: Callable[[Frames], Sequence[Picture]]
    options: tuple[str, ...] = ()


def swept(parts: Callable[[Size], Mapping[str, Sweep]]) -> Callable[[Context], Frames]:
    """Return how a figure is computed whose data are the results of sweeps, one per part."""

    def compute(context: Context) -> Frames:
        sweeps = parts(context.size)
        total, before = sum(len(sweep.cells) for sweep in sweeps.values()), 0
        frames = {}
        for part, sweep in sweeps.items():
            folder = context.folder / "sweeps" / part

            def show(done: int, cell: str, before: int = before) -> None:
                if context.progress:
                    context.progress((before + done) / total, cell)

            outcome = run(
                sweep,
                folder,
                jobs=context.jobs,
                dask=context.dask,
                progress=show,
                found=context.found,
            )
            if outcome.interrupted:
                raise Stopped(f"{part}: {many(outcome.kept + outcome.computed, 'cell')} finished")
            if outcome.failed:
                raise Failed(
                    f"{part}: {len(outcome.failed)} of {many(len(sweep.cells), 'cell')} failed"
                )
            frames[part] = read(folder)
            before += len(sweep.cells)
        return frames

    return compute
