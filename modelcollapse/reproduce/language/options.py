"""What the figures on language models can be told, and what they do if told nothing.

A built-in model, or another one as small, has sizes that take minutes without a GPU. Any other
model has the paper's, and takes what it takes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

from joblib import effective_n_jobs

from modelcollapse._support.errors import InvalidInput
from modelcollapse.language import Options, Recipe, Settings
from modelcollapse.language.recipe import SMALL
from modelcollapse.language.settings import default_recipe
from modelcollapse.reproduce.figure import Context, Stopped

HELPSTEER = "nvidia/HelpSteer2"
TEXTS = ("model", "data", "subset", "columns", "pool", "precision")
COUNTS = ("held_out", "generations", "batch_size", "accumulation", "steps", "max_length")
DECIMALS = ("learning_rate", "epochs", "temperature")
LISTS = ("samples", "seeds", "real", "synthetic")
OF_LOOP = ("samples", "generations")
OF_VALUE = ("real", "synthetic", "pool")
NAMES = (*TEXTS, *COUNTS, *DECIMALS, *LISTS)
Defaults = Mapping[str, Mapping[str, Any]]  # by size: "quick", "small" and "paper"


def accepted(own: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of a figure's options: its own, and those of both figures."""
    common = tuple(name for name in NAMES if name not in (*OF_LOOP, *OF_VALUE))
    return (*common, *own)


@dataclass(frozen=True)
class RunPlan:
    """What is run: the model and the data, how it is carried out, and the numbers of a figure."""

    settings: Settings
    work: Options
    numbers: Mapping[str, Any]


def planned(context: Context, defaults: Defaults) -> RunPlan:
    """Return what a figure runs.

    Parameters
    ----------
    context
        Its options, as text or as values, win over the defaults.
    defaults
        By "quick", "small" and "paper".

    Raises
    ------
    InvalidInput
        If an option's text is no number where one is needed.
    """
    given = {name: parsed(name, value) for name, value in context.options.items()}
    own = default_recipe(given.get("model", Settings.model), from_scratch=False)
    small = own == SMALL
    size = "quick" if context.size == "quick" else ("small" if small else "paper")
    chosen = {**defaults[size], **given}
    if size == "paper" and "generations" in chosen and chosen.get("data") == HELPSTEER:
        # As many real rows as are short enough, and as many requested as there are rows.
        chosen.setdefault("samples", [12_500, 20_324])
    recipe = _taken(chosen, [field.name for field in fields(Recipe)])
    settings = _taken(chosen, [field.name for field in fields(Settings)])
    return RunPlan(
        Settings(**settings, recipe=replace(own, **recipe)), _carried_out(context, small), chosen
    )


def _taken(options: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: options.pop(name) for name in names if name in options}


def _carried_out(context: Context, small: bool) -> Options:
    if context.dask is not None and context.found:
        context.found("language models are trained here, without Dask")
    # One thread each: then the numbers do not depend on how many processes there are.
    if small:
        return Options(keep="none", jobs=effective_n_jobs(context.jobs or 1), threads=1)
    return Options(keep="none")


def parsed(name: str, value: Any) -> Any:
    """Return an option that may be text, as a shell gives it."""
    readers: dict[str, tuple[Callable[[str], Any], str]] = {
        **dict.fromkeys(COUNTS, (int, "a whole number")),
        **dict.fromkeys(DECIMALS, (float, "a number")),
        **dict.fromkeys(LISTS, (_list, "whole numbers, such as 0,1,2")),
        "columns": (_names, "names"),
    }
    if not isinstance(value, str) or name not in readers:
        return value
    read, what = readers[name]
    try:
        return read(value)
    except ValueError as error:
        raise InvalidInput(f"{name} = {value!r}: give {what}") from error


def _list(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn Ctrl-C into `Stopped`: every finished generation or cell is in its folder."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Stopped("every model that is trained and judged is kept") from stop
