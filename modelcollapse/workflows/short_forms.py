"""Schedules in short forms: 100, 10,20,40, double:10, 10*2^t, or a CSV file of one column.

A formula has whole or decimal numbers, t (the generation), + - * ^ and parentheses, and is read
here: nothing is run. What it gives is rounded to a whole number of rows.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

from modelcollapse._support import csv_lines
from modelcollapse._support.checks import LARGEST_BATCH, Samples
from modelcollapse._support.errors import InvalidInput, invalid, shown, why_unread

FORMS = "give a whole number, or one per generation, such as 10,20,40"
MORE = f"{FORMS}, double:10, 10*2^t, or a CSV file of one column"
MOST = 200  # characters of a formula
EXACT = 200  # binary digits of a power that is a whole number
TOKEN = re.compile(r"\s*(?:(\d+\.?\d*|\.\d+)|([t+*^()-]))\s*")
DOUBLE = "double:"
Number = int | float
Value = Callable[[int], Number]


@dataclass(frozen=True)
class Formula:
    """A schedule without an end: rows at generation t = `first`, `first` + 1, ...

    Attributes
    ----------
    name
        The option that it is the value of.
    text
        The formula.
    first
        The generation of the first entry.
    """

    name: str
    text: str
    first: int = 1

    def __post_init__(self) -> None:
        self(self.first)  # what cannot be read is said at once

    def __repr__(self) -> str:
        return self.text

    def __call__(self, generation: int) -> int:
        """Return the rows of a generation."""
        if self.text.startswith(DOUBLE):
            start = _whole(self.name, self.text, self.text.removeprefix(DOUBLE))
            return self._rows(start * 2 ** min(generation - self.first, EXACT), generation)
        try:
            value = _Parser(self.name, self.text).value(generation)
            return self._rows(round(value), generation)
        except (OverflowError, ZeroDivisionError, ValueError) as error:  # inf, NaN, 0^-1
            if isinstance(error, InvalidInput):
                raise
            remedy = f"it has no finite value at generation {generation}; give fewer generations"
            raise invalid(self.name, self.text, remedy) from error

    def _rows(self, rows: int, generation: int) -> int:
        if not 0 <= rows <= LARGEST_BATCH:
            size = f"{rows} rows" if abs(rows) < 10**18 else f"{float(rows):.3g} rows"
            remedy = f"a batch has at most {LARGEST_BATCH} rows, and none below 0"
            raise invalid(self.name, self.text, f"{size} at generation {generation}; {remedy}")
        return rows


def parse(name: str, text: str, first: int = 1) -> Samples:
    """Return a number, a list with one for each generation, or a function of the generation.

    Parameters
    ----------
    name
        The option, for messages.
    text
        Its value, in one of the forms of this module.
    first
        The generation of the first entry.
    """
    text = text.strip()
    if text.lower().endswith(".csv"):
        return _column(name, Path(text))
    if text.startswith(DOUBLE) or re.search(r"[t*^+(]|\d\s*-", text):
        return Formula(name, text, first)
    numbers = [_whole(name, text, part) for part in text.split(",")]
    return numbers if "," in text else numbers[0]


def length(schedule: object) -> int | None:
    """Return how many entries a schedule has, or None where it goes on for ever."""
    return len(schedule) if isinstance(schedule, list | tuple) else None


def _whole(name: str, text: str, part: str) -> int:
    try:
        return int(part)
    except ValueError as error:
        raise InvalidInput(f"{name} = {shown(text)}: {MORE}") from error


def _column(name: str, path: Path) -> list[int]:
    """Return the whole numbers of a file of one column; its first line may be its name."""
    try:
        lines = list(csv_lines.read_table(path))
    except OSError as error:
        raise invalid(name, str(path), f"the file cannot be read: {why_unread(error)}") from error
    found = [_cell(path, *line) for line in lines[1 if lines and _is_name(lines[0][1]) else 0 :]]
    if not found:
        raise invalid(name, str(path), "the file has no numbers: give one line per generation")
    return found


def _is_name(cells: list[str]) -> bool:
    try:
        csv_lines.number(cells[0])
    except ValueError:
        return len(cells) == 1 and cells[0][:1].isalpha()
    return False


def _cell(path: Path, line: int, cells: list[str]) -> int:
    try:
        value = csv_lines.number(cells[0]) if len(cells) == 1 else 0.5
    except ValueError:
        value = 0.5
    if not value.is_integer():  # nor are NaN and inf
        remedy = "give one whole number, the rows of a generation"
        raise invalid(f"{path}, line {line}", ",".join(cells), remedy)
    return int(value)


def _wrong(name: str, text: str, why: str) -> NoReturn:
    remedy = "write it with numbers, t, + - * ^ and parentheses, such as 10*2^t"
    raise invalid(name, text, f"{why}; {remedy}")


@cache
def _tokens(name: str, text: str) -> tuple[str, ...]:
    if len(text) > MOST:
        raise invalid(name, text, f"a formula has at most {MOST} characters; give a CSV file")
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            _wrong(name, text, f"{text[at]!r} is in no formula")
        found.append(match[1] or match[2])
        at = match.end()
    return tuple(found)


class _Parser:
    """A formula's value by recursive descent: sum, product, power, atom."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text, self.tokens = name, text, _tokens(name, text)

    def wrong(self, why: str) -> NoReturn:
        _wrong(self.name, self.text, why)

    def value(self, t: int) -> Number:
        """Return the value at generation t."""
        self.t, self.at = t, 0
        value = self._sum()
        if self.at < len(self.tokens):
            self.wrong(f"{self.tokens[self.at]!r} is one too many")
        return value

    def _next(self, *wanted: str) -> str:
        token = self.tokens[self.at] if self.at < len(self.tokens) else ""
        if token in wanted:
            self.at += 1
            return token
        return ""

    def _sum(self) -> Number:
        value = self._product()
        while sign := self._next("+", "-"):
            other = self._product()
            value = value + other if sign == "+" else value - other
        return value

    def _product(self) -> Number:
        value = self._power()
        while self._next("*"):
            value = value * self._power()
        return value

    def _power(self) -> Number:
        if self._next("-"):
            return -self._power()
        base = self._atom()
        return _raised(base, self._power()) if self._next("^") else base

    def _atom(self) -> Number:
        if self._next("("):
            value = self._sum()
            if not self._next(")"):
                self.wrong("a parenthesis is open")
            return value
        if self._next("t"):
            return self.t
        token = self.tokens[self.at] if self.at < len(self.tokens) else ""
        if not token or not (token[0].isdigit() or token[0] == "."):
            self.wrong(f"a number is missing before {token!r}" if token else "it ends too early")
        self.at += 1
        return int(token) if token.isdigit() else float(token)


def _raised(base: Number, exponent: Number) -> Number:
    """Return a power; a whole one is exact, and what would be long is a float."""
    small = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    if small and base.bit_length() * exponent <= EXACT:  # type: ignore[union-attr]
        return base**exponent
    if base < 0 and exponent != int(exponent):
        raise ValueError(base)  # no real number
    return float(float(base) ** float(exponent))
