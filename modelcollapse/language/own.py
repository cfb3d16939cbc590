"""Parts of one's own in a loop: what they are, and whether what they return can be used."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.language import backend
from modelcollapse.language.folder import TOKENS
from modelcollapse.language.protocols import Generation, Metric, Sampler, Template, Trainer
from modelcollapse.language.tokens import Encoder
from modelcollapse.loop.estimators import brief
from modelcollapse.loop.json_data import code_of, plain

KINDS: dict[str, tuple[Any, str]] = {
    "sampler": (
        Sampler,
        "give an object with sample(model, prompts, *, max_length, temperature, seed)",
    ),
    "trainer": (
        Trainer,
        "give an object with train(base, rows, recipe, *, weights, seed, folder)",
    ),
    "template": (Template, "give an object with columns, write(row) and read(text), or 'chat'"),
    "metrics": (Metric, "give functions of a generation"),
}


def check_part(kind: str, value: Any) -> None:
    """Raise InvalidInput if an object is no sampler, trainer, template or metric."""
    protocol, remedy = KINDS[kind]
    if isinstance(value, type):
        raise invalid(kind, value, f"it is a class: give an instance, {value.__name__}()")
    if not isinstance(value, protocol):
        raise invalid(kind, value, remedy)
    if kind == "template":
        _check_columns(value)


def _check_columns(template: Template) -> None:
    names = template.columns
    fine = isinstance(names, tuple) and names and all(isinstance(n, str) and n for n in names)
    if not fine or len(set(names)) < len(names) or TOKENS in names:
        raise invalid(
            "template.columns", names, f"give a tuple of different names other than {TOKENS!r}"
        )


def check_one_process(**parts: Any) -> None:
    """Raise InvalidInput if parts of one's own would be called by several processes at once."""
    for name, part in parts.items():
        if part is not None and backend.world() > 1:
            raise invalid(
                name, part, "several processes would call it at once: leave out accelerate launch"
            )


def identity(part: Any) -> Any:
    """Return what a part is, as plain data: what it says of itself or holds, and its code."""
    return {"is": plain(part, 0), "code": code_of(part)}


def drawn(
    sampler: Sampler, found: Any, prompts: Sequence[Sequence[int]], encoder: Encoder, size: int
) -> list[list[int]]:
    """Return what a sampler has returned as lists, each cut after its end.

    Raises
    ------
    InvalidInput
        If there is another number of rows, a token that the model does not have, more tokens than
        fit, or no end in a row that is shorter than the longest.
    """
    rows = [[int(token) for token in row] for row in found]
    if len(rows) != len(prompts):
        raise InvalidInput(
            f"sampler = {sampler!r}: it returned {len(rows)} rows for {len(prompts)} prompts; "
            "return one for each, in their order"
        )
    cut = []
    for number, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
        most = encoder.max_length - len(prompt)
        own = row[: row.index(encoder.end) + 1] if encoder.end in row else row
        if trouble := _trouble(own, most, encoder.end, size):
            raise InvalidInput(f"sampler = {sampler!r}: row {number} {trouble}")
        cut.append(own)
    return cut


def _trouble(row: Sequence[int], most: int, end: int, size: int) -> str:
    """Return what is wrong with one row, if there is anything."""
    strange = next((token for token in row if not 0 <= token < size), None)
    if strange is not None:
        return f"has the token {strange}, and the model's are 0 to {size - 1}"
    if len(row) > most:
        return f"has {len(row)} tokens after its prompt, and at most {most} fit into max_length"
    if len(row) < most and end not in row:
        return (
            f"has {len(row)} tokens, none of them the end, {end}, and {most} would fit: return "
            "the end too, which some engines leave out, or what ended looks like what was cut"
        )
    return ""


def measured(
    metrics: Sequence[Metric], generation: Generation, taken: Mapping[str, Any]
) -> tuple[dict[str, float], list[str]]:
    """Return the numbers of metrics, and what became of those that failed.

    A metric that fails costs its own numbers, and not the generation.
    """
    known: dict[str, float] = {}
    failed = []
    for metric in metrics:
        try:
            found = numbers(metric(generation), {*taken, *known})
        except Exception as error:  # noqa: BLE001 - anybody's code
            failed.append(f"{name_of(metric)}: {brief(error)}")
        else:
            known |= found
    return known, failed


def numbers(found: Any, taken: set[str]) -> dict[str, float]:
    """Return what a metric has returned as numbers by name, or raise InvalidInput."""
    if not isinstance(found, Mapping):
        raise InvalidInput(f"it returned {found!r}: return numbers by name")
    result = {}
    for name, value in found.items():
        if not isinstance(name, str) or name in taken:
            raise InvalidInput(f"the name {name!r} is taken, or no text: choose another")
        number = float(value)
        if math.isinf(number):
            raise InvalidInput(f"{name} is {number}: return finite numbers, or NaN for none")
        result[name] = number
    return result


def name_of(part: Any) -> str:
    """Return what a part is called in messages."""
    return str(getattr(part, "__name__", type(part).__name__))
