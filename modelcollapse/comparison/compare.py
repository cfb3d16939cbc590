"""The function, and what it returns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np

from modelcollapse._support import html
from modelcollapse._support.checks import Floats, fraction, whole
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.strict_json import plain
from modelcollapse.comparison import numbers, words
from modelcollapse.comparison.chance import Row, judged
from modelcollapse.comparison.numbers import Asked
from modelcollapse.comparison.reading import LEAST, read
from modelcollapse.comparison.sentences import ROW, amount, same, sentences
from modelcollapse.comparison.tables import Table, matched

PERMUTATIONS = 999
MOST = 100_000  # rows of each side
STEPS = 20  # a level has at least so many p-values below it: for Holm's correction
FEW = 50  # different whole numbers of a column at most that are categories too
WORDS = 3  # a column of as many words a row, on average, and mostly different ones, is of texts


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` finds; printed, it is its sentences.

    Attributes
    ----------
    rows
        The lines of the table.
    sentences
        The answer in words, first whether the other rows shrank.
    notes
        What was left out, drawn at random, or read in a way that may surprise.
    sizes
        The rows used: "reference" and "held_out" of the real ones, "other", and the "real_rows"
        and "other_rows" that there were.
    seed, alpha, margin, permutations
        As they were given.
    """

    rows: tuple[Row, ...] = field(repr=False)
    sentences: tuple[str, ...]
    notes: tuple[str, ...] = field(repr=False)
    sizes: Mapping[str, int]
    seed: int
    alpha: float
    margin: float
    permutations: int

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        told = "".join(f"<p>{escape(sentence)}</p>" for sentence in self.sentences)
        return told + html.table("Compared with held-out real rows", self.columns(), self.notes)

    @property
    def shrank(self) -> bool | None:
        """Whether the other rows shrank: None where that cannot be told."""
        told = {row.verdict for row in self.rows}
        if "shrank" in told:
            return True
        return None if "cannot tell" in told else False

    def columns(self) -> dict[str, list[str]]:
        """Return the table, column by column, as text."""
        return {
            "metric": [row.metric for row in self.rows],
            "of": [row.where for row in self.rows],
            "real": [amount(row.real) for row in self.rows],
            "other": [amount(row.other) for row in self.rows],
            "effect": [ROW[row.scale].format(amount(row.effect)) for row in self.rows],
            "from": [amount(row.low) for row in self.rows],
            "to": [amount(row.high) for row in self.rows],
            "p": [amount(row.p) for row in self.rows],
            "verdict": [row.verdict for row in self.rows],
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as JSON has it."""
        found: dict[str, Any] = plain(
            {
                "shrank": self.shrank,
                "rows": [asdict(row) for row in self.rows],
                "sentences": self.sentences,
                "notes": self.notes,
                "sizes": self.sizes,
                "seed": self.seed,
                "alpha": self.alpha,
                "margin": self.margin,
                "permutations": self.permutations,
            }
        )
        return found

    def plot(self, ax: Any = None) -> Any:
        """Draw every metric over its baseline, with intervals.

        Parameters
        ----------
        ax
            The matplotlib Axes to draw into, which are returned; None makes new ones.

        Raises
        ------
        MissingDependency
            If matplotlib is not installed.
        """
        from modelcollapse.comparison.drawing import draw

        return draw(ax, self.rows, self.margin)

    def save(self, figure: Any) -> None:
        """Write that picture to a .png, .pdf or .svg file."""
        from modelcollapse._support.drawing import picture_path
        from modelcollapse.comparison.drawing import save

        save(picture_path(figure), self.rows, self.margin)


def compare(
    real: Any,
    other: Any,
    *,
    seed: int = 0,
    alpha: float = 0.05,
    margin: float = 0.1,
    permutations: int = PERMUTATIONS,
    most_rows: int = MOST,
) -> Comparison:
    """Say whether rows, such as synthetic ones, shrank compared with real rows.

    A random half of the real rows is the reference that the other rows and the other half, held
    out, are measured against: that half shows what honest rows look like. Held-out and other rows
    are relabelled at random: if they are independent draws of one law, any line of the table says
    otherwise with probability at most `alpha`, all lines together, at every number of rows.

    Parameters
    ----------
    real, other
        The path of a .csv, .parquet, .jsonl or .txt file (one text in each line), an array, a data
        frame, `Rows`, a list of texts, or the name of a data set. Columns of numbers, of
        categories and of texts may be mixed; nothing may be missing. At least 20 rows each, and
        the same columns.
    seed
        Of all random draws: halves, relabellings, and rows where there are too many.
    alpha
        The probability of any false alarm, at most; and 1 less the level of each interval.
    margin
        The relative loss that matters: where no loss is seen, the verdict is "no loss" only if the
        interval excludes this one.
    permutations
        How many relabellings.
    most_rows
        Of more rows a random part of this many is used.

    Returns
    -------
    Comparison
        Sentences, `rows`, `shrank`; `to_dict`, `plot` and `save`.

    Raises
    ------
    InvalidInput
        If the data cannot be read or compared, or an option is out of its range.

    Notes
    -----
    Intervals invert the relabelling test as if the laws differed by a shift of the statistic (of
    the logarithm, for ratios): where they differ by more they are approximate. Those of the
    distances between distribution functions are exact (two DKW-Massart bounds).

    Examples
    --------
    >>> import numpy as np
    >>> import modelcollapse as mc
    >>> rng = np.random.default_rng(0)
    >>> real, other = rng.normal(size=(200, 2)), rng.normal(scale=0.5, size=(200, 2))
    >>> print(mc.compare(real, other).sentences[0])
    The other rows shrank: they lost spread, tails and coverage.
    """
    rng = np.random.default_rng(whole("seed", seed, 0))
    level, matters = fraction("alpha", alpha), fraction("margin", margin)
    count, most = whole("permutations", permutations), whole("most_rows", most_rows, LEAST)
    if (count + 1) * level < STEPS:
        least = int(np.ceil(STEPS / level))
        raise invalid("permutations", count, f"at alpha = {level:g} give at least {least}")
    truth = read("real", real, most, rng)
    others = matched(truth, read("other", other, most, rng))
    half = truth.rows // 2
    sizes = {
        "reference": half,
        "held_out": truth.rows - half,
        "other": others.rows,
        "real_rows": truth.total,
        "other_rows": others.total,
    }
    keys = truth.keys(), others.keys()
    notes = _drawn(truth, others, seed)
    if Counter(keys[0]) == Counter(keys[1]):
        if truth.total > truth.rows or others.total > others.rows:
            notes.append("Parts of both were compared: the rest of them may differ.")
        told = (same(others.rows),)
        return Comparison((), told, tuple(notes), sizes, seed, level, matters, count)
    asked = Asked(rng, count, level)
    groups = words.copies(keys[0][:half], keys[0][half:], keys[1], asked)
    found, more = _groups(truth, others, half, asked)
    groups = [*found, *groups]
    if (count + 1) * level < len(groups):  # Holm's correction would leave nothing
        least = int(np.ceil(len(groups) / level))
        remedy = f"for {len(groups)} groups of lines at alpha = {level:g} give at least {least}"
        raise invalid("permutations", count, remedy)
    rows = judged(groups, level, matters)
    repeated = _repeated(*keys)
    told_all = sentences(rows, sizes, level, matters, repeated)
    return Comparison(
        tuple(rows), tuple(told_all), (*notes, *more), sizes, seed, level, matters, count
    )


def _drawn(truth: Table, others: Table, seed: int) -> list[str]:
    return [
        f"{table.name} has {table.total:,} rows: {table.rows:,} of them were drawn at random with "
        f"seed {seed}, and the others left out"
        for table in (truth, others)
        if table.total > table.rows
    ]


def _repeated(real: Sequence[Any], other: Sequence[Any]) -> float:
    """Return the share of the other rows that are real rows."""
    there = set(real)
    return sum(key in there for key in other) / len(other)


def _groups(
    truth: Table, others: Table, half: int, asked: Asked
) -> tuple[list[list[Row]], list[str]]:
    """Return the lines of every kind of column, and what was left out."""
    found: list[list[Row]] = []
    notes: list[str] = []
    numeric: dict[str, tuple[Floats, Floats]] = {}
    listed: dict[str, tuple[Any, Any, Any]] = {}
    for name, column in truth.columns.items():
        theirs = others.columns[name]
        if isinstance(column, np.ndarray) and isinstance(theirs, np.ndarray):
            numeric[name] = column, theirs
            few = 2 <= len(np.unique(column[:half])) <= min(FEW, half // 5)
            if few and all((x == np.floor(x)).all() for x in (column, theirs)):
                listed[name] = column[:half].tolist(), column[half:].tolist(), theirs.tolist()
            continue
        mine, held, told = list(column[:half]), list(column[half:]), list(theirs)
        if _is_text(mine):
            found += words.texts(name, mine, held, told, asked)
            lengths = _lengths(mine + held), _lengths(told)
            numeric[f"words in a row of {name}"] = lengths
            used = f"{name}: n-grams are of at most {words.TEXTS} texts of each side"
            if max(map(np.max, lengths)) > words.LENGTH:
                used += f", of their first {words.LENGTH} words"
            notes.append(used)
        else:
            listed[name] = mine, held, told
    varied = {}
    for name, pair in numeric.items():
        some = pair[0][:half]
        if np.ptp(some) == 0 or some.std() == 0:
            strange = int(np.count_nonzero(pair[1] != some[0]))
            says = f"; {strange} of the other rows differ from it" if strange else ""
            notes.append(f"{name} is constant in the reference, and left out{says}")
        else:
            varied[name] = pair
    if varied:
        real, other = (np.column_stack([p[i] for p in varied.values()]) for i in (0, 1))
        found += numbers.groups(list(varied), real[:half], real[half:], other, asked)
    if listed:
        found += words.categories(listed, asked)
    if not found:
        raise InvalidInput(
            f"every column of {truth.name} is constant: there is nothing that could shrink"
        )
    return found, notes


def _is_text(column: Sequence[str]) -> bool:
    mean = sum(len(text.split()) for text in column) / len(column)
    return mean >= WORDS and 2 * len(set(column)) > len(column)


def _lengths(texts: Sequence[str]) -> Floats:
    return np.array([len(text.split()) for text in texts], dtype=np.float64)
