"""A sweep as plain data: from a TOML file or a mapping to cells."""

import json
import math
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from modelcollapse._support.checks import truth_value, whole
from modelcollapse._support.errors import InvalidInput, invalid, unknown, why_unread
from modelcollapse.families import names as families
from modelcollapse.sweep.cells import WORKFLOW_KEYS, Cell

AXES = ("samples", "generations", "replicates", "seed", "test", "tolerance")
LISTS = ("at", "extra", "quantities")  # lists by nature: never an axis
KEYS = ("model", "workflow", *AXES, *LISTS, "runs")
MOST_CELLS = 1_000_000
Table = Mapping[str, Any]
Axes = dict[str, Sequence[Any]]  # the values that each key has


@dataclass(frozen=True)
class Sweep:
    """The cells of a grid, in order and without repetitions; `Sweep.of` makes them from a table.

    Parameters
    ----------
    cells
        Each a `Cell`; what comes again is left out.

    Raises
    ------
    InvalidInput
        If a cell's experiment is not possible; the message names the cell.

    Examples
    --------
    >>> from modelcollapse.sweep import Sweep
    >>> table = {"model": {"family": "gaussian"}, "workflow": {"name": "replace"}}
    >>> len(Sweep.of({**table, "samples": [10, 100], "generations": 5, "seed": [0, 1, 2]}).cells)
    6
    """

    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.cells, (list, tuple)) or not all(
            isinstance(cell, Cell) for cell in self.cells
        ):
            raise invalid("cells", self.cells, "give a tuple of cells, or use Sweep.of(table)")
        different = {_checked(cell).key: cell for cell in self.cells}
        object.__setattr__(self, "cells", tuple(different.values()))

    @classmethod
    def of(cls, table: Table) -> "Sweep":
        """Return the sweep that a mapping describes.

        Parameters
        ----------
        table
            The parameters of `Cell` by name. A list is an axis of the grid, except for `at`,
            `extra` and `quantities`; a value that is a list itself, such as a schedule of sizes,
            stands in a list of its own: ``samples = [[10, 20, 40]]``. `model` and `workflow` are
            tables, or lists of tables, each a grid of its own.

        Raises
        ------
        InvalidInput
            If a key does not exist (the message names the nearest), or a cell's experiment is not
            possible.
        """
        if not isinstance(table, Mapping):
            raise invalid("sweep", table, "give a table with model and workflow")
        for key in table:
            if key not in KEYS:
                raise unknown("key", key, KEYS)
            try:
                json.dumps(table[key])
            except (TypeError, ValueError, RecursionError) as error:
                remedy = f"give numbers, text, and lists or tables of them ({error})"
                raise invalid(key, table[key], remedy) from error
        for needed in ("model", "workflow"):
            if needed not in table:
                raise InvalidInput(f"{needed} is missing: give a table [{needed}]")
        options = dict.fromkeys(o for f in families.FAMILIES.values() for o in f.options)
        models = _tables("model", table["model"], ("family", *options))
        workflows = _tables("workflow", table["workflow"], WORKFLOW_KEYS)
        loops = [_axes({key: table[key] for key in AXES if key in table})]
        count = math.prod(map(_count, (models, workflows, loops)))  # before any of them is made
        if not 0 < count <= MOST_CELLS:
            raise InvalidInput(f"the grid has {count} cells: give between 1 and {MOST_CELLS}")
        fixed, grids = _fixed(table), map(_product, (models, workflows, loops))
        return cls(tuple(Cell(m, w, **v, **fixed) for m, w, v in product(*grids)))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Sweep":
        """Return the sweep that a TOML file describes; see `of`."""
        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {why_unread(error)}") from error
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{path} is not UTF-8 text ({error.reason}): convert it") from error
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise InvalidInput(f"{path} is no TOML: {error}") from error
        try:
            return cls.of(table)
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error}") from error


def _checked(cell: Cell) -> Cell:
    """Return a cell that has a key, as its experiment can be built."""
    try:
        whole("replicates", cell.replicates)
        whole("seed", cell.seed, minimum=0)
        _ = cell.key
    except InvalidInput as error:
        raise InvalidInput(f"cell {cell}: {error}") from error
    return cell


def _fixed(table: Table) -> dict[str, Any]:
    """Return what is the same in every cell."""
    fixed: dict[str, Any] = {}
    for key in LISTS:
        if key in table:
            if not isinstance(table[key], (list, tuple)):
                raise invalid(key, table[key], "give a list")
            fixed[key] = tuple(table[key])
    if "runs" in table:
        fixed["runs"] = truth_value("runs", table["runs"])
    return fixed


def _tables(name: str, value: Any, keys: tuple[str, ...]) -> list[Axes]:
    """Return the axes of one table or of several."""
    found = []
    for table in value if isinstance(value, (list, tuple)) else [value]:
        if not isinstance(table, Mapping):
            raise invalid(name, table, f"give a table [{name}], or several [[{name}]]")
        for key in table:
            if key not in keys:
                raise unknown(f"key of {name}", key, keys)
        found.append(_axes(table))
    return found


def _axes(table: Table) -> Axes:
    """Return the values that each key has; what is no list has one."""
    axes: Axes = {key: v if isinstance(v, (list, tuple)) else [v] for key, v in table.items()}
    for name, axis in axes.items():
        if not axis:
            raise invalid(name, axis, "give at least one value")
    return axes


def _count(grids: list[Axes]) -> int:
    return sum(math.prod(map(len, axes.values())) for axes in grids)


def _product(grids: list[Axes]) -> Iterator[dict[str, Any]]:
    for axes in grids:
        for values in product(*axes.values()):
            yield dict(zip(axes, values, strict=True))
