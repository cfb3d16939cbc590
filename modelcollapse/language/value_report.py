"""What synthetic rows were worth: a table, the regressions and a picture of a grid's folder."""

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support import drawing
from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse._support.files import check_writable, replacing
from modelcollapse.language.folder import Record, read_configuration, read_record
from modelcollapse.language.regression import Regression, regressions
from modelcollapse.language.value import EXPERIMENT

LOSSES = {
    "loss": "held-out loss, nats per token",
    "tail_loss": "loss on the rarest held-out rows, nats per token",
    "row_loss": "held-out loss, nats per row",
    "excess": "loss above the entropy, nats per row",
}
Table = tuple[str, list[str], list[list[str]]]  # title, columns, rows
FIRST = ("seed", "real", "synthetic", "proportion", *LOSSES)  # columns of the table
PREDICTORS = ("log_real", "real", "proportion")
SHOWN = {"log_real": "log of the number of real rows", "proportion": "proportion of real rows"}
MOST_TICKS = 8
WIDE = 8  # an axis is logarithmic if its largest number is so many times its smallest one
STEEP = 2  # likewise for losses
FINE = 1e-3  # below it numbers are shown with four digits instead of four decimals
NOTHING = "-"
NO_REAL = "0.55"  # the grey of the cells without real rows


@dataclass(frozen=True, eq=False)
class Values:
    """The finished cells of a grid: ``Values.read("folder")``.

    Attributes
    ----------
    path
        The folder.
    configuration
        All that the numbers depend on, but the seeds and which cells there are.
    records
        One per cell: "seed", "real", "synthetic", "proportion" of real rows (None in the cell
        without rows) and the metrics, sorted.
    """

    path: Path
    configuration: Mapping[str, Any] = field(repr=False)
    records: Sequence[Record] = field(repr=False)

    @classmethod
    def read(cls, path: str | Path) -> "Values":
        """Read a folder, finished or not.

        Raises
        ------
        InvalidInput
            If it is not the folder of such a grid, no cell is finished, or a file is damaged.
        """
        path = Path(path)
        configuration = _configuration(path)
        records = sorted(
            map(_with_proportion, _cells(path)),
            key=lambda r: (r["seed"], r["real"], r["synthetic"]),
        )
        if not records:
            raise InvalidInput(f"path = {str(path)!r}: no cell is finished yet; go on with the run")
        return cls(path, configuration, records)

    @property
    def losses(self) -> tuple[str, ...]:
        """The names of the losses."""
        return tuple(name for name in LOSSES if name in self.records[0])

    def table(self) -> dict[str, list[Any]]:
        """Return the tidy table: its columns, one row per cell, None where there is no number."""
        names = dict.fromkeys(name for record in self.records for name in record)
        names.pop("outcome", None)
        order = [name for name in FIRST if name in names]
        order += [name for name in names if name not in FIRST]
        return {name: [record.get(name) for record in self.records] for name in order}

    def regressions(self, loss: str = "loss") -> list[Regression]:
        """Return the regressions of a loss on the numbers of rows.

        Raises
        ------
        InvalidInput
            If the loss is unknown, or fewer than four cells have real rows.
        """
        if loss not in self.losses:
            raise unknown("loss", loss, self.losses)
        table = self.table()
        return regressions(table["real"], table["synthetic"], table[loss])

    def regression_table(self, loss: str = "loss") -> dict[str, list[Any]]:
        """Return the regressions as columns, one row per regression; none for too few cells."""
        fits = self.regressions(loss) if self.enough else []
        return {
            "predictors": [fit.name for fit in fits],
            "cells": [fit.cells for fit in fits],
            "r_squared": [fit.r_squared for fit in fits],
            "intercept": [fit.intercept for fit in fits],
            **{name: [fit.coefficients.get(name) for fit in fits] for name in PREDICTORS},
            "note": [fit.note for fit in fits],
        }

    @property
    def enough(self) -> bool:
        """Whether there are enough cells for the regressions."""
        try:
            self.regressions()
        except InvalidInput:
            return False
        return True

    @property
    def entropy(self) -> float | None:
        """The loss of the truth itself, nats per token, where it is known."""
        record = self.records[0]
        if "excess" not in record:
            return None
        return float((record["row_loss"] - record["excess"]) * record["loss"] / record["row_loss"])


def write_report(values: Values, output: str | Path | None = None) -> list[Path]:
    """Write value.csv, value-regressions.csv and value.png, and return their paths.

    Parameters
    ----------
    values
        What to write.
    output
        An existing folder; by default that of the run.

    Raises
    ------
    MissingDependency
        If matplotlib is not installed; the tables are written before.
    """
    folder = values.path if output is None else Path(output)
    if not folder.is_dir():
        raise InvalidInput(f"output = {str(folder)!r} is not a folder: give an existing one")
    names = ("value.csv", "value-regressions.csv", "value.png")
    table, fits, picture = paths = [folder / name for name in names]
    for path in paths:
        check_writable("output", path)
    _write_csv(table, values.table())
    _write_csv(fits, values.regression_table())
    draw(values, picture)
    return paths


def tables(values: Values) -> list[Table]:
    """Return what a terminal shows: the losses, and the regressions if there are enough cells."""
    shown = ("seed", "real", "synthetic", *values.losses, "steps")
    cells, fits = values.table(), values.regression_table()
    explained = (
        "Held-out losses: loss in nats per token, tail_loss that of the rarest tenth of the rows, "
        "row_loss in nats per row"
    )
    if not values.enough:
        explained += "; too few cells with real rows for a regression"
    found = [(explained, {name: cells[name] for name in shown})]
    if values.enough:
        title = (
            "Least squares of the loss over the cells with real rows: on their number (real), its "
            "logarithm, their proportion among all rows, and both"
        )
        found.append((title, fits))
    return [
        (
            title,
            list(columns),
            [list(map(_cell, row)) for row in zip(*columns.values(), strict=True)],
        )
        for title, columns in found
    ]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < FINE else f"{value:.4f}"
    return NOTHING if value is None else str(value)


