"""Making figures: computed, drawn and written with their data and captions."""

import importlib
import platform
import time
from pathlib import Path
from typing import Any

from modelcollapse._support.drawing import save
from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse._support.sealed import (
    DamagedError,
    digest,
    frames,
    read_json,
    write_json,
    write_table,
)
from modelcollapse._support.version import build
from modelcollapse.reproduce.figure import SIZES, Context, Figure, Frames, Picture

FORMAT = 2
DPI = 150
# Where each figure is described: the module is imported when it is asked for.
MODULES = {
    "gaussian": "gaussian.sweep",
    "gaussian-densities": "gaussian.densities",
    "kde-loss": "kde.loss",
    "kde-bandwidths": "kde.bandwidths",
    "kde-top-hat": "kde.top_hat",
    "regression": "regression.sweep",
    "discrete": "discrete.sweep",
    "language": "language.loop",
    "language-value": "language.value",
    "real-share": "questions.real_share",
    "budget": "questions.budget",
    "bandwidth-schedules": "questions.schedules",
}


def names() -> list[str]:
    """Return the figures' names, in the order in which they are made."""
    return list(MODULES)


def named(name: str) -> Figure:
    """Return a figure.

    Raises
    ------
    InvalidInput
        If there is none of that name; the message lists the near ones.
    """
    if name not in MODULES:
        raise unknown("figure", name, MODULES)
    module = importlib.import_module(f"modelcollapse.reproduce.{MODULES[name]}")
    figure: Figure = module.FIGURES[name]
    return figure


def make(name: str, context: Context) -> Path:
    """Compute and draw a figure; return its ``figure.json``.

    The folder then holds that description, each picture as PNG and PDF, the data as Parquet, and
    the sweeps; what was computed before is not computed again.

    Raises
    ------
    InvalidInput
        If there is no such figure or size, or the folder holds another run.
    """
    figure, started = named(name), time.monotonic()
    check(figure, context)
    about = context.folder / "figure.json"
    data = figure.compute(context)
    pictures = figure.draw(data)
    context.folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        _save(context.folder, picture)
    _write_data(context.folder / f"{name}.parquet", data)
    seconds = time.monotonic() - started
    write_json(about, _described(figure, pictures, context, seconds))
    return about


def check(figure: Figure, context: Context) -> None:
    """Raise unless a figure can be made there: see `make`."""
    frames("sweep", "a figure")
    if context.size not in SIZES:
        raise unknown("size", context.size, SIZES)
    for option in context.options:
        if option not in figure.options:
            raise unknown(f"option of the figure {figure.name!r}", option, figure.options)
    folder = context.folder
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InvalidInput(f"output = {str(folder)!r} is a file: give a folder")
    try:
        there = read_json(folder / "figure.json")
    except DamagedError:
        return  # a damaged description is written again; the data have checks of their own
    kind = there["name"], there["size"]
    if kind != (figure.name, context.size):
        raise InvalidInput(
            f"output = {str(folder)!r} holds the figure {kind[0]!r} of size {kind[1]!r}; give "
            f"another folder, or remove it to make {figure.name!r} of size {context.size!r}"
        )


def _described(figure: Figure, pictures: Any, context: Context, seconds: float) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": figure.name,
        "size": context.size,
        "title": figure.title,
        "shows": figure.shows,
        "original": figure.original,
        "difference": figure.difference,
        "pictures": [
            {
                "png": f"{p.name}.png",
                "pdf": f"{p.name}.pdf",
                "alt": p.alt,
                "sha256": digest(context.folder / f"{p.name}.png"),
            }
            for p in pictures
        ],
        "data": f"{figure.name}.parquet",
        "command": _command(figure, context),
        "seconds": seconds,
        "environment": environment(),
    }


def _command(figure: Figure, context: Context) -> str:
    size = [] if context.size == "paper" else [f"--size {context.size}"]
    options = [f"--option {name}={value}" for name, value in context.options.items()]
    return " ".join([f"modelcollapse reproduce {figure.name}", *size, *options])


def environment() -> dict[str, str]:
    """Return the versions that the numbers depend on."""
    from importlib.metadata import version

    packages = ("modelcollapse", "numpy", "scipy", "scikit-learn", "numba")
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "build": build(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _save(folder: Path, picture: Picture) -> None:
    # The layout is found once: for a grid of panels it takes longer than drawing.
    picture.drawing.get_layout_engine().execute(picture.drawing)
    picture.drawing.set_layout_engine("none")
    for ending in ("png", "pdf"):
        # Without a date the same data give the same file.
        plain: dict[str, Any] = {"metadata": {"CreationDate": None}} if ending == "pdf" else {}
        save(picture.drawing, folder / f"{picture.name}.{ending}", dpi=DPI, **plain)


def _write_data(path: Path, data: Frames) -> None:
    pl = frames()
    parts = [frame.select(pl.lit(part).alias("part"), pl.all()) for part, frame in data.items()]
    write_table(path, pl.concat(parts, how="diagonal_relaxed"))
