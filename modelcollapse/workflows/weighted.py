"""Any deterministic workflow, as a matrix of batch weights."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, divided, frozen, reals
from modelcollapse._support.csv_lines import number, read_lines
from modelcollapse._support.errors import InvalidInput, invalid, why_unread
from modelcollapse._support.words import many
from modelcollapse.workflows.protocols import Selection

MOST_TOLD = 1000  # generations whose weights are told one by one
TOLERANCE = 1e-9  # of a row's sum: rounded decimals in a file


@dataclass(frozen=True, eq=False)
class Weighted:
    r"""Train on all batches with given weights :math:`W_{t,s}`, spread evenly over their rows.

    Parameters
    ----------
    matrix
        Shape (T, T): row t holds the weights of batches 1, ..., T at generation t. They are not
        negative, sum to one, and are zero for batches after t, which do not exist yet. Rows may
        also be given without those zeros, as lists of length 1, 2, ..., T. An experiment has at
        most T generations.

    Raises
    ------
    InvalidInput
        If a row is not a mixture of the batches up to it; the message names it.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> halves = mc.Weighted([[1], [0.5, 0.5], [0.5, 0, 0.5]])
    >>> loop = mc.Experiment(mc.Gaussian(), halves, samples=10, generations=3)
    >>> print(mc.predict(loop)["variance"].round(4))
    [0.9    0.8775 0.8724]
    """

    matrix: Any
    name = "weighted"

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", checked(self.matrix, "matrix"))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Weighted":
        """Read the matrix from a CSV file without a header: line t holds the weights of row t."""
        if not isinstance(path, (str, os.PathLike)):
            raise invalid("path", path, "give the path of a CSV file")
        return cls(checked(_numbers(Path(path)), str(path)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weighted) and np.array_equal(self.matrix, other.matrix)

    def __hash__(self) -> int:
        return hash(self.matrix.tobytes())

    def __repr__(self) -> str:
        return f"Weighted(<{self.generations} generations>)"

    def described(self, generations: int) -> dict[str, Any]:
        """Return the weights up to generation T, without the zeros of later batches.

        Of many generations they are an array, which is told by its digest.
        """
        if generations > MOST_TOLD:
            return {"matrix": self.matrix[:generations, :generations]}
        return {"matrix": [row[:t].tolist() for t, row in enumerate(self.matrix[:generations], 1)]}

    @property
    def label(self) -> str:
        """A name for files: the weights by their digest."""
        return f"{self.name}-{hashlib.sha256(self.matrix.tobytes()).hexdigest()[:12]}"

    @property
    def generations(self) -> int:
        """The largest number of generations."""
        return len(self.matrix)

    def batch_weights(self, sizes: Sequence[int]) -> Floats:
        """Return row t of the matrix."""
        t = len(sizes)
        if t > self.generations:
            raise invalid(
                "generations", t, f"the matrix of weights has {many(self.generations, 'row')}"
            )
        return np.array(self.matrix[t - 1, :t])

    def training_rows(self, sizes: Sequence[int], rng: np.random.Generator) -> Selection:
        """Return the rows of all batches of positive weight, with their weights."""
        del rng
        per_row = np.repeat(self.batch_weights(sizes) / np.asarray(sizes), sizes)
        rows = np.flatnonzero(per_row > 0)
        return rows, per_row[rows]


def checked(value: Any, name: str) -> Floats:
    """Return the matrix, square and read-only, or raise InvalidInput naming what is wrong."""
    remedy = "give one list of numbers per generation"
    if isinstance(value, Iterator):
        value = list(value)
    if not isinstance(value, (list, tuple, np.ndarray)):
        value = reals(name, value, remedy)
    if getattr(value, "ndim", 1) == 0:
        raise invalid(name, value, remedy)
    rows = [reals(f"{name}[{i}]", row, remedy) for i, row in enumerate(value)]
    count = len(rows)
    if count == 0:
        raise invalid(name, value, "give at least one generation")
    matrix = np.zeros((count, count))
    for t, (given, row) in enumerate(zip(value, rows, strict=True), start=1):
        where = f"{name}, generation {t}"
        if row.ndim != 1 or len(row) not in (t, count):
            raise InvalidInput(
                f"{where}: an array of shape {row.shape}; give {t} weights, one for each batch so "
                f"far, or {count} with zeros for those to come"
            )
        if not np.isfinite(row).all() or np.any(row < 0):
            raise invalid(where, row.tolist(), "weights are finite and not negative")
        if np.any(row[t:] != 0):
            later = t + 1 + int(np.flatnonzero(row[t:])[0])
            raise InvalidInput(
                f"{where} trains on batch {later}, which is sampled after it: set the weights of "
                f"batches {t + 1} to {count} to 0"
            )
        if abs(row.sum() - 1) > TOLERANCE:
            raise invalid(where, row[:t].tolist(), f"it sums to {row.sum():.12g}; make it 1")
        matrix[t - 1, :t] = divided(row, given)[:t] + 0.0  # no -0, which has other bits
    return frozen(matrix)


def _numbers(path: Path) -> list[Floats]:
    rows = []
    try:
        for line, cells in read_lines(path):
            while len(cells) > 1 and not cells[-1]:
                cells.pop()
            try:
                rows.append(np.array([number(cell) for cell in cells]))
            except ValueError as error:
                message = "give one line of numbers per generation, without a header or gaps"
                raise invalid(f"{path}, line {line}", ",".join(cells), message) from error
    except OSError as error:
        raise invalid(
            "weights", str(path), f"the file cannot be read: {why_unread(error)}"
        ) from error
    if not rows:
        raise invalid("weights", str(path), "the file has no numbers: give one line per generation")
    return rows