def draw(values: Values, path: Path) -> None:
    """Draw the loss against the number of synthetic rows, and the proportion of real ones.

    One line for each number of real rows goes through the means over seeds; dots are single runs.
    """
    figure = drawing.figure((8.8, 4.0))
    axes = figure.subplots(1, 2, sharey=True)
    columns = {
        name: np.array([math.nan if x is None else x for x in values.table()[name]])
        for name in ("real", "synthetic", "proportion", "loss")
    }
    seeds = len(set(values.table()["seed"]))
    counts = sorted(set(columns["real"].tolist()), reverse=True)
    for count, colour in zip(counts, _colours(counts), strict=True):
        for axis, across in zip(axes, ("synthetic", "proportion"), strict=True):
            own = (columns["real"] == count) & np.isfinite(columns[across])
            x, y = columns[across][own], columns["loss"][own]
            _draw_line(axis, x, y, colour, 1 if seeds == 1 else 0.5, f"{count:,.0f}")
    if columns["loss"].max() > STEEP * columns["loss"].min():
        axes[0].set_yscale("log")
    _scale(axes[0], columns["synthetic"])
    axes[0].set(xlabel="number of synthetic rows", ylabel=LOSSES["loss"])
    axes[1].set(xlabel="proportion of real rows", xlim=(-0.03, 1.03))
    drawing.letter(axes)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    _draw_levels(axes, values)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside right center", frameon=False, title="real rows", fontsize=9
    )
    figure.suptitle(_title(values), fontsize=9.5)
    drawing.save(figure, path, ending="png")


def _draw_line(axis: Any, x: Any, y: Any, colour: Any, alpha: float, label: str) -> None:
    """Draw the means over seeds as a line, and single runs as dots."""
    if not len(x):
        return
    at = np.unique(x)
    means = [y[x == one].mean() for one in at]
    axis.plot(at, means, color=colour, lw=1.4, label=label)
    axis.plot(x, y, "o", color=colour, ms=4, alpha=alpha)


def _draw_levels(axes: Sequence[Any], values: Values) -> None:
    """Mark the loss of the truth, if it is known, and that of the base."""
    base = [r["loss"] for r in values.records if r["real"] == r["synthetic"] == 0]
    levels = {"the grammar itself": values.entropy, "the base": np.mean(base) if base else None}
    for name, level in levels.items():
        if level is not None:
            for axis in axes:
                axis.axhline(level, color="0.6", lw=0.8, ls=":", zorder=0)
            axes[1].annotate(
                name,
                (1, level),
                xycoords=("axes fraction", "data"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="right",
                fontsize=8.5,
                color="0.4",
            )


def _title(values: Values) -> str:
    if not values.enough:
        return "Held-out loss by the numbers of real and synthetic rows"
    share = {fit.name: fit.r_squared for fit in values.regressions()}
    parts = [f"{text} {share[name]:.2f}" for name, text in SHOWN.items()]
    parts.append(f"both {share[' + '.join(SHOWN)]:.2f}")
    return f"Variance of the loss explained (R²): {', '.join(parts)}"


def _colours(counts: Sequence[float]) -> list[Any]:
    """Return a colour for each number of real rows, dark for many; grey for none."""
    from matplotlib import colormaps

    positive = [count for count in counts if count > 0]
    scale = colormaps["viridis"](np.linspace(0.05, 0.85, len(positive)))
    return [*scale, *[NO_REAL] * (len(counts) - len(positive))]


def _scale(axis: Any, numbers: Any) -> None:
    """Choose a linear or logarithmic axis; zero has a place of its own on a logarithmic one."""
    axis.xaxis.set_major_formatter(lambda tick, _: f"{tick:,.0f}")
    positive = np.unique(numbers[numbers > 0])
    if len(positive) < 2 or positive[-1] < WIDE * positive[0]:
        return
    axis.set_xscale("symlog", linthresh=positive[0], linscale=0.4)
    ticks = positive[:: -math.ceil(len(positive) / MOST_TICKS)][::-1].tolist()
    axis.set_xticks([0.0, *ticks] if (numbers == 0).any() else ticks)
    axis.xaxis.set_major_formatter(lambda tick, _: f"{tick:,.0f}")
    axis.minorticks_off()


def _configuration(path: Path) -> Mapping[str, Any]:
    """Return what the folder is a run of, if it is that of a grid."""
    configuration = read_configuration(path)
    if configuration.get("experiment") != EXPERIMENT:
        raise InvalidInput(
            f"path = {str(path)!r} is the folder of a loop, not of a grid of real and synthetic "
            "rows: give that of a grid"
        )
    return configuration


def _cells(path: Path) -> Iterable[Record]:
    """Yield the records of the finished cells."""
    for place in path.glob("seed-*/cell-r*-s*"):
        record = read_record(place) if re.fullmatch(r"cell-r\d+-s\d+", place.name) else None
        if record is not None:
            absent = [name for name in ("seed", "real", "synthetic", "loss") if name not in record]
            if absent:
                raise InvalidInput(f"{place / 'metrics.json'} is damaged: delete its folder")
            yield record


def _with_proportion(record: Record) -> Record:
    total = record["real"] + record["synthetic"]
    return {**record, "proportion": record["real"] / total if total else None}


def _write_csv(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write columns of equal length; None is an empty cell."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
