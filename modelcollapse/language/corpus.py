"""Real data: batch 1 of every loop, and the held-out rows that all generations are judged on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from modelcollapse._support.checks import Integers, whole
from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse.language.backend import REAL, derived
from modelcollapse.language.columns import read
from modelcollapse.language.grammar import Grammar
from modelcollapse.language.grammars import descriptions
from modelcollapse.language.rows import kept, marks, picked
from modelcollapse.language.screening import Screen, Troubles
from modelcollapse.language.template import Conversation, Row, Template
from modelcollapse.language.topics import docstring_rows, topic_rows

PROSE = {  # of which rows each has
    "topics": (topic_rows,),
    "docstrings": (docstring_rows,),
    "documentation": (topic_rows, docstring_rows),
}
BUILT_IN = ("grammar", *PROSE)
HELD_OUT = 1000  # rows, at most
HELD_OUT_SHARE = 10  # one in so many, of data without a split of its own
GRAMMAR_ROWS, GRAMMAR_HELD_OUT = 2000, 4000
PROMPT_END = "\n"  # separates prompt and response in a string of the grammar


@dataclass(frozen=True, eq=False)
class Corpus:
    """Real rows to train on and to hold out.

    Attributes
    ----------
    name
        Of the data set.
    template
        How a row is written as text.
    train
        The rows that batch 1 is drawn from; empty for a grammar, which draws fresh ones.
    held_out
        Rows for evaluation. None of them is among `train`; those of a grammar are independent
        draws, and short rows recur among such draws.
    grammar
        The exact law of the rows, if it is known.
    dropped
        Rows that were left out because a part of them was missing or empty.
    notes
        What the columns, the splits and rows that recur are used for.
    """

    name: str
    template: Template
    train: Sequence[Row]
    held_out: Sequence[Row]
    grammar: Grammar | None = None
    dropped: int = 0
    notes: tuple[str, ...] = ()

    def draw(self, count: int, seed: int, screen: Screen, name: str = "samples") -> list[Row]:
        """Return batch 1: `count` different rows, of the usable ones; `name` is the argument.

        Raises
        ------
        InvalidInput
            If there are fewer.
        """
        rng = np.random.default_rng([seed, REAL])
        if self.grammar is not None:
            return _kept(self.grammar, count, rng, screen.troubles)
        places = screen.draw(count, rng)
        if len(places) < count:
            raise InvalidInput(
                f"{name} = {count}: {self.name} has {len(places)} usable training rows of "
                f"{len(self.train)} ({screen.left_out()}); ask for fewer, or raise max_length"
            )
        return picked(self.train, places)

    def surprisal(self, rows: Sequence[Row]) -> list[float]:
        """Return the exact -log probability of each row under the grammar, in nats."""
        if self.grammar is None:
            raise InvalidInput(f"data = {self.name!r}: only a grammar's probabilities are known")
        return [-self.grammar.log_probability(grammar_text(row)) for row in rows]


def load_corpus(
    data: str | Path,
    *,
    held_out: int | None = None,
    subset: str | None = None,
    columns: Sequence[str] | None = None,
    template: Template | None = None,
) -> Corpus:
    """Load real data.

    Parameters
    ----------
    data
        "grammar": prompts and responses of a probabilistic grammar of known entropy, fresh rows
        for every seed. "topics": topic and paragraph pairs of Python's own documentation.
        "docstrings": names of its standard library and what they are said to be.
        "documentation": both. Or a .jsonl, .json, .csv or .parquet file, a folder of them, a
        folder saved by `datasets.Dataset.save_to_disk`, or a data set's id on the hub.
    held_out
        Rows to hold out; by default 4,000 of the grammar, else at most 1,000, and at most a tenth
        of data that has no split "validation" or "test" of its own.
    subset
        The configuration of a data set on the hub that has several.
    columns
        The columns of prompt and response, or of the text, which are then used alone. By default
        prompt and response (as in HelpSteer2), instruction and output (as in Alpaca, where an input
        follows the instruction after a line break), question and answer (a context comes before
        the question), messages or conversations (lists of roles and texts, of which the last answer
        is the response and all before it the prompt), or text (as in TinyStories). Numbers in them
        are read as their digits.
    template
        How rows are written as text. Its columns are those of the data, or `columns` names others
        in their order; those of built-in data are prompt and response. A `chat.Chat` takes what is
        taken without a template, but plain text.

    Raises
    ------
    InvalidInput
        If the data cannot be found or read, or has no such columns or no rows.
    """
    if held_out is not None:
        whole("held_out", held_out)
    if str(data) in BUILT_IN:
        if subset is not None or columns is not None:
            raise InvalidInput(
                f"subset, columns: data = {data!r} is built in and has none to choose"
            )
        corpus = _grammar(held_out) if str(data) == "grammar" else _prose(str(data), held_out)
        return corpus if template is None else _written(corpus, template)
    found = read(data, subset, columns, template)
    if found is None:
        raise InvalidInput(f"{unknown('data', str(data), BUILT_IN)}; no file has that name either")
    own = found.held_out
    train, test = (without(found.train, own), own) if own else split(found.train, held_out, data)
    limit = HELD_OUT if held_out is None else held_out
    if held_out is not None and len(test) < held_out:
        raise InvalidInput(f"held_out = {held_out}: {data} has {len(test)} rows to hold out")
    notes = list(found.notes)
    if repeated := len(found.train) - len(train) - (0 if own else len(test)):
        notes.append(f"{repeated} training rows left out that are held out as well")
    if len(test) > limit:
        notes.append(f"{limit} of {len(test)} rows of its own split are held out")
    few = some(test, limit)
    return Corpus(str(data), found.template, train, few, None, found.dropped, tuple(notes))


def split(
    rows: Sequence[Row], held_out: int | None, data: str | Path
) -> tuple[Sequence[Row], list[Row]]:
    """Return training rows and held-out rows, the same ones every time.

    A row that occurs several times is in one part only.
    """
    found = marks(rows)
    different = np.sort(np.unique(found, return_index=True)[1])  # the first of equal ones
    count = held_out
    if count is None:
        count = min(HELD_OUT, max(1, len(different) // HELD_OUT_SHARE))
    if not 1 <= count < len(different):
        raise InvalidInput(
            f"held_out = {count}: {data} has {len(different)} different rows; to train on some and "
            "hold others out, give a number from 1 to less than that"
        )
    chosen = different[_chosen(len(different), count)]
    return kept(rows, ~np.isin(found, found[chosen])), picked(rows, chosen)


def without(rows: Sequence[Row], others: Sequence[Row]) -> Sequence[Row]:
    """Return the rows that are none of the others."""
    return kept(rows, ~np.isin(marks(rows), marks(others)))


def some(rows: Sequence[Row], most: int) -> list[Row]:
    """Return at most so many rows, the same ones every time."""
    return picked(rows, _chosen(len(rows), most))


def _chosen(count: int, most: int) -> Integers:
    return np.sort(np.random.default_rng([0, REAL]).permutation(count)[:most])


def _written(corpus: Corpus, template: Template) -> Corpus:
    """Return built-in data in another template."""
    there = corpus.template.columns
    if template.columns != there:
        raise InvalidInput(
            f"template.columns = {template.columns}: data = {corpus.name!r} has {there}"
        )
    return replace(corpus, template=template)


def _grammar(held_out: int | None) -> Corpus:
    grammar = descriptions()
    rng = np.random.default_rng(derived(0, REAL))
    rows = grammar_rows(grammar, GRAMMAR_HELD_OUT if held_out is None else held_out, rng)
    return Corpus("grammar", Conversation(), (), rows, grammar)


def grammar_rows(grammar: Grammar, count: int, rng: np.random.Generator) -> list[Row]:
    """Return fresh rows of a grammar."""
    return [row_of(text) for text in grammar.sample(count, rng)]


def row_of(text: str) -> Row:
    """Return the row of a string of the grammar."""
    prompt, _, response = text.partition(PROMPT_END)
    return {"prompt": prompt, "response": response}


def grammar_text(row: Row) -> str:
    """Return the string of the grammar that a row is."""
    return f"{row['prompt']}{PROMPT_END}{row['response']}"


def _kept(
    grammar: Grammar,
    count: int,
    rng: np.random.Generator,
    troubles: Troubles,
) -> list[Row]:
    rows: list[Row] = []
    while len(rows) < count:
        fresh = grammar_rows(grammar, count, rng)
        usable = [row for row, why in zip(fresh, troubles(fresh), strict=True) if not why]
        if not usable:
            raise InvalidInput("max_length: no row of the grammar is that short; raise it")
        rows += usable
    return rows[:count]


def _prose(data: str, held_out: int | None) -> Corpus:
    """Return built-in English: each part holds out the same rows as it does by itself."""
    parts = [rows() for rows in PROSE[data]]
    if len(parts) == 1:
        train, test = split(parts[0], held_out, data)
        return Corpus(data, Conversation(), train, test)
    halves = [split(rows, None, data) for rows in parts]
    train, test = (list(chain.from_iterable(half)) for half in zip(*halves, strict=True))
    if held_out is not None and held_out > len(test):
        raise InvalidInput(f"held_out = {held_out}: {data} has {len(test)} rows to hold out")
    return Corpus(data, Conversation(), train, some(test, held_out or HELD_OUT))
