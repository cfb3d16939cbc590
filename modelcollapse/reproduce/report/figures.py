"""Figures that ``modelcollapse reproduce`` has made, read for the report."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.sealed import read_json
from modelcollapse.reproduce.report import png, values

FORMAT = 2
ABOUT = "figure.json"
WORDS = ("name", "title", "shows", "original", "difference", "data", "command")


class Picture(NamedTuple):
    """A picture: its content as a ``data:`` address, words in its place, and its size."""

    address: str
    alt: str
    width: int
    height: int


class Figure(NamedTuple):
    """A figure: what it shows, where that differs from the original, and how to make it."""

    name: str
    title: str
    shows: str
    original: str
    difference: str
    data: str
    command: str
    seconds: float
    environment: Mapping[str, str]
    pictures: tuple[Picture, ...]


def read_figures(folder: Path) -> list[Figure]:
    """Read the figures in a folder, in the order in which ``modelcollapse reproduce`` makes them.

    A folder in it without a description is a figure that is not finished, and left out.

    Raises
    ------
    InvalidInput
        If there is no such folder, or a figure in it is damaged.
    """
    if not folder.is_dir():
        raise InvalidInput(
            f"figures = {str(folder)!r} is not a folder: give one that modelcollapse reproduce "
            "has made, or leave the option"
        )
    if (folder / ABOUT).exists():
        raise InvalidInput(
            f"figures = {str(folder)!r} is one figure: give the folder that it is in"
        )
    homes = [path.parent for path in folder.glob(f"*/{ABOUT}")]
    figures = [_read(home) for home in homes]
    order = expected()
    return sorted(figures, key=lambda f: (f.name not in order, *_place(order, f.name)))


def expected() -> list[str]:
    """Return the names of the figures that can be made."""
    from modelcollapse.reproduce import names

    return names()


def _place(order: list[str], name: str) -> tuple[int, str]:
    return order.index(name) if name in order else 0, name


def _read(home: Path) -> Figure:
    """Read one figure."""
    try:
        return _figure(home, read_json(home / ABOUT, FORMAT))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"figures: the figure in {str(home)!r} is damaged: {error}; "
            f"make it again with: modelcollapse reproduce {home.name} --output {home.parent}"
        ) from error


def _figure(home: Path, about: dict[str, Any]) -> Figure:
    words = {name: values.text(values.entry(about, name)) for name in WORDS}
    environment = values.mapping(values.entry(about, "environment"))
    pictures = [values.mapping(item) for item in values.sequence(values.entry(about, "pictures"))]
    if not pictures:
        raise ValueError("it has no pictures")
    return Figure(
        **words,
        seconds=values.number(values.entry(about, "seconds")),
        environment={name: str(item) for name, item in environment.items()},
        pictures=tuple(_picture(home, picture) for picture in pictures),
    )


def _picture(home: Path, picture: dict[str, Any]) -> Picture:
    name = values.text(values.entry(picture, "png"))
    alt = values.text(values.entry(picture, "alt"))
    if Path(name).name != name:
        raise ValueError(f"its picture {name!r} is not in its folder")
    try:
        data = (home / name).read_bytes()
        width, height = png.size(data)
    except (OSError, ValueError) as error:
        raise ValueError(f"its picture {name!r} cannot be used ({error})") from error
    if hashlib.sha256(data).hexdigest() != values.text(values.entry(picture, "sha256")):
        raise ValueError(f"its picture {name!r} is another one")
    content = base64.b64encode(data).decode("ascii")
    return Picture(f"data:image/png;base64,{content}", alt, width, height)
