"""Data: scikit-learn's small real data sets, the paper's synthetic ones, CSV and Parquet files."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, shares, truth_value
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.spread import spread_of
from modelcollapse._support.table_files import read
from modelcollapse._support.tables import is_number
from modelcollapse.datasets.synthetic import PAPER, blobs_mixture, paper, split
from modelcollapse.loop.truth import Rows

__all__ = ["BUILT_IN", "PAPER", "blobs_mixture", "load", "paper", "split"]

BUILT_IN = ("breast_cancer", "diabetes", "digits", "iris", "wine")
ROWS = 10_000  # of a synthetic data set that is loaded by its name alone


def load(name_or_path: Any, *, standardize: bool = False) -> Rows:
    """Return the numeric rows of a data set, of a file or of a table.

    Parameters
    ----------
    name_or_path
        "breast_cancer", "diabetes", "digits", "iris" or "wine" (from scikit-learn, without their
        targets); or "blobs", "circles", "moons", "swiss_roll" or "blobs-mismatched", 10,000 rows
        that `paper` draws with seed 0, or another number with another seed: "moons:500",
        "moons:500:7"; or the path of a .csv or .parquet file of numbers. A first CSV line without
        any number is taken as the header; one that may be a header of numbers, such as years or the
        0,1,2 of pandas, is refused. Parquet needs ``pip install '.[frames]'`` in a clone. Or a
        table of numbers that is there: an array, a tensor, a data frame or a column of any library.
    standardize
        Shift and scale each column to mean 0 and variance 1; constant columns become 0.

    Returns
    -------
    Rows
        The data, with its name; usable as the truth of an `Experiment` and as the data of `run`.

    Raises
    ------
    InvalidInput
        If there is no such data, or it is not a table of finite numbers with at least two rows
        that are not all equal. The message names the line and the column.
    MissingDependency
        If the file is Parquet and polars is not installed.

    Notes
    -----
    The 10,000 rows are a sample, and as a truth they stand for themselves: rows held out of them
    are test data of the same law, even for "blobs-mismatched", whose centres differ only between
    two draws. Fresh rows drawn from a sample may be training rows: where a test loss must not see
    that, take a million rows. `blobs_mixture` is the law that the blobs are a sample of.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> iris = mc.datasets.load("iris", standardize=True)
    >>> print(iris.shape)
    (150, 4)
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Replace(), 20, 3, truth=iris)
    >>> print(mc.predict(loop)["variance"].round(4))
    [0.95   0.9025 0.8574]
    """
    name = str(name_or_path) if isinstance(name_or_path, (str, os.PathLike)) else "data"
    if name_or_path is None or isinstance(name_or_path, bytes) or is_number(name_or_path):
        raise invalid("data", name_or_path, "give a name, a path or a table of numbers")
    if not isinstance(name_or_path, (str, os.PathLike)):
        data = name_or_path if isinstance(name_or_path, Rows) else Rows(name_or_path)
        name = data.name
    elif isinstance(name_or_path, str) and name.partition(":")[0] in PAPER:
        data = _drawn(name)
    else:
        known = name_or_path in BUILT_IN
        values = _from_sklearn(name) if known else read(Path(name), (*BUILT_IN, *PAPER))
        if len(values) < 2:
            raise InvalidInput(f"{name} has {len(values)} row of data: at least 2 are needed")
        data = Rows(values, name)
    if not truth_value("standardize", standardize):
        return data
    return data.renewed(_standardized(data.values), f"{name}, standardized")


@lru_cache(maxsize=1)  # a sweep asks for the same rows, and their moments, in cell after cell
def _drawn(text: str) -> Rows:
    """Return the rows that "moons", "moons:500" or "moons:500:7" stands for."""
    name, *given = text.split(":")
    if len(given) > 2 or not all(number.isdecimal() for number in given):
        raise invalid("data", text, f"give {name}, {name}:ROWS or {name}:ROWS:SEED")
    rows, seed = [*map(int, given), *(ROWS, 0)[len(given) :]]
    values = paper(name, rows, seed).values
    return Rows(values, text)


def _from_sklearn(name: str) -> Floats:
    from sklearn import datasets

    values: Floats = getattr(datasets, f"load_{name}")().data
    return values


def _standardized(values: Floats) -> Floats:
    """Return columns of mean 0 and variance 1, or 0 where a column is constant."""
    centred = values - values.mean(axis=0)
    constant = spread_of("data", values, shares(None, len(values))).deviations == 0
    # The largest entry first: the square of a large number overflows.
    centred /= np.where(constant, 1.0, np.abs(centred).max(axis=0))
    centred -= centred.mean(axis=0)
    scale = np.where(constant, 1.0, np.sqrt((centred**2).mean(axis=0)))
    return np.asarray(np.where(constant, 0.0, centred / scale))
