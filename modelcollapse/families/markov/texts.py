"""Texts as rows: arrays of words, padded with -1 at the end, and the transitions in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers, table
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.words import many
from modelcollapse.families.markov.contexts import bases
from modelcollapse.loop.batches import Batch
from modelcollapse.loop.truth import Law

PAD = -1


def checked(name: str, value: Any, words: int | None = None) -> Integers:
    """Return texts as integers of shape (texts, longest), without columns of padding alone.

    Parameters
    ----------
    name
        The argument's name.
    value
        Shape (texts, columns): a row holds the words of one whole text, and -1 after its end. A
        text that fills its row ends there; one that was cut off has no end, and is no text here.
    words
        The number of words, or None.

    Raises
    ------
    InvalidInput
        If an entry is no word, a text is empty, or there is padding before a word.
    """
    return of_numbers(name, table(name, value)[0], words)


def of_numbers(name: str, values: Floats, words: int | None = None) -> Integers:
    """Return the same from an array of numbers, shape (texts, columns)."""
    most = np.inf if words is None else words
    bad = np.argwhere((values != np.floor(values)) | (values < PAD) | (values >= most))
    if len(bad):
        i, j = bad[0]
        last = "" if words is None else f" from 0 to {words - 1}"
        remedy = f"a word is a whole number{last}, and -1 stands after the end of a text"
        raise invalid(f"{name}[{i}, {j}]", float(values[i, j]), remedy)
    found = values.astype(np.int64)
    if (found[:, 0] == PAD).any():
        i = int(np.argmax(found[:, 0] == PAD))
        raise InvalidInput(f"{name}[{i}] is empty: a text has at least one word; leave it out")
    gap = (found[:, :-1] == PAD) & (found[:, 1:] != PAD)
    if gap.any():
        i, j = np.argwhere(gap)[0]
        raise InvalidInput(
            f"{name}[{i}, {j}] = -1 is padding before the word {found[i, j + 1]}: padding stands "
            "after the end only; close the gap, or make two texts of it"
        )
    return found[:, : int(lengths(found).max())]


def lengths(texts: Integers) -> Integers:
    """Return the number of words of each text, shape (texts,)."""
    return np.asarray((texts != PAD).sum(axis=1))


def padded(flat: Integers, ends: Integers) -> Integers:
    """Return texts that stand one after the other, each up to its end, as rows."""
    size = np.diff(ends, prepend=0)
    found = np.full((len(ends), int(size.max())), PAD, dtype=np.int64)
    found[np.arange(found.shape[1]) < size[:, None]] = flat
    return found


def transitions(texts: Integers, words: int, order: int) -> tuple[Integers, Integers, Integers]:
    """Return the context, the outcome and the text of each transition, one array each."""
    base = bases(words, order)
    context = np.zeros(len(texts), dtype=np.int64)
    found, rows = [], np.arange(len(texts))
    for word in [*texts.T, np.full(len(texts), PAD)]:
        word = word[rows]  # noqa: PLW2901 - of the texts that have not ended
        outcome = np.where(word == PAD, words, word)
        found.append(np.stack([context, outcome, rows]))
        goes_on = word != PAD
        rows = rows[goes_on]
        context = base[context[goes_on]] + word[goes_on]
    whole = np.concatenate(found, axis=1)
    return whole[0], whole[1], whole[2]


@dataclass(frozen=True)
class TextForm:
    """The form of texts; as a number a text is its length."""

    dim = 1

    def joined(self, batches: Sequence[Batch]) -> Batch:
        """Return all texts of some batches, in order, padded to one length."""
        longest = max(batch.shape[1] for batch in batches)
        wide = [
            np.pad(batch, ((0, 0), (0, longest - batch.shape[1])), constant_values=PAD)
            for batch in batches
        ]
        return np.concatenate(wide)

    def taken(self, batch: Batch, chosen: Integers) -> Batch:
        """Return the texts of these numbers."""
        return batch[chosen]

    def handed(self, batch: Batch) -> Any:
        """Return a copy."""
        return batch.copy()

    def received(self, name: str, given: Any, n: int | None = None) -> Batch:
        """Return checked texts, `n` of them or any number."""
        found = checked(name, given)
        if n is not None and len(found) != n:
            raise InvalidInput(f"{name} returned {many(len(found), 'text')}, wanted {n}")
        return found

    def numbers(self, batch: Batch) -> Floats:
        """Return the lengths, shape (texts, 1)."""
        return np.asarray(lengths(batch)[:, None], dtype=np.float64)

    def same(self, one: Batch, other: Batch) -> bool:
        """Return whether two batches hold the same texts."""
        both = self.joined([one, other])
        return len(one) == len(other) and np.array_equal(both[: len(one)], both[len(one) :])

    def packed(self, batch: Batch) -> Any:
        """Return the texts."""
        return batch

    def unpacked(self, kept: Any) -> Batch:
        """Return the texts again."""
        if kept.ndim != 2 or kept.dtype.kind != "i":
            raise ValueError(f"texts of shape {kept.shape} and type {kept.dtype}")
        return kept

    def told(self, batch: Batch) -> Any:
        """Return the texts, which are known by their digest."""
        return batch

    def described(self) -> Any:
        """Return what they are."""
        return "texts"


@dataclass(frozen=True, eq=False)
class Texts(Law):
    """The empirical distribution of texts, for `run`: drawn with replacement.

    Parameters
    ----------
    values
        Shape (texts, columns): the words of a text, and -1 after its end.

    Raises
    ------
    InvalidInput
        If an entry is no word, a text is empty, or there is padding before a word.
    """

    values: Any
    dim = 1
    is_normal = False

    def __post_init__(self) -> None:
        found = checked("values", self.values).copy()
        found.flags.writeable = False
        object.__setattr__(self, "values", found)

    @property
    def form(self) -> TextForm:
        """The form of its rows."""
        return TextForm()

    def described(self) -> Any:
        """Return the texts, which are known by their digest."""
        return self.values

    @cached_property
    def mean(self) -> Floats:
        """The mean length, shape (1,)."""
        return np.array([lengths(self.values).mean()])

    @cached_property
    def covariance(self) -> Floats:
        """The variance of the length, shape (1, 1)."""
        return np.array([[lengths(self.values).var()]])

    def sample(self, n: int, rng: np.random.Generator) -> Integers:
        """Draw n texts with replacement."""
        return np.asarray(self.values[rng.integers(len(self.values), size=n)])
