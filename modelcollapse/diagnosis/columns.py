"""Which columns count generations, tell runs apart, and tell settings apart."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelcollapse._support.errors import InvalidInput, invalid, unknown

# In the order of preference, as loops, trackers and training logs call them; case does not matter.
GENERATIONS = (
    "generation",
    "iteration",
    "model-fitting iteration",
    "round",
    "_step",
    "step",
    "global_step",
    "epoch",
)
LOGGED = GENERATIONS[4:]  # of training logs, which have lines without an evaluation
RUNS = ("replicate", "seed", "run", "run_id", "run_name", "trial", "chain")
SETTINGS = ("workflow", "setting", "condition", "method")


@dataclass(frozen=True)
class Columns:
    """The columns that a table's reader was told.

    Attributes
    ----------
    generation
        The one that counts generations.
    run
        Those that together tell runs apart.
    by
        The one that tells settings apart, of which one is diagnosed.
    wide
        The metric that all other numbers are of: one column for each run, or for each generation.
    """

    generation: str | None = None
    run: tuple[str, ...] = ()
    by: str | None = None
    wide: str | None = None

    @classmethod
    def of(cls, generation: Any, run: Any, by: Any, wide: Any) -> "Columns":
        """Return checked options."""
        for name, value in (("generation", generation), ("by", by), ("wide", wide)):
            if value is not None and (not isinstance(value, str) or not value):
                raise invalid(name, value, "give the name of a column")
        runs = () if run is None else (run,) if isinstance(run, str) else run
        proper = isinstance(runs, Sequence) and all(isinstance(one, str) and one for one in runs)
        if not proper:
            raise invalid("run", run, "give the name of a column, or several of them")
        return cls(generation, tuple(runs), by, wide)

    @property
    def given(self) -> dict[str, Any]:
        """The options that are not left out."""
        return {name: value for name, value in vars(self).items() if value}

    def may_be_key(self, name: str) -> bool:
        """Return whether a column may tell runs or settings apart, so that its texts matter."""
        mine = map(str.casefold, (*RUNS, *SETTINGS, *self.run, self.by or ""))
        return name.casefold() in set(mine)


@dataclass(frozen=True)
class Keys:
    """The columns of one table that are no metrics."""

    generation: str | None
    runs: tuple[str, ...]
    by: str | None

    @property
    def names(self) -> set[str | None]:
        """All of them."""
        return {self.generation, self.by, *self.runs}


def found(columns: Columns, names: Collection[str]) -> tuple[Keys, list[str]]:
    """Return which columns are keys, and what has to be said about it.

    Raises
    ------
    InvalidInput
        If one that was asked for is not there; the message has the nearest names.
    """
    asked = {
        "generation": [columns.generation] if columns.generation else [],
        "by": [columns.by] if columns.by else [],
        "run": list(columns.run),
    }
    there = {option: [named(option, one, names) for one in of] for option, of in asked.items()}
    taken = [name for of in there.values() for name in of]
    if len(set(taken)) < len(taken):
        told = ", ".join(f"{name}={value!r}" for name, value in columns.given.items())
        raise InvalidInput(f"{told}: a column has two roles; give one for each")
    notes: list[str] = []
    free = [name for name in names if name not in taken]
    for option, usual in (("generation", GENERATIONS), ("by", SETTINGS), ("run", RUNS)):
        if asked[option]:
            continue
        there[option] = known(usual, free)
        if option != "run" and len(there[option]) > 1:
            first, *rest = there[option]
            others = ", ".join(map(repr, rest))
            notes.append(f"{first!r} is the column taken for {option}=, which may name {others}")
    first_of = {option: next(iter(of), None) for option, of in there.items()}
    return Keys(first_of["generation"], tuple(there["run"]), first_of["by"]), notes


def named(option: str, asked: str, names: Iterable[str]) -> str:
    """Return the column of a name: exactly, else the only one that differs in case alone."""
    every = list(names)
    if asked in every:
        return asked
    near = [name for name in every if name.casefold() == asked.casefold()]
    if len(near) != 1:
        raise unknown(f"{option} column", asked, every)
    return near[0]


def known(usual: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the columns of usual names, in the order of those; case does not matter."""
    folded: Mapping[str, str] = {name.casefold(): name for name in reversed(list(names))}
    return [folded[name] for name in usual if name in folded]
